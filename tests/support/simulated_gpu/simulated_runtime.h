// Settings of the simulated GPU. Thread rule: set before devices are opened.
#pragma once

#include <cstddef>

namespace tollgate::local::gpu {

struct SimulatedMachine {
  int devices = 4;
  int multiprocessors = 4;
  std::size_t memory = std::size_t{4} << 30;              // of each device
  std::size_t shared_per_block = std::size_t{227} << 10;  // 8.0: 163 KiB; 8.6, 8.9, 12.0: 99 KiB
  // Of the library of wide products (wide_gemm.h).
  bool has_matmul = true, multiplies_fp8 = true, multiplies_bf16 = true, multiplies_wrongly = false;
};
SimulatedMachine& simulated_machine();

}  // namespace tollgate::local::gpu
