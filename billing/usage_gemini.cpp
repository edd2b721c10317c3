// UsageReader: Gemini's replies, streams and interactions. Every event brings the usage so far; it is kept as text and
// read when somebody asks. Owner: billing, price half.
#include <algorithm>
#include <bit>
#include <functional>
#include <utility>

#include "billing/usage_members.h"
#include "billing/usage_reader.h"
#include "billing/usage_scan.h"

namespace tollgate::billing {
namespace {

constexpr std::size_t kMaxPending = 64u << 10;
constexpr std::size_t kMaxQueries = 1'000;

// What one chunk holds, found by its keys and their depth:
// {candidates:[{content:{parts:[{text}]}, finishReason, index}], usageMetadata, ...}.
struct Chunk {
  std::string_view usage, grounding, interaction, error, metadata, model, id, tier, type;
  std::size_t bytes = 0;
  std::uint64_t candidates = 0;  // bits of the indices named
  int finishes = 0;
  bool content = false, code = false, blocked = false;

  explicit Chunk(std::string_view data) : data_(data) {
    each_key(data, [this](std::string_view key, std::size_t depth, std::size_t value) {
      switch (depth) {
        case 1:
          return top(key, value);
        case 2:
        case 4:
          return inner(key, value);
        case 3:
          return candidate(key, value);
        case 6:
          return part(key, value);
        default:
          return value_end(data_, value);
      }
    });
  }

 private:
  // Each returns where to go on.
  std::size_t top(std::string_view key, std::size_t value) {
    if (key == "candidates" || key == "delta") return value;
    struct Slot {
      std::string_view key;
      std::string_view Chunk::* text;
    };
    static constexpr Slot kSlots[] = {
        {"usageMetadata", &Chunk::usage}, {"usage", &Chunk::usage},       {"modelVersion", &Chunk::model},
        {"model", &Chunk::model},         {"responseId", &Chunk::id},     {"id", &Chunk::id},
        {"error", &Chunk::error},         {"service_tier", &Chunk::tier}, {"interaction", &Chunk::interaction},
        {"event_type", &Chunk::type},     {"metadata", &Chunk::metadata}};
    std::size_t end = 0;
    const std::string_view text = value_text(data_, value, &end);
    for (const Slot& slot : kSlots) {
      if (slot.key == key) this->*slot.text = text;
    }
    if (key == "promptFeedback") blocked = text.find("\"blockReason\"") != kNoOffset;
    return end;
  }
  // Of an interaction's delta (depth 2), or of a candidate's content (depth 4).
  std::size_t inner(std::string_view key, std::size_t value) {
    if (key == "parts" || key == "content") return value;
    std::size_t end = 0;
    const std::string_view text = value_text(data_, value, &end);
    if (key == "text" || key == "arguments" || key == "data") add_text(text);
    return end;
  }
  std::size_t candidate(std::string_view key, std::size_t value) {
    if (key == "content") return value;
    std::size_t end = 0;
    const std::string_view text = value_text(data_, value, &end);
    if (key == "finishReason" && text.starts_with('"')) ++finishes;
    if (key == "index" && !text.empty() && text[0] >= '0' && text[0] <= '9')
      candidates |= std::uint64_t{1} << (text.size() == 1 ? text[0] - '0' : 63);
    if (key == "groundingMetadata") grounding = text;
    if (key == "text") add_text(text);  // of a thought's summary
    return end;
  }
  std::size_t part(std::string_view key, std::size_t value) {
    std::size_t end = 0;
    const std::string_view text = value_text(data_, value, &end);
    if (key == "text") {
      add_text(text);
    } else if (key != "thought" && key != "thoughtSignature") {
      code = code || key == "executableCode";
      add(text.size());  // functionCall, inlineData, codeExecutionResult, ...
    }
    return end;
  }
  void add_text(std::string_view quoted) { add(quoted.size() > 2 && quoted[0] == '"' ? quoted.size() - 2 : 0); }
  void add(std::size_t more) {
    bytes += more;
    content = content || more > 0;
  }

  std::string_view data_;
};

// Models before the third generation bill a grounded prompt once, however many searches it took.
bool bills_prompts(std::string_view model) {
  constexpr std::string_view kName = "gemini-";
  const std::size_t at = model.find(kName);
  if (at == kNoOffset || at + kName.size() >= model.size()) return false;
  const char generation = model[at + kName.size()];
  return generation == '1' || generation == '2';
}

}  // namespace

// A stream that was asked for without server-sent events is one array.
void UsageReader::gemini_reply(std::string_view json) {
  std::size_t at = skip_space(json, 0);
  if (at >= json.size() || json[at] != '[') return gemini_event({}, json);
  for (at = skip_space(json, at + 1); at < json.size() && json[at] != ']';) {
    const std::size_t end = std::max(value_end(json, at), at + 1);
    gemini_event({}, json.substr(at, end - at));
    at = skip_space(json, end);
    if (at < json.size() && json[at] == ',') at = skip_space(json, at + 1);
  }
}

void UsageReader::gemini_event(std::string_view name, std::string_view data) {
  if (data.substr(0, 6) == "[DONE]") return;
  const Chunk chunk(data);
  if (!chunk.model.empty() && served_model_.empty()) served_model_.assign(unquoted(chunk.model));
  if (!chunk.id.empty() && reply_id_.empty()) reply_id_.assign(unquoted(chunk.id));
  if (!chunk.tier.empty()) counts_.tier.assign(unquoted(chunk.tier).substr(0, 64));
  if (chunk.content) note_content(chunk.bytes);
  if (is_object_text(chunk.usage) && chunk.usage.size() <= kMaxPending) {
    pending_.assign(chunk.usage);
    stale_ = true;
  }
  if (is_object_text(chunk.grounding)) read_grounding(padded(chunk.grounding));
  if (is_object_text(chunk.interaction)) read_interaction(padded(chunk.interaction));
  if (is_object_text(chunk.metadata)) read_prediction(padded(chunk.metadata));
  if (is_object_text(chunk.error)) read_error(padded(chunk.error));
  if (name.empty()) name = unquoted(chunk.type);
  if (name.starts_with("interaction.complete") || name == "interaction.failed" || name == "interaction.cancelled" ||
      name == "interaction.incomplete" || name == "interaction.requires_action")
    terminal_ = true;
  // Without an index it is the only candidate. Where some of a chunk's candidates go on, nothing is settled.
  const std::uint64_t seen = chunk.candidates == 0 ? 1 : chunk.candidates;
  if (chunk.content || chunk.finishes > 0) candidates_ |= seen;
  // The end of a piece of code is not the end of the answer: its result, and what the model makes of it, follow.
  if (chunk.finishes >= std::popcount(seen) && !chunk.code) finished_ |= seen;
  if (chunk.blocked || (finished_ != 0 && (candidates_ & ~finished_) == 0)) terminal_ = true;
}

void UsageReader::read_interaction(std::string_view interaction) {
  const auto [usage, model, id, tier] = members(interaction, {"usage", "model", "id", "service_tier"});
  read_identity(model, id, tier);
  if (is_object_text(usage) && usage.size() <= kMaxPending) pending_.assign(usage);
}

// Vertex's predict: embedders that bill by the character.
void UsageReader::read_prediction(std::string_view metadata) {
  const auto parsed = reader_.parse(metadata);
  if (!parsed) return;
  const JsonValue characters = (*parsed)["billableCharacterCount"];
  if (!characters.is_number()) return;
  take_count(characters, Field::characters, counts_);
  counts_.reported = true;
  keep_raw(metadata);
}

// Searches are told again with every chunk, so the distinct ones count.
void UsageReader::read_grounding(std::string_view grounding) {
  const auto parsed = reader_.parse(grounding);
  if (!parsed) return;
  (*parsed)["webSearchQueries"].elements([this](JsonValue query) {
    const std::string_view text = query.as_string().value_or("");
    if (text.empty() || queries_.size() >= kMaxQueries) return;
    const std::size_t hash = std::hash<std::string_view>{}(text);
    if (std::find(queries_.begin(), queries_.end(), hash) == queries_.end()) queries_.push_back(hash);
  });
  stale_ = true;
}

void UsageReader::settle_gemini() {
  if (!pending_.empty()) {
    const std::string text = std::exchange(pending_, {});
    if (const auto usage = reader_.parse(text)) {
      // What was said last is the whole: a field that it lacks is 0.
      RawCounts counts;
      read_gemini_usage(*usage, counts);
      if (counts.tier.empty()) counts.tier = std::move(counts_.tier);
      counts_ = std::move(counts);
      raw_.assign(text.size() <= kMaxRawUsage ? text : std::string());
    }
  }
  if (queries_.empty()) return;
  const bool once = bills_prompts(served_model_.empty() ? model_ : served_model_);
  counts_.set(Field::web_search, once ? 1 : static_cast<std::int64_t>(queries_.size()));
}

}  // namespace tollgate::billing
