// Frames: the pieces of a streamed reply, whatever cuts them: server-sent events, lines of JSON, or the binary messages
// of AWS. Incremental and pure: any split of the bytes gives the same frames. Thread rule: one owner.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace tollgate {

enum class Framing : unsigned char {
  sse,         // text/event-stream; a bare JSON object between events (an error, as Google sends it) is a frame too
  ndjson,      // one JSON value per line (application/x-ndjson)
  aws,         // application/vnd.amazon.eventstream: `event` is :event-type (or :exception-type), data the payload
  aws_chunk,   // the same where each payload is {"bytes": base64} around one event of the model's own dialect
               // (InvokeModelWithResponseStream): `data` is the decoded inside, `event` its "type" member if any
  json_array,  // one JSON array sent bit by bit (Gemini without alt=sse)
};

struct Frame {
  std::string_view event;  // "" = none
  std::string_view data;   // valid until the next call on the reader
  bool exception = false;  // aws: the message is an error that ends the stream
};

class FrameReader {
 public:
  virtual ~FrameReader() = default;
  // Starts on the next piece of the stream; the bytes must stay until next() returns false.
  virtual void feed(std::string_view bytes) = 0;
  // The next whole frame, false when the piece is used up. Comments and frames without data are passed over.
  virtual bool next(Frame& frame) = 0;
  // True when bytes of an unfinished frame are held.
  virtual bool partial() const = 0;
  // Why the stream cannot be read on (bad checksum, frame larger than the limit), "" while all is well.
  virtual std::string_view failure() const = 0;
};

std::unique_ptr<FrameReader> make_frame_reader(Framing framing, std::size_t max_frame_bytes = 8u << 20);

}  // namespace tollgate
