// Names, types and histogram bounds of vllm:*: docs.vllm.ai usage/metrics v0.32; gpu_* are the older names that routers
// still read.
#include "gateway/local/engine_metrics.h"

#include "gateway/local/chat_answer.h"
#include "local_backend/engine/engine.h"

namespace tollgate::gateway {
namespace {

constexpr double kMicros = 1e6;
constexpr double kPicos = 1e12;

// Microseconds.
const std::vector<std::int64_t> kFirstTokenBounds{
    1'000,      5'000,      10'000,     20'000,      40'000,      60'000,       80'000,    100'000,
    250'000,    500'000,    750'000,    1'000'000,   2'500'000,   5'000'000,    7'500'000, 10'000'000,
    20'000'000, 40'000'000, 80'000'000, 160'000'000, 640'000'000, 2'560'000'000};
const std::vector<std::int64_t> kGapBounds{1'000,      2'500,      5'000,      10'000,    25'000,    50'000,
                                           75'000,     100'000,    150'000,    200'000,   300'000,   400'000,
                                           500'000,    750'000,    1'000'000,  2'500'000, 5'000'000, 7'500'000,
                                           10'000'000, 20'000'000, 40'000'000, 80'000'000};
const std::vector<std::int64_t> kWholeBounds{
    300'000,    500'000,     800'000,     1'000'000,   1'500'000,   2'000'000,     2'500'000,
    5'000'000,  10'000'000,  15'000'000,  20'000'000,  30'000'000,  40'000'000,    50'000'000,
    60'000'000, 120'000'000, 240'000'000, 480'000'000, 960'000'000, 1'920'000'000, 7'680'000'000};

std::uint64_t count(std::int64_t value) { return static_cast<std::uint64_t>(value); }

// For the two kinds of names: ours go with the labels of tollgate_attempts_total.
struct Names {
  Labels vllm, ours;
};

void tell_state(const local::EngineStats& now, const Names& names, MetricsSink& sink) {
  const local::SchedulerStats& plan = now.scheduler;
  const auto running = static_cast<std::int64_t>(plan.running), waiting = static_cast<std::int64_t>(plan.waiting);
  const double used = plan.blocks > 0 ? static_cast<double>(plan.blocks_used) / static_cast<double>(plan.blocks) : 0;
  const auto micro_used = static_cast<std::int64_t>(used * kMicros);
  sink.gauge("vllm:num_requests_running", "Answers being made", names.vllm, running);
  sink.gauge("vllm:num_requests_waiting", "Answers in the queue", names.vllm, waiting);
  sink.gauge("vllm:kv_cache_usage_perc", "Share of the KV blocks in use, 0 to 1", names.vllm, micro_used, kMicros);
  sink.gauge("vllm:gpu_cache_usage_perc", "Older name of vllm:kv_cache_usage_perc", names.vllm, micro_used, kMicros);
  Labels cache = names.vllm;
  cache.emplace_back("block_size", std::to_string(local::kBlockTokens));
  cache.emplace_back("num_gpu_blocks", std::to_string(plan.blocks));
  sink.gauge("vllm:cache_config_info", "Tokens per KV block, and how many blocks there are", cache, 1);
  sink.gauge("tollgate_engine_saturation", "How full the engine is: 1 = full, more = callers wait", names.ours,
             static_cast<std::int64_t>(local::saturation(now) * kMicros), kMicros);
}

void tell_sums(const local::EngineStats& now, const Names& names, MetricsSink& sink) {
  const local::SchedulerStats& plan = now.scheduler;
  sink.counter("vllm:prompt_tokens_total", "Tokens of prompts", names.vllm, plan.prompt_tokens);
  sink.counter("vllm:generation_tokens_total", "Tokens of answers", names.vllm, plan.answer_tokens);
  sink.counter("vllm:prefix_cache_queries_total", "Tokens looked up in the prefix cache", names.vllm,
               plan.prefix_queried);
  sink.counter("vllm:prefix_cache_hits_total", "Tokens found in the prefix cache", names.vllm, plan.prefix_hits);
  sink.counter("vllm:gpu_prefix_cache_queries_total", "Older name of vllm:prefix_cache_queries_total", names.vllm,
               plan.prefix_queried);
  sink.counter("vllm:gpu_prefix_cache_hits_total", "Older name of vllm:prefix_cache_hits_total", names.vllm,
               plan.prefix_hits);
  sink.counter("vllm:num_preemptions_total", "Answers set back to the queue for want of KV blocks", names.vllm,
               plan.preemptions);
  sink.counter("vllm:spec_decode_num_draft_tokens_total", "Tokens guessed", names.vllm, plan.drafted);
  sink.counter("vllm:spec_decode_num_accepted_tokens_total", "Tokens guessed right", names.vllm, plan.accepted);
  sink.counter("tollgate_engine_rejected_total", "Answers refused because the queue was full", names.ours,
               plan.rejected);
}

// What chatting engines and embedders have in common: how the machine's time went, and what the idle part cost.
void tell_machine(std::int64_t busy_us, std::int64_t idle_us, std::uint64_t steps, const std::optional<Money>& hourly,
                  const Labels& labels, MetricsSink& sink) {
  sink.counter("tollgate_engine_steps_total", "Steps computed", labels, steps);
  sink.counter("tollgate_engine_busy_seconds_total", "Machine time that answers share", labels, count(busy_us),
               kMicros);
  sink.counter("tollgate_engine_idle_seconds_total", "Machine time without work", labels, count(idle_us), kMicros);
  if (!hourly) return;
  constexpr Money::Femto kFemtoPerPico = 1'000;
  sink.counter("tollgate_engine_idle_cost_usd_total", "What the time without work cost, which is on no row", labels,
               static_cast<std::uint64_t>(machine_cost(idle_us, *hourly).femto() / kFemtoPerPico), kPicos);
}

void tell_embedder(const LoadedModel& model, const Names& names, MetricsSink& sink) {
  const local::EmbedStats now = model.embedder->stats();
  sink.counter("vllm:prompt_tokens_total", "Tokens of prompts", names.vllm, now.tokens);
  tell_machine(now.busy_us, now.idle_us, now.passes, model.row.hourly_cost, names.ours, sink);
}

void tell_engine(const LoadedModel& model, const Names& names, MetricsSink& sink) {
  const local::EngineStats now = model.engine->stats();
  tell_state(now, names, sink);
  tell_sums(now, names, sink);
  model.meter->tell(sink, names.vllm);
  sink.gauge("tollgate_engine_prefix_blocks", "KV blocks that prompts may begin with", names.ours,
             static_cast<std::int64_t>(model.prefixes->size()));
  tell_machine(now.busy_us, now.idle_us, now.steps, model.row.hourly_cost, names.ours, sink);
}

}  // namespace

EngineMeter::EngineMeter()
    : first_token_(kFirstTokenBounds), gap_(kGapBounds), whole_(kWholeBounds), queue_(kWholeBounds) {}

void EngineMeter::on_answer(const local::AnswerEnd& end) {
  using Reason = local::StopReason;
  (end.reason == Reason::length      ? cut_
   : end.reason == Reason::cancelled ? cancelled_
   : end.reason == Reason::failed    ? failed_
                                     : stopped_)
      .add();
  whole_.observe(end.total_us);
  if (end.machine_us > 0) queue_.observe(end.queued_us);
  if (end.answer_tokens > 0) first_token_.observe(end.first_token_us);
}

void EngineMeter::tell(MetricsSink& sink, const Labels& labels) const {
  for (const auto& [reason, counter] :
       {std::pair{"stop", &stopped_}, {"length", &cut_}, {"abort", &cancelled_}, {"error", &failed_}}) {
    Labels with_reason = labels;
    with_reason.emplace_back("finished_reason", reason);
    sink.counter("vllm:request_success_total", "Answers that ended, by why", with_reason, counter->value());
  }
  sink.histogram("vllm:time_to_first_token_seconds", "From the request to its first token", labels, first_token_,
                 kMicros);
  sink.histogram("vllm:inter_token_latency_seconds", "Between two tokens of an answer", labels, gap_, kMicros);
  sink.histogram("vllm:time_per_output_token_seconds", "Older name of vllm:inter_token_latency_seconds", labels, gap_,
                 kMicros);
  sink.histogram("vllm:e2e_request_latency_seconds", "From the request to its last token", labels, whole_, kMicros);
  sink.histogram("vllm:request_queue_time_seconds", "From the request to its first step", labels, queue_, kMicros);
}

void tell_engines(const LocalModels& models, MetricsSink& sink) {
  for (const auto& model : models.all()) {
    const Names names{.vllm = {{"model_name", model->row.name}, {"engine", "0"}}, .ours = {{"model", model->row.name}}};
    sink.gauge("tollgate_engine_loaded", "Whether the local model can answer", names.ours, model->ready() ? 1 : 0);
    if (model->engine) tell_engine(*model, names, sink);
    if (model->embedder) tell_embedder(*model, names, sink);
  }
}

}  // namespace tollgate::gateway
