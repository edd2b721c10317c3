// UsageReader: events of OpenAI's and Anthropic's streams. Owner: billing, price half.
#include <algorithm>

#include "billing/usage_members.h"
#include "billing/usage_reader.h"
#include "billing/usage_scan.h"

namespace tollgate::billing {
namespace {

constexpr int kMaxHeadTries = 4;  // events searched for model and id by vendors that send none

// The value of a completion's "text".
DeltaContent text_content(std::string_view data, std::size_t at) {
  DeltaContent found;
  if (data[at] == '"') found.bytes = string_bytes(data, at);
  found.content = found.bytes > 0;
  return found;
}

// Elements of an array's text, without reading them: pictures are megabytes.
std::int64_t count_elements(std::string_view text) {
  std::int64_t count = 0;
  std::size_t at = text.starts_with('[') ? skip_space(text, 1) : text.size();
  while (at < text.size() && text[at] != ']') {
    ++count;
    const std::size_t end = std::max(value_end(text, at), at + 1);
    at = skip_space(text, end);
    if (at < text.size() && text[at] == ',') at = skip_space(text, at + 1);
  }
  return count;
}

}  // namespace

void UsageReader::openai_event(std::string_view data) {
  if (data.size() < 8) {
    if (data.substr(0, 6) == "[DONE]") terminal_ = true;
    return;
  }
  const bool chat = dialect_ == UsageDialect::openai_chat;
  const std::string_view content_key = chat ? "\"delta\"" : "\"text\"";
  bool has_usage = false, content = false;
  until_quoted(data, 'u', content_key[1], [&](std::size_t at) {
    if (data[at + 1] == 'u') {
      const std::size_t value = value_of_key(data, at, "\"usage\"");
      if (value < data.size() && data[value] == '{') has_usage = true;
      return true;
    }
    const std::size_t value = value_of_key(data, at, content_key);
    if (value >= data.size()) return true;
    const DeltaContent found = chat ? delta_content(data, value) : text_content(data, value);
    if (found.content) note_content(found.bytes);
    content = content || found.content;
    return true;
  });
  const bool want_head = served_model_.empty() && head_tries_ < kMaxHeadTries;
  if (want_head) ++head_tries_;
  const bool maybe_error = !content && find_value(data, "\"error\"") != kNoOffset;
  const bool timed = flags_.timings && !counts_.reported && find_value(data, "\"timings\"") != kNoOffset;
  if (has_usage || want_head || maybe_error || timed) read_object(padded(data));
}

void UsageReader::responses_event(std::string_view name, std::string_view data) {
  if (data.substr(0, 6) == "[DONE]") return;
  if (name.empty()) name = type_of(data);
  if (name.ends_with(".delta")) {
    const std::size_t delta = find_value(data, "\"delta\"");
    const bool text = delta < data.size() && data[delta] == '"';
    return note_content(text ? string_bytes(data, delta) : 0);
  }
  const bool failed = name == "response.failed";
  if (failed || name == "response.completed" || name == "response.incomplete" || name == "response.done") {
    terminal_ = true;
    return read_object(members(padded(data), {"response"})[0]);
  }
  if (name == "error") {
    read_object(padded(data));
    if (!error_seen_) read_error(padded(data));  // the Responses API puts code and message beside the type
    return;
  }
  if (name == "response.output_item.added") {
    // A call names its tool at once; messages and reasoning begin empty.
    if (data.find("_call\"") != kNoOffset) note_content(0);
    return;
  }
  if (name == "response.created" || (served_model_.empty() && name == "response.in_progress")) {
    read_object(members(padded(data), {"response"})[0]);
  }
}

void UsageReader::anthropic_event(std::string_view name, std::string_view data) {
  if (name.empty()) name = type_of(data);
  if (name == "content_block_delta") {
    const std::size_t at = data.find("_delta\"");
    std::size_t bytes = 0;
    if (at != kNoOffset) {
      // {"type":"text_delta","text":"..."}: the value of the member after the type.
      const std::size_t colon = data.find(':', at + 7);
      const std::size_t value = colon == kNoOffset ? kNoOffset : skip_space(data, colon + 1);
      if (value < data.size() && data[value] == '"') bytes = string_bytes(data, value);
    }
    return note_content(bytes);
  }
  if (name == "content_block_start") {
    const bool empty = data.find("\"text\":\"\"") != kNoOffset || data.find("\"thinking\":\"\"") != kNoOffset;
    if (!empty) note_content(0);
    return;
  }
  if (name == "message_start") return anthropic_start(data);
  if (name == "message_delta") return read_object(padded(data));
  if (name == "message_stop") terminal_ = true;
  if (name == "error") read_object(padded(data));
}

void UsageReader::anthropic_start(std::string_view data) {
  read_object(members(padded(data), {"message"})[0]);
  start_raw_ = std::move(raw_);
  raw_.clear();
}

// "image_generation.partial_image", "transcript.text.delta", "speech.audio.done", ...
void UsageReader::media_event(std::string_view name, std::string_view data) {
  if (data.substr(0, 6) == "[DONE]") return;
  if (name.empty()) name = type_of(data);
  const bool last = name.ends_with(".done") || name.ends_with(".completed");
  if (last || name == "error") {
    const bool picture = name.starts_with("image_");
    media_object(padded(data));
    if (picture) note_content(0);
    terminal_ = terminal_ || last;
    return;
  }
  if (name.ends_with(".delta") || name.ends_with(".partial_image"))
    note_content(text_bytes(data, find_value(data, "\"delta\"")));
}

// A reply, or the last event, of the images and audio APIs. Older models send no usage: their pictures are counted,
// their audio is billed by its length.
void UsageReader::media_object(std::string_view object) {
  const auto [usage, model, id, error, type, pictures, picture, duration] =
      members(object, {"usage", "model", "id", "error", "type", "data", "b64_json", "duration"});
  read_identity(model, id, {});
  if (!error.empty()) read_error(error);
  if (is_object_text(usage)) read_usage(usage);
  const bool counted = counts_.has(Field::completion) || counts_.has(Field::prompt);
  if (dialect_ == UsageDialect::openai_images) {
    if (counted && !counts_.has(Field::image_output)) counts_.set(Field::image_output, counts_[Field::completion]);
    const std::int64_t made = picture.empty() ? count_elements(pictures) : 1;
    if (!counted && made > 0) counts_.set(Field::images, made);
  } else if (unquoted(type).starts_with("speech.") && !counts_.has(Field::audio_output)) {
    counts_.set(Field::audio_output, counts_[Field::completion]);
  } else if (!counts_.reported && !duration.empty()) {
    take_seconds_text(unquoted(duration).empty() ? duration : unquoted(duration), counts_);
  }
  if (counts_[Field::images] > 0 || counts_[Field::audio_milliseconds] > 0) counts_.reported = true;
}

}  // namespace tollgate::billing
