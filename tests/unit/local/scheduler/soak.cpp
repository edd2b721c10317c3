// Worlds of random shapes, one after the other, until so many steps were made: LOCAL_SCHEDULER_SOAK_STEPS, or 200000.
// LOCAL_SCHEDULER_SOAK_SEED repeats a run. Every other world is on a device that overlaps; with
// LOCAL_SCHEDULER_SOAK_OVERLAP=0 none, with 1 all.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "world.h"

namespace {

std::uint64_t number(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace

int main() {
  using namespace tollgate::local::testing;
  const std::uint64_t wanted = number("LOCAL_SCHEDULER_SOAK_STEPS", 200'000);
  const std::uint64_t seed = number("LOCAL_SCHEDULER_SOAK_SEED", 1);
  const auto began = std::chrono::steady_clock::now();
  std::uint64_t steps = 0, served = 0, worlds = 0, preemptions = 0, accepted = 0, by_model = 0, hits = 0, tokens = 0,
                loaded = 0, ahead = 0, thrown_away = 0;
  for (Dice dice(seed); steps < wanted; ++worlds) {
    WorldOptions options = random_world(dice);
    options.steps_per_check = 16;
    options.overlap = number("LOCAL_SCHEDULER_SOAK_OVERLAP", worlds % 2) != 0;
    const std::uint64_t world_seed = dice.next();
    World world(options, world_seed);
    const std::uint64_t length = dice.between(100, 4000);
    while (world.steps < length && world.problem.empty()) world.step();
    if (const std::string problem = world.drain(); !problem.empty()) {
      std::printf("world %llu of seed %llu: %s\n", static_cast<unsigned long long>(worlds),
                  static_cast<unsigned long long>(seed), problem.c_str());
      return 1;
    }
    const tollgate::local::SchedulerStats stats = world.scheduler.stats();
    steps += world.steps;
    served += world.served;
    loaded += world.loaded;
    preemptions += stats.preemptions;
    accepted += stats.accepted;
    by_model += stats.model_accepted;
    hits += stats.prefix_hits;
    tokens += stats.computed_tokens;
    ahead += stats.planned_ahead;
    thrown_away += stats.thrown_away;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const auto wide = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("%llu steps, %llu worlds, %llu sequences, %llu tokens computed, %llu found, ", wide(steps), wide(worlds),
              wide(served), wide(tokens), wide(hits));
  std::printf("%llu guessed right, %llu of them by a second model, %llu blocks loaded, %llu preemptions, ",
              wide(accepted), wide(by_model), wide(loaded), wide(preemptions));
  std::printf("%llu steps planned ahead, %llu tokens thrown away: ", wide(ahead), wide(thrown_away));
  std::printf("all as they should be, %.1f s\n", seconds);
  return 0;
}
