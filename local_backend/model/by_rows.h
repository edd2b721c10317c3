// Work on rows of activations, spread over the workers where there are many. Inside model/ only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>

#include "local_backend/kernels/workers.h"

namespace tollgate::local {

// Calls f(first, count) for consecutive ranges that cover [0, rows).
template <class F>
void by_rows(Workers& workers, std::size_t rows, F&& f) {
  constexpr std::size_t kRows = 8;  // of one chunk: below it handing over costs more than the work
  if (rows <= kRows) {
    if (rows > 0) f(std::size_t{0}, rows);
    return;
  }
  auto chunk = [&](int index) {
    const std::size_t first = static_cast<std::size_t>(index) * kRows;
    f(first, std::min(kRows, rows - first));
  };
  workers.run(static_cast<int>((rows + kRows - 1) / kRows), std::ref(chunk));  // a reference: nothing is allocated
}

}  // namespace tollgate::local
