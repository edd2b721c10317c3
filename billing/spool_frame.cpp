// Frames of the spool. Owner: billing. Thread rule: pure.
#include "billing/spool_frame.h"

#include <bit>
#include <cstring>

#include "billing/crc32c.h"
#include "billing/spool.h"

namespace tollgate::billing {
namespace {

static_assert(std::endian::native == std::endian::little, "segments are little endian");

std::uint32_t frame_crc(const char* length, const char* kind_and_payload, std::size_t payload_bytes,
                        std::uint32_t salt) {
  return crc32c(crc32c(salt, length, 4), kind_and_payload, payload_bytes + 1);
}

}  // namespace

void seal_frame(char* frame, std::size_t payload_bytes, FrameKind kind, std::uint32_t salt) {
  const auto length = static_cast<std::uint32_t>(payload_bytes);
  std::memcpy(frame, &length, 4);
  frame[8] = static_cast<char>(kind);
  const std::uint32_t crc = frame_crc(frame, frame + 8, payload_bytes, salt);
  std::memcpy(frame + 4, &crc, 4);
}

FrameView read_frame(std::string_view data, std::uint32_t salt) {
  FrameView view;
  if (data.size() < kFrameHeaderBytes)
    return view.state = FrameView::State::incomplete, view.bytes = kFrameHeaderBytes, view;
  std::uint32_t length, crc;
  std::memcpy(&length, data.data(), 4);
  std::memcpy(&crc, data.data() + 4, 4);
  const auto kind = static_cast<std::uint8_t>(data[8]);
  if (length < kMinPayloadBytes || length > kMaxFrameBytes || (kind != 0xA1 && kind != 0xA2)) return view;
  view.bytes = kFrameHeaderBytes + length;
  if (data.size() < view.bytes) return view.state = FrameView::State::incomplete, view;
  if (frame_crc(data.data(), data.data() + 8, length, salt) != crc) return view;
  view.state = FrameView::State::whole;
  view.kind = static_cast<FrameKind>(kind);
  view.payload = data.substr(kFrameHeaderBytes, length);
  return view;
}

}  // namespace tollgate::billing
