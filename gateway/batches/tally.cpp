#include "gateway/batches/tally.h"

#include <algorithm>

#include "core/json.h"
#include "core/sha256.h"

namespace tollgate::gateway {
namespace {

using billing::UsageDialect;

UsageDialect dialect_of(const BatchBinding& binding) {
  if (binding.surface == "message_batches") return UsageDialect::anthropic_messages;
  if (binding.endpoint.ends_with("/responses")) return UsageDialect::openai_responses;
  if (binding.endpoint.ends_with("/embeddings")) return UsageDialect::openai_embeddings;
  if (binding.endpoint.ends_with("/chat/completions")) return UsageDialect::openai_chat;
  if (binding.endpoint.ends_with("/completions")) return UsageDialect::openai_completions;
  return UsageDialect::detect;
}

// The reply inside of a result line: response.body (OpenAI), result.message (Anthropic); "" for failures.
std::string_view reply_of(std::string_view line, bool anthropic) {
  const auto member = [](std::string_view text, std::string_view name) -> std::string_view {
    ByteRange range;
    if (text.empty() || !scan_members(text, {&name, 1}, {&range, 1})) return {};
    const std::string_view value = text.substr(range.begin, range.end - range.begin);
    return value.starts_with('{') ? value : std::string_view{};
  };
  return anthropic ? member(member(line, "result"), "message") : member(member(line, "response"), "body");
}

int hex_value(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

// A UUID of version 8 (RFC 9562): the digest of what the row stands for.
Id row_id(const BatchBinding& binding, const std::string& model) {
  const std::string digest =
      sha256_hex("tollgate batch row|" + binding.provider + "|" + binding.batch_id + "|" + model);
  Id id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i)
    id.bytes[i] = static_cast<std::uint8_t>(hex_value(digest[2 * i]) << 4 | hex_value(digest[2 * i + 1]));
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0F) | 0x80);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3F) | 0x80);
  return id;
}

}  // namespace

BatchTally::BatchTally(const BatchBinding& binding, const billing::PriceBook& prices, const config::Provider& provider)
    : binding_(binding), prices_(prices), provider_(provider), dialect_(dialect_of(binding)) {}

void BatchTally::line(std::string_view json) {
  if (json.find_first_not_of(" \t\r") == std::string_view::npos) return;
  ++lines_;
  padded_.assign(json);
  padded_.resize(json.size() + kJsonPadding);
  const std::string_view reply =
      reply_of(std::string_view(padded_).substr(0, json.size()), binding_.surface == "message_batches");
  if (reply.empty()) {
    ++failed_;
  } else {
    add(reply);
  }
}

// Prices are listed by the names that are asked for; a reply names the dated version. The longest name with a price
// wins.
std::string BatchTally::priced_name(const std::string& served) const {
  std::string name = served;
  for (;;) {
    if (prices_.knows({.provider = binding_.provider,
                       .model = name,
                       .region = provider_.region,
                       .batch = true,
                       .at_us = binding_.created_us}))
      return name;
    const std::size_t dash = name.rfind('-');
    const bool dated = dash != std::string::npos && dash + 1 < name.size() &&
                       std::all_of(name.begin() + static_cast<std::ptrdiff_t>(dash) + 1, name.end(),
                                   [](char c) { return c >= '0' && c <= '9'; });
    if (!dated) return served;
    name.resize(dash);
  }
}

void BatchTally::add(std::string_view reply) {
  reader_.reset(dialect_, billing::usage_flags_from(provider_.usage_flags));
  reader_.reply(reply);
  const Usage& usage = reader_.usage();
  const std::string model = priced_name(reader_.served_model());
  ModelSum& sum = models_[model];
  ++sum.requests;
  const auto priced = prices_.price({.provider = binding_.provider,
                                     .model = model,
                                     .region = provider_.region,
                                     .batch = true,
                                     .at_us = binding_.created_us},
                                    usage, reader_.parts());
  for (std::size_t b = 0; b < kBuckets; ++b) sum.usage.counts[b] += usage.counts[b];
  sum.usage.reported = true;
  sum.usage.identity_ok = sum.usage.identity_ok && usage.identity_ok && usage.reported;
  sum.cost_known = sum.cost_known && usage.reported && priced.cost.has_value();
  sum.baseline_known = sum.baseline_known && priced.baseline.has_value();
  if (priced.cost) sum.cost += *priced.cost;
  if (priced.baseline) sum.baseline += *priced.baseline;
  sum.estimated = sum.estimated || priced.source == billing::CostSource::estimated;
  sum.price_ids.insert(priced.price_ids.begin(), priced.price_ids.end());
}

billing::CostRecord BatchTally::row(const std::string& model, std::int64_t finished_us) const {
  billing::CostRecord row;
  row.id = row_id(binding_, model);
  row.request_id = binding_.request_id;
  row.started_us = binding_.created_us;
  row.finished_us = finished_us;
  row.duration_us = finished_us - binding_.created_us;
  row.team = binding_.team;
  row.feature = binding_.feature;
  row.environment = binding_.environment;
  row.user_id = binding_.user_id;
  row.key_id = binding_.key_id;
  row.quarantined = binding_.quarantined;
  row.tags = binding_.tags;
  row.tags.emplace_back("batch_id", binding_.batch_id);
  row.surface = binding_.surface;
  row.provider = binding_.provider;
  row.requested_model = row.model = row.served_model = model;
  row.provider_request_id = binding_.batch_id;
  row.http_status = 200;
  return row;
}

std::vector<billing::CostRecord> BatchTally::records(std::int64_t finished_us) const {
  std::vector<billing::CostRecord> rows;
  for (const auto& [model, sum] : models_) {
    billing::CostRecord one = row(model, finished_us);
    one.tags.emplace_back("batch_requests", std::to_string(sum.requests));
    one.usage = sum.usage;
    one.attempt = static_cast<std::uint32_t>(rows.size() + 2);  // the creating call was the first
    one.cost_source = !sum.cost_known ? billing::CostSource::unpriced
                      : sum.estimated ? billing::CostSource::estimated
                                      : billing::CostSource::computed;
    if (sum.cost_known) one.cost = sum.cost;
    if (sum.baseline_known) one.baseline_cost = sum.baseline;
    one.price_ids.assign(sum.price_ids.begin(), sum.price_ids.end());
    std::sort(one.tags.begin(), one.tags.end());
    rows.push_back(std::move(one));
  }
  if (rows.empty()) {
    rows.push_back(row("", finished_us));
    rows.back().attempt = 2;
    rows.back().outcome = billing::Outcome::error;
    rows.back().error_code = "batch_without_results";
    rows.back().cost = rows.back().baseline_cost = Money{};
    rows.back().cost_source = billing::CostSource::computed;
    std::sort(rows.back().tags.begin(), rows.back().tags.end());
  }
  return rows;
}

}  // namespace tollgate::gateway
