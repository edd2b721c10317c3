#include "core/chat.h"

namespace tollgate::chat {
namespace {

constexpr std::string_view kWrapped = "tollgate.";

bool is_turn(Role role) { return role == Role::user || role == Role::assistant; }

}  // namespace

std::vector<Message> merge_adjacent(const std::vector<Message>& messages) {
  std::vector<Message> merged;
  merged.reserve(messages.size());
  for (const Message& message : messages) {
    if (merged.empty() || merged.back().role != message.role || !is_turn(message.role)) {
      merged.push_back(message);
      continue;
    }
    auto& parts = merged.back().parts;
    parts.insert(parts.end(), message.parts.begin(), message.parts.end());
  }
  return merged;
}

std::string_view name_of_call(const std::vector<Message>& messages, std::string_view call_id) {
  for (const Message& message : messages) {
    for (const Part& part : message.parts) {
      if (const auto* call = part.get<ToolCall>(); call && call->id == call_id) return call->name;
    }
  }
  return {};
}

std::string wrap_signature(const Signature& signature, std::string_view own) {
  if (signature.empty() || signature.origin == own || signature.origin.empty()) return signature.value;
  return std::string(kWrapped) + signature.origin + '.' + signature.value;
}

Signature unwrap_signature(std::string_view text, std::string_view own) {
  if (text.starts_with(kWrapped)) {
    const std::string_view rest = text.substr(kWrapped.size());
    const std::size_t dot = rest.find('.');
    if (dot != std::string_view::npos)
      return {.value = std::string(rest.substr(dot + 1)), .origin = std::string(rest.substr(0, dot))};
  }
  return {.value = std::string(text), .origin = std::string(text.empty() ? "" : own)};
}

std::string joined_text(const std::vector<Part>& parts, std::string_view separator) {
  std::string out;
  bool first = true;
  for (const Part& part : parts) {
    const auto* text = part.get<Text>();
    if (!text) continue;
    if (!first) out += separator;
    out += text->text;
    first = false;
  }
  return out;
}

}  // namespace tollgate::chat
