#include "local_backend/convert/rows.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <system_error>
#include <thread>

namespace tollgate::local {
namespace {

constexpr std::uint64_t kSliceValues = 256u << 10;  // what a thread converts at a time: 1 MiB of floats
constexpr float kLargest = 65504;                   // of a half float

const std::byte* source_row(const Rows& rows, std::uint64_t row) {
  const std::uint64_t from = rows.order.empty() ? row : rows.order[row];
  return rows.data + from * tensor_bytes(rows.type, rows.columns);
}

RowsProblem checked(std::span<const float> values, TensorType target) {
  const float limit = target == TensorType::f32 || target == TensorType::bf16 ? INFINITY : kLargest;
  RowsProblem out = RowsProblem::none;
  for (const float value : values) {
    if (!std::isfinite(value)) return RowsProblem::not_finite;
    if (std::abs(value) > limit) out = RowsProblem::too_large;
  }
  return out;
}

// Rows first .. first + count - 1 to `out`.
RowsProblem convert_slice(const Rows& rows, TensorType target, std::uint64_t first, std::uint64_t count,
                          std::byte* out) {
  const std::size_t in_bytes = tensor_bytes(rows.type, rows.columns);
  const std::size_t out_bytes = tensor_bytes(target, rows.columns);
  std::vector<float> values(rows.columns);
  for (std::uint64_t i = 0; i < count; ++i, out += out_bytes) {
    const std::byte* in = source_row(rows, first + i);
    if (rows.type == target) {
      std::memcpy(out, in, in_bytes);
      continue;
    }
    dequantize(rows.type, in, values.data(), values.size());
    if (const RowsProblem problem = checked(values, target); problem != RowsProblem::none) return problem;
    quantize(target, values.data(), out, values.size());
  }
  return RowsProblem::none;
}

}  // namespace

RowsResult convert_rows(const Rows& rows, TensorType target, int threads,
                        const std::function<Result<void>(std::span<const std::byte>)>& sink) {
  const std::uint64_t slice = std::max<std::uint64_t>(1, kSliceValues / rows.columns);
  const auto workers = static_cast<std::uint64_t>(std::max(1, threads));
  const std::size_t row_bytes = tensor_bytes(target, rows.columns);
  std::vector<std::byte> out(std::min(rows.rows, slice * workers) * row_bytes);
  for (std::uint64_t done = 0; done < rows.rows;) {
    const std::uint64_t batch = std::min(rows.rows - done, slice * workers);
    std::atomic<RowsProblem> problem = RowsProblem::none;
    const auto work = [&](std::uint64_t first) {
      const std::uint64_t count = std::min(slice, batch - first);
      const RowsProblem found = convert_slice(rows, target, done + first, count, out.data() + first * row_bytes);
      if (found != RowsProblem::none) problem = found;
    };
    {
      std::vector<std::jthread> helpers;
      for (std::uint64_t first = slice; first < batch; first += slice) {
        try {
          helpers.emplace_back(work, first);
        } catch (const std::system_error&) {
          work(first);  // no more threads to be had
        }
      }
      work(0);
    }
    if (problem != RowsProblem::none) return {problem, {}};
    if (auto taken = sink(std::span(out).first(batch * row_bytes)); !taken) {
      return {RowsProblem::sink, std::move(taken).error()};
    }
    done += batch;
  }
  return {};
}

}  // namespace tollgate::local
