#include "gateway/dialects/common.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tollgate::gateway {
namespace {

struct Effort {
  std::string_view word;
  std::int64_t tokens;
};
// Rounded from what the vendors document for their own words; Anthropic takes no budget below 1,024.
constexpr std::array kEfforts{Effort{"minimal", 1'024}, Effort{"low", 2'048},    Effort{"medium", 8'192},
                              Effort{"high", 16'384},   Effort{"xhigh", 32'768}, Effort{"max", 65'536}};
constexpr std::int64_t kSmallestBudget = 1'024;

constexpr std::array<std::pair<std::string_view, std::string_view>, 24> kMimes{{
    {"pdf", "application/pdf"},
    {"txt", "text/plain"},
    {"md", "text/markdown"},
    {"html", "text/html"},
    {"csv", "text/csv"},
    {"json", "application/json"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"mp3", "audio/mpeg"},
    {"wav", "audio/wav"},
    {"ogg", "audio/ogg"},
    {"flac", "audio/flac"},
    {"mp4", "video/mp4"},
    {"mov", "video/quicktime"},
    {"webm", "video/webm"},
    {"mkv", "video/x-matroska"},
    {"mpeg", "video/mpeg"},
}};

bool is_base64(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
           c == '=' || c == '-' || c == '_' || c == '\n' || c == '\r';
  });
}

}  // namespace

bool parse_data_url(std::string_view url, std::string& mime, std::string& data) {
  constexpr std::string_view kMark = ";base64";
  if (!url.starts_with("data:")) return false;
  const std::size_t comma = url.find(',');
  if (comma == std::string_view::npos) return false;
  std::string_view type = url.substr(5, comma - 5);
  if (!type.ends_with(kMark) || !is_base64(url.substr(comma + 1))) return false;
  type.remove_suffix(kMark.size());
  mime = type.substr(0, type.find(';'));
  data = url.substr(comma + 1);
  return true;
}

std::string make_data_url(std::string_view mime, std::string_view data) {
  std::string out;
  out.reserve(mime.size() + data.size() + 16);
  return out.append("data:").append(mime).append(";base64,").append(data);
}

std::optional<std::int64_t> budget_for_effort(std::string_view effort, std::optional<std::int64_t> max_output) {
  if (effort == "none") return 0;
  for (const Effort& known : kEfforts) {
    if (known.word != effort) continue;
    if (!max_output) return known.tokens;
    return std::max(kSmallestBudget, std::min(known.tokens, *max_output * 4 / 5));
  }
  return std::nullopt;
}

std::string_view effort_for_budget(std::int64_t budget) {
  if (budget == 0) return "none";
  if (budget <= 4'096) return "low";
  return budget < 16'384 ? "medium" : "high";
}

std::string_view openai_tier(std::string_view tier) { return tier == "standard" ? "default" : tier; }

std::string_view mime_of_name(std::string_view file_name) {
  const std::size_t dot = file_name.rfind('.');
  if (dot == std::string_view::npos) return {};
  for (const auto& [ending, mime] : kMimes)
    if (file_name.substr(dot + 1) == ending) return mime;
  return {};
}

std::string_view format_of_mime(std::string_view mime) {
  if (mime == "image/jpg") return "jpeg";
  if (mime == "audio/mpeg" || mime == "audio/mp3") return "mp3";
  if (mime == "audio/x-wav" || mime == "audio/wave") return "wav";
  if (mime == "text/plain") return "txt";
  for (const auto& [ending, known] : kMimes)
    if (known == mime && ending != "jpg") return ending;
  const std::size_t slash = mime.find('/');
  return slash == std::string_view::npos ? mime : mime.substr(slash + 1);
}

std::string text_or_empty(JsonValue value) { return std::string(value.as_string().value_or("")); }

std::optional<std::int64_t> integer_of(JsonValue value) { return value.as_int(); }

std::optional<bool> flag_of(JsonValue value) { return value.as_bool(); }

std::string number_of(JsonValue value) { return value.number_text(); }

std::string raw_of(JsonValue value) { return !value.present() || value.is_null() ? std::string() : value.text(); }

void keep_extra(chat::Extra& extra, std::string_view name, JsonValue value) {
  if (value.present()) extra.emplace_back(name, value.text());
}

void write_extra(JsonWriter& writer, const chat::Extra& extra) {
  for (const auto& [name, value] : extra)
    if (!name.starts_with('~')) writer.raw_member(name, value);
}

void judge_error(std::span<const ErrorRule> rules, Error& error) {
  std::string words = error.message;
  for (char& c : words) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  for (const ErrorRule& rule : rules) {
    if (rule.status != 0 && rule.status != error.status) continue;
    if (words.find(rule.words) == std::string::npos) continue;
    error.kind = rule.kind;
    error.code = rule.code;
    return;
  }
}

chat::Tool read_function_tool(JsonValue item) {
  chat::Tool tool;
  item.members([&tool](std::string_view key, JsonValue inner) {
    if (key == "type") return;
    if (key != "function") return keep_extra(tool.extra, key, inner);
    inner.members([&tool](std::string_view name, JsonValue value) {
      if (name == "name") {
        tool.name = text_or_empty(value);
      } else if (name == "description") {
        tool.description = text_or_empty(value);
      } else if (name == "parameters") {
        tool.parameters = raw_of(value);
      } else {
        keep_extra(tool.extra, "function." + std::string(name), value);
      }
    });
  });
  return tool;
}

Error bad_request(std::string_view place, std::string_view problem) {
  return Error{.kind = ErrorKind::client_fault,
               .status = 400,
               .code = "invalid_request",
               .message = std::string(place) + ": " + std::string(problem)};
}

}  // namespace tollgate::gateway
