// OpenRouter's model list (USD per token, strings) and Portkey's files (US cents per token). Owner: billing, price
// half.
#include "billing/price_sources.h"

namespace tollgate::billing {
namespace {

struct Field {
  std::string_view name;
  Bucket bucket;
};
constexpr Field kOpenRouter[] = {
    {"prompt", Bucket::input},
    {"completion", Bucket::output},
    {"input_cache_read", Bucket::cache_read},
    {"input_cache_write", Bucket::cache_write_5m},
    {"input_cache_write_1h", Bucket::cache_write_1h},
    {"internal_reasoning", Bucket::reasoning},
    {"audio", Bucket::audio_input},
    {"input_audio_cache", Bucket::audio_cache_read},
    {"audio_output", Bucket::audio_output},
    {"image_output", Bucket::image_output},
};
constexpr Field kPortkey[] = {
    {"request_token", Bucket::input},
    {"response_token", Bucket::output},
    {"cache_read_input_token", Bucket::cache_read},
    {"cache_write_input_token", Bucket::cache_write_5m},
    {"reasoning_token", Bucket::reasoning},
    {"request_audio_token", Bucket::audio_input},
    {"response_audio_token", Bucket::audio_output},
    {"cache_read_audio_input_token", Bucket::audio_cache_read},
    {"request_image_token", Bucket::image_input},
    {"response_image_token", Bucket::image_output},
};
constexpr Field kPortkeyFees[] = {
    {"cache_write_1h", Bucket::cache_write_1h},
    {"web_search", Bucket::web_search},
    {"file_search", Bucket::file_search},
    {"code_execution", Bucket::code_execution},
};

bool is_zero_text(const std::string& text) { return text.find_first_not_of("0.") == std::string::npos; }

void read_openrouter_prices(const PriceJson& prices, config::PriceRow& row, bool& noisy) {
  for (const Field& field : kOpenRouter) put<UsdPerToken>(prices[field.name], field.bucket, row, noisy);
  put<UsdPerCall>(prices["web_search"], Bucket::web_search, row, noisy);
}

// Zeros beside real prices are fields that nobody filled in.
void read_portkey_prices(const PriceJson& prices, config::PriceRow& row, bool& noisy) {
  for (const Field& field : kPortkey) {
    const PriceJson& price = prices[field.name]["price"];
    if (!is_zero_text(price.value)) put<CentsPerToken>(price, field.bucket, row, noisy);
  }
  for (const Field& field : kPortkeyFees) {
    const PriceJson& price = prices["additional_units"][field.name]["price"];
    if (!is_zero_text(price.value)) put<CentsPerCall>(price, field.bucket, row, noisy);
  }
}

}  // namespace

bool read_openrouter(const PriceJson& document, Importer& importer) {
  if (document["data"].kind != PriceJson::Kind::array) return false;
  if (!importer.wanted("openrouter")) return true;
  for (const PriceJson& model : document["data"].children) {
    const std::string& id = model["id"].value;
    const PriceJson& prices = model["pricing"];
    if (id.empty() || prices["prompt"].value.starts_with('-')) {
      importer.skip(id, "price is decided per request");
      continue;
    }
    RowSet rows("openrouter", id);
    read_openrouter_prices(prices, rows.plain(), rows.noisy);
    for (const PriceJson& tier : prices["overrides"].children) {
      const auto from = decimal_to_integer(tier["min_prompt_tokens"].value, 0);
      if (from && *from > 0) read_openrouter_prices(tier, rows.at({}, false, *from, true), rows.noisy);
    }
    importer.add(id, rows);
  }
  return true;
}

bool read_portkey(const PriceJson& document, const std::string& provider, Importer& importer) {
  if (!document.is_object() || provider.empty()) return false;
  if (!importer.wanted(provider)) return true;
  for (const PriceJson& entry : document.children) {
    const std::string& model = entry.name;
    if (model == "default") continue;
    const PriceJson& config = entry["pricing_config"];
    const std::string& currency = config["currency"].value;
    if (!currency.empty() && currency != "USD") {
      importer.skip(model, "currency is " + currency);
      continue;
    }
    RowSet rows(provider, model);
    read_portkey_prices(config["pay_as_you_go"], rows.plain(), rows.noisy);
    if (config["batch_config"].is_object()) {
      read_portkey_prices(config["batch_config"], rows.at({}, true, 0, false), rows.noisy);
    }
    importer.add(model, rows);
  }
  return true;
}

}  // namespace tollgate::billing
