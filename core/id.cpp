// UUIDv7 after RFC 9562 5.7: 48 bits of milliseconds, then 74 random bits that count upwards while the millisecond
// stands still or steps back (6.2, method 2). Owner: core. Thread rule: one generator per thread.
#include "core/id.h"

#include <sys/random.h>

#include <bit>
#include <cstdlib>

#include "core/clock.h"

namespace tollgate {
namespace {

// xoshiro256** (Blackman, Vigna): ids must not collide, they are no secret.
class Xoshiro {
 public:
  void seed(std::uint64_t seed) {
    for (auto& word : state_) {  // splitmix64, as its authors advise for seeding
      std::uint64_t z = (seed += 0x9e3779b97f4a7c15);
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      word = z ^ (z >> 31);
    }
  }
  void seed_from_os() {
    if (getrandom(state_, sizeof state_, 0) != static_cast<ssize_t>(sizeof state_)) std::abort();
  }
  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

 private:
  std::uint64_t state_[4] = {};
};

constexpr std::uint64_t kLowMask = (std::uint64_t{1} << 62) - 1;

struct Generator {
  Xoshiro random;
  bool seeded = false;
  std::uint64_t millis = 0;
  std::uint64_t high = 0;  // 12 bits
  std::uint64_t low = 0;   // 62 bits

  void refresh(std::uint64_t now) {
    millis = now;
    high = random.next() >> 52;
    low = random.next() & kLowMask;
  }
  void step() {
    const std::uint64_t now = static_cast<std::uint64_t>(wall_micros()) / 1000;
    if (now > millis) return refresh(now);
    low += 1 + (random.next() >> 32);  // a random step, so that the next id cannot be guessed from this one
    if (low <= kLowMask) return;
    low &= kLowMask;
    if (++high >> 12) refresh(millis + 1);  // all 74 bits used up: borrow the next millisecond
  }
};

thread_local Generator generator;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool dash_at(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

Error bad_id() { return Error{ErrorKind::client_fault, 400, "invalid_id", "an id must be a UUID of 36 characters"}; }

}  // namespace

Id Id::next() {
  Generator& g = generator;
  if (!g.seeded) {
    g.random.seed_from_os();
    g.seeded = true;
  }
  g.step();
  const std::uint64_t first = (g.millis << 16) | 0x7000 | g.high;
  const std::uint64_t second = (std::uint64_t{2} << 62) | g.low;
  Id id;
  for (std::size_t i = 0; i < 8; ++i) {
    id.bytes[i] = static_cast<std::uint8_t>(first >> (56 - 8 * i));
    id.bytes[8 + i] = static_cast<std::uint8_t>(second >> (56 - 8 * i));
  }
  return id;
}

Result<Id> Id::parse(std::string_view text) {
  if (text.size() != 36) return bad_id();
  Id id;
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (dash_at(i)) {
      if (text[i] != '-') return bad_id();
      continue;
    }
    const int value = hex_value(text[i]);
    if (value < 0) return bad_id();
    auto& byte = id.bytes[nibble++ / 2];
    byte = static_cast<std::uint8_t>(byte << 4 | value);
  }
  return id;
}

std::string Id::to_string() const {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text(36, '-');
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (dash_at(i)) continue;
    const std::uint8_t byte = bytes[nibble / 2];
    text[i] = kHex[nibble++ % 2 == 0 ? byte >> 4 : byte & 15];
  }
  return text;
}

bool Id::is_zero() const { return *this == Id{}; }

void seed_ids_for_test(std::uint64_t seed) {
  generator = Generator{};
  if (seed == 0) return;
  generator.random.seed(seed);
  generator.seeded = true;
}

}  // namespace tollgate
