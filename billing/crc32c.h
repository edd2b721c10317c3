// CRC-32C (Castagnoli, as in RFC 3720): SSE4.2 instruction where the machine has it, else a table. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tollgate::billing {

// Continues `crc` (0 or a salt at the start) over `size` bytes; crc32c(crc32c(0, a), b) == crc32c(0, ab).
std::uint32_t crc32c(std::uint32_t crc, const void* data, std::size_t size);
// The portable form, for the comparison in tests.
std::uint32_t crc32c_table(std::uint32_t crc, const void* data, std::size_t size);

}  // namespace tollgate::billing
