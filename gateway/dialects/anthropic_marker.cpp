// Signatures of other families in the opaque slots of this API. A caller hands thinking blocks back as they came, so a
// slot may carry what the API has no place for: the proof on a tool call or text, the id of a reasoning item. Such a
// text reads "tollgate.@<kind>[ <id>] <signature>"; the signature itself is wrapped by chat::wrap_signature(). Both
// begin with "tollgate.", by which the gateway knows requests that must not go to a vendor as they are. Thread rule:
// pure.
#include <array>

#include "gateway/dialects/anthropic_wire.h"

namespace tollgate::gateway::claude {
namespace {

constexpr std::string_view kMark = "tollgate.@";

struct Word {
  Marker::Kind kind;
  std::string_view word;
  bool has_id;
};
constexpr std::array kWords{Word{Marker::Kind::call, "call", true}, Word{Marker::Kind::text, "text", false},
                            Word{Marker::Kind::part, "part", false}, Word{Marker::Kind::item, "item", true},
                            Word{Marker::Kind::summary, "summary", true}};
constexpr std::string_view kNoId = "-";

// Takes the text up to the next blank.
std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

std::string slot(const chat::Thinking& thinking, const chat::Signature& signature) {
  if ((thinking.id.empty() && !thinking.summary) || signature.origin == kFamily)
    return chat::wrap_signature(signature, kFamily);
  return write_marker({.kind = thinking.summary ? Marker::Kind::summary : Marker::Kind::item,
                       .id = thinking.id,
                       .signature = signature});
}

chat::Signature read_slot(std::string_view text, chat::Thinking& out) {
  Marker marker;
  if (!read_marker(text, marker)) return chat::unwrap_signature(text, kFamily);
  // Of something else than a thought: nobody's here, and handed on as it is.
  if (marker.kind != Marker::Kind::summary && marker.kind != Marker::Kind::item)
    return {.value = std::string(text), .origin = std::string(kFamily)};
  out.summary = marker.kind == Marker::Kind::summary;
  out.id = std::move(marker.id);
  return std::move(marker.signature);
}

}  // namespace

std::string write_marker(const Marker& marker) {
  std::string out(kMark);
  for (const Word& known : kWords) {
    if (known.kind != marker.kind) continue;
    out += known.word;
    out += ' ';
    if (!known.has_id) continue;
    out += marker.id.empty() ? kNoId : std::string_view(marker.id);
    out += ' ';
  }
  return out += chat::wrap_signature(marker.signature, kFamily);
}

bool read_marker(std::string_view text, Marker& out) {
  if (!text.starts_with(kMark)) return false;
  text.remove_prefix(kMark.size());
  const std::string_view word = take_word(text);
  for (const Word& known : kWords) {
    if (known.word != word) continue;
    out.kind = known.kind;
    out.id = known.has_id ? take_word(text) : std::string_view{};
    if (out.id == kNoId) out.id.clear();
    out.signature = chat::unwrap_signature(text, kFamily);
    return true;
  }
  return false;
}

std::string signature_slot(const chat::Thinking& thinking) { return slot(thinking, thinking.signature); }
std::string redacted_slot(const chat::Thinking& thinking) { return slot(thinking, thinking.redacted); }
void read_signature_slot(std::string_view text, chat::Thinking& out) { out.signature = read_slot(text, out); }
void read_redacted_slot(std::string_view text, chat::Thinking& out) { out.redacted = read_slot(text, out); }

}  // namespace tollgate::gateway::claude
