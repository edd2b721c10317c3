#include "gateway/dialects/anthropic_turns.h"

#include <algorithm>

#include "core/base64.h"
#include "gateway/dialects/anthropic_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::claude {
namespace {

using chat::Role;

bool is_own(const chat::Signature& signature) { return !signature.empty() && signature.origin == kFamily; }

bool is_signed(const chat::Part& part) {
  const auto* thinking = part.get<chat::Thinking>();
  return thinking && (is_own(thinking->signature) || is_own(thinking->redacted));
}

// Unsigned thoughts of a caller of this API stay: vendors beside Anthropic give and take them.
bool stays_spoken(const chat::Part& part) {
  if (const auto* thinking = part.get<chat::Thinking>())
    return is_signed(part) || (thinking->signature.empty() && thinking->redacted.empty());
  // A text block that only carried another family's signature.
  if (const auto* text = part.get<chat::Text>()) return !text->text.empty() || text->signature.empty();
  const auto* opaque = part.get<chat::Opaque>();
  return !opaque || !opaque->json.empty();
}

// Turns of a translated request, built message by message.
class Arranger {
 public:
  Arranger(const WriteContext& context, const ModelTraits& traits, chat::Losses& losses)
      : context_(context), traits_(traits), losses_(losses) {}
  void add(const std::vector<chat::Message>& messages);
  Conversation take();

 private:
  void add_turn(Role role, const chat::Message& message, std::size_t index);
  void add_system(const std::vector<chat::Message>& messages, std::size_t index);
  bool keeps(const chat::Part& part, std::size_t index);
  bool may_stand_in_turns(const std::vector<chat::Message>& messages, std::size_t index) const;

  const WriteContext& context_;
  const ModelTraits& traits_;
  chat::Losses& losses_;
  Conversation out_;
};

bool Arranger::keeps(const chat::Part& part, std::size_t index) {
  if (const auto* text = part.get<chat::Text>()) return !is_blank(text->text);
  if (const auto* refusal = part.get<chat::Refusal>()) return !is_blank(refusal->text);
  if (part.get<chat::Thinking>()) {
    if (is_signed(part)) return true;
    losses_.add(chat::Field::thinking_history);
    return false;
  }
  if (const auto* opaque = part.get<chat::Opaque>()) return opaque->dialect == kDialect && !opaque->json.empty();
  if (const auto* media = part.get<chat::Media>())
    return takes_media(*media, context_.quirks, false, piece_place(index, ""), losses_);
  return true;
}

void Arranger::add_turn(Role role, const chat::Message& message, std::size_t index) {
  for (const chat::Part& part : message.parts) {
    if (!keeps(part, index)) continue;
    if (out_.turns.empty() || out_.turns.back().role != role) out_.turns.push_back({.role = role});
    out_.turns.back().pieces.push_back({&part, index});
  }
}

// Behind a user's turn and before the assistant's, or last: elsewhere the API refuses a system message.
bool Arranger::may_stand_in_turns(const std::vector<chat::Message>& messages, std::size_t index) const {
  if (!traits_.system_in_turns || context_.quirks.bedrock_body || context_.quirks.vertex_body) return false;
  if (out_.turns.back().role == Role::assistant) return false;
  for (std::size_t next = index + 1; next < messages.size(); ++next) {
    const Role role = messages[next].role;
    if (role == Role::user) return false;
    if (role == Role::assistant) break;
  }
  return true;
}

void Arranger::add_system(const std::vector<chat::Message>& messages, std::size_t index) {
  const chat::Message& message = messages[index];
  if (!out_.turns.empty() && may_stand_in_turns(messages, index)) return add_turn(Role::system, message, index);
  if (!out_.turns.empty()) losses_.add(piece_place(index, "system"));
  for (const chat::Part& part : message.parts) {
    const auto* text = part.get<chat::Text>();
    if (!text) {
      losses_.add(piece_place(index, "content"));
    } else if (!is_blank(text->text)) {
      out_.system.push_back({&part, index});
    }
  }
}

void Arranger::add(const std::vector<chat::Message>& messages) {
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Role role = messages[i].role;
    if (role == Role::system || role == Role::developer) {
      add_system(messages, i);
    } else {
      add_turn(role, messages[i], i);
    }
  }
}

const chat::Part& opening() {
  static const chat::Part kOpening{.what = chat::Text{.text = "Begin."}};
  return kOpening;
}

// The API wants the results of calls right behind the calls.
void results_first(Turn& turn) {
  std::size_t results = 0;
  for (std::size_t i = 0; i < turn.pieces.size(); ++i) {
    if (!turn.pieces[i].part->get<chat::ToolResult>()) continue;
    std::rotate(turn.pieces.begin() + static_cast<std::ptrdiff_t>(results),
                turn.pieces.begin() + static_cast<std::ptrdiff_t>(i),
                turn.pieces.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    ++results;
  }
}

Conversation Arranger::take() {
  if (out_.turns.empty() || out_.turns.front().role != Role::user)
    out_.turns.insert(out_.turns.begin(), {.role = Role::user, .pieces = {{&opening(), 0}}});
  for (Turn& turn : out_.turns) results_first(turn);
  return std::move(out_);
}

std::string_view mime_of(const chat::Media& media) {
  return media.mime.empty() ? mime_of_name(media.name) : std::string_view(media.mime);
}

// Forms that the API reads: PDF and plain text.
bool takes_document(const chat::Media& media) {
  const std::string_view mime = mime_of(media);
  std::string text;
  return mime.empty() || mime == "application/pdf" || plain_text_of(media, text);
}

}  // namespace

bool plain_text_of(const chat::Media& media, std::string& out) {
  const std::string_view mime = mime_of(media);
  if (!mime.starts_with("text/") && mime != "application/json") return false;
  return base64_decode(media.data, out) || base64_decode(media.data, out, Base64::url);
}

std::string piece_place(std::size_t message, std::string_view what) {
  return "messages[" + std::to_string(message) + "]." + std::string(what);
}

bool takes_media(const chat::Media& media, const Quirks& quirks, bool same_dialect, const std::string& place,
                 chat::Losses& losses) {
  using Kind = chat::Media::Kind;
  if (same_dialect) return true;
  // Sound and film, and files of another vendor, are named by the dialect's table.
  if (media.kind == Kind::audio || media.kind == Kind::video) return false;
  const std::string kind = media.kind == Kind::image ? "image" : "document";
  if (!media.data.empty()) {
    if (media.kind == Kind::image || takes_document(media)) return true;
    losses.add(place + kind + ".data");
    return false;
  }
  if (!media.url.empty()) {
    const bool web = media.url.starts_with("http://") || media.url.starts_with("https://");
    if (web && !quirks.bedrock_body && !quirks.vertex_body) return true;
    losses.add(place + kind + ".url");
    return false;
  }
  return media.file_id.empty() && !media.text.empty();
}

Conversation spoken_turns(const chat::Request& request, chat::Losses& losses) {
  Conversation out;
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    const chat::Message& message = request.messages[i];
    const bool leading = out.turns.empty() && message.role == Role::system;
    if (!leading) out.turns.push_back({.role = message.role, .extra = &message.extra});
    for (const chat::Part& part : message.parts) {
      if (stays_spoken(part)) {
        (leading ? out.system : out.turns.back().pieces).push_back({&part, i});
      } else if (part.get<chat::Thinking>()) {
        losses.add(chat::Field::thinking_history);
      }
    }
    // Nothing is left of the message; the API refuses empty ones.
    if (!leading && !message.parts.empty() && out.turns.back().pieces.empty()) out.turns.pop_back();
  }
  return out;
}

Conversation fitting_turns(const chat::Request& request, const WriteContext& context, const ModelTraits& traits,
                           chat::Losses& losses) {
  Arranger arranger(context, traits, losses);
  arranger.add(request.messages);
  return arranger.take();
}

bool ends_in_unsigned_calls(const Conversation& conversation) {
  const auto& turns = conversation.turns;
  if (turns.size() < 2 || turns.back().role != Role::user || turns[turns.size() - 2].role != Role::assistant)
    return false;
  const auto& results = turns.back().pieces;
  if (results.empty() || !results.front().part->get<chat::ToolResult>()) return false;
  const auto& said = turns[turns.size() - 2].pieces;
  return !said.empty() && !is_signed(*said.front().part);
}

}  // namespace tollgate::gateway::claude
