// From an attempt to its ledger row: usage, price, spool, metrics. Unknown stays unknown: a missing count may be
// estimated and says so, a missing price leaves the cost empty, and zero is only written where the vendor bills
// nothing.
#include <algorithm>

#include "gateway/exchange.h"

namespace tollgate::gateway {
namespace {

constexpr std::int64_t kBytesPerToken = 4;  // rule of thumb for cut streams; such rows say cost_source = estimated

std::string bounded(std::string_view text, std::size_t limit = 256) { return std::string(text.substr(0, limit)); }

}  // namespace

// Starts the attempt's record, takes room for it in the spool and makes the intent durable.
Result<void> Exchange::begin_record(const router::TargetRef& target) {
  const billing::PriceQuery query{.provider = vendor_->config->name,
                                  .model = target.model,
                                  .region = vendor_->config->region,
                                  .service_tier = scan_.service_tier,
                                  .at_us = wall_micros()};
  if (snapshot_->config.unpriced == config::UnpricedPolicy::block && !snapshot_->prices->knows(query))
    return Error{.kind = ErrorKind::client_fault,
                 .status = 403,
                 .code = "unpriced_model",
                 .message = "no price is known for '" + target.text +
                            "' and the policy is unpriced: block; add a row under prices:"};
  if (auto room = worker_.spool->admit(); !room) return room;
  record_ = billing::CostRecord{};
  record_.id = Id::next();
  record_.request_id = request_id_;
  record_.attempt = ++attempts_;
  record_.started_us = query.at_us;
  attempt_started_ = SteadyClock::now();
  record_.team = who_.team;
  record_.feature = who_.feature;
  record_.environment = who_.environment;
  record_.user_id = who_.user_id;
  record_.tags = who_.tags;
  record_.quarantined = who_.quarantined;
  if (key_) record_.key_id = key_->id;
  record_.surface = in_.surface->name;
  record_.requested_model = bounded(scan_.model);
  record_.provider = vendor_->config->name;
  record_.model = bounded(target.model);
  record_.route = plan_.route;
  record_.stream = scan_.stream;
  settled_ = reached_ = reply_whole_ = false;
  auto opened = worker_.spool->open(record_);
  if (!opened) worker_.spool->release();
  return opened;
}

void Exchange::fill_usage_and_cost(billing::Outcome outcome) {
  record_.usage = usage_.usage();
  record_.served_model = bounded(usage_.served_model());
  record_.provider_request_id = bounded(usage_.provider_request_id());
  if (!snapshot_->config.ledger.keep_raw_usage) record_.usage.raw.clear();
  Usage& usage = record_.usage;
  const bool nothing_billed =
      !reached_ || record_.http_status >= 300 || in_.surface->operation == Operation::count_tokens ||
      (passes_through() && (in_.head->method != "POST" || in_.surface->id != SurfaceId::passthrough)) ||
      (outcome == billing::Outcome::error && usage_.saw_error() && !usage_.saw_content() && !usage.reported);
  if (nothing_billed) {
    record_.cost = record_.baseline_cost = Money{};
    record_.cost_source = billing::CostSource::computed;
    return;
  }
  if (passes_through() && record_.model.empty()) record_.model = record_.served_model;
  if (passes_through() && !usage.reported) {  // anything may have been bought here
    record_.cost_source = billing::CostSource::unpriced;
    return;
  }
  // Cut or silent: the counts seen so far are a lower bound, and those never sent must be judged.
  const bool whole = outcome == billing::Outcome::ok || reply_whole_ || usage_.saw_terminal();
  const bool estimated = !usage.reported || !whole;
  if (estimated) {
    if (usage.input_side() == 0) usage[Bucket::input] = static_cast<std::int64_t>(in_.body.size()) / kBytesPerToken + 1;
    if (in_.surface->generates()) {
      const std::int64_t seen = usage[Bucket::output] + usage[Bucket::reasoning];
      const std::int64_t judged =
          std::max(usage_.estimated_output_tokens(),
                   scan_.stream || !whole ? 0 : static_cast<std::int64_t>(reply_bytes_) / kBytesPerToken);
      if (judged > seen) usage[Bucket::output] += judged - seen;
    }
  }
  auto priced = snapshot_->prices->price({.provider = record_.provider,
                                          .model = record_.model,
                                          .region = vendor_->config->region,
                                          .service_tier = scan_.service_tier,
                                          .at_us = record_.started_us},
                                         usage, estimated ? std::span<const billing::UsagePart>{} : usage_.parts());
  record_.cost = priced.cost;
  record_.baseline_cost = priced.baseline;
  record_.cost_source =
      vendor_->local && priced.source == billing::CostSource::provider ? billing::CostSource::local : priced.source;
  if (estimated && priced.source == billing::CostSource::computed) record_.cost_source = billing::CostSource::estimated;
  record_.price_ids = std::move(priced.price_ids);
}

// Makes the attempt's result durable. After success the client may be sent its last byte.
Result<void> Exchange::settle(billing::Outcome outcome, std::string_view error_code) {
  record_.outcome = outcome;
  record_.error_code = error_code;
  record_.duration_us =
      std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - attempt_started_).count();
  record_.finished_us = record_.started_us + record_.duration_us;
  fill_usage_and_cost(outcome);
  settled_ = true;
  worker_.metrics.attempt(record_);
  log_attempt();
  auto kept = worker_.spool->settle(record_);
  if (!kept)
    log_error("an attempt could not be written to the spool",
              {{"request_id", request_id_.to_string()}, {"error", kept.error().message}});
  return kept;
}

// The access log's line, if it is on; and, always, what an operator must hear of at once: money that cannot be counted.
void Exchange::log_attempt() const {
  if (!record_.cost)
    log_warn("no price is known for a target: its cost is recorded as unknown; add a row under prices:",
             {{"target", std::string_view(target_->text)}});
  if (!snapshot_->config.log.access) return;
  log_info("attempt",
           {{"request_id", std::string_view(request_id_.to_string())},
            {"surface", in_.surface->name},
            {"target", std::string_view(target_->text)},
            {"attempt", static_cast<std::int64_t>(record_.attempt)},
            {"outcome", std::string_view(billing::outcome_name(record_.outcome))},
            {"status", static_cast<std::int64_t>(record_.http_status)},
            {"error", std::string_view(record_.error_code)},
            {"team", std::string_view(record_.team)},
            {"feature", std::string_view(record_.feature)},
            {"environment", std::string_view(record_.environment)},
            {"duration_us", record_.duration_us},
            {"cost_usd", record_.cost ? std::string_view(record_.cost->to_string()) : std::string_view("unknown")}});
}

}  // namespace tollgate::gateway
