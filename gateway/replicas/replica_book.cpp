#include "gateway/replicas/replica_book.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "core/json.h"

namespace tollgate::gateway {
namespace {

// Members of request bodies that make up the prompt, in the order in which engines' templates usually read them; the
// last group is where prompts grow. Names of OpenAI's, Anthropic's and Gemini's requests.
constexpr std::array<std::string_view, 9> kPromptMembers{
    "tools", "system", "systemInstruction", "instructions", "system_instruction", "messages", "contents",
    "input", "prompt"};
constexpr std::size_t kFixedMembers = 5;

std::vector<std::uint64_t> chunks_of(std::string_view body) {
  std::array<ByteRange, kPromptMembers.size()> values{};
  if (!scan_members(body, kPromptMembers, values)) return {};
  std::vector<std::string_view> parts;
  std::string_view growing;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string_view text = body.substr(values[i].begin, values[i].end - values[i].begin);
    if (i < kFixedMembers) {
      if (!text.empty()) parts.push_back(text);
    } else if (growing.empty()) {
      growing = text;
    }
  }
  parts.push_back(growing);
  return router::prompt_chunks(parts);
}

}  // namespace

ReplicaBook::ReplicaBook(MetricsRegistry& metrics)
    : by_prefix_(metrics.counter("tollgate_replica_choices_total", "Requests sent to a replica, by what decided",
                                 {{"reason", "prefix"}})),
      by_load_(metrics.counter("tollgate_replica_choices_total", "Requests sent to a replica, by what decided",
                               {{"reason", "load"}})) {
  metrics.on_collect([this](MetricsSink& sink) {
    const std::scoped_lock lock(mutex_);
    for (const auto& [provider, replica] : replicas_) {
      const Labels labels{{"provider", provider}};
      sink.gauge("tollgate_replica_answers", "0 if the replica's load could not be read three times in a row", labels,
                 replica->answers() ? 1 : 0);
      sink.gauge("tollgate_replica_requests_under_way", "Requests of this gateway at the replica", labels,
                 replica->under_way.load(std::memory_order_relaxed));
      if (const std::int64_t told = replica->told.load(std::memory_order_relaxed); told >= 0)
        sink.gauge("tollgate_replica_requests", "Requests that run or wait at the replica, by its own words", labels,
                   told);
    }
  });
}

std::shared_ptr<ReplicaBook::Route> ReplicaBook::make_route(const config::Model& model,
                                                            const Snapshot& snapshot) const {
  std::vector<std::string> targets, providers;
  std::vector<std::shared_ptr<Replica>> replicas;
  for (const config::Target& target : model.targets) {
    const config::Provider* provider = snapshot.config.find_provider(target.provider);
    if (!provider || provider->load_path.empty() || targets.size() == config::kMaxReplicas) continue;
    targets.push_back(target.text());
    providers.push_back(target.provider);
    replicas.push_back(replicas_.find(target.provider)->second);
  }
  const std::size_t count = targets.size();
  return std::shared_ptr<Route>(
      new Route{std::move(targets), std::move(providers), std::move(replicas), router::ReplicaSet(count)});
}

void ReplicaBook::apply(const Snapshot& snapshot) {
  const std::scoped_lock lock(mutex_);
  decltype(replicas_) replicas;
  for (const config::Provider& provider : snapshot.config.providers) {
    if (provider.load_path.empty()) continue;
    const auto known = replicas_.find(provider.name);
    replicas[provider.name] = known == replicas_.end() ? std::make_shared<Replica>() : known->second;
  }
  replicas_ = std::move(replicas);
  decltype(routes_) routes;
  for (const config::Model& model : snapshot.config.models) {
    if (model.strategy != config::Strategy::prefix) continue;
    auto route = make_route(model, snapshot);
    const auto known = routes_.find(model.name);
    const bool same = known != routes_.end() && known->second->targets == route->targets;
    routes[model.name] = same ? known->second : std::move(route);
  }
  routes_ = std::move(routes);
}

void ReplicaBook::order(router::Plan& plan, std::string_view body) {
  std::shared_ptr<Route> route;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = routes_.find(plan.route);
    if (found == routes_.end()) return;
    route = found->second;
  }
  std::vector<std::int64_t> load;
  for (const auto& replica : route->replicas) {
    const std::int64_t own = replica->under_way.load(std::memory_order_relaxed);
    load.push_back(replica->answers() ? std::max(own, replica->told.load(std::memory_order_relaxed)) : -1);
  }
  const router::ReplicaSet::Choice choice = route->set.choose(chunks_of(body), load);
  (choice.by_prefix ? by_prefix_ : by_load_).add();
  std::vector<router::TargetRef> ordered;
  for (const std::size_t replica : choice.order) {
    const auto at = std::find_if(plan.targets.begin(), plan.targets.end(), [&](const router::TargetRef& target) {
      return target.text == route->targets[replica];
    });
    if (at == plan.targets.end()) continue;  // it cannot take this request
    ordered.push_back(std::move(*at));
    plan.targets.erase(at);
  }
  plan.targets.insert(plan.targets.begin(), std::make_move_iterator(ordered.begin()),
                      std::make_move_iterator(ordered.end()));
}

std::shared_ptr<Replica> ReplicaBook::find(std::string_view provider) const {
  const std::scoped_lock lock(mutex_);
  const auto found = replicas_.find(provider);
  return found == replicas_.end() ? nullptr : found->second;
}

bool ReplicaBook::told(std::string_view provider, const std::optional<EngineLoad>& load) {
  const std::scoped_lock lock(mutex_);
  const auto found = replicas_.find(provider);
  if (found == replicas_.end()) return false;
  Replica& replica = *found->second;
  const bool answered = replica.answers();
  if (load) {
    replica.told.store(load->running + load->waiting, std::memory_order_relaxed);
    replica.misses.store(0, std::memory_order_relaxed);
    return !answered;
  }
  if (!answered) return false;
  replica.misses.fetch_add(1, std::memory_order_relaxed);
  if (replica.answers()) return false;
  replica.told.store(-1, std::memory_order_relaxed);
  for (const auto& [name, route] : routes_) {
    for (std::size_t i = 0; i < route->providers.size(); ++i)
      if (route->providers[i] == provider) route->set.forget(i);
  }
  return true;
}

}  // namespace tollgate::gateway
