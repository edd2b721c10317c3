// The first byte chooses dialect and flags; the rest is one reply, and also a stream with one event per line. Whatever
// a vendor sends, no bucket is negative, the raw text is bounded, and the result can be priced.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "billing/price_book.h"
#include "billing/usage_reader.h"

namespace {

using tollgate::Bucket;
using tollgate::Rate;
using namespace tollgate::billing;

const PriceBook& book() {
  static const auto kBook = [] {
    tollgate::config::PriceRow row;
    row.provider = "a";
    row.model = "*";
    for (std::size_t b = 0; b < tollgate::kBuckets; ++b) {
      row.rates[static_cast<Bucket>(b)] = Rate::per_million(tollgate::Money::from_femto(1'234'567'890'123));
    }
    return *PriceBook::build({row});
  }();
  return *kBook;
}

void check(UsageReader& reader) {
  const tollgate::Usage& usage = reader.usage();
  for (const std::int64_t count : usage.counts) {
    if (count < 0) std::abort();
  }
  if (usage.raw.size() > tollgate::kMaxRawUsage || reader.estimated_output_tokens() < 0) std::abort();
  if (reader.error_code().size() > 256 || reader.served_model().size() > 256) std::abort();
  const Priced priced = book().price({.provider = "a", .model = "m", .at_us = 1}, usage, reader.parts());
  if (!priced.cost || *priced.cost < tollgate::Money{}) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t choice = data[0];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto dialect = static_cast<UsageDialect>(choice % 5);
  UsageFlags flags;
  flags.additive_reasoning = (choice & 8) != 0;
  flags.hidden_reasoning = (choice & 16) != 0;
  flags.x_groq = (choice & 32) != 0;
  flags.reported_cost = (choice & 64) != 0;

  UsageReader reader;
  reader.reset(dialect, flags);
  std::string body;
  body.reserve(text.size() + tollgate::kJsonPadding);
  body.assign(text);
  reader.reply(body);
  check(reader);

  reader.reset(dialect, flags);
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    // A copy of its own size, so that a read past an event's end is seen.
    const std::string event(rest.substr(0, end));
    reader.event("", event);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  check(reader);
  return 0;
}
