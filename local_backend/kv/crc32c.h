// CRC-32C (Castagnoli; RFC 3720, appendix B.4), with the processor's instruction where there is one. Thread rule: pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tollgate::local {

// Continues `crc` (0 at the start) over `bytes`.
std::uint32_t crc32c(std::uint32_t crc, std::span<const std::byte> bytes);
// The form that needs no instruction of its own; public for the test that compares both.
std::uint32_t crc32c_portable(std::uint32_t crc, std::span<const std::byte> bytes);

}  // namespace tollgate::local
