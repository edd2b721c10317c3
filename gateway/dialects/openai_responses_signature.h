// What stands in a reasoning item's encrypted_content. A thought that this family signed: the vendor's own text. What
// other families signed: "tollgate.<origin>.<value>" (core/chat.h), with a word in front of the value where it is not
// the signature of the item's own thought:
//   "redacted:"  a thought without text (Anthropic's redacted_thinking)
//   "call:"      of the function call item right before this one, whose own form has no place for it (Gemini)
//   "text:"      of the text right before this one
// Thread rule: pure functions.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "core/chat.h"
#include "gateway/dialects/openai_responses_internal.h"

namespace tollgate::gateway::responses {

enum class Signed : unsigned char { thought, redacted, call, text };

inline constexpr std::array<std::pair<Signed, std::string_view>, 3> kSignedWords{
    {{Signed::redacted, "redacted:"}, {Signed::call, "call:"}, {Signed::text, "text:"}}};

inline std::string pack_signature(Signed what, const chat::Signature& signature) {
  for (const auto& [kind, word] : kSignedWords)
    if (kind == what)
      return chat::wrap_signature({.value = std::string(word) + signature.value, .origin = signature.origin}, kFamily);
  return chat::wrap_signature(signature, kFamily);
}

inline std::pair<Signed, chat::Signature> unpack_signature(std::string_view encrypted_content) {
  chat::Signature signature = chat::unwrap_signature(encrypted_content, kFamily);
  for (const auto& [kind, word] : kSignedWords) {
    if (!std::string_view(signature.value).starts_with(word)) continue;
    signature.value.erase(0, word.size());
    return {kind, std::move(signature)};
  }
  return {Signed::thought, std::move(signature)};
}

}  // namespace tollgate::gateway::responses
