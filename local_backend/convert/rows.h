// Rows of one tensor type as another, in pieces and on several threads. Internal to convert/. Thread rule: the call
// starts its threads and ends them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/result.h"
#include "local_backend/gguf/tensor_type.h"

namespace tollgate::local {

struct Rows {
  TensorType type = TensorType::f32;
  const std::byte* data = nullptr;
  std::uint64_t rows = 0, columns = 0;
  std::vector<std::uint32_t> order;  // the row to take for each row of the result; empty = as they lie
};

enum class RowsProblem : unsigned char {
  none,
  not_finite,  // NaN or infinity among the values
  too_large,   // values that the target's half floats cannot hold
  sink,        // the sink's own error
};

// Gives the rows as `target` to `sink`, in order. Rows that have the type already are given as they are.
// REQUIRES: columns a multiple of the block of both types; quantize() knows `target`.
struct RowsResult {
  RowsProblem problem = RowsProblem::none;
  Error error;  // of the sink
};
RowsResult convert_rows(const Rows& rows, TensorType target, int threads,
                        const std::function<Result<void>(std::span<const std::byte>)>& sink);

}  // namespace tollgate::local
