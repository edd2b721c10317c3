// Writers of the k types' blocks of 256. Internal to gguf/. Thread rule: pure functions.
#pragma once

#include <cstdint>

namespace tollgate::local {

// Both search the scales that give the smallest sum of squared differences they can find; `out` gets one block.
void quantize_q4_k(const float* values, std::uint8_t* out);
void quantize_q6_k(const float* values, std::uint8_t* out);

}  // namespace tollgate::local
