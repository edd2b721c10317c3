#include <gtest/gtest.h>

#include <filesystem>

#include "gateway/batches/tally.h"

namespace tollgate::gateway {
namespace {

BatchBinding binding_of(std::string surface) {
  return {.provider = "openai",
          .surface = std::move(surface),
          .batch_id = "batch_abc",
          .endpoint = "/v1/chat/completions",
          .request_id = Id::next(),
          .created_us = 1'763'700'000'000'000,
          .team = "search",
          .feature = "nightly",
          .environment = "prod",
          .key_id = "k1",
          .tags = {{"run", "7"}}};
}

std::shared_ptr<const billing::PriceBook> book() {
  config::PriceRow row;
  row.id = "mini@batch";
  row.provider = "openai";
  row.model = "mini";
  row.rates[Bucket::input] = Rate::per_million(*Money::parse("2"));
  row.rates[Bucket::output] = Rate::per_million(*Money::parse("8"));
  row.multipliers["batch"] = *Factor::parse("0.5");
  auto built = billing::PriceBook::build({row});
  EXPECT_TRUE(built) << (built ? "" : built.error().message);
  return *built;
}

std::string openai_line(std::string_view model, int in, int out) {
  return R"({"id":"r","custom_id":"c","response":{"status_code":200,"body":{"model":")" + std::string(model) +
         R"(","choices":[],"usage":{"prompt_tokens":)" + std::to_string(in) + R"(,"completion_tokens":)" +
         std::to_string(out) + R"(,"total_tokens":)" + std::to_string(in + out) + R"(}}},"error":null})";
}

TEST(BatchTally, OneRowPerModelAtBatchPriceWithStableIds) {
  const BatchBinding binding = binding_of("batches");
  const auto prices = book();
  config::Provider provider;
  provider.name = "openai";
  BatchTally tally(binding, *prices, provider);
  tally.line(openai_line("mini-2025-08-07", 1000, 10));
  tally.line("");
  tally.line(openai_line("mini-2025-08-07", 500, 20));
  tally.line(R"({"id":"r","custom_id":"d","response":null,"error":{"code":"expired"}})");
  tally.line(openai_line("unknown", 1, 1));
  const auto rows = tally.records(binding.created_us + 5);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(tally.lines(), 4u);
  const auto& mini = rows[0].model == "mini" ? rows[0] : rows[1];
  const auto& other = rows[0].model == "mini" ? rows[1] : rows[0];
  EXPECT_EQ(mini.usage[Bucket::input], 1500);
  EXPECT_EQ(mini.usage[Bucket::output], 30);
  EXPECT_EQ(mini.cost->to_string(), "0.00162");  // (1500 * 2 + 30 * 8) / 1e6 * 0.5
  EXPECT_EQ(mini.team, "search");
  EXPECT_EQ(mini.started_us, binding.created_us);
  EXPECT_FALSE(other.cost) << "unknown is never zero";
  EXPECT_EQ(other.cost_source, billing::CostSource::unpriced);

  BatchTally again(binding, *prices, provider);
  again.line(openai_line("mini-2025-08-07", 500, 20));
  EXPECT_EQ(again.records(9)[0].id, mini.id) << "the id is the batch's and the model's, whatever was counted";
  BatchBinding third = binding;
  third.batch_id = "batch_other";
  BatchTally elsewhere(third, *prices, provider);
  elsewhere.line(openai_line("mini-2025-08-07", 500, 20));
  EXPECT_NE(elsewhere.records(9)[0].id, mini.id);
}

TEST(BatchTally, AnthropicResults) {
  BatchBinding binding = binding_of("message_batches");
  const auto prices = book();
  config::Provider provider;
  provider.name = "openai";
  BatchTally tally(binding, *prices, provider);
  tally.line(
      R"({"custom_id":"a","result":{"type":"succeeded","message":{"model":"mini","usage":{"input_tokens":10,"output_tokens":3}}}})");
  tally.line(R"({"custom_id":"b","result":{"type":"errored","error":{"type":"error"}}})");
  const auto rows = tally.records(9);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].cost->to_string(), "0.000022");
}

TEST(BatchTally, NothingBilledIsARowOfZero) {
  const BatchBinding binding = binding_of("batches");
  const auto prices = book();
  config::Provider provider;
  BatchTally tally(binding, *prices, provider);
  const auto rows = tally.records(9);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].cost, Money{});
  EXPECT_EQ(rows[0].error_code, "batch_without_results");
}

TEST(BatchStore, KeepsBindingsUntilTheyAreRemoved) {
  const std::string folder = testing::TempDir() + "/batch-store-" + Id::next().to_string();
  const BatchStore store(folder);
  std::vector<std::string> damaged;
  EXPECT_TRUE(store.load(damaged).empty());
  const BatchBinding binding = binding_of("batches");
  ASSERT_TRUE(store.keep(binding));
  ASSERT_TRUE(store.keep(binding));
  auto found = store.load(damaged);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].batch_id, binding.batch_id);
  EXPECT_EQ(found[0].request_id, binding.request_id);
  EXPECT_EQ(found[0].tags, binding.tags);
  EXPECT_EQ(found[0].created_us, binding.created_us);
  for (const auto& file : std::filesystem::directory_iterator(folder))
    std::filesystem::resize_file(file.path(), 10);  // a torn write
  EXPECT_TRUE(store.load(damaged).empty());
  EXPECT_EQ(damaged.size(), 1u);
  store.remove(binding);
  damaged.clear();
  EXPECT_TRUE(store.load(damaged).empty());
  EXPECT_TRUE(damaged.empty());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tollgate::gateway
