// The engines in /metrics: under vLLM's names, which dashboards, routers and autoscalers know, and what only we tell
// under ours. Read from the engines at each scrape; a model that is gone is gone from the next one.
#pragma once

#include "core/metrics.h"
#include "gateway/local/local_models.h"
#include "local_backend/engine/stats.h"

namespace tollgate::gateway {

// What one loaded model's answers took. Thread rule: fed on the engine's thread, read on any.
class EngineMeter final : public local::EngineObserver {
 public:
  EngineMeter();
  void on_gap(std::int64_t us) override { gap_.observe(us); }
  void on_answer(const local::AnswerEnd& end) override;
  void tell(MetricsSink& sink, const Labels& labels) const;

 private:
  Counter stopped_, cut_, cancelled_, failed_;
  Histogram first_token_, gap_, whole_, queue_;
};

// Tells of every model that is configured. Thread rule: any.
void tell_engines(const LocalModels& models, MetricsSink& sink);

}  // namespace tollgate::gateway
