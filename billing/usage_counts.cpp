// Field names of the vendors' usage objects (table: docs/formats/billing.md). Owner: billing, price half.
#include "billing/usage_counts.h"

#include <algorithm>
#include <set>

#include "billing/price_decimal.h"
#include "core/money.h"

namespace tollgate::billing {
namespace {

// Every member that is looked for in a usage object of OpenAI's or Anthropic's family. A vendor sends five of them, so
// they are picked in one pass instead of being searched for one by one. Shortest first.
constexpr std::string_view kNames[] = {
    "speed",
    "seconds",
    "input_tokens",
    "service_tier",
    "total_tokens",
    "cached_tokens",
    "inference_geo",
    "output_tokens",
    "prompt_tokens",
    "cache_creation",
    "citation_tokens",
    "pages_processed",
    "server_tool_use",
    "reasoning_tokens",
    "completion_tokens",
    "num_cached_tokens",
    "num_search_queries",
    "input_token_details",
    "input_tokens_details",
    "output_token_details",
    "prompt_audio_seconds",
    "prompt_token_details",
    "output_tokens_details",
    "prompt_tokens_details",
    "cache_read_input_tokens",
    "prompt_cache_hit_tokens",
    "server_tool_use_details",
    "prompt_cache_miss_tokens",
    "completion_tokens_details",
    "cache_creation_input_tokens",
    "server_side_tool_usage_details",
};

constexpr std::size_t kLongest = std::end(kNames)[-1].size();
static_assert(std::is_sorted(std::begin(kNames), std::end(kNames),
                             [](std::string_view a, std::string_view b) { return a.size() < b.size(); }));

// A place in kNames, found by the compiler: a name that is not there does not compile.
struct Name {
  std::size_t index;
  consteval Name(const char* text) : index(std::find(std::begin(kNames), std::end(kNames), text) - kNames) {
    if (index == std::size(kNames)) throw "not in kNames";
  }
};

// Where the names of each length begin.
constexpr auto kBegins = [] {
  std::array<unsigned char, kLongest + 2> begins{};
  for (std::size_t length = 0; length < begins.size(); ++length)
    begins[length] = static_cast<unsigned char>(std::count_if(
        std::begin(kNames), std::end(kNames), [&](std::string_view name) { return name.size() < length; }));
  return begins;
}();

// The members of one usage object; of repeated ones the first.
class Members {
 public:
  explicit Members(JsonValue usage) {
    usage.members([this](std::string_view key, JsonValue value) {
      if (key.size() > kLongest) return;
      for (std::size_t i = kBegins[key.size()]; i < kBegins[key.size() + 1]; ++i)
        if (kNames[i] == key && !values_[i].present()) values_[i] = value;
    });
  }
  JsonValue operator[](Name name) const { return values_[name.index]; }

 private:
  std::array<JsonValue, std::size(kNames)> values_;
};

void read_cached_details(JsonValue cached, RawCounts& counts) {
  take_count(cached["audio_tokens"], Field::audio_cached, counts);
  take_count(cached["image_tokens"], Field::image_cached, counts);
}

void read_input_details(JsonValue details, RawCounts& counts) {
  details.members([&counts](std::string_view name, JsonValue value) {
    if (name == "cached_tokens") return take_count(value, Field::cached, counts);
    if (name == "audio_tokens") return take_count(value, Field::audio_input, counts);
    if (name == "image_tokens") return take_count(value, Field::image_input, counts);
    if (name == "video_tokens") return take_count(value, Field::video_input, counts);
    if (name == "cache_write_tokens") return take_count(value, Field::cache_write, counts);
    if (name == "cached_tokens_details") return read_cached_details(value, counts);  // Realtime
  });
}

void read_output_details(JsonValue details, RawCounts& counts) {
  details.members([&counts](std::string_view name, JsonValue value) {
    if (name == "reasoning_tokens") return take_count(value, Field::reasoning, counts);
    if (name == "audio_tokens") return take_count(value, Field::audio_output, counts);
    if (name == "image_tokens") return take_count(value, Field::image_output, counts);
  });
}

// Repeats of the cached count: the largest is kept, normalisation compares it with the main one.
void take_repeat(JsonValue value, RawCounts& counts) {
  if (const auto number = value.as_int(); number && *number >= counts[Field::cached_repeat]) {
    counts.set(Field::cached_repeat, *number);
  }
}

// Deep research bills what it read and what it thought beside the answer, and its searches one by one. Elsewhere the
// searches are part of a fee for the request.
void read_research(const Members& usage, RawCounts& counts) {
  if (!usage["citation_tokens"].is_number()) return;
  take_count(usage["citation_tokens"], Field::citation, counts);
  take_count(usage["num_search_queries"], Field::web_search, counts);
  counts.reasoning_apart = usage["reasoning_tokens"].is_number();
}

void add_calls(JsonValue value, std::int64_t& sum, bool& any) {
  if (const auto number = value.as_int()) {
    sum += *number;
    any = true;
  }
}

void read_xai_tools(JsonValue xai, RawCounts& counts) {
  if (!xai.is_object()) return;
  std::int64_t searches = 0;
  bool any = false;
  add_calls(xai["web_search_calls"], searches, any);
  add_calls(xai["x_search_calls"], searches, any);
  if (any) counts.set(Field::web_search, searches);
  std::int64_t files = 0;
  any = false;
  add_calls(xai["file_search_calls"], files, any);
  add_calls(xai["document_search_calls"], files, any);
  if (any) counts.set(Field::file_search, files);
  take_count(xai["code_interpreter_calls"], Field::code_execution, counts);
}

void read_server_tools(const Members& usage, RawCounts& counts) {
  read_xai_tools(usage["server_side_tool_usage_details"], counts);
  for (const Name name : {Name("server_tool_use"), Name("server_tool_use_details")}) {
    const JsonValue tools = usage[name];
    if (!tools.is_object()) continue;
    take_count(tools["web_search_requests"], Field::web_search, counts);
    take_count(tools["web_fetch_requests"], Field::web_fetch, counts);
    take_count(tools["code_execution_requests"], Field::code_execution, counts);
  }
}

void read_writes(const Members& usage, RawCounts& counts) {
  const JsonValue split = usage["cache_creation"];
  if (usage["cache_creation_input_tokens"].is_number()) counts.old_split = !split.is_object();
  take_count(usage["cache_creation_input_tokens"], Field::cache_write, counts);
  take_count(split["ephemeral_5m_input_tokens"], Field::cache_write_5m, counts);
  take_count(split["ephemeral_1h_input_tokens"], Field::cache_write_1h, counts);
}

// Ranges are raw values; "" for absent and null.
std::string_view member_text(std::string_view text, ByteRange range) {
  const std::string_view raw = text.substr(range.begin, range.end - range.begin);
  return raw == "null" ? std::string_view{} : raw;
}

std::string_view one_member(std::string_view text, std::string_view name) {
  ByteRange range;
  if (text.empty() || !scan_members(text, {&name, 1}, {&range, 1})) return {};
  return member_text(text, range);
}

struct ItemCount {
  RawCounts* counts;
  std::int64_t web = 0, file = 0, code = 0;
  std::set<std::string, std::less<>> containers;
};

bool count_item(void* context, JsonValue item) {
  auto& found = *static_cast<ItemCount*>(context);
  const std::string_view type = item["type"].as_string().value_or("");
  if (type == "web_search_call" || type == "x_search_call") {
    const std::string_view action = item["action"]["type"].as_string().value_or("search");
    if (action == "search") ++found.web;
  } else if (type == "file_search_call") {
    ++found.file;
  } else if (type == "code_interpreter_call") {
    const auto container = item["container_id"].as_string();
    if (!container || found.containers.emplace(*container).second) ++found.code;
  }
  return true;
}

}  // namespace

void RawCounts::set(Field field, std::int64_t value) {
  if (value < 0 || value > kMaxCount) {
    absurd = true;
    value = 0;
  }
  values[static_cast<std::size_t>(field)] = value;
  seen |= std::uint64_t{1} << static_cast<unsigned>(field);
}

void take_count(JsonValue value, Field field, RawCounts& counts) {
  if (const auto number = value.as_int()) counts.set(field, *number);
}

void take_word(JsonValue value, std::string& out) {
  constexpr std::size_t kMaxWord = 64;
  if (const auto text = value.as_string(); text && text->size() <= kMaxWord) out.assign(*text);
}

void take_seconds_text(std::string_view text, RawCounts& counts) {
  const auto exact = money_rounded(text, 9);
  if (text.empty() || !exact) return;
  constexpr Money::Femto kMilli = 1'000'000'000'000;
  const Money::Femto millis = (exact->femto() + kMilli - 1) / kMilli;
  counts.set(Field::audio_milliseconds, millis > kMaxCount ? kMaxCount + 1 : static_cast<std::int64_t>(millis));
}

void read_openai_usage(JsonValue object, RawCounts& counts) {
  if (!object.is_object()) return;
  const Members usage(object);
  counts.reported = true;
  take_count(usage["input_tokens"], Field::prompt, counts);
  take_count(usage["prompt_tokens"], Field::prompt, counts);
  take_count(usage["output_tokens"], Field::completion, counts);
  take_count(usage["completion_tokens"], Field::completion, counts);
  take_count(usage["total_tokens"], Field::total, counts);
  take_count(usage["reasoning_tokens"], Field::reasoning, counts);
  read_input_details(usage["prompt_token_details"], counts);
  read_input_details(usage["prompt_tokens_details"], counts);
  read_input_details(usage["input_token_details"], counts);
  read_input_details(usage["input_tokens_details"], counts);
  read_output_details(usage["completion_tokens_details"], counts);
  read_output_details(usage["output_token_details"], counts);
  read_output_details(usage["output_tokens_details"], counts);
  take_repeat(usage["prompt_cache_hit_tokens"], counts);
  take_repeat(usage["num_cached_tokens"], counts);
  take_repeat(usage["cached_tokens"], counts);
  take_repeat(usage["cache_read_input_tokens"], counts);
  take_count(usage["prompt_cache_miss_tokens"], Field::cache_miss, counts);
  read_writes(usage, counts);
  read_server_tools(usage, counts);
  read_research(usage, counts);
  take_seconds_text(usage["seconds"].number_text(), counts);               // of a transcription
  take_seconds_text(usage["prompt_audio_seconds"].number_text(), counts);  // Mistral
  take_count(usage["pages_processed"], Field::pages, counts);
  take_word(usage["service_tier"], counts.tier);
}

void read_timings(JsonValue timings, RawCounts& counts) {
  if (!timings["predicted_n"].is_number()) return;
  counts.reported = true;
  const std::int64_t read = timings["cache_n"].as_int().value_or(0), fresh = timings["prompt_n"].as_int().value_or(0);
  counts.set(Field::cached, read);
  counts.set(Field::prompt, fresh < 0 || fresh > kMaxCount ? fresh : fresh + counts[Field::cached]);
  take_count(timings["predicted_n"], Field::completion, counts);
}

void read_anthropic_usage(JsonValue object, RawCounts& counts) {
  if (!object.is_object()) return;
  const Members usage(object);
  counts.reported = true;
  take_count(usage["input_tokens"], Field::prompt, counts);
  take_count(usage["output_tokens"], Field::completion, counts);
  take_count(usage["cache_read_input_tokens"], Field::cached, counts);
  read_writes(usage, counts);
  take_count(usage["output_tokens_details"]["thinking_tokens"], Field::reasoning, counts);
  read_server_tools(usage, counts);
  take_word(usage["service_tier"], counts.tier);
  take_word(usage["inference_geo"], counts.geo);
  take_word(usage["speed"], counts.speed);
}

std::string read_reported_cost(std::string_view usage_text) {
  constexpr std::string_view kWanted[] = {"cost", "cost_in_usd_ticks", "is_byok", "cost_details"};
  ByteRange ranges[4];
  if (!scan_members(usage_text, kWanted, ranges)) return {};
  const std::string_view ticks = member_text(usage_text, ranges[1]);
  if (!ticks.empty()) {
    // 1 USD = 1e10 ticks.
    const auto count = decimal_to_integer(ticks, 0);
    return count && *count >= 0 ? Money::from_femto(Money::Femto{*count} * 100'000).to_string() : std::string{};
  }
  std::string_view cost = member_text(usage_text, ranges[0]);
  if (!cost.empty() && cost[0] == '{') cost = one_member(cost, "total_cost");
  const auto charged = money_rounded(cost, 15);
  if (!charged || *charged < Money{}) return {};  // a charge below zero is no charge: the tokens are priced instead
  if (member_text(usage_text, ranges[2]) != "true") return charged->to_string();
  const auto upstream = money_rounded(one_member(member_text(usage_text, ranges[3]), "upstream_inference_cost"), 15);
  return upstream && *upstream >= Money{} ? (*charged + *upstream).to_string() : std::string{};
}

void read_output_items(std::string_view output_text, JsonReader& reader, RawCounts& counts) {
  const auto output = reader.parse(output_text);
  if (!output) return;
  ItemCount found{&counts};
  output->each_element(&count_item, &found);
  if (found.web > 0) counts.set(Field::web_search, found.web);
  if (found.file > 0) counts.set(Field::file_search, found.file);
  if (found.code > 0) counts.set(Field::code_execution, found.code);
}

void read_tool_usage(JsonValue tool_usage, RawCounts& counts) {
  take_count(tool_usage["web_search"]["num_requests"], Field::web_search, counts);
}

}  // namespace tollgate::billing
