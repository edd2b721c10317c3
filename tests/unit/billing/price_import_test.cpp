// Importers, comparison, quarantine and the YAML writer, on small files written here; then the real files where
// present.
#include "billing/price_import.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "billing/price_decimal.h"
#include "billing/price_time.h"
#include "billing/price_units.h"
#include "config/load.h"
#include "price_test_data.h"

namespace tollgate::billing {
namespace {

using enum Bucket;

ImportReport import(PriceFormat format, std::string_view text, ImportOptions options = {}) {
  auto report = import_prices(format, text, options);
  EXPECT_TRUE(report) << (report ? "" : report.error().message);
  return report ? *std::move(report) : ImportReport{};
}

// The only row with these conditions.
const config::PriceRow* find(const std::vector<config::PriceRow>& rows, std::string_view model,
                             std::string_view tier = {}, bool batch = false, std::int64_t context = 0) {
  for (const auto& row : rows) {
    if (row.model == model && row.service_tier == tier && row.batch == batch && row.context_over == context)
      return &row;
  }
  return nullptr;
}

std::string per_million(const config::PriceRow* row, Bucket bucket) {
  if (row == nullptr) return "no row";
  const auto rate = row->rates.find(bucket);
  return rate == row->rates.end() ? "unnamed" : rate->second.per_million().to_string();
}

TEST(PriceUnits, TheTypeCarriesTheUnit) {
  const auto rate = [](auto stated) {
    return stated ? static_cast<Rate>(*stated).per_million().to_string() : "refused";
  };
  EXPECT_EQ(rate(UsdPerToken::parse("2.5e-07")), "0.25");
  EXPECT_EQ(rate(CentsPerToken::parse("0.000125")), "1.25");
  EXPECT_EQ(rate(UsdPerMillion::parse("1.25")), "1.25");
  EXPECT_EQ(rate(UsdPerThousandCalls::parse("10")), "10000");
  EXPECT_EQ(rate(CentsPerCall::parse("0.5")), "5000");
  static_assert(!std::is_convertible_v<UsdPerToken, Rate>, "conversion is explicit");
  static_assert(!std::is_convertible_v<CentsPerToken, UsdPerToken>, "cents are not dollars");
}

TEST(PriceUnits, NoiseIsRoundedToTwelveDecimalsOfADollarPerToken) {
  bool rounded = false;
  const auto noisy = UsdPerToken::parse("6.000000000000001e-07", &rounded);
  ASSERT_TRUE(noisy);
  EXPECT_TRUE(rounded);
  EXPECT_EQ(static_cast<Rate>(*noisy).per_million().to_string(), "0.6");
  const auto real = UsdPerToken::parse("5.46875e-07", &rounded);
  ASSERT_TRUE(real);
  EXPECT_FALSE(rounded);
  EXPECT_EQ(static_cast<Rate>(*real).per_million().to_string(), "0.546875");
  EXPECT_FALSE(UsdPerToken::parse("-1"));
  EXPECT_FALSE(UsdPerToken::parse("cheap"));
  EXPECT_FALSE(UsdPerToken::parse(""));
  EXPECT_FALSE(UsdPerToken::parse("1e300"));
}

TEST(PriceDecimal, HalfEvenAtTheStatedPlace) {
  const auto text = [](std::string_view in, int decimals) {
    const auto money = money_rounded(in, decimals);
    return money ? money->to_string() : "none";
  };
  EXPECT_EQ(text("0.125", 2), "0.12");
  EXPECT_EQ(text("0.135", 2), "0.14");
  EXPECT_EQ(text("0.1250001", 2), "0.13");
  EXPECT_EQ(text("-0.135", 2), "-0.14");
  EXPECT_EQ(text("1e-20", 15), "0");
  EXPECT_EQ(text("12e2", 0), "1200");
  EXPECT_EQ(text("1.5E+1", 0), "15");
  for (const char* bad : {"", "-", ".", "1.2.3", "1e", "1e999", "0x1", "1 ", "nan"})
    EXPECT_EQ(text(bad, 6), "none") << bad;
  EXPECT_EQ(decimal_to_integer("1.2345", 3), 1234);
  EXPECT_FALSE(decimal_to_integer("1e30", 0));
}

constexpr std::string_view kLitellm = R"({
 "sample_spec": {"litellm_provider": "one of ...", "mode": "chat"},
 "gpt-x": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 5e-06, "output_cost_per_token": 3e-05,
   "cache_read_input_token_cost": 5e-07, "input_cost_per_token_above_272k_tokens": 1e-05,
   "input_cost_per_token_above_272k_tokens_priority": 2e-05, "input_cost_per_token_priority": 1.1e-05,
   "input_cost_per_token_flex": 2.5e-06, "output_cost_per_token_batches": 1.5e-05,
   "regional_processing_uplift_multiplier_eu": 1.1, "max_tokens": 10},
 "claude-x": {"litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
   "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06,
   "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1.2e-05, "provider_specific_entry": {"us": 1.1, "fast": 2.0},
   "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_medium": 0.01, "search_context_size_high": 0.01}},
 "xai/grok-x": {"litellm_provider": "xai", "mode": "chat", "input_cost_per_token": 3e-06, "input_cost_per_token_above_200k_tokens": 6e-06},
 "azure/eu/gpt-x": {"litellm_provider": "azure", "mode": "chat", "input_cost_per_token": 5.5e-06},
 "gpt-search": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06,
   "search_context_cost_per_query": {"search_context_size_low": 0.03, "search_context_size_medium": 0.035, "search_context_size_high": 0.05}},
 "noisy": {"litellm_provider": "openai", "mode": "embedding", "input_cost_per_token": 1.0000000000000002e-06},
 "free": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0.0, "output_cost_per_token": 0},
 "1024-x-1024/dall-e": {"litellm_provider": "openai", "mode": "image_generation", "output_cost_per_image": 0.04},
 "sora": {"litellm_provider": "openai", "mode": "video_generation", "output_cost_per_video_per_second": 0.1},
 "nova": {"litellm_provider": "unheard-of", "mode": "chat", "input_cost_per_token": 1e-06},
 "ft:gpt-x": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 9e-06, "cache_creation_input_token_cost": 0.0},
 "openai/gpt-x": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 7e-06},
 "fireworks_ai/models/": {"litellm_provider": "fireworks_ai", "mode": "chat", "input_cost_per_token": 7e-06},
 "ranges": {"litellm_provider": "dashscope", "mode": "chat", "tiered_pricing": [{"range": [0, 1]}]}
})";

TEST(PriceImport, LitellmSuffixesAreConditions) {
  const ImportReport report = import(PriceFormat::litellm, kLitellm, {.source_date = "2026-08-06"});
  const auto& rows = report.rows;
  EXPECT_EQ(per_million(find(rows, "gpt-x"), input), "5");
  EXPECT_EQ(per_million(find(rows, "gpt-x"), cache_read), "0.5");
  EXPECT_EQ(per_million(find(rows, "gpt-x", "", false, 272'000), input), "10");
  EXPECT_EQ(per_million(find(rows, "gpt-x", "priority", false, 272'000), input), "20");
  EXPECT_EQ(per_million(find(rows, "gpt-x", "priority"), input), "11");
  EXPECT_EQ(per_million(find(rows, "gpt-x", "flex"), input), "2.5");
  EXPECT_EQ(per_million(find(rows, "gpt-x", "", true), output), "15");
  EXPECT_EQ(find(rows, "gpt-x")->multipliers.at("geo:eu").to_string(), "1.1");
  EXPECT_EQ(find(rows, "gpt-x")->source, "litellm");
  EXPECT_EQ(find(rows, "gpt-x")->source_date, "2026-08-06");

  const auto* claude = find(rows, "claude-x");
  EXPECT_EQ(per_million(claude, cache_write_5m), "3.75");
  EXPECT_EQ(per_million(claude, cache_write_1h), "6");  // "above 1hr" is a lifetime, not a context size
  EXPECT_EQ(per_million(find(rows, "claude-x", "", false, 200'000), cache_write_1h), "12");
  EXPECT_EQ(claude->multipliers.at("geo:us").to_string(), "1.1");
  EXPECT_EQ(claude->multipliers.at("speed:fast").to_string(), "2");
  EXPECT_EQ(claude->rates.at(web_search), Rate::per_unit(test::usd("0.01")));

  const auto* grok = find(rows, "grok-x", "", false, 200'000);
  ASSERT_NE(grok, nullptr);
  EXPECT_TRUE(grok->context_inclusive);
  EXPECT_FALSE(find(rows, "gpt-x", "", false, 272'000)->context_inclusive);
  EXPECT_EQ(find(rows, "gpt-search")->rates.count(web_search), 0u);  // depends on the context size
  // Tuned models carry their owner's name; a write fee of 0 means none is charged, not that written tokens are free.
  EXPECT_EQ(per_million(find(rows, "ft:gpt-x:*"), input), "9");
  EXPECT_EQ(per_million(find(rows, "ft:gpt-x:*"), cache_write_5m), "unnamed");
  ASSERT_EQ(report.rounded, std::vector<std::string>{"noisy"});
  EXPECT_EQ(per_million(find(rows, "noisy"), input), "1");
  for (const auto& row : rows) EXPECT_EQ(row.region, row.provider == "azure" ? "eu" : "");
}

TEST(PriceImport, EverySkippedEntryHasAReason) {
  const ImportReport report = import(PriceFormat::litellm, kLitellm);
  std::map<std::string, std::string> reasons;
  for (const auto& skipped : report.skipped) reasons[skipped.key] = skipped.reason;
  EXPECT_EQ(reasons.size(), 8u);
  EXPECT_EQ(reasons["openai/gpt-x"], "second entry for openai/gpt-x");
  EXPECT_EQ(reasons["fireworks_ai/models/"], "no model name");
  EXPECT_EQ(reasons["free"], "all prices are 0");
  EXPECT_EQ(reasons["1024-x-1024/dall-e"], "price depends on the picture's size");
  EXPECT_EQ(reasons["sora"], "mode is not relayed");
  EXPECT_EQ(reasons["nova"], "vendor is not known here: unheard-of");
  EXPECT_EQ(reasons["ranges"], "list of ranges (tiered_pricing)");
  EXPECT_EQ(reasons.count("sample_spec"), 1u);
}

TEST(PriceImport, VendorsCanBeChosen) {
  const ImportReport report = import(PriceFormat::litellm, kLitellm, {.vendors = {"anthropic"}});
  ASSERT_FALSE(report.rows.empty());
  for (const auto& row : report.rows) EXPECT_EQ(row.provider, "anthropic");
}

TEST(PriceImport, GenaiTiersDatesAndHours) {
  const ImportReport report = import(PriceFormat::genai_prices, R"([{"id": "x-ai", "models": [
    {"id": "a", "match": {"or": [{"equals": "a"}, {"starts_with": "a-2026"}]}, "prices": {"input_mtok": {"base": 3, "tiers": [{"start": 200000, "price": 6}]}, "output_mtok": 15.5}},
    {"id": "b", "match": {"equals": "b"}, "prices": [
      {"prices": {"input_mtok": {"base": 5, "tiers": [{"start": 200000, "price": 10}]}}},
      {"constraint": {"start_date": "2026-03-13"}, "prices": {"input_mtok": 4}}]},
    {"id": "c", "match": {"equals": "c"}, "prices": [
      {"prices": {"input_mtok": 1}}, {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"input_mtok": 2}}]},
    {"id": "d", "match": {"contains": "d"}, "prices": {"input_mtok": 1}}]}])");
  EXPECT_EQ(report.rows.size(), 4u + 3u + 2u);
  EXPECT_EQ(per_million(find(report.rows, "a"), output), "15.5");
  EXPECT_EQ(per_million(find(report.rows, "a-2026*", "", false, 200'000), input), "6");
  // A newer price ends the older one together with its tiers.
  const auto built = PriceBook::build(report.rows);
  ASSERT_TRUE(built);
  PriceQuery query;
  query.provider = "xai";
  query.model = "b";
  query.at_us = utc_from_text("2026-03-13").value_or(0);
  EXPECT_EQ(test::cost_text((*built)->price(query, test::usage_of({{input, 1'000'000}}))), "4");
  query.at_us -= 1;
  EXPECT_EQ(test::cost_text((*built)->price(query, test::usage_of({{input, 1'000'000}}))), "10");
  query.model = "c";
  query.at_us = utc_from_text("2026-03-14T00:30:00Z").value_or(0);
  EXPECT_EQ(test::cost_text((*built)->price(query, test::usage_of({{input, 1'000'000}}))), "2");
  ASSERT_EQ(report.skipped.size(), 1u);
  EXPECT_EQ(report.skipped[0].reason, "match rule is neither a name nor a prefix");
}

TEST(PriceImport, OpenRouterStringsAndOverrides) {
  const ImportReport report = import(PriceFormat::openrouter, R"({"data": [
    {"id": "q/m", "pricing": {"prompt": "0.00000003", "completion": "0.0000006000000000000001", "web_search": "0.005",
      "overrides": [{"min_prompt_tokens": 32000, "prompt": "0.0000001"}]}},
    {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}}]})");
  EXPECT_EQ(per_million(find(report.rows, "q/m"), output), "0.6");
  EXPECT_EQ(report.rounded, std::vector<std::string>{"q/m"});
  const auto* tier = find(report.rows, "q/m", "", false, 32'000);
  EXPECT_EQ(per_million(tier, input), "0.1");
  EXPECT_TRUE(tier->context_inclusive);
  ASSERT_EQ(report.skipped.size(), 1u);
  EXPECT_EQ(report.skipped[0].reason, "price is decided per request");
}

TEST(PriceImport, PortkeyIsInCents) {
  const std::string_view text = R"({"default": {"pricing_config": {}},
    "gpt-5": {"pricing_config": {"currency": "USD", "pay_as_you_go": {"request_token": {"price": 0.000125}, "response_token": {"price": 0.001},
      "cache_read_input_token": {"price": 0.0000125}, "cache_write_input_token": {"price": 0}, "additional_units": {"web_search": {"price": 1}}},
      "batch_config": {"request_token": {"price": 0.0000625}}}},
    "euro": {"pricing_config": {"currency": "EUR", "pay_as_you_go": {"request_token": {"price": 1}}}}})";
  const ImportReport report = import(PriceFormat::portkey, text, {.provider = "openai"});
  const auto* row = find(report.rows, "gpt-5");
  EXPECT_EQ(per_million(row, input), "1.25");
  EXPECT_EQ(per_million(row, cache_read), "0.125");
  EXPECT_EQ(per_million(row, cache_write_5m), "unnamed");  // a zero that nobody filled in
  EXPECT_EQ(row->rates.at(web_search), Rate::per_unit(test::usd("0.01")));
  EXPECT_EQ(per_million(find(report.rows, "gpt-5", "", true), input), "0.625");
  ASSERT_EQ(report.skipped.size(), 1u);
  EXPECT_EQ(report.skipped[0].reason, "currency is EUR");
  EXPECT_FALSE(import_prices(PriceFormat::portkey, text, {}));
}

TEST(PriceImport, NotTheFormatIsAnError) {
  for (const PriceFormat format :
       {PriceFormat::litellm, PriceFormat::genai_prices, PriceFormat::openrouter, PriceFormat::portkey}) {
    EXPECT_FALSE(import_prices(format, "{\"broken\": ", {}));
    EXPECT_FALSE(import_prices(format, "", {}));
    EXPECT_FALSE(import_prices(format, "17", {}));
    EXPECT_FALSE(import_prices(format, std::string(100'000, '['), {}));
  }
  EXPECT_FALSE(import_prices(PriceFormat::openrouter, "{}", {}));
  PriceFormat format{};
  EXPECT_TRUE(price_format_from_name("genai-prices", format));
  EXPECT_EQ(format, PriceFormat::genai_prices);
  EXPECT_FALSE(price_format_from_name("csv", format));
}

TEST(PriceImport, RowsThatJumpArePutAside) {
  const auto entry = [](std::string_view a, std::string_view b) {
    return R"({"m": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": )" + std::string(a) +
           R"(, "output_cost_per_token": 1e-06}, "n": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": )" +
           std::string(b) + "}}";
  };
  const ImportReport before = import(PriceFormat::litellm, entry("1e-07", "1e-07"));
  ImportOptions options;
  options.against = &before.rows;
  // Exactly ten times is still taken, more is not: a file that is a thousand times off never reaches the book.
  const ImportReport up = import(PriceFormat::litellm, entry("1e-06", "1.01e-06"), options);
  ASSERT_EQ(up.quarantined.size(), 1u);
  EXPECT_EQ(up.quarantined[0].row.model, "n");
  EXPECT_EQ(up.quarantined[0].what, "input");
  EXPECT_EQ(up.quarantined[0].old_text, "0.1");
  EXPECT_EQ(up.quarantined[0].new_text, "1.01");
  ASSERT_EQ(up.rows.size(), 1u);
  EXPECT_EQ(import(PriceFormat::litellm, entry("9e-09", "1e-07"), options).quarantined.size(), 1u);
  EXPECT_EQ(import(PriceFormat::litellm, entry("0", "1e-07"), options).quarantined.size(), 1u);
}

TEST(PriceDiff, AddedRemovedChanged) {
  auto kept = test::row("a/kept", {{input, "1"}, {output, "2"}});
  auto kept_now = test::row("a/kept", {{input, "1"}, {output, "2.5"}, {cache_read, "0.1"}});
  kept_now.source_date = "2026-09-01";
  test::multiplier(kept_now, "batch", "0.5");
  const auto changes =
      diff_prices({kept, test::row("a/gone", {{input, "1"}})}, {kept_now, test::row("a/new", {{input, "1"}})});
  ASSERT_EQ(changes.size(), 5u);
  EXPECT_EQ(changes[0].kind, PriceChangeKind::removed);
  EXPECT_EQ(changes[0].row, "a/gone");
  EXPECT_EQ(changes[1].what, "cache_read");
  EXPECT_EQ(changes[1].old_text, "");
  EXPECT_EQ(changes[1].new_text, "0.1");
  EXPECT_EQ(changes[2].what, "multiplier batch");
  EXPECT_EQ(changes[3].what, "output");
  EXPECT_EQ(changes[3].old_text, "2");
  EXPECT_EQ(changes[3].new_text, "2.5");
  EXPECT_EQ(changes[4].kind, PriceChangeKind::added);
  EXPECT_EQ(changes[4].row, "a/new");
  EXPECT_TRUE(diff_prices({kept}, {kept}).empty());
}

constexpr const char* kProviders = R"(providers:
  azure: {dialect: openai.chat, base_url: "http://127.0.0.1:1/v1", api_key: none}
  lab: {dialect: openai.chat, base_url: "http://127.0.0.1:1/v1", api_key: none}
)";

// Rows written as YAML and read back by the configuration loader are the same rows.
void expect_same_after_yaml(const std::vector<config::PriceRow>& rows) {
  std::stringstream indented;
  std::stringstream yaml(prices_to_yaml(rows));
  for (std::string line; std::getline(yaml, line);) indented << "  " << line << "\n";
  const auto loaded =
      config::load_text(std::string(kProviders) + "shipped_prices: false\nprices:\n" + indented.str(), "test.yaml");
  for (const auto& error : loaded.errors) ADD_FAILURE() << error.to_string();
  for (const PriceChange& change : diff_prices(rows, loaded.config.prices)) {
    ADD_FAILURE() << change.row << " " << change.what << " " << change.old_text << " -> " << change.new_text;
  }
  EXPECT_EQ(rows.size(), loaded.config.prices.size());
  for (std::size_t i = 0; i < rows.size() && i < loaded.config.prices.size(); ++i) {
    EXPECT_EQ(rows[i].source, loaded.config.prices[i].source);
    EXPECT_EQ(rows[i].source_date, loaded.config.prices[i].source_date);
    EXPECT_EQ(rows[i].valid_to_us, loaded.config.prices[i].valid_to_us);
  }
}

TEST(PriceYaml, ReadsBackAsTheSameRows) {
  expect_same_after_yaml(import(PriceFormat::litellm, kLitellm, {.source_date = "2026-08-06"}).rows);
  auto peak = test::row("deepseek/m: x, \"q\"", {{input, "1"}, {characters, "3"}});
  peak.weekdays = 0x1f;
  peak.from_minute = 60;
  peak.to_minute = 24 * 60;
  peak.valid_from_us = utc_from_text("2026-08-16").value_or(0);
  peak.valid_to_us = utc_from_text("2026-12-31T01:02:03Z").value_or(0);
  peak.region = "eu";
  auto wild = test::row("lab/*", {{input, "0.000001"}, {output, "123456.5"}});
  test::fee(wild, web_search, "0.014");
  auto contract = test::row("deepseek/m", {{input, "1"}});
  contract.currency = "CNY";
  test::fee(contract, search_units, "0.002");
  auto same = test::row("vertex/*", {});
  same.same_as = "google";
  expect_same_after_yaml({peak, wild, contract, same, test::row("openai/ft:gpt-4o*", {{input, "3.75"}})});
}

TEST(PriceImport, RealFilesGiveUsableRows) {
  const auto root = test::data_dir() / "prices";
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "recorded price files are not here: " << root;
  struct File {
    PriceFormat format;
    const char *path, *provider;
    std::size_t at_least;
  };
  for (const File& file : {File{PriceFormat::litellm, "litellm_2026-08-06.json", "", 800},
                           File{PriceFormat::genai_prices, "genai-prices/data.json", "", 800},
                           File{PriceFormat::openrouter, "openrouter_models_2026-08-01.json", "", 200},
                           File{PriceFormat::portkey, "portkey/anthropic.json", "anthropic", 10}}) {
    ImportOptions options;
    options.provider = file.provider;
    options.source_date = "2026-08-06";
    const ImportReport report = import(file.format, test::read_text(root / file.path), options);
    std::printf("  %-36s %4zu rows, %4zu skipped, %2zu rounded\n", file.path, report.rows.size(), report.skipped.size(),
                report.rounded.size());
    EXPECT_GE(report.rows.size(), file.at_least) << file.path;
    EXPECT_TRUE(PriceBook::build(report.rows)) << file.path;
    for (const auto& skipped : report.skipped) EXPECT_FALSE(skipped.reason.empty());
  }
}

}  // namespace
}  // namespace tollgate::billing
