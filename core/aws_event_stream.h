// Messages of AWS event streams (application/vnd.amazon.eventstream), read and written:
//
//   u32 total length, u32 length of headers, u32 CRC-32 of these 8 bytes,
//   headers {u8 name length, name, u8 type, value}, payload, u32 CRC-32 of all before
//
// big endian, CRC-32 as in zlib. The reader is incremental: any split of the bytes gives the same messages.
// Thread rule: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate {

// Limits of the format itself.
inline constexpr std::size_t kAwsMaxHeaders = 128u << 10;          // bytes of all headers
inline constexpr std::size_t kAwsMaxHeaderValue = (1u << 15) - 1;  // bytes of one string or byte array

struct AwsHeader {
  enum class Type : unsigned char {
    boolean_true,
    boolean_false,
    byte,
    int16,
    int32,
    int64,
    bytes,
    string,
    timestamp,  // milliseconds since 1970
    uuid,
  } type = Type::string;
  std::string_view name;
  std::string_view value;   // bytes, string, uuid
  std::int64_t number = 0;  // byte, int16, int32, int64, timestamp; 1 for true
};

struct AwsMessage {
  std::vector<AwsHeader> headers;
  std::string_view payload;
  // Value of a string header, "" where there is none.
  std::string_view text(std::string_view name) const;
};

class AwsMessageReader {
 public:
  explicit AwsMessageReader(std::size_t max_message_bytes) : max_(max_message_bytes) {}
  // Starts on the next piece of the stream; the bytes must stay until next() returns false.
  void feed(std::string_view bytes) { chunk_ = bytes; }
  // The next whole message (valid until the next call), false when the piece is used up or the stream is broken.
  bool next(AwsMessage& message);
  bool partial() const { return failure_.empty() && !given_ && !carry_.empty(); }
  // Why the stream cannot be read on, "" while all is well.
  std::string_view failure() const { return failure_; }

 private:
  bool gather(std::size_t bytes);
  bool check_prelude(std::string_view prelude);
  bool open(std::string_view whole, AwsMessage& message);

  std::size_t max_;
  std::string_view chunk_;
  std::string carry_;      // a message begun in an earlier piece
  std::size_t total_ = 0;  // length of the message in carry_, 0 until its prelude was read
  bool given_ = false;     // carry_ was handed out
  std::string_view failure_;
};

// Appends one message. REQUIRES: names of 1 to 255 bytes, values and headers within the limits above.
void write_aws_message(std::string& out, std::span<const AwsHeader> headers, std::string_view payload);
// Appends a message as services send it: JSON `payload` with :message-type "event" and this :event-type, or "exception"
// and this :exception-type.
void write_aws_event(std::string& out, std::string_view event_type, std::string_view payload);
void write_aws_exception(std::string& out, std::string_view exception_type, std::string_view payload);

}  // namespace tollgate
