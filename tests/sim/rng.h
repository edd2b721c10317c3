// Rng: a small generator of its own, so that a seed gives the same run with every standard library. Owner: the
// simulation. Thread rule: a plain value, one owner.
#pragma once

#include <chrono>
#include <cstdint>

namespace tollgate::sim {

class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}
  // splitmix64 (Steele, Lea, Flood 2014).
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // In [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return between(0, 99) < percent; }
  std::chrono::milliseconds millis(std::int64_t low, std::int64_t high) {
    return std::chrono::milliseconds(between(low, high));
  }
  Rng fork() { return Rng(next()); }

 private:
  std::uint64_t state_;
};

}  // namespace tollgate::sim
