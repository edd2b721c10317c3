// Messages of the dialect openai.chat, read: the same members in a request's history, a reply and a stream's delta.
// Thread rule: see openai_chat.h.
#include <algorithm>
#include <array>

#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

struct MemberName {
  std::string_view name;
  JsonValue Members::* slot;
};
constexpr std::array kMembers{
    MemberName{"role", &Members::role},
    MemberName{"content", &Members::content},
    MemberName{"tool_calls", &Members::tool_calls},
    MemberName{"tool_call_id", &Members::tool_call_id},
    MemberName{"name", &Members::name},
    MemberName{"refusal", &Members::refusal},
    MemberName{"function_call", &Members::function_call},
    MemberName{"audio", &Members::audio},
    MemberName{"images", &Members::images},
    MemberName{"annotations", &Members::annotations},
    MemberName{"extra_content", &Members::extra_content},
    MemberName{"cache_control", &Members::cache_control},
};

struct ThoughtName {
  std::string_view name;
  JsonValue ThoughtMembers::* slot;
};
constexpr std::array kThoughts{
    ThoughtName{"reasoning", &ThoughtMembers::reasoning},
    ThoughtName{"reasoning_content", &ThoughtMembers::reasoning_content},
    ThoughtName{"reasoning_details", &ThoughtMembers::details},
};

bool take_member(std::string_view key, JsonValue value, Members& out) {
  for (const MemberName& one : kMembers)
    if (one.name == key) return out.*one.slot = value, true;
  for (const ThoughtName& one : kThoughts)
    if (one.name == key) return out.thoughts.*one.slot = value, true;
  return false;
}

chat::Text* last_text(std::vector<chat::Part>& parts, std::size_t first) {
  for (std::size_t i = parts.size(); i > first; --i)
    if (auto* text = parts[i - 1].get<chat::Text>()) return text;
  return nullptr;
}

void read_citations(JsonValue annotations, std::vector<chat::Part>& out, std::size_t first) {
  annotations.elements([&](JsonValue annotation) {
    auto* text = last_text(out, first);
    if (text == nullptr) text = &out.emplace_back(chat::Part{.what = chat::Text{}}).what.emplace<chat::Text>();
    text->citations.push_back(read_annotation(annotation));
  });
}

void read_spoken(JsonValue value, std::vector<chat::Part>& out) {
  chat::Part part;
  auto& media = part.what.emplace<chat::Media>();
  media.kind = chat::Media::Kind::audio;
  value.members([&](std::string_view key, JsonValue inner) {
    if (key == "id") {
      media.id = text_or_empty(inner);
    } else if (key == "data") {
      media.data = text_or_empty(inner);
    } else if (key == "transcript") {
      media.transcript = text_or_empty(inner);
    } else {
      keep_under(part.extra, "audio", key, inner);
    }
  });
  if (!media.id.empty() || !media.data.empty() || !media.transcript.empty()) out.push_back(std::move(part));
}

// Google signs a whole message at the top: the signature is the text's, or the first call's where there is no text.
void sign(const chat::Signature& signature, std::vector<chat::Part>& out, std::size_t first) {
  if (signature.empty()) return;
  if (auto* text = last_text(out, first)) {
    text->signature = signature;
    return;
  }
  for (std::size_t i = first; i < out.size(); ++i) {
    auto* call = out[i].get<chat::ToolCall>();
    if (call && call->signature.empty()) return static_cast<void>(call->signature = signature);
  }
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(first),
             chat::Part{.what = chat::Thinking{.signature = signature}});
}

void sign_calls(const std::vector<CallSignature>& signatures, std::vector<chat::Part>& out, std::size_t first) {
  for (const CallSignature& one : signatures) {
    const auto at = std::find_if(out.begin() + static_cast<std::ptrdiff_t>(first), out.end(), [&](chat::Part& part) {
      const auto* call = part.get<chat::ToolCall>();
      return call && call->id == one.call_id;
    });
    if (at != out.end()) {
      at->get<chat::ToolCall>()->signature = one.signature;
    } else {
      out.insert(out.begin() + static_cast<std::ptrdiff_t>(first),
                 chat::Part{.what = chat::Thinking{.signature = one.signature}});
    }
  }
}

bool says_nothing(const chat::Part& part) {
  const auto* text = part.get<chat::Text>();
  return text && text->text.empty() && text->citations.empty();
}

chat::Role role_of(std::string_view word, Trouble& trouble) {
  if (word == "system") return chat::Role::system;
  if (word == "developer") return chat::Role::developer;
  if (word == "assistant") return chat::Role::assistant;
  if (word != "user" && word != "tool" && word != "function")
    trouble.at("role", word.empty() ? "must be given"
                                    : "must be system, developer, user, assistant, tool or function, not \"" +
                                          std::string(word) + "\"");
  return chat::Role::user;
}

void read_result(const Members& members, bool function, std::string_view last_function_id, chat::Message& out,
                 Trouble& trouble) {
  chat::Part part;
  auto& result = part.what.emplace<chat::ToolResult>();
  trouble.text("tool_call_id", members.tool_call_id, result.call_id);
  trouble.text("name", members.name, result.name);
  if (function) result.call_id = last_function_id;
  read_content(members.content, result.content, trouble);
  part.cache = read_cache_control(members.cache_control);
  out.parts.push_back(std::move(part));
}

// How reasoning was spelled, so that a vendor of the same form gets it unchanged.
void keep_spelling(const ThoughtMembers& thoughts, chat::Extra& extra) {
  if (thoughts.details.size() > 0) keep(extra, "~reasoning_details", thoughts.details);
  const bool plain = !thoughts.reasoning.as_string().value_or("").empty();
  const bool content = !thoughts.reasoning_content.as_string().value_or("").empty();
  if (plain) extra.emplace_back(content ? "~both_reasonings" : "~reasoning", "true");
  if (content && !plain && thoughts.details.size() > 0) extra.emplace_back("~reasoning_content", "true");
  // DeepSeek wants the member in every turn with calls, be it empty.
  if (thoughts.reasoning_content.is_string() && !content && !plain) extra.emplace_back("~no_reasoning", "true");
}

}  // namespace

void read_members(JsonValue message, bool under_message, Members& out, chat::Extra& extra) {
  message.members([&](std::string_view key, JsonValue value) {
    if (take_member(key, value, out)) return;
    if (under_message) {
      keep_under(extra, "message", key, value);
    } else {
      keep(extra, key, value);
    }
  });
}

std::string text_of(JsonValue arguments) {
  if (const auto text = arguments.as_string()) return std::string(*text);
  return raw_of(arguments);
}

chat::Signature read_google_signature(JsonValue extra_content) {
  const auto value = extra_content["google"]["thought_signature"].as_string().value_or("");
  return chat::unwrap_signature(value, "google");
}

chat::Part read_call(JsonValue value, std::string_view seed, std::size_t ordinal) {
  chat::Part part;
  auto& call = part.what.emplace<chat::ToolCall>();
  JsonValue function, custom;
  value.members([&](std::string_view key, JsonValue inner) {
    if (key == "id") {
      call.id = text_or_empty(inner);
    } else if (key == "function") {
      function = inner;
    } else if (key == "custom") {
      custom = inner;
    } else if (key == "extra_content") {
      call.signature = read_google_signature(inner);
    } else if (key == "cache_control") {
      part.cache = read_cache_control(inner);
    } else if (key != "type") {
      keep(part.extra, key == "index" ? "~index" : key, inner);
    }
  });
  call.custom = !function.is_object() && custom.is_object();
  const JsonValue payload = call.custom ? custom : function;
  payload.members([&](std::string_view key, JsonValue inner) {
    if (key == "name") {
      call.name = text_or_empty(inner);
    } else if (key == "arguments" || (call.custom && key == "input")) {
      call.arguments = text_of(inner);
    } else {
      keep_under(part.extra, call.custom ? "custom" : "function", key, inner);
    }
  });
  if (call.id.empty()) call.id = make_call_id(seed, ordinal);
  return part;
}

void read_assistant(const Members& members, std::string_view seed, bool reply, std::vector<chat::Part>& out,
                    Trouble& trouble) {
  const std::size_t first = out.size();
  std::vector<CallSignature> of_calls;
  read_thoughts(members.thoughts, out, of_calls);
  read_content(members.content, out, trouble);
  if (reply)
    out.erase(std::remove_if(out.begin() + static_cast<std::ptrdiff_t>(first), out.end(), says_nothing), out.end());
  if (const auto refusal = members.refusal.as_string(); refusal && !refusal->empty())
    out.push_back({.what = chat::Refusal{.text = std::string(*refusal)}});
  members.images.elements([&](JsonValue image) {
    chat::Part part;
    part.what = read_image(image["image_url"], part.extra);
    out.push_back(std::move(part));
  });
  if (members.audio.is_object()) read_spoken(members.audio, out);
  read_citations(members.annotations, out, first);
  std::size_t ordinal = 0;
  members.tool_calls.elements([&](JsonValue call) { out.push_back(read_call(call, seed, ordinal++)); });
  if (const auto name = members.function_call["name"].as_string(); name && !name->empty())
    out.push_back({.what = chat::ToolCall{.id = make_call_id(seed, ordinal),
                                          .name = std::string(*name),
                                          .arguments = text_of(members.function_call["arguments"])}});
  sign_calls(of_calls, out, first);
  sign(read_google_signature(members.extra_content), out, first);
}

void read_message(JsonValue value, std::size_t index, std::string& last_function_id, chat::Message& out,
                  Trouble& trouble) {
  if (!value.is_object()) return trouble.at("", "must be an object");
  Members members;
  read_members(value, false, members, out.extra);
  const std::string_view role = members.role.as_string().value_or("");
  out.role = role_of(role, trouble);
  if (role == "tool" || role == "function")
    return read_result(members, role == "function", last_function_id, out, trouble);
  trouble.text("name", members.name, out.name);
  if (out.role == chat::Role::assistant) {
    trouble.array("tool_calls", members.tool_calls);
    read_assistant(members, "message " + std::to_string(index), false, out.parts, trouble);
    keep_spelling(members.thoughts, out.extra);
    if (members.function_call.is_object() && !out.parts.empty())
      if (const auto* call = out.parts.back().get<chat::ToolCall>()) last_function_id = call->id;
  } else {
    read_content(members.content, out.parts, trouble);
  }
  if (members.cache_control.is_object() && !out.parts.empty())
    out.parts.back().cache = read_cache_control(members.cache_control);
}

chat::Citation read_annotation(JsonValue value) {
  chat::Citation citation;
  citation.origin = kName;
  citation.raw = value.text();
  const JsonValue inner = value["url_citation"].is_object() ? value["url_citation"] : value;
  inner.members([&](std::string_view key, JsonValue member) {
    if (key == "url") citation.url = text_or_empty(member);
    if (key == "title") citation.title = text_or_empty(member);
    if (key == "content") citation.quote = text_or_empty(member);
    if (key == "start_index") citation.begin = member.as_int().value_or(-1);
    if (key == "end_index") citation.end = member.as_int().value_or(-1);
  });
  return citation;
}

}  // namespace tollgate::gateway::oai
