#include "gateway/dialects/bedrock_turns.h"

#include <algorithm>

#include "gateway/dialects/bedrock_media.h"
#include "gateway/dialects/bedrock_wire.h"

namespace tollgate::gateway::bedrock {
namespace {

using chat::Part;
using chat::Role;

// Claude's signatures hold on every cloud that serves it.
bool takes_signature(const chat::Signature& signature, const ModelTraits& traits) {
  if (signature.empty()) return false;
  return signature.origin == kFamily || (signature.origin == "anthropic" && traits.claude_like());
}

bool is_signed(const Part& part, const ModelTraits& traits) {
  const auto* thinking = part.get<chat::Thinking>();
  return thinking && (takes_signature(thinking->signature, traits) || takes_signature(thinking->redacted, traits));
}

bool is_unsigned(const chat::Thinking& thinking) { return thinking.signature.empty() && thinking.redacted.empty(); }

bool has(const Turn& turn, bool (*wanted)(const Part&)) {
  return std::any_of(turn.pieces.begin(), turn.pieces.end(), [&](const Piece& piece) { return wanted(*piece.part); });
}
bool is_result(const Part& part) { return part.get<chat::ToolResult>() != nullptr; }
bool is_call(const Part& part) { return part.get<chat::ToolCall>() != nullptr; }
bool is_text(const Part& part) { return part.get<chat::Text>() != nullptr; }
bool is_document(const Part& part) {
  const auto* media = part.get<chat::Media>();
  return media && media->kind == chat::Media::Kind::document;
}

const Part& stand_in(bool opening) {
  static const Part kOpening{.what = chat::Text{.text = "Begin."}};
  static const Part kBesideDocument{.what = chat::Text{.text = "See the document."}};
  return opening ? kOpening : kBesideDocument;
}

void results_first(std::vector<Piece>& pieces) {
  std::vector<Piece> ordered;
  ordered.reserve(pieces.size());
  for (const bool results : {true, false})
    for (const Piece& piece : pieces)
      if (is_result(*piece.part) == results) ordered.push_back(piece);
  pieces = std::move(ordered);
}

void judge(Conversation& conversation, const ModelTraits& traits) {
  const auto& turns = conversation.turns;
  conversation.has_tools = std::any_of(turns.begin(), turns.end(),
                                       [](const Turn& turn) { return has(turn, is_call) || has(turn, is_result); });
  if (turns.size() < 2 || !has(turns.back(), is_result) || turns[turns.size() - 2].role != Role::assistant) return;
  const Turn& said = turns[turns.size() - 2];
  conversation.ends_in_bare_calls = !said.pieces.empty() && !is_signed(*said.pieces.front().part, traits);
}

// Turns of a translated request, built message by message.
class Arranger {
 public:
  Arranger(const ModelTraits& traits, chat::Losses& losses) : traits_(traits), losses_(losses) {}
  void add(const chat::Message& message, std::size_t index) {
    if (message.role == Role::system || message.role == Role::developer) {
      add_system(message, index);
    } else {
      add_turn(message, index);
    }
  }
  Conversation take();

 private:
  void add_system(const chat::Message& message, std::size_t index);
  void add_turn(const chat::Message& message, std::size_t index);
  bool keeps(const Part& part, Role role, std::size_t index);
  bool keeps_media(const chat::Media& media, Role role, std::size_t index);

  const ModelTraits& traits_;
  chat::Losses& losses_;
  Conversation out_;
};

bool Arranger::keeps_media(const chat::Media& media, Role role, std::size_t index) {
  const std::string problem = role == Role::user ? unfit(media, false) : std::string(block_of(media.kind));
  if (!problem.empty()) {
    losses_.add(place_in(index, problem));
    return false;
  }
  if (!traits_.claude_like()) {
    if (media.citations) losses_.add(chat::Field::document_citations);
    if (!media.context.empty()) losses_.add(place_in(index, "document.context"));
  }
  return true;
}

bool Arranger::keeps(const Part& part, Role role, std::size_t index) {
  if (const auto* text = part.get<chat::Text>()) return !is_blank(text->text);
  if (const auto* refusal = part.get<chat::Refusal>()) return !is_blank(refusal->text);
  if (const auto* media = part.get<chat::Media>()) return keeps_media(*media, role, index);
  if (const auto* opaque = part.get<chat::Opaque>()) return opaque->dialect == kDialect;
  if (part.get<chat::Thinking>() && !is_signed(part, traits_)) {
    losses_.add(chat::Field::thinking_history);
    return false;
  }
  const bool right_role = is_result(part) ? role == Role::user : !is_call(part) || role == Role::assistant;
  if (!right_role) losses_.add(place_in(index, "content"));
  return right_role;
}

void Arranger::add_system(const chat::Message& message, std::size_t index) {
  if (!out_.turns.empty()) losses_.add(place_in(index, "system"));
  for (const Part& part : message.parts) {
    const auto* text = part.get<chat::Text>();
    if (!text) {
      losses_.add(place_in(index, "content"));
    } else if (!is_blank(text->text)) {
      out_.system.push_back({&part, index});
    }
  }
}

void Arranger::add_turn(const chat::Message& message, std::size_t index) {
  for (const Part& part : message.parts) {
    if (!keeps(part, message.role, index)) continue;
    if (part.cache.set && !traits_.cache_points) losses_.add(chat::Field::cache_marks);
    if (out_.turns.empty() || out_.turns.back().role != message.role) out_.turns.push_back({.role = message.role});
    out_.turns.back().pieces.push_back({&part, index});
  }
}

Conversation Arranger::take() {
  if (out_.turns.empty() || out_.turns.front().role != Role::user)
    out_.turns.insert(out_.turns.begin(), {.role = Role::user, .pieces = {{&stand_in(true), 0}}});
  for (Turn& turn : out_.turns) {
    if (has(turn, is_result)) results_first(turn.pieces);
    if (has(turn, is_document) && !has(turn, is_text)) turn.pieces.push_back({&stand_in(false), 0});
  }
  judge(out_, traits_);
  return std::move(out_);
}

// Blocks that only a message of role system may hold.
bool changes_tools(const chat::Message& message) {
  return std::any_of(message.parts.begin(), message.parts.end(), [](const Part& part) {
    const auto* opaque = part.get<chat::Opaque>();
    return opaque && (opaque->type == "toolAddition" || opaque->type == "toolRemoval");
  });
}

}  // namespace

Conversation spoken_turns(const chat::Request& request, const ModelTraits& traits, chat::Losses& losses) {
  Conversation out;
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    const chat::Message& message = request.messages[i];
    const bool leading = out.turns.empty() && message.role == Role::system && !changes_tools(message);
    if (!leading) out.turns.push_back({.role = message.role, .extra = &message.extra});
    for (const Part& part : message.parts) {
      const auto* thinking = part.get<chat::Thinking>();
      if (thinking && !is_signed(part, traits) && !is_unsigned(*thinking)) {
        losses.add(chat::Field::thinking_history);
        continue;
      }
      (leading ? out.system : out.turns.back().pieces).push_back({&part, i});
    }
  }
  judge(out, traits);
  return out;
}

Conversation fitting_turns(const chat::Request& request, const ModelTraits& traits, chat::Losses& losses) {
  Arranger arranger(traits, losses);
  for (std::size_t i = 0; i < request.messages.size(); ++i) arranger.add(request.messages[i], i);
  return arranger.take();
}

}  // namespace tollgate::gateway::bedrock
