// Pieces of Ollama's chat that requests, replies and events share: ids, images, times, finish reasons, usage.
// Thread rule: pure functions.
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "gateway/dialects/common.h"
#include "gateway/dialects/ollama.h"

namespace tollgate::gateway::ollama {
namespace {

using chat::Finish;

// FNV-1a, continued from `hash`.
std::uint64_t hashed(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

std::string made_id(std::string_view seed, const chat::ToolCall& call, std::size_t index) {
  std::array<char, 64> text{};
  const std::uint64_t hash = hashed(call.arguments, hashed(call.name, hashed(seed)));
  const int size = std::snprintf(text.data(), text.size(), "%.*s%016llx_%zu", static_cast<int>(kMadeId.size()),
                                 kMadeId.data(), static_cast<unsigned long long>(hash), index);
  return std::string(text.data(), static_cast<std::size_t>(size));
}

// `count` digits at `at`, -1 when they are none.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = -1;
  if (at + count > text.size()) return -1;
  const char* end = text.data() + at + count;
  return std::from_chars(text.data() + at, end, value).ptr == end ? value : -1;
}

// "+05:30" in seconds; 0 for "Z" and for anything else.
std::int64_t offset_of(std::string_view zone) {
  if (zone.size() < 6 || (zone[0] != '+' && zone[0] != '-')) return 0;
  const int hours = digits(zone, 1, 2), minutes = digits(zone, 4, 2);
  if (hours < 0 || minutes < 0) return 0;
  return (zone[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

bool is_object(std::string_view json) {
  thread_local JsonReader reader;
  const auto parsed = reader.parse(json);
  return parsed && parsed->is_object();
}

}  // namespace

Finish finish_of(std::string_view word, bool calls) {
  if (word.empty()) return Finish::unset;
  if (word == "length") return Finish::length;
  if (word != "stop") return Finish::other;
  return calls ? Finish::tool_calls : Finish::stop;
}

std::string_view word_of(Finish finish, std::string_view raw) {
  if (raw == "load" && finish == Finish::other) return "load";
  if (raw == "unload" && finish == Finish::other) return "unload";
  return finish == Finish::length || finish == Finish::context_length ? "length" : "stop";
}

std::string_view mime_of_image(std::string_view base64) {
  if (base64.starts_with("iVBOR")) return "image/png";
  if (base64.starts_with("/9j/")) return "image/jpeg";
  if (base64.starts_with("R0lGOD")) return "image/gif";
  if (base64.starts_with("UklGR")) return "image/webp";
  return {};
}

chat::Part read_image(JsonValue image) {
  chat::Part part;
  auto& media = part.what.emplace<chat::Media>();
  const auto text = image.as_string().value_or("");
  if (!parse_data_url(text, media.mime, media.data)) {
    media.data = text;
    media.mime = mime_of_image(text);
  }
  return part;
}

chat::Part read_tool_call(JsonValue call, std::string_view seed, std::size_t index) {
  chat::Part part;
  auto& out = part.what.emplace<chat::ToolCall>();
  call.members([&](std::string_view key, JsonValue value) {
    if (key == "id") {
      out.id = text_or_empty(value);
    } else if (key == "function") {
      value.members([&](std::string_view name, JsonValue inner) {
        if (name == "name") out.name = text_or_empty(inner);
        if (name == "arguments") out.arguments = inner.is_string() ? text_or_empty(inner) : raw_of(inner);
      });
    } else if (key != "type") {
      keep_extra(part.extra, key, value);
    }
  });
  if (out.arguments.empty()) out.arguments = "{}";
  if (out.id.empty()) out.id = made_id(seed, out, index);
  return part;
}

bool write_tool_call(JsonWriter& writer, const chat::ToolCall& call, int index) {
  const bool whole = !call.custom && (call.arguments.empty() || is_object(call.arguments));
  writer.begin_object();
  if (index >= 0 || !call.id.starts_with(kMadeId)) writer.member_if("id", call.id);
  writer.key("function").begin_object();
  if (index >= 0) writer.member("index", index);
  writer.member("name", call.name).key("arguments");
  if (!whole) {
    writer.begin_object().member(call.custom ? "input" : "arguments", call.arguments).end_object();
  } else {
    // Anew, without line breaks: a stream of this dialect is cut at them.
    JsonReader reader;
    const auto object = reader.parse(call.arguments.empty() ? "{}" : std::string_view(call.arguments));
    object ? writer.value(*object) : writer.raw("{}");
  }
  writer.end_object().end_object();
  return whole || call.custom;
}

std::int64_t seconds_of(std::string_view time) {
  using namespace std::chrono;
  const int y = digits(time, 0, 4), m = digits(time, 5, 2), d = digits(time, 8, 2);
  const int hour = digits(time, 11, 2), minute = digits(time, 14, 2), second = digits(time, 17, 2);
  const year_month_day date{year(y), month(static_cast<unsigned>(m)), day(static_cast<unsigned>(d))};
  if (y < 0 || m < 0 || d < 0 || hour < 0 || minute < 0 || second < 0 || !date.ok()) return 0;
  const std::size_t zone = time.find_first_of("Z+-", 19);
  const std::int64_t offset = zone == std::string_view::npos ? 0 : offset_of(time.substr(zone));
  const std::int64_t days = sys_days(date).time_since_epoch().count();
  return days * 86'400 + hour * 3'600 + minute * 60 + second - offset;
}

std::string time_of(std::int64_t seconds) {
  using namespace std::chrono;
  const sys_seconds moment{std::chrono::seconds(seconds)};
  const auto midnight = floor<days>(moment);
  const year_month_day date{midnight};
  const hh_mm_ss clock{moment - midnight};
  std::array<char, 40> text{};
  const int size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                                 static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                                 static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                                 static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return std::string(text.data(), static_cast<std::size_t>(size));
}

void write_usage(JsonWriter& writer, const Usage& usage) {
  if (!usage.reported) return;
  const std::int64_t output =
      usage[Bucket::output] + usage[Bucket::reasoning] + usage[Bucket::audio_output] + usage[Bucket::image_output];
  // Ollama leaves out a count of 0.
  if (usage.input_side() > 0) writer.member("prompt_eval_count", usage.input_side());
  if (output > 0) writer.member("eval_count", output);
}

}  // namespace tollgate::gateway::ollama
