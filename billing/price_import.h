// Price files of others -> price rows, their comparison, and rows -> YAML in the form of prices.yaml. Pure: no files,
// no network; the command line reads and writes. Units and formats: docs/formats/billing.md. Owner: billing, price
// half.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "core/result.h"

namespace tollgate::billing {

enum class PriceFormat : unsigned char {
  litellm,       // model_prices_and_context_window.json: USD per token
  genai_prices,  // data.json of genai-prices: USD per 1M tokens
  openrouter,    // GET /api/v1/models: USD per token, as strings
  portkey,       // one vendor's pricing file: US cents per token
};
// "litellm", "genai-prices", "openrouter", "portkey"; false for an unknown name.
bool price_format_from_name(std::string_view name, PriceFormat& out);

struct ImportOptions {
  std::string source, source_date;   // written on every row; an empty source becomes the format's name
  std::vector<std::string> vendors;  // our provider names to keep; empty = all
  std::string provider;              // whose prices a portkey file holds (it does not say)
  const std::vector<config::PriceRow>* against = nullptr;  // book to compare with; null = no quarantine
  int max_ratio = 10;                                      // a rate that moves by more is put aside
};

struct SkippedPrice {
  std::string key;  // as the file calls it
  std::string reason;
};
struct QuarantinedPrice {
  config::PriceRow row;
  std::string what, old_text, new_text;  // "output", USD per 1M units
};
struct ImportReport {
  std::vector<config::PriceRow> rows;  // ids empty: PriceBook::build makes them
  std::vector<SkippedPrice> skipped;
  std::vector<QuarantinedPrice> quarantined;
  std::vector<std::string> rounded;  // keys whose amounts carried floating-point noise
};
// Fails with status 400 when the text is not the format's JSON at all; single bad entries are skipped and reported.
Result<ImportReport> import_prices(PriceFormat format, std::string_view text, const ImportOptions& options);

enum class PriceChangeKind : unsigned char { added, removed, changed };
struct PriceChange {
  PriceChangeKind kind = PriceChangeKind::changed;
  std::string row;                 // target and conditions, as in price_row_id without the date of the source
  std::string what;                // bucket or multiplier; empty for added and removed
  std::string old_text, new_text;  // USD per 1M units, or the factor; "" where absent
};
// Rows are the same row when target, conditions and valid_from agree. Sorted by row, then by what.
std::vector<PriceChange> diff_prices(const std::vector<config::PriceRow>& old_rows,
                                     const std::vector<config::PriceRow>& new_rows);

// One entry per target, dates and schedule; its further conditions become `tiers`. Reading the text back gives the same
// rows.
std::string prices_to_yaml(const std::vector<config::PriceRow>& rows);

}  // namespace tollgate::billing
