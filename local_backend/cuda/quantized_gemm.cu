// Products of activations with quantised weights, see gemm_few.h and gemm_many.h.
#include <algorithm>

#include "local_backend/cuda/gemm_few.h"
#include "local_backend/cuda/gemm_formats.h"
#include "local_backend/cuda/gemm_many.h"

namespace tollgate::local::gpu {
namespace {

constexpr int kMostProducts = 4;  // of a launch

struct Product {
  const std::byte* values = nullptr;
  const std::byte* scales = nullptr;
  float* out = nullptr;
  int rows = 0;
  GemmSplit split;
  int first_block = 0;  // of the grid
};

// What a launch does: the blocks of each product behind those of the one before.
struct Products {
  Product products[kMostProducts];
  int count = 0;
  int columns = 0, m = 0;
  Activations x;
};

struct BlockOfProduct {
  GemmWork work;
  int row, column;  // in blocks
};

// The work of this block, for tokens [first, first + count).
TOLLGATE_DEVICE BlockOfProduct find_block(const Products& all, int first, int count, bool few) {
  int index = 0;
  while (index + 1 < all.count && block_x() >= all.products[index + 1].first_block) ++index;
  const Product& product = all.products[index];
  BlockOfProduct out;
  out.work = {.values = product.values,
              .scales = product.scales,
              .rows = product.rows,
              .columns = all.columns,
              .split = product.split,
              .x = all.x,
              .first = first,
              .count = count,
              .out = product.out,
              .part_stride = static_cast<std::size_t>(all.m) * static_cast<std::size_t>(product.rows)};
  const int across = few ? product.split.columns_of_blocks : product.split.parts();
  const int block = block_x() - product.first_block;
  out.row = block / across;
  out.column = block % across;
  return out;
}

template <class Format>
TOLLGATE_KERNEL_OF(kGemmThreads, 3)
few_kernel(Products all) {
  const BlockOfProduct block = find_block(all, 0, all.m, true);
  multiply_few<Format>(block.work, block.row, block.column);
}

template <class Format, int kTokenTiles>
TOLLGATE_KERNEL_OF(kGemmThreads, 2)
many_kernel(Products all) {
  const int first = block_y() * kMostTokens, left = all.m - first;
  const BlockOfProduct block = find_block(all, first, left < kMostTokens ? left : kMostTokens, false);
  multiply_many<Format, kTokenTiles>(block.work, block.row, block.column);
}

// Gives each product its blocks; returns how many there are.
int place(Products& all, bool few) {
  int blocks = 0;
  for (int i = 0; i < all.count; ++i) {
    Product& product = all.products[i];
    product.first_block = blocks;
    const int tiles = matrix_tiles(product.rows);
    blocks +=
        few ? tiles * product.split.columns_of_blocks : (tiles + kGemmWarps - 1) / kGemmWarps * product.split.parts();
  }
  return blocks;
}

template <class Format, int kTokenTiles>
void launch_many(Stream& stream, Products& all) {
  const auto blocks = static_cast<unsigned>(place(all, false));
  const auto tiles = static_cast<unsigned>((all.m + kMostTokens - 1) / kMostTokens);
  launch(stream, {blocks, tiles, 1, kGemmThreads, ManyShape<Format, kTokenTiles>::kSharedBytes},
         many_kernel<Format, kTokenTiles>, all);
}

template <class Format>
void launch_products(Stream& stream, Products& all) {
  if (all.m <= kFewTokens) {
    const auto blocks = static_cast<unsigned>(place(all, true));
    launch(stream, {blocks, 1, 1, kGemmThreads, kFewSharedBytes}, few_kernel<Format>, all);
  } else if (all.m <= 16) {
    launch_many<Format, 2>(stream, all);
  } else if (all.m <= 32) {
    launch_many<Format, 4>(stream, all);
  } else {
    launch_many<Format, 8>(stream, all);
  }
}

bool same_format(const DeviceMatrix& a, const DeviceMatrix& b) {
  return a.bits == b.bits && a.group == b.group && a.minimum == b.minimum && a.columns == b.columns;
}

}  // namespace

int gemm_parts(const DeviceMatrix& matrix, int multiprocessors) { return gemm_split(matrix, multiprocessors).parts(); }

void quantized_gemm(Stream& stream, std::span<const GemmArgs> products, int multiprocessors) {
  if (products.empty() || products.front().m <= 0) return;
  std::uint64_t done = 0;  // a bit for each product; there are few
  for (std::size_t i = 0; i < products.size(); ++i) {
    if ((done >> i & 1) != 0) continue;
    const DeviceMatrix& format = *products[i].matrix;
    Products all{.columns = format.columns, .m = products[i].m, .x = products[i].x};
    for (std::size_t j = i; j < products.size() && all.count < kMostProducts; ++j) {
      const DeviceMatrix& matrix = *products[j].matrix;
      if ((done >> j & 1) != 0 || !same_format(matrix, format)) continue;
      done |= std::uint64_t{1} << j;
      all.products[all.count++] = {.values = matrix.values,
                                   .scales = matrix.scales,
                                   .out = products[j].out,
                                   .rows = matrix.rows,
                                   .split = gemm_split(matrix, multiprocessors)};
    }
    with_format(format, [&](auto chosen) { launch_products<decltype(chosen)>(stream, all); });
  }
}

}  // namespace tollgate::local::gpu
