// The four readers behind import_prices(), one per format, and what they share. Owner: billing, price half.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "billing/price_import.h"
#include "billing/price_json.h"
#include "billing/price_units.h"

namespace tollgate::billing {

// The rows of one model while its entry is read: one per set of conditions, made on first use, the plain one first.
class RowSet {
 public:
  RowSet(std::string provider, std::string model) : provider_(std::move(provider)), model_(std::move(model)) {}
  config::PriceRow& plain() { return at({}, false, 0, false); }
  config::PriceRow& at(std::string_view tier, bool batch, std::int64_t context, bool inclusive);
  // Takes the rows out, those with rates only, each in the region and with the plain row's multipliers.
  std::vector<config::PriceRow> take();
  void put_back(std::vector<config::PriceRow> rows) { rows_ = std::move(rows); }

  std::string region;  // of all rows; "" = any
  bool noisy = false;  // an amount was rounded

 private:
  std::string provider_, model_;
  std::vector<config::PriceRow> rows_;
};

// Sets a rate from a number node; false (nothing set) when the node is no usable number.
template <class Stated>
bool put(const PriceJson& node, Bucket bucket, config::PriceRow& row, bool& noisy) {
  if (node.kind != PriceJson::Kind::number && node.kind != PriceJson::Kind::text) return false;
  bool rounded = false;
  const auto stated = Stated::parse(node.value, &rounded);
  if (!stated) return false;
  noisy = noisy || rounded;
  row.rates[bucket] = static_cast<Rate>(*stated);
  return true;
}

class Importer {
 public:
  explicit Importer(const ImportOptions& options) : options_(options) {}
  void skip(std::string_view key, std::string_view reason) {
    report.skipped.push_back({std::string(key), std::string(reason)});
  }
  bool wanted(std::string_view provider) const;
  // Checks an entry's rows and adds them: free or unknown (all zero) entries and those without an input rate are
  // skipped.
  void add(std::string_view key, RowSet& rows);
  ImportReport report;

 private:
  const ImportOptions& options_;
  std::set<std::string> keys_;  // rows taken so far
};

// Each adds rows and skipped entries; false when the document is not of the format.
bool read_litellm(const PriceJson& document, Importer& importer);
bool read_genai_prices(const PriceJson& document, Importer& importer);
bool read_openrouter(const PriceJson& document, Importer& importer);
bool read_portkey(const PriceJson& document, const std::string& provider, Importer& importer);

}  // namespace tollgate::billing
