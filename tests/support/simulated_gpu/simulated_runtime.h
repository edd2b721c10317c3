// Settings of the simulated GPU. Thread rule: set before devices are opened.
#pragma once

#include <cstddef>

#include "local_backend/cuda/runtime.h"

namespace tollgate::local::gpu {

struct SimulatedMachine {
  int devices = 4;
  int multiprocessors = 4;
  std::size_t memory = std::size_t{4} << 30;              // of each device
  std::size_t shared_per_block = std::size_t{227} << 10;  // 8.0: 163 KiB; 8.6, 8.9, 12.0: 99 KiB
  // Of the library of wide products (wide_gemm.h).
  bool has_matmul = true, multiplies_fp8 = true, multiplies_bf16 = true, multiplies_wrongly = false;
  bool has_collective = true;
  int collective_fails_on = -1;  // the rank whose next call is refused
};
SimulatedMachine& simulated_machine();

// For work of one stream that waits for another's: does the next thing of `other`, or, if there is none or a thread is
// in it, lets other threads have a turn. False after too long a time of that.
class Patience {
 public:
  bool advance(Stream::Impl& other);

 private:
  int idle_ = 0;
};

}  // namespace tollgate::local::gpu
