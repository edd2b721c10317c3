// LiteLLM's price map: USD per token, conditions as suffixes of the key. Owner: billing, price half.
#include <algorithm>
#include <charconv>
#include <optional>

#include "billing/price_sources.h"

namespace tollgate::billing {
namespace {

struct Vendor {
  std::string_view theirs, ours, prefix;  // prefix of their keys to cut off
};
constexpr Vendor kVendors[] = {
    {"openai", "openai", "openai/"},
    {"text-completion-openai", "openai", "openai/"},
    {"anthropic", "anthropic", "anthropic/"},
    {"gemini", "google", "gemini/"},
    {"vertex_ai-language-models", "vertex", "vertex_ai/"},
    {"vertex_ai-embedding-models", "vertex", "vertex_ai/"},
    {"vertex_ai-image-models", "vertex", "vertex_ai/"},
    {"vertex_ai-mistral_models", "vertex", "vertex_ai/"},
    {"vertex_ai-llama_models", "vertex", "vertex_ai/"},
    {"vertex_ai-deepseek_models", "vertex", "vertex_ai/"},
    {"vertex_ai-qwen_models", "vertex", "vertex_ai/"},
    {"vertex_ai-openai_models", "vertex", "vertex_ai/"},
    {"vertex_ai-anthropic_models", "vertex_anthropic", "vertex_ai/"},
    {"bedrock", "bedrock", "bedrock/"},
    {"bedrock_converse", "bedrock", "bedrock/"},
    {"cohere", "cohere", "cohere/"},
    {"cohere_chat", "cohere", "cohere/"},
    {"xai", "xai", "xai/"},
    {"deepseek", "deepseek", "deepseek/"},
    {"mistral", "mistral", "mistral/"},
    {"groq", "groq", "groq/"},
    {"together_ai", "together", "together_ai/"},
    {"fireworks_ai", "fireworks", "fireworks_ai/"},
    {"cerebras", "cerebras", "cerebras/"},
    {"perplexity", "perplexity", "perplexity/"},
    {"azure", "azure", "azure/"},
    {"azure_ai", "azure", "azure_ai/"},
    {"openrouter", "openrouter", "openrouter/"},
    {"deepinfra", "deepinfra", "deepinfra/"},
    {"moonshot", "moonshot", "moonshot/"},
    {"dashscope", "alibaba", "dashscope/"},
    {"zai", "zai", "zai/"},
    {"minimax", "minimax", "minimax/"},
    {"nebius", "nebius", "nebius/"},
    {"novita", "novita", "novita/"},
    {"sambanova", "sambanova", "sambanova/"},
    {"hyperbolic", "hyperbolic", "hyperbolic/"},
    {"voyage", "voyage", "voyage/"},
};

struct Field {
  std::string_view name;
  Bucket bucket;
};
constexpr Field kFields[] = {
    {"input_cost_per_token", Bucket::input},
    {"output_cost_per_token", Bucket::output},
    {"cache_read_input_token_cost", Bucket::cache_read},
    {"cache_creation_input_token_cost", Bucket::cache_write_5m},
    {"cache_creation_input_token_cost_above_1hr", Bucket::cache_write_1h},
    {"output_cost_per_reasoning_token", Bucket::reasoning},
    {"input_cost_per_audio_token", Bucket::audio_input},
    {"output_cost_per_audio_token", Bucket::audio_output},
    {"cache_read_input_audio_token_cost", Bucket::audio_cache_read},
    {"input_cost_per_image_token", Bucket::image_input},
    {"output_cost_per_image_token", Bucket::image_output},
    {"citation_cost_per_token", Bucket::citation},
    {"input_cost_per_character", Bucket::characters},
    {"ocr_cost_per_page", Bucket::pages},
};

bool cut_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

// "..._above_272k_tokens" -> 272000 and the text before it; 0 when there is no such suffix.
std::int64_t cut_context(std::string_view& text) {
  std::string_view rest = text;
  if (!cut_suffix(rest, "k_tokens")) return 0;
  constexpr std::string_view kAbove = "_above_";
  const std::size_t at = rest.rfind(kAbove);
  if (at == std::string_view::npos) return 0;
  const std::string_view digits = rest.substr(at + kAbove.size());
  std::int64_t thousands = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), thousands);
  if (error != std::errc{} || end != digits.data() + digits.size() || thousands <= 0 || thousands > 1'000'000) return 0;
  text = rest.substr(0, at);
  return thousands * 1'000;
}

bool is_zero(const PriceJson& node) { return node.value.find_first_not_of("0.") == std::string::npos; }

void read_field(std::string_view name, const PriceJson& node, bool inclusive, RowSet& rows) {
  std::string_view base = name;
  const bool batch = cut_suffix(base, "_batches");
  std::string_view tier;
  if (cut_suffix(base, "_priority")) tier = "priority";
  if (cut_suffix(base, "_flex")) tier = "flex";
  const std::int64_t context = cut_context(base);
  const auto* field =
      std::find_if(std::begin(kFields), std::end(kFields), [&](const Field& f) { return f.name == base; });
  if (field == std::end(kFields)) return;
  // A write fee of 0 stands for "no fee": written tokens are then billed as input, not given away.
  const bool write = field->bucket == Bucket::cache_write_5m || field->bucket == Bucket::cache_write_1h;
  if (write && is_zero(node)) return;
  put<UsdPerToken>(node, field->bucket, rows.at(tier, batch, context, context > 0 && inclusive), rows.noisy);
}

void put_factor(const PriceJson& node, std::string key, config::PriceRow& row) {
  if (node.kind != PriceJson::Kind::number) return;
  const auto factor = Factor::parse(node.value);
  if (factor && *factor != Factor{}) row.multipliers.emplace(std::move(key), *factor);
}

void read_fees(const PriceJson& entry, RowSet& rows) {
  const PriceJson& search = entry["search_context_cost_per_query"];
  const PriceJson& low = search["search_context_size_low"];
  const PriceJson& medium = search["search_context_size_medium"];
  // A fee that depends on the size of the search context cannot be told from the usage: it stays unknown.
  if (low.value == medium.value && medium.value == search["search_context_size_high"].value) {
    put<UsdPerCall>(medium, Bucket::web_search, rows.plain(), rows.noisy);
  }
  put<UsdPerCall>(entry["code_interpreter_cost_per_session"], Bucket::code_execution, rows.plain(), rows.noisy);
  put<UsdPerThousandCalls>(entry["file_search_cost_per_1k_calls"], Bucket::file_search, rows.plain(), rows.noisy);
  put_factor(entry["regional_processing_uplift_multiplier_eu"], "geo:eu", rows.plain());
  put_factor(entry["regional_processing_uplift_multiplier_us"], "geo:us", rows.plain());
  for (const PriceJson& node : entry["provider_specific_entry"].children) {
    put_factor(node, (node.name == "fast" ? "speed:" : "geo:") + node.name, rows.plain());
  }
}

// Prices by the piece or the second mean what they say in some modes only: a chat model's price for an input image is a
// number of tokens in other words.
void read_pieces(const PriceJson& entry, RowSet& rows) {
  const std::string& mode = entry["mode"].value;
  if (mode == "rerank") put<UsdPerCall>(entry["input_cost_per_query"], Bucket::search_units, rows.plain(), rows.noisy);
  if (mode == "embedding") put<UsdPerCall>(entry["input_cost_per_image"], Bucket::images, rows.plain(), rows.noisy);
  if (mode == "image_generation")
    put<UsdPerCall>(entry["output_cost_per_image"], Bucket::images, rows.plain(), rows.noisy);
  if (mode == "audio_transcription")
    put<UsdPerSecond>(entry["input_cost_per_second"], Bucket::audio_milliseconds, rows.plain(), rows.noisy);
}

std::optional<std::string_view> unusable(const PriceJson& entry) {
  const std::string& mode = entry["mode"].value;
  constexpr std::string_view kModes[] = {"chat",   "completion",       "responses",           "embedding",
                                         "rerank", "image_generation", "audio_transcription", "audio_speech",
                                         "ocr"};
  if (std::find(std::begin(kModes), std::end(kModes), mode) == std::end(kModes)) return "mode is not relayed";
  if (!entry["tiered_pricing"].children.empty()) return "list of ranges (tiered_pricing)";
  return std::nullopt;
}

// "eu-central-1", "us-gov-west-1".
bool is_aws_region(std::string_view word) {
  return word.size() > 6 && word[2] == '-' && word.back() >= '0' && word.back() <= '9' &&
         std::count(word.begin(), word.end(), '-') >= 2;
}

// "1024-x-1024/...", "hd/...": the size of a picture, which no reply repeats.
bool names_size(std::string_view key) {
  const std::size_t at = key.find("-x-");
  const auto digit = [&](std::size_t i) { return i < key.size() && key[i] >= '0' && key[i] <= '9'; };
  return key.starts_with("hd/") || (at != std::string_view::npos && at > 0 && digit(at - 1) && digit(at + 3));
}

// What stands before the model: "azure/eu/gpt-4o" and "bedrock/eu-central-1/..." name a region, "together_ai/..." only
// repeats the vendor.
std::optional<std::string_view> split_model(const Vendor& vendor, std::string_view key, std::string& model,
                                            std::string& region) {
  if (key.starts_with(vendor.prefix)) key.remove_prefix(vendor.prefix.size());
  for (const std::string_view place : {"eu/", "us/", "global/", "global-standard/"}) {
    if (vendor.ours != "azure" || !key.starts_with(place)) continue;
    if (place.size() == 3) region = place.substr(0, 2);
    key.remove_prefix(place.size());
  }
  const std::string_view first = key.substr(0, key.find('/'));
  if (vendor.ours == "bedrock" && first.size() < key.size()) {
    if (key.find("-commitment/") != std::string_view::npos) return "capacity that was bought beforehand";
    if (is_aws_region(first)) region = first;
    if (is_aws_region(first) || first == "invoke" || first == "converse") key.remove_prefix(first.size() + 1);
    if (key.find('/') != std::string_view::npos) return "price depends on more than the model";
  }
  if (names_size(key)) return "price depends on the picture's size";
  model = key;
  // Tuned models are called ft:BASE:ORG::ID.
  if (key.starts_with("ft:")) model += ":*";
  return std::nullopt;
}

}  // namespace

bool read_litellm(const PriceJson& document, Importer& importer) {
  if (!document.is_object()) return false;
  for (const PriceJson& entry : document.children) {
    const std::string& key = entry.name;
    const std::string& theirs = entry["litellm_provider"].value;
    const auto* vendor =
        std::find_if(std::begin(kVendors), std::end(kVendors), [&](const Vendor& v) { return v.theirs == theirs; });
    if (vendor == std::end(kVendors)) {
      importer.skip(key, "vendor is not known here: " + theirs);
      continue;
    }
    if (!importer.wanted(vendor->ours)) continue;
    if (const auto reason = unusable(entry)) {
      importer.skip(key, *reason);
      continue;
    }
    std::string model, region;
    if (const auto reason = split_model(*vendor, key, model, region)) {
      importer.skip(key, *reason);
      continue;
    }
    RowSet rows{std::string(vendor->ours), model};
    rows.region = region;
    // xAI reprices from 200,000 tokens on, the others above their limit.
    for (const PriceJson& node : entry.children) read_field(node.name, node, vendor->ours == "xai", rows);
    read_pieces(entry, rows);
    read_fees(entry, rows);
    importer.add(key, rows);
  }
  return true;
}

}  // namespace tollgate::billing
