// Settings of the simulated GPU. Thread rule: set before devices are opened.
#pragma once

#include <cstddef>

namespace tollgate::local::gpu {

struct SimulatedMachine {
  int devices = 4;
  int multiprocessors = 4;
  std::size_t memory = std::size_t{4} << 30;  // of each device
};
SimulatedMachine& simulated_machine();

}  // namespace tollgate::local::gpu
