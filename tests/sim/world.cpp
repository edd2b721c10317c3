#include "tests/sim/world.h"

#include <fmt/core.h>
#include <unistd.h>

#include "core/id.h"
#include "core/spawn.h"

namespace tollgate::sim {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::int64_t kEpoch = 1'760'000'000'000'000;
constexpr std::chrono::seconds kLongestRun{400};
constexpr int kMostAtOnce = 100'000;  // callbacks in one instant
constexpr const char* kProviders[] = {"alpha", "beta", "gamma", "omega"};

fs::path work_folder() {
  std::error_code ignored;
  const fs::path shared = "/dev/shm";
  const fs::path base = ::access(shared.c_str(), W_OK) == 0 ? shared : fs::temp_directory_path(ignored);
  return base / fmt::format("tollgate-sim-{}", ::getpid());
}

config::PriceRow price_row(const std::string& provider) {
  const Prices prices = prices_of(provider);
  const auto rate = [](std::int64_t usd) {
    return Rate::per_million(Money::from_femto(Money::Femto(usd) * 1'000'000'000'000'000));
  };
  config::PriceRow row;
  row.provider = provider;
  row.model = "*";
  row.rates = {{Bucket::input, rate(prices.input)},
               {Bucket::cache_read, rate(prices.cache_read)},
               {Bucket::output, rate(prices.output)}};
  return row;
}

config::Config make_config(Rng& rng) {
  config::Config config;
  config.auth.mode = config::AuthMode::open;
  config.shipped_prices = false;
  for (const char* name : kProviders) {
    config::Provider provider;
    provider.name = name;
    provider.dialect = std::string_view(name) < "g" ? "openai.chat" : "anthropic.messages";
    provider.base_url = fmt::format("http://{}.sim/v1", name);
    provider.auth = "none";
    provider.on_abort = rng.chance(50) ? config::AbortPolicy::drain : config::AbortPolicy::cancel;
    provider.stream_usage_option = rng.chance(80);
    provider.connect_timeout = 800ms;
    provider.first_byte_timeout = 3s;
    provider.idle_timeout = 2s;
    provider.total_timeout = 8s;
    config.providers.push_back(provider);
    config.prices.push_back(price_row(name));
  }
  config.models = {{"one", {{"alpha", "a-1"}}},
                   {"two", {{"alpha", "a-2"}, {"beta", "b-2"}}},
                   {"three", {{"beta", "b-3"}, {"alpha", "a-3"}, {"beta", "b-4"}}},
                   {"claude-one", {{"gamma", "c-1"}}},
                   {"claude-two", {{"omega", "c-2"}, {"gamma", "c-3"}}},
                   {"mixed-openai", {{"alpha", "a-4"}, {"beta", "b-5"}}},
                   {"mixed-anthropic", {{"gamma", "c-4"}, {"omega", "c-5"}}}};
  config.retry.max_attempts = static_cast<int>(rng.between(1, 3));
  config.retry.max_delay = 1s;
  config.stream.heartbeat = rng.chance(60) ? rng.millis(50, 900) : 0ms;
  config.limits.client_head_timeout = 5s;
  config.limits.client_body_timeout = 5s;
  config.limits.client_idle_timeout = 6s;
  config.limits.client_write_timeout = 4s;
  config.limits.drain_timeout = 3s;
  return config;
}

class World {
 public:
  explicit World(std::uint64_t seed);
  ~World();
  Outcome run();

 private:
  void make_clients();
  void begin_client(ClientPlan plan);
  Task<void> serve(std::unique_ptr<net::Stream> stream);
  void happen();
  void crash_copy();
  Outcome fail(std::string problem);
  bool step_until(bool (World::*done)() const, std::chrono::nanoseconds limit);
  bool all_served() const { return clients_ == 0 && sessions_ == 0; }
  bool vendors_gone() const { return out_.book.connections == 0; }
  std::vector<billing::CostRecord> read_spool(const fs::path& folder) const;

  std::uint64_t seed_;
  Rng rng_;
  VirtualClock clock_{kEpoch};
  const SteadyTime began_ = SteadyClock::now();
  fs::path folder_;
  asio::io_context context_{1};
  Outcome out_;
  Weather weather_;
  config::Config config_;
  MetricsRegistry metrics_;
  gateway::CardinalityGuard guard_{10'000};
  std::unique_ptr<billing::Spool> spool_;
  std::unique_ptr<gateway::Worker> worker_;
  std::unordered_set<gateway::Session*> live_;
  std::size_t clients_ = 0, sessions_ = 0;
  SteadyTime drain_at_ = SteadyTime::max(), abort_at_ = SteadyTime::max();
};

World::World(std::uint64_t seed) : seed_(seed), rng_(seed), folder_(work_folder()) {
  seed_ids_for_test(seed + 1);
  fs::remove_all(folder_);
  weather_.faults = static_cast<int>(rng_.between(0, 3)) * 25;
  weather_.dial_faults = rng_.chance(50) ? 0 : 20;
  weather_.slow = static_cast<int>(rng_.between(0, 2)) * 25;
  config_ = make_config(rng_);
  for (const config::Provider& provider : config_.providers)
    if (provider.on_abort == config::AbortPolicy::drain) out_.drainers.insert(provider.name);
  auto snapshot = gateway::make_snapshot(config_);
  auto spool = billing::Spool::open(
      {.directory = folder_ / "spool", .segment_bytes = 64u << 10, .fsync_interval_ms = 3'600'000});
  if (!snapshot || !spool) {
    out_.problem = !snapshot ? snapshot.error().message : spool.error().message;
    return;
  }
  spool_ = std::move(*spool);
  worker_ = std::make_unique<gateway::Worker>(context_, *snapshot, spool_->make_writer(), metrics_, guard_,
                                              [this](asio::io_context& context, const gateway::Vendor& vendor) {
                                                return make_sim_dialer(context, vendor.config->name, out_.book,
                                                                       weather_, rng_.fork());
                                              });
  worker_->jitter.seed(static_cast<std::uint32_t>(seed + 1));
  if (rng_.chance(15)) drain_at_ = began_ + rng_.millis(100, 6'000);
}

World::~World() {
  seed_ids_for_test(0);
  worker_.reset();
  spool_.reset();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void World::make_clients() {
  const auto count = rng_.between(1, 6);
  for (std::int64_t i = 0; i < count; ++i) {
    ClientPlan plan;
    const auto asks = rng_.between(1, 5);
    for (std::int64_t k = 0; k < asks; ++k) plan.asks.push_back(&make_ask(out_.asks, seed_, rng_));
    plan.pipelined = rng_.chance(15);
    plan.half_close = rng_.chance(10);
    plan.slow = rng_.chance(20);
    plan.start = rng_.millis(0, 3'000);
    if (rng_.chance(25)) plan.leaves = rng_.millis(0, 4'000);
    for (Ask* ask : plan.asks) {
      ask->leaves_unseen = plan.pipelined || plan.half_close;
      ask->polite = plan.leaves < 0ms && !plan.pipelined;
    }
    begin_client(std::move(plan));
  }
}

void World::begin_client(ClientPlan plan) {
  auto [near, far] = net::make_pipe(context_, static_cast<std::size_t>(rng_.between(400, 30'000)));
  const std::shared_ptr<net::Stream> stream = std::move(near);
  if (plan.leaves >= 0ms) {
    ++clients_;
    const auto leaving = [](std::shared_ptr<net::Stream> s, std::chrono::milliseconds after) -> Task<void> {
      co_await pause_for(s->executor(), after);
      s->close();
    };
    spawn(context_.get_executor(), leaving(stream, plan.start + plan.leaves), "leaver", [this] { --clients_; });
  }
  ++clients_;
  spawn(context_.get_executor(), run_client(stream, std::move(plan), rng_.fork()), "client", [this] { --clients_; });
  ++sessions_;
  spawn(context_.get_executor(), serve(std::move(far)), "session", [this] { --sessions_; });
}

Task<void> World::serve(std::unique_ptr<net::Stream> stream) {
  gateway::Session session(*worker_, std::move(stream));
  live_.insert(&session);
  co_await session.run();
  live_.erase(&session);
}

// What comes from outside: reloads, an order to stop, crashes.
void World::happen() {
  if (!worker_) return;
  if (rng_.chance(2)) {
    if (auto fresh = gateway::make_snapshot(config_)) worker_->snapshot = *fresh;
  }
  if (rng_.chance(1) && out_.crashes.size() < 3) crash_copy();
  const SteadyTime now = SteadyClock::now();
  if (now >= drain_at_) {
    drain_at_ = SteadyTime::max();
    abort_at_ = now + config_.limits.drain_timeout;
    out_.drained = worker_->draining = true;
    for (gateway::Session* session : live_) session->stop_when_idle();
  }
  if (now >= abort_at_) {
    abort_at_ = SteadyTime::max();
    for (gateway::Session* session : live_) session->abort();
  }
}

void World::crash_copy() {
  const fs::path copy = folder_ / fmt::format("crash{}", out_.crashes.size());
  fs::copy(folder_ / "spool", copy);
  Crash& crash = out_.crashes.emplace_back();
  crash.sights = out_.book.sights.size();
  for (const Ask& ask : out_.asks)
    if (ask.complete && ask.status == 200) crash.completed.push_back(ask.token);
  crash.records = read_spool(copy);
  fs::remove_all(copy);
}

std::vector<billing::CostRecord> World::read_spool(const fs::path& folder) const {
  std::vector<billing::CostRecord> records;
  auto spool = billing::Spool::open({.directory = folder, .segment_bytes = 64u << 10, .fsync_interval_ms = 3'600'000});
  if (!spool) return records;
  while ((*spool)->read(records, 1'000) > 0) (*spool)->commit();
  return records;
}

// Runs what is ready, then moves the clock: in small steps while things happen, in longer ones while nothing does.
bool World::step_until(bool (World::*done)() const, std::chrono::nanoseconds limit) {
  const SteadyTime end = SteadyClock::now() + limit;
  std::int64_t quiet_us = 500;
  while (!(this->*done)()) {
    if (SteadyClock::now() >= end) return false;
    context_.restart();
    int ran = 0;
    while (ran < kMostAtOnce && context_.poll_one() > 0) ++ran;
    if (ran == kMostAtOnce) return false;  // it turns in a circle without waiting for anything
    quiet_us = ran > 0 ? 500 : std::min<std::int64_t>(quiet_us * 3, 40'000);
    happen();
    clock_.advance(std::chrono::microseconds(rng_.between(1, quiet_us)));
  }
  return true;
}

Outcome World::run() {
  if (!worker_) return out_;
  make_clients();
  const bool served = step_until(&World::all_served, kLongestRun);
  out_.virtual_time = SteadyClock::now() - began_;
  if (!served) return fail(fmt::format("{} clients and {} sessions hang", clients_, sessions_));
  worker_.reset();  // closes what is idle in the pools: only then do the vendors end
  if (!step_until(&World::vendors_gone, kLongestRun))
    return fail(fmt::format("{} vendor connections stay open", out_.book.connections));
  spool_.reset();
  out_.records = read_spool(folder_ / "spool");
  return out_;
}

Outcome World::fail(std::string problem) {
  out_.problem = std::move(problem);
  return out_;
}

}  // namespace

Prices prices_of(std::string_view provider) {
  if (provider == "alpha") return {3, 1, 15};
  if (provider == "beta") return {2, 1, 11};
  if (provider == "gamma") return {5, 2, 29};
  return {7, 3, 31};
}

Outcome run_world(std::uint64_t seed) {
  auto world = std::make_unique<World>(seed);
  Outcome outcome = world->run();
  if (!outcome.problem.empty()) (void)world.release();  // something in it still waits, so nothing may be taken down
  return outcome;
}

}  // namespace tollgate::sim
