// genai-prices' data.json: USD per 1M tokens, tiers per amount, prices by date or by time of day. Owner: billing, price
// half.
#include <algorithm>
#include <optional>

#include "billing/price_sources.h"
#include "billing/price_time.h"

namespace tollgate::billing {
namespace {

struct Name {
  std::string_view theirs, ours;
};
constexpr Name kVendors[] = {{"x-ai", "xai"}, {"moonshotai", "moonshot"}, {"google", "gemini"}, {"voyageai", "voyage"}};

struct Field {
  std::string_view name;
  Bucket bucket;
};
constexpr Field kFields[] = {
    {"input_mtok", Bucket::input},
    {"output_mtok", Bucket::output},
    {"cache_read_mtok", Bucket::cache_read},
    {"cache_write_mtok", Bucket::cache_write_5m},
    {"cache_write_1h_mtok", Bucket::cache_write_1h},
    {"input_audio_mtok", Bucket::audio_input},
    {"output_audio_mtok", Bucket::audio_output},
    {"cache_audio_read_mtok", Bucket::audio_cache_read},
    {"input_image_mtok", Bucket::image_input},
    {"output_image_mtok", Bucket::image_output},
    {"output_reasoning_mtok", Bucket::reasoning},
};

void read_amount(const PriceJson& node, Bucket bucket, RowSet& rows) {
  if (!node.is_object()) {
    put<UsdPerMillion>(node, bucket, rows.plain(), rows.noisy);
    return;
  }
  put<UsdPerMillion>(node["base"], bucket, rows.plain(), rows.noisy);
  for (const PriceJson& tier : node["tiers"].children) {
    const auto start = decimal_to_integer(tier["start"].value, 0);
    if (start && *start > 0) put<UsdPerMillion>(tier["price"], bucket, rows.at({}, false, *start, false), rows.noisy);
  }
}

void read_amounts(const PriceJson& prices, RowSet& rows) {
  for (const Field& field : kFields) {
    if (const PriceJson& node = prices[field.name]; node.kind != PriceJson::Kind::null)
      read_amount(node, field.bucket, rows);
  }
}

// The names a model goes by: exact ones and prefixes ("x*"). False when some clause cannot be expressed.
bool collect_names(const PriceJson& match, std::vector<std::string>& names) {
  bool all = true;
  for (const PriceJson& node : match.children) {
    const std::string& kind = node.name;
    if (kind == "equals") {
      names.push_back(node.value);
    } else if (kind == "starts_with") {
      names.push_back(node.value + "*");
    } else if (kind == "or") {
      for (const PriceJson& clause : node.children) all = collect_names(clause, names) && all;
    } else {
      all = false;
    }
  }
  return all;
}

std::optional<int> minute_of(std::string_view text) {
  if (text.size() < 5 || text[2] != ':') return std::nullopt;
  const auto hour = decimal_to_integer(text.substr(0, 2), 0), minute = decimal_to_integer(text.substr(3, 2), 0);
  if (!hour || !minute || *hour < 0 || *hour > 23 || *minute < 0 || *minute > 59) return std::nullopt;
  return static_cast<int>(*hour * 60 + *minute);
}

bool apply_constraint(const PriceJson& constraint, config::PriceRow& row) {
  if (constraint.children.empty()) return true;
  if (constraint["start_date"].kind == PriceJson::Kind::text) {
    const auto from = utc_from_text(constraint["start_date"].value);
    if (from) row.valid_from_us = *from;
    return from.has_value();
  }
  const auto from = minute_of(constraint["start_time"].value), to = minute_of(constraint["end_time"].value);
  if (!from || !to || *from >= *to) return false;
  row.weekdays = 0x7f;
  row.from_minute = static_cast<std::int16_t>(*from);
  row.to_minute = static_cast<std::int16_t>(*to);
  return true;
}

// Later entries win over earlier ones there. A dated one ends what stood before it, tiers included.
void end_earlier(std::vector<config::PriceRow>& rows, const config::PriceRow& dated) {
  if (dated.valid_from_us == 0) return;
  for (config::PriceRow& row : rows) row.valid_to_us = std::min(row.valid_to_us, dated.valid_from_us);
}

void read_model(const std::string& provider, const std::string& name, const PriceJson& prices, Importer& importer) {
  if (prices.is_object()) {
    RowSet rows(provider, name);
    read_amounts(prices, rows);
    return importer.add(provider + "/" + name, rows);
  }
  std::vector<config::PriceRow> all;
  RowSet out(provider, name);
  for (const PriceJson& version : prices.children) {
    RowSet rows(provider, name);
    read_amounts(version["prices"], rows);
    out.noisy = out.noisy || rows.noisy;
    std::vector<config::PriceRow> taken = rows.take();
    for (config::PriceRow& row : taken) {
      if (!apply_constraint(version["constraint"], row))
        return importer.skip(provider + "/" + name, "unknown constraint");
    }
    if (!taken.empty()) end_earlier(all, taken.front());
    all.insert(all.end(), taken.begin(), taken.end());
  }
  out.put_back(std::move(all));
  importer.add(provider + "/" + name, out);
}

}  // namespace

bool read_genai_prices(const PriceJson& document, Importer& importer) {
  if (document.kind != PriceJson::Kind::array) return false;
  for (const PriceJson& vendor : document.children) {
    std::string provider = vendor["id"].value;
    for (const Name& name : kVendors) {
      if (provider == name.theirs) provider = name.ours;
    }
    if (!importer.wanted(provider)) continue;
    for (const PriceJson& model : vendor["models"].children) {
      std::vector<std::string> names;
      if (!collect_names(model["match"], names)) {
        importer.skip(provider + "/" + model["id"].value, "match rule is neither a name nor a prefix");
      }
      for (const std::string& name : names) read_model(provider, name, model["prices"], importer);
    }
  }
  return true;
}

}  // namespace tollgate::billing
