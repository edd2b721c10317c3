// Ids of tool calls: made where the source has none, shortened where the vendor wants them short. Thread rule: see
// openai_chat.h.
#include <algorithm>

#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

constexpr std::size_t kMaxId = 40;     // OpenAI refuses longer ones
constexpr std::size_t kMistralId = 9;  // exactly
constexpr std::size_t kDigest = 24;

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

bool lacks_id(const chat::Part& part) {
  if (const auto* call = part.get<chat::ToolCall>()) return call->id.empty();
  const auto* result = part.get<chat::ToolResult>();
  return result && result->call_id.empty();
}

struct Waiting {
  const chat::ToolCall* call;
  std::string id;
};

}  // namespace

CallIds::CallIds(const chat::Request& request, bool short_ids, bool as_given) : short_(short_ids), as_given_(as_given) {
  const bool all_named = std::none_of(request.messages.begin(), request.messages.end(), [](const auto& message) {
    return std::any_of(message.parts.begin(), message.parts.end(), lacks_id);
  });
  if (!all_named) pair_nameless(request);
}

// Results without an id answer the first call of their name that waits for one, in the order of the calls.
void CallIds::pair_nameless(const chat::Request& request) {
  std::vector<Waiting> waiting;
  std::size_t ordinal = 0;
  for (const chat::Message& message : request.messages) {
    for (const chat::Part& part : message.parts) {
      if (const auto* call = part.get<chat::ToolCall>()) {
        std::string id = call->id.empty() ? make_call_id(call->name, ordinal++) : call->id;
        if (call->id.empty()) made_.emplace_back(call, id);
        waiting.push_back({call, std::move(id)});
      } else if (const auto* result = part.get<chat::ToolResult>()) {
        auto at = std::find_if(waiting.begin(), waiting.end(), [&](const Waiting& one) {
          return result->call_id.empty() ? result->name.empty() || one.call->name == result->name
                                         : one.id == result->call_id;
        });
        if (result->call_id.empty())
          made_.emplace_back(result, at == waiting.end() ? make_call_id(result->name, ordinal++) : at->id);
        if (at != waiting.end()) waiting.erase(at);
      }
    }
  }
}

std::string CallIds::said(const void* part, const std::string& id) const {
  const std::string* known = &id;
  if (id.empty())
    for (const auto& [made_for, made] : made_)
      if (made_for == part) known = &made;
  if (!short_) return as_given_ || known->size() <= kMaxId ? *known : "call_" + digest_text(*known, kDigest);
  const bool fits = known->size() == kMistralId && std::all_of(known->begin(), known->end(), is_alphanumeric);
  return fits ? *known : digest_text(*known, kMistralId);
}

}  // namespace tollgate::gateway::oai
