// The first byte chooses the format; the rest is a price file. Rows that come out are usable: they build, compare as
// equal to themselves, and can be written.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "billing/price_book.h"
#include "billing/price_import.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tollgate::billing;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  ImportOptions options;
  options.provider = "lab";
  options.source_date = "2026-08-06";
  const auto report = import_prices(static_cast<PriceFormat>(data[0] % 4), text, options);
  if (!report) return 0;
  for (const auto& row : report->rows) {
    for (const auto& [bucket, rate] : row.rates) {
      if (rate < tollgate::Rate{}) std::abort();
    }
  }
  (void)PriceBook::build(report->rows);
  if (!diff_prices(report->rows, report->rows).empty()) std::abort();
  if (!report->rows.empty() && prices_to_yaml(report->rows).empty()) std::abort();
  return 0;
}
