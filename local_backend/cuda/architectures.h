// On which devices the machine code of a build runs. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace tollgate::local::gpu {

// `built` is TOLLGATE_CUDA_ARCHITECTURES with commas: "80-real,90a-real,120". Without "-real" or "-virtual" an entry is
// both. Code for X.Y runs on X.Z, Z >= Y; with "a" on X.Y alone, with "f" on its family X.Z; PTX ("-virtual") without
// letter on everything from X.Y. Source: CUDA C++ Programming Guide 13.0, "Compute Capabilities"; NVCC 13.0, 6.2.
bool runs_on(std::string_view built, int major, int minor);

// The compute capabilities of `built`: "8.0, 9.0, 12.0"; with PTX for the last one "8.0, 9.0, 12.0 and newer".
std::string architectures_in_words(std::string_view built);

}  // namespace tollgate::local::gpu
