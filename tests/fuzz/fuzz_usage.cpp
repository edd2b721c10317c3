// The first byte chooses the dialect, the second flags and the model; the rest is one reply, and also a stream with one
// event per line: "data", "name<TAB>data", or a header "x-amzn-...: value". Whatever a vendor sends, no bucket is
// negative, the raw text is bounded, and the result can be priced.
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

namespace {

constexpr std::size_t kDialects = static_cast<std::size_t>(UsageDialect::detect) + 1;

void reset(UsageReader& reader, std::uint8_t dialect, std::uint8_t choice) {
  UsageFlags flags;
  flags.additive_reasoning = (choice & 1) != 0;
  flags.hidden_reasoning = (choice & 2) != 0;
  flags.x_groq = (choice & 4) != 0;
  flags.reported_cost = (choice & 8) != 0;
  flags.timings = (choice & 16) != 0;
  flags.apart_reasoning = (choice & 32) != 0;
  reader.reset(static_cast<UsageDialect>(dialect % kDialects), flags,
               (choice & 64) != 0    ? "us.openai.gpt-5"
               : (choice & 128) != 0 ? "gemini-2.5-pro"
                                     : "m");
}

void feed_line(UsageReader& reader, std::string_view line) {
  // A copy of its own size, so that a read past an event's end is seen.
  const std::size_t colon = line.find(": ");
  if (line.starts_with("x-amzn-") && colon != std::string_view::npos)
    return reader.header(std::string(line.substr(0, colon)), std::string(line.substr(colon + 2)));
  const std::size_t tab = line.find('\t');
  const std::string name(tab == std::string_view::npos ? std::string_view() : line.substr(0, tab));
  const std::string event(tab == std::string_view::npos ? line : line.substr(tab + 1));
  reader.event(name, event);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  UsageReader reader;
  reset(reader, data[0], data[1]);
  std::string body;
  body.reserve(text.size() + tollgate::kJsonPadding);
  body.assign(text);
  reader.reply(body);
  check(reader);

  reset(reader, data[0], data[1]);
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    feed_line(reader, rest.substr(0, end));
    if ((data[1] & 128) != 0) check(reader);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  check(reader);
  return 0;
}
