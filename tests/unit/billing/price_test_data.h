// Shared by the price and usage tests: recorded data where it exists, and short ways to write rows and usages.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "billing/price_book.h"
#include "billing/usage_reader.h"
#include "config/schema.h"
#include "core/json.h"

namespace tollgate::billing::test {

// The folder of recorded data: TOLLGATE_DATA_DIR, else beside the source tree. May not exist.
inline std::filesystem::path data_dir() {
  if (const char* dir = std::getenv("TOLLGATE_DATA_DIR")) return dir;
  const char* source = std::getenv("TOLLGATE_SOURCE_DIR");
  return std::filesystem::path(source != nullptr ? source : ".") / ".." / "shared" / "data";
}

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

// A text with readable bytes behind it, as the relay's buffers have.
inline std::string padded(std::string_view text) {
  std::string out;
  out.reserve(text.size() + kJsonPadding);
  out.assign(text);
  return out;
}

inline Money usd(std::string_view text) {
  const auto money = Money::parse(text);
  return money ? *money : Money::from_femto(-1);
}

// A row of "provider/model" with {bucket, USD per 1M} pairs.
inline config::PriceRow row(const std::string& target,
                            std::initializer_list<std::pair<Bucket, std::string_view>> rates) {
  config::PriceRow out;
  const std::size_t slash = target.find('/');
  out.provider = target.substr(0, slash);
  out.model = target.substr(slash + 1);
  out.source_date = "2026-08-06";
  for (const auto& [bucket, amount] : rates) out.rates[bucket] = Rate::per_million(usd(amount));
  return out;
}

inline void fee(config::PriceRow& out, Bucket bucket, std::string_view each) {
  out.rates[bucket] = Rate::per_unit(usd(each));
}

inline void multiplier(config::PriceRow& out, const std::string& name, std::string_view factor) {
  const auto parsed = Factor::parse(factor);
  if (parsed) out.multipliers[name] = *parsed;
}

inline Usage usage_of(std::initializer_list<std::pair<Bucket, std::int64_t>> counts) {
  Usage out;
  out.reported = true;
  for (const auto& [bucket, count] : counts) out[bucket] = count;
  return out;
}

inline std::shared_ptr<const PriceBook> book(std::vector<config::PriceRow> rows) {
  auto built = PriceBook::build(std::move(rows));
  return built ? *built : nullptr;
}

// Exact decimal text of a cost, "unpriced" when it is unknown.
inline std::string cost_text(const Priced& priced) { return priced.cost ? priced.cost->to_string() : "unpriced"; }

}  // namespace tollgate::billing::test
