// import_prices(): dispatch, the checks that hold for every format, and quarantine. Owner: billing, price half.
#include "billing/price_import.h"

#include <algorithm>
#include <map>

#include "billing/price_diff.h"
#include "billing/price_rows.h"
#include "billing/price_sources.h"

namespace tollgate::billing {
namespace {

constexpr std::string_view kFormatNames[] = {"litellm", "genai-prices", "openrouter", "portkey"};

bool all_zero(const config::PriceRow& row) {
  return std::all_of(row.rates.begin(), row.rates.end(), [](const auto& entry) { return entry.second.is_zero(); });
}

bool jumps(Rate before, Rate after, int max_ratio) {
  const Money::Femto low = std::min(before, after).per_million().femto();
  const Money::Femto high = std::max(before, after).per_million().femto();
  return high / max_ratio > low;
}

// The bucket that moved too far, if any.
const std::pair<const Bucket, Rate>* jump(const config::PriceRow& before, const config::PriceRow& after,
                                          int max_ratio) {
  for (const auto& entry : after.rates) {
    const auto old = before.rates.find(entry.first);
    if (old != before.rates.end() && jumps(old->second, entry.second, max_ratio)) return &entry;
  }
  return nullptr;
}

void quarantine(const ImportOptions& options, ImportReport& report) {
  if (options.against == nullptr || options.max_ratio < 1) return;
  std::map<std::string, const config::PriceRow*> book;
  for (const config::PriceRow& row : *options.against) book.emplace(price_row_key(row), &row);
  std::vector<config::PriceRow> kept;
  for (config::PriceRow& row : report.rows) {
    const auto old = book.find(price_row_key(row));
    const auto* moved = old == book.end() ? nullptr : jump(*old->second, row, options.max_ratio);
    if (moved == nullptr) {
      kept.push_back(std::move(row));
      continue;
    }
    const Rate before = old->second->rates.at(moved->first);
    QuarantinedPrice aside{{}, std::string(bucket_name(moved->first)), rate_text(before), rate_text(moved->second)};
    aside.row = std::move(row);
    report.quarantined.push_back(std::move(aside));
  }
  report.rows = std::move(kept);
}

bool read_document(PriceFormat format, const PriceJson& document, const ImportOptions& options, Importer& importer) {
  switch (format) {
    case PriceFormat::litellm:
      return read_litellm(document, importer);
    case PriceFormat::genai_prices:
      return read_genai_prices(document, importer);
    case PriceFormat::openrouter:
      return read_openrouter(document, importer);
    case PriceFormat::portkey:
      return read_portkey(document, options.provider, importer);
  }
  return false;
}

}  // namespace

config::PriceRow& RowSet::at(std::string_view tier, bool batch, std::int64_t context, bool inclusive) {
  for (config::PriceRow& row : rows_) {
    const bool same = row.service_tier == tier && row.batch == batch && row.context_over == context;
    if (same && row.context_inclusive == inclusive) return row;
  }
  config::PriceRow& row = rows_.emplace_back();
  row.provider = provider_;
  row.model = model_;
  row.service_tier = tier;
  row.batch = batch;
  row.context_over = context;
  row.context_inclusive = inclusive;
  return row;
}

std::vector<config::PriceRow> RowSet::take() {
  const auto multipliers = plain().multipliers;
  for (config::PriceRow& row : rows_) row.multipliers = multipliers;
  std::erase_if(rows_, [](const config::PriceRow& row) { return row.rates.empty(); });
  for (config::PriceRow& row : rows_) {
    if (row.region.empty()) row.region = region;
  }
  return std::move(rows_);
}

bool Importer::wanted(std::string_view provider) const {
  const auto& vendors = options_.vendors;
  return vendors.empty() || std::find(vendors.begin(), vendors.end(), provider) != vendors.end();
}

void Importer::add(std::string_view key, RowSet& rows) {
  std::vector<config::PriceRow> taken = rows.take();
  const bool priced = std::any_of(taken.begin(), taken.end(), [](const auto& row) {
    return std::any_of(row.rates.begin(), row.rates.end(), [](const auto& rate) { return !is_call(rate.first); });
  });
  if (!priced) return skip(key, "no price of a token, piece or second");
  // Maps write 0 both for free models and for prices that nobody entered; a free model is the user's own statement.
  if (std::all_of(taken.begin(), taken.end(), all_zero)) return skip(key, "all prices are 0");
  const config::PriceRow& first = taken.front();
  if (first.model.empty() || first.model.ends_with('/')) return skip(key, "no model name");
  if (keys_.count(price_row_key(first)) > 0) return skip(key, "second entry for " + price_row_key(first));
  if (rows.noisy) report.rounded.emplace_back(key);
  for (config::PriceRow& row : taken) {
    keys_.insert(price_row_key(row));
    row.source = options_.source;
    row.source_date = options_.source_date;
    report.rows.push_back(std::move(row));
  }
}

bool price_format_from_name(std::string_view name, PriceFormat& out) {
  const auto* found = std::find(std::begin(kFormatNames), std::end(kFormatNames), name);
  if (found == std::end(kFormatNames)) return false;
  out = static_cast<PriceFormat>(found - std::begin(kFormatNames));
  return true;
}

Result<ImportReport> import_prices(PriceFormat format, std::string_view text, const ImportOptions& options) {
  const auto document = parse_price_json(text);
  if (!document) return document.error();
  ImportOptions named = options;
  if (named.source.empty()) named.source = kFormatNames[static_cast<std::size_t>(format)];
  Importer importer(named);
  if (!read_document(format, *document, named, importer)) {
    std::string message = "the text is not a price file of format ";
    message += kFormatNames[static_cast<std::size_t>(format)];
    if (format == PriceFormat::portkey && options.provider.empty()) message += " (its vendor must be named)";
    return Error{ErrorKind::client_fault, 400, "bad_price_file", std::move(message)};
  }
  quarantine(named, importer.report);
  return std::move(importer.report);
}

}  // namespace tollgate::billing
