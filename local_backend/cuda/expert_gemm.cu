// The products of experts: those of quantized_gemm.cu, with the matrix and the rows of each block named by an item.
#include "local_backend/cuda/gemm_few.h"
#include "local_backend/cuda/gemm_formats.h"
#include "local_backend/cuda/gemm_many.h"

namespace tollgate::local::gpu {
namespace {

struct Experts {
  ExpertGemmArgs args;
  GemmSplit split;
};

// The work of this block: rows [skipped, skipped + most) of its item; count is 0 or less where there are none. Items
// are what an earlier kernel wrote.
TOLLGATE_DEVICE GemmWork work_of_item(const Experts& all, int skipped, int most) {
  const ExpertGemmArgs& args = all.args;
  const ExpertItem item = args.items[block_y()];
  const int left = item.count - skipped;
  GemmWork work;
  work.count = left < most ? left : most;
  if (work.count <= 0) return work;
  const DeviceMatrix& matrix = args.experts[item.expert];
  work.values = matrix.values;
  work.scales = matrix.scales;
  work.rows = args.shape.rows;
  work.columns = args.shape.columns;
  work.split = all.split;
  work.x = args.x;
  work.tokens = args.tokens;
  work.first = item.first + skipped;
  work.out = args.out;
  work.part_stride = static_cast<std::size_t>(args.chosen) * static_cast<std::size_t>(args.shape.rows);
  return work;
}

template <class Format>
TOLLGATE_KERNEL_OF(kGemmThreads, 3)
few_kernel(Experts all) {
  wait_for_previous_kernel();
  const GemmWork work = work_of_item(all, 0, kFewTokens);
  if (work.count <= 0) return;
  const int across = all.split.columns_of_blocks;
  multiply_few<Format>(work, block_x() / across, block_x() % across);
}

template <class Format, int kTokenTiles>
TOLLGATE_KERNEL_OF(kGemmThreads, 2)
many_kernel(Experts all) {
  wait_for_previous_kernel();
  const GemmWork work = work_of_item(all, block_z() * kTokenTiles * 8, kTokenTiles * 8);
  if (work.count <= 0) return;
  const int across = all.split.parts();
  multiply_many<Format, kTokenTiles>(work, block_x() / across, block_x() % across);
}

template <class Format, int kTokenTiles>
void launch_many(Stream& stream, const Experts& all) {
  const int blocks = (matrix_tiles(all.args.shape.rows) + kGemmWarps - 1) / kGemmWarps * all.split.parts();
  const int deep = (all.args.max_count + kTokenTiles * 8 - 1) / (kTokenTiles * 8);
  const Grid grid{static_cast<unsigned>(blocks), static_cast<unsigned>(all.args.max_items), static_cast<unsigned>(deep),
                  kGemmThreads, ManyShape<Format, kTokenTiles>::kSharedBytes};
  launch(stream, grid, many_kernel<Format, kTokenTiles>, all);
}

template <class Format>
void launch_experts(Stream& stream, const Experts& all) {
  const int most = all.args.max_count;
  if (most <= kFewTokens) {
    const int blocks = matrix_tiles(all.args.shape.rows) * all.split.columns_of_blocks;
    const Grid grid{static_cast<unsigned>(blocks), static_cast<unsigned>(all.args.max_items), 1, kGemmThreads,
                    kFewSharedBytes};
    launch(stream, grid, few_kernel<Format>, all);
  } else if (most <= 16) {
    launch_many<Format, 2>(stream, all);
  } else {
    launch_many<Format, 4>(stream,
                           all);  // an expert seldom has more; 64 at once would need more registers than there are
  }
}

}  // namespace

void expert_gemm(Stream& stream, const ExpertGemmArgs& args, int multiprocessors) {
  if (args.max_items <= 0 || args.max_count <= 0) return;
  const Experts all{args, gemm_split(args.shape, multiprocessors)};
  with_format(args.shape, [&](auto chosen) { launch_experts<decltype(chosen)>(stream, all); });
}

}  // namespace tollgate::local::gpu
