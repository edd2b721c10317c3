// What the files of the dialect openai.chat share: typed reading, kept members, ids. Thread rule: see openai_chat.h.
#include <algorithm>
#include <array>

#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

// Objects whose unknown members keep_under() keeps. Other names may have a dot of their own.
constexpr std::array<std::string_view, 12> kOuter{"audio",       "file",     "function",  "image_url",
                                                  "input_audio", "custom",   "video_url", "stream_options",
                                                  "logprobs",    "thinking", "message",   "json_schema"};

bool is_nested(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot != std::string_view::npos && std::find(kOuter.begin(), kOuter.end(), name.substr(0, dot)) != kOuter.end();
}

}  // namespace

Result<JsonValue> parse(std::string_view text) {
  thread_local JsonReader reader;
  return reader.parse(text);
}

void Trouble::at(std::string_view place, std::string_view problem) {
  if (any()) return;
  place_ = place;
  problem_ = problem;
}

void Trouble::within(std::string_view list, std::size_t index, const Trouble& inner) {
  if (any() || !inner.any()) return;
  place_.assign(list).append("[").append(std::to_string(index)).append("]");
  if (!inner.place_.empty()) place_.append(".").append(inner.place_);
  problem_ = inner.problem_;
}

void Trouble::expect_null(std::string_view place, JsonValue value, std::string_view problem) {
  if (value.present() && !value.is_null()) at(place, problem);
}

void Trouble::text(std::string_view place, JsonValue value, std::string& out) {
  if (const auto text = value.as_string()) {
    out = *text;
  } else {
    expect_null(place, value, "must be a string");
  }
}

void Trouble::number(std::string_view place, JsonValue value, std::string& out) {
  if (value.is_number()) {
    out = value.number_text();
  } else {
    expect_null(place, value, "must be a number");
  }
}

void Trouble::integer(std::string_view place, JsonValue value, std::optional<std::int64_t>& out) {
  if (const auto number = value.as_int()) {
    out = *number;
  } else {
    expect_null(place, value, "must be an integer");
  }
}

void Trouble::flag(std::string_view place, JsonValue value, std::optional<bool>& out) {
  if (const auto flag = value.as_bool()) {
    out = *flag;
  } else {
    expect_null(place, value, "must be true or false");
  }
}

bool Trouble::array(std::string_view place, JsonValue value) {
  const bool is = value.is_array();
  if (!is) expect_null(place, value, "must be an array");
  return is;
}

bool Trouble::object(std::string_view place, JsonValue value) {
  const bool is = value.is_object();
  if (!is) expect_null(place, value, "must be an object");
  return is;
}

void keep(chat::Extra& extra, std::string_view name, JsonValue value) {
  if (value.present() && !value.is_null()) extra.emplace_back(name, value.text());
}

void keep_under(chat::Extra& extra, std::string_view outer, std::string_view name, JsonValue value) {
  if (!value.present() || value.is_null()) return;
  std::string path;
  path.reserve(outer.size() + 1 + name.size());
  path.append(outer).append(".").append(name);
  extra.emplace_back(std::move(path), value.text());
}

void write_under(JsonWriter& writer, const chat::Extra& extra, std::string_view outer) {
  for (const auto& [name, value] : extra)
    if (name.size() > outer.size() && name[outer.size()] == '.' && name.starts_with(outer))
      writer.raw_member(std::string_view(name).substr(outer.size() + 1), value);
}

void write_own(JsonWriter& writer, const chat::Extra& extra) {
  for (const auto& [name, value] : extra)
    if (!name.starts_with('~') && !is_nested(name)) writer.raw_member(name, value);
}

std::string_view kept(const chat::Extra& extra, std::string_view name) {
  for (const auto& [one, value] : extra)
    if (one == name) return value;
  return {};
}

std::string digest_text(std::string_view text, std::size_t length) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::uint64_t state = 0xcbf29ce484222325;  // FNV-1a; ids need spread, not secrecy
  const auto mix = [&state](std::string_view bytes) {
    for (const char c : bytes) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  };
  mix(text);
  std::string out;
  for (std::uint64_t left = 0; out.size() < length; left /= kLetters.size()) {
    if (left < kLetters.size()) {  // used up: the next 64 bits, finished as in MurmurHash3
      mix("#");
      left = (state ^ state >> 33) * 0xff51afd7ed558ccd;
      left ^= left >> 33;
    }
    out += kLetters[left % kLetters.size()];
  }
  return out;
}

std::string make_call_id(std::string_view seed, std::size_t ordinal) {
  return "call_" + digest_text(std::string(seed) + "/" + std::to_string(ordinal), 24);
}

}  // namespace tollgate::gateway::oai
