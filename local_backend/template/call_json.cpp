// The JSON inside of tool calls: where it ends, its members as they stand.
#include <nlohmann/json.hpp>

#include "local_backend/template/call_readers.h"

namespace tollgate::local {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxNesting = 200;
constexpr std::size_t kMaxName = 256;

std::size_t skip_space(std::string_view text, std::size_t at) {
  const std::size_t found = text.find_first_not_of(" \t\r\n", at);
  return found == std::string_view::npos ? text.size() : found;
}

// Behind the string that begins at `at`.
std::size_t string_end(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

std::size_t value_end(std::string_view text, std::size_t at) {
  if (at < text.size() && text[at] == '"') return string_end(text, at);
  if (at < text.size() && (text[at] == '{' || text[at] == '[')) {
    JsonEnd end;
    return end.look(text, at) == JsonEnd::State::closed ? end.end() : text.size();
  }
  return std::min(text.find_first_of(",}] \t\r\n", at), text.size());
}

// A JSON string's content; false for any other JSON.
bool json_string(std::string_view raw, std::string& out) {
  const json value = json::parse(raw, nullptr, false);
  if (!value.is_string()) return false;
  out = value.get<std::string>();
  return true;
}

}  // namespace

JsonEnd::State JsonEnd::look(std::string_view text, std::size_t from) {
  if (!begun_) at_ = from;
  begun_ = true;
  for (; at_ < text.size(); ++at_) {
    if (at_ - from >= kMaxCall) return State::wrong;
    const char c = text[at_];
    if (quoted_) {
      if (!escaped_ && c == '"') quoted_ = false;
      escaped_ = !escaped_ && c == '\\';
    } else if (c == '"') {
      quoted_ = true;
    } else if (c == '{' || c == '[') {
      if (open_.size() >= kMaxNesting) return State::wrong;
      open_ += c == '{' ? '}' : ']';
    } else if (c == '}' || c == ']') {
      if (open_.empty() || open_.back() != c) return State::wrong;
      open_.pop_back();
    }
    if (open_.empty()) return c == '}' || c == ']' ? (++at_, State::closed) : State::wrong;
  }
  return State::open;
}

std::string_view json_member(std::string_view object, std::string_view name) {
  std::size_t at = skip_space(object, 1);
  std::string_view found;
  while (at < object.size() && object[at] == '"') {
    const std::size_t key_end = string_end(object, at);
    const std::string_view key = object.substr(at + 1, key_end - at - 2);
    at = skip_space(object, skip_space(object, key_end) + 1);
    const std::size_t end = value_end(object, at);
    if (key == name) found = object.substr(at, end - at);
    at = skip_space(object, end);
    if (at < object.size() && object[at] == ',') at = skip_space(object, at + 1);
  }
  return found;
}

bool is_json_object(std::string_view text) {
  const std::size_t at = skip_space(text, 0);
  return at < text.size() && text[at] == '{' && json::accept(text);
}

bool read_json_call(std::string_view object, ReadCall& out) {
  if (!is_json_object(object)) return false;
  if (!json_string(json_member(object, "name"), out.name) || out.name.empty() || out.name.size() > kMaxName) {
    return false;
  }
  std::string_view arguments = json_member(object, "arguments");
  if (arguments.empty()) arguments = json_member(object, "parameters");
  if (arguments.empty() || arguments == "null") arguments = "{}";
  out.arguments = arguments;
  if (arguments[0] == '"' && !json_string(arguments, out.arguments)) return false;
  out.id.clear();
  if (const std::string_view id = json_member(object, "id"); !id.empty()) json_string(id, out.id);
  return is_json_object(out.arguments);
}

std::string json_quoted(std::string_view text) {
  return json(std::string(text)).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace tollgate::local
