#include "core/frames.h"

#include <algorithm>

#include "core/sse.h"

namespace tollgate {
namespace {

class SseFrames final : public FrameReader {
 public:
  explicit SseFrames(std::size_t max_frame_bytes) : scanner_(max_frame_bytes) {}
  void feed(std::string_view bytes) override { scanner_.feed(bytes); }
  bool next(Frame& frame) override {
    SseEvent event;
    while (scanner_.next(event)) {
      if (!event.has_data) continue;
      frame = {.event = event.event, .data = event.data};
      return true;
    }
    return false;
  }
  bool partial() const override { return scanner_.partial_bytes() > 0; }
  std::string_view failure() const override {
    return scanner_.overflowed() ? "an event of the stream is larger than the limit" : std::string_view{};
  }

 private:
  SseScanner scanner_;
};

// One JSON text per line; blank lines are passed over. The last line may lack its end.
class LineFrames final : public FrameReader {
 public:
  explicit LineFrames(std::size_t max_frame_bytes) : max_(max_frame_bytes) {}
  void feed(std::string_view bytes) override { chunk_ = bytes; }
  bool next(Frame& frame) override {
    if (reported_) carry_.clear(), reported_ = false;
    while (!chunk_.empty()) {
      const std::size_t end = chunk_.find('\n');
      std::string_view line = chunk_.substr(0, end);
      chunk_.remove_prefix(end == std::string_view::npos ? chunk_.size() : end + 1);
      if (!carry_.empty() || end == std::string_view::npos) {
        if (carry_.size() + line.size() > max_) overflowed_ = true;
        if (!overflowed_) carry_ += line;
        line = carry_;
      }
      if (end == std::string_view::npos) return false;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.find_first_not_of(" \t") == std::string_view::npos) {
        carry_.clear();
        continue;
      }
      reported_ = !carry_.empty();
      frame = {.event = {}, .data = line};
      return true;
    }
    return false;
  }
  bool partial() const override { return !carry_.empty(); }
  std::string_view failure() const override {
    return overflowed_ ? "a line of the stream is larger than the limit" : std::string_view{};
  }

 private:
  std::size_t max_;
  std::string_view chunk_;
  std::string carry_;
  bool reported_ = false, overflowed_ = false;
};

}  // namespace

std::unique_ptr<FrameReader> make_frame_reader(Framing framing, std::size_t max_frame_bytes) {
  if (framing == Framing::ndjson) return std::make_unique<LineFrames>(max_frame_bytes);
  return std::make_unique<SseFrames>(max_frame_bytes);
}

}  // namespace tollgate
