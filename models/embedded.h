// Model files that are part of the program. Thread rule: constants.
#pragma once

#include <cstddef>
#include <span>

extern "C" {
extern const std::byte tollgate_demo_model_begin[];
extern const std::byte tollgate_demo_model_end[];
}

namespace tollgate::models {

// The GGUF file that `file: builtin:demo` stands for.
inline std::span<const std::byte> demo() { return {tollgate_demo_model_begin, tollgate_demo_model_end}; }

}  // namespace tollgate::models
