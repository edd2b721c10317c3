// Inside of billing: frames of the spool, {u32 length, u32 CRC32C, u8 kind, payload}, little endian. The CRC covers
// length, kind and payload and starts from the segment's salt, so bytes that a caller planted inside a tag can never
// pass for a frame when the reader looks for the next good one behind damage. Format: docs/formats/spool.md. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tollgate::billing {

enum class FrameKind : std::uint8_t { open = 0xA1, settle = 0xA2 };
inline constexpr std::size_t kFrameHeaderBytes = 9;
inline constexpr std::size_t kMinPayloadBytes = 18;  // a version byte and an id

// Fills the header in front of a payload: `frame` holds kFrameHeaderBytes of room and then the payload.
void seal_frame(char* frame, std::size_t payload_bytes, FrameKind kind, std::uint32_t salt);

struct FrameView {
  enum class State : std::uint8_t {
    whole,       // a good frame
    incomplete,  // could be a frame, but the bytes end; `bytes` says how many would be needed
    bad,         // not a frame
  };
  State state = State::bad;
  FrameKind kind = FrameKind::open;
  std::string_view payload;
  std::size_t bytes = 0;  // header and payload
};
// Judges the bytes at the front of `data`.
FrameView read_frame(std::string_view data, std::uint32_t salt);

}  // namespace tollgate::billing
