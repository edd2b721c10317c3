#include "local_backend/kv/tier_reader.h"

#include <gtest/gtest.h>

#include "local_backend/kv/tier_writer.h"
#include "tests/unit/local/kv/faulty_store.h"

namespace tollgate::local {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Fault = FaultyStore::Fault;

constexpr std::size_t kBytes = 1'000;

struct Bench {
  explicit Bench(unsigned blocks) {
    for (unsigned i = 0; i < blocks; ++i)
      shelf.values[key_of(i)] = encode_block(key_of(i), "model", block_of(i, kBytes));
  }

  Shelf shelf;
  FaultyStore store{shelf};
  std::vector<std::byte> out = std::vector<std::byte>(kBytes);

  // Polls until it is settled.
  Fetched settled(TierReader& reader, unsigned number) {
    Fetched fetched;
    eventually([&] { return (fetched = reader.poll(key_of(number), out)).state != FetchState::waiting; });
    return fetched;
  }
};

TEST(TierReader, BringsWhatIsThere) {
  Bench bench(20);
  TierReader reader(bench.store, "model", kBytes);
  for (unsigned i = 0; i < 20; ++i) ASSERT_TRUE(reader.ask(key_of(i), Clock::now() + 5s));
  for (unsigned i = 0; i < 20; ++i) {
    const Fetched fetched = bench.settled(reader, i);
    ASSERT_EQ(fetched.state, FetchState::found) << i;
    EXPECT_TRUE(fetched.asked);
    ASSERT_EQ(bench.out, block_of(i, kBytes)) << i;
    EXPECT_EQ(reader.poll(key_of(i), bench.out).state, FetchState::missing) << "it is handed out once";
  }
}

TEST(TierReader, TellsAfterEachRead) {
  Bench bench(3);
  std::atomic<int> told = 0;
  TierReader reader(bench.store, "model", kBytes, 64, [&told] { ++told; });
  for (unsigned i = 0; i < 5; ++i) ASSERT_TRUE(reader.ask(key_of(i), Clock::now() + 5s));
  EXPECT_TRUE(eventually([&] { return told == 5; })) << "misses among them";
}

TEST(TierReader, AMissIsAMiss) {
  Bench bench(1);
  TierReader reader(bench.store, "model", kBytes);
  EXPECT_EQ(reader.poll(key_of(5), bench.out).state, FetchState::missing) << "never asked for";
  ASSERT_TRUE(reader.ask(key_of(5), Clock::now() + 5s));
  const Fetched fetched = bench.settled(reader, 5);
  EXPECT_EQ(fetched.state, FetchState::missing);
  EXPECT_TRUE(fetched.asked);
}

TEST(TierReader, NoFaultEverYieldsAWrongBlock) {
  Bench bench(8);
  TierReader reader(bench.store, "model", kBytes);
  for (const Fault fault : {Fault::failing, Fault::flipped_bit, Fault::cut, Fault::other_key, Fault::garbage}) {
    bench.store.fault = fault;
    for (unsigned round = 0; round < 64; ++round) {
      const std::vector<std::byte> before = bench.out;
      ASSERT_TRUE(reader.ask(key_of(round % 7), Clock::now() + 5s));
      ASSERT_EQ(bench.settled(reader, round % 7).state, FetchState::missing);
      ASSERT_EQ(bench.out, before) << "nothing is written for a miss";
    }
  }
  bench.store.fault = Fault::none;
  ASSERT_TRUE(reader.ask(key_of(3), Clock::now() + 5s));
  EXPECT_EQ(bench.settled(reader, 3).state, FetchState::found);
}

TEST(TierReader, AnotherModelOrBlockSizeIsAMiss) {
  Bench bench(2);
  TierReader other(bench.store, "other model", kBytes), larger(bench.store, "model", kBytes + 1);
  ASSERT_TRUE(other.ask(key_of(0), Clock::now() + 5s));
  EXPECT_EQ(bench.settled(other, 0).state, FetchState::missing);
  bench.out.resize(kBytes + 1);
  ASSERT_TRUE(larger.ask(key_of(0), Clock::now() + 5s));
  EXPECT_EQ(bench.settled(larger, 0).state, FetchState::missing);
}

TEST(TierReader, AHangingStoreIsAMissAtTheDeadline) {
  Bench bench(3);
  bench.store.hang();
  TierReader reader(bench.store, "model", kBytes);
  const auto begun = Clock::now();
  ASSERT_TRUE(reader.ask(key_of(0), begun + 300ms));
  ASSERT_TRUE(reader.ask(key_of(1), begun + 300ms));
  EXPECT_EQ(reader.poll(key_of(0), bench.out).state, FetchState::waiting);
  ASSERT_TRUE(eventually([&] { return bench.store.gets == 1; }));
  const Fetched first = bench.settled(reader, 0);
  EXPECT_EQ(first.state, FetchState::missing);
  EXPECT_TRUE(first.asked);
  EXPECT_GE(first.us, 0);
  EXPECT_FALSE(bench.settled(reader, 1).asked) << "the store never got to it";
  EXPECT_GE(Clock::now() - begun, 300ms);
  EXPECT_LT(Clock::now() - begun, 5s);

  // What comes late belongs to nobody, not even to a new wish for the same key.
  ASSERT_TRUE(reader.ask(key_of(0), Clock::now() + 5s));
  bench.store.let_go();
  EXPECT_EQ(bench.settled(reader, 0).state, FetchState::found);
  EXPECT_EQ(bench.out, block_of(0, kBytes));
  EXPECT_EQ(bench.store.gets, 2) << "the wish that was late, the new one, and never key 1";
}

TEST(TierReader, TheStoreIsNotAskedForWhatIsLateAlready) {
  Bench bench(3);
  bench.store.hang();
  TierReader reader(bench.store, "model", kBytes);
  ASSERT_TRUE(reader.ask(key_of(0), Clock::now() + 5s));
  ASSERT_TRUE(eventually([&] { return bench.store.gets == 1; }));
  ASSERT_TRUE(reader.ask(key_of(1), Clock::now() + 10ms));
  ASSERT_TRUE(reader.ask(key_of(2), Clock::now() + 5s));
  std::this_thread::sleep_for(20ms);
  bench.store.let_go();
  EXPECT_EQ(bench.settled(reader, 2).state, FetchState::found);
  EXPECT_EQ(bench.store.gets, 2);
}

TEST(TierReader, WishesAreBounded) {
  Bench bench(100);
  bench.store.hang();
  TierReader reader(bench.store, "model", kBytes, 4);
  int taken = 0;
  for (unsigned i = 0; i < 100; ++i) taken += reader.ask(key_of(i), Clock::now() + 300ms);
  EXPECT_EQ(taken, 4);
  EXPECT_TRUE(reader.ask(key_of(2), Clock::now() + 1h)) << "is on its way";
  reader.forget(key_of(2));
  EXPECT_TRUE(reader.ask(key_of(50), Clock::now() + 300ms));
  EXPECT_FALSE(reader.ask(key_of(51), Clock::now() + 300ms));
  std::this_thread::sleep_for(350ms);
  EXPECT_TRUE(reader.ask(key_of(52), Clock::now() + 5s)) << "nobody came back for the others";
  bench.store.let_go();
  EXPECT_EQ(bench.settled(reader, 52).state, FetchState::found);
}

TEST(TierReader, EndsWithWishesOpen) {
  Bench bench(50);
  bench.store.delay = 5ms;
  const auto begun = Clock::now();
  {
    TierReader reader(bench.store, "model", kBytes);
    for (unsigned i = 0; i < 50; ++i) reader.ask(key_of(i), Clock::now() + 1h);
  }
  EXPECT_LT(Clock::now() - begun, 200ms + 5s);
  EXPECT_LT(bench.store.gets, 50);
}

// Writer and readers on one server that goes through all its faults: what is found is right, and the caller never
// waits.
TEST(TierReader, NeverAWrongBlockNeverAStall) {
  Bench bench(0);
  FaultyStore writing(bench.shelf);
  TierWriter writer(writing, "model", {.max_bytes = 20 * kBytes, .max_age = 50ms, .pause = 1ms, .max_pause = 4ms});
  TierReader reader(bench.store, "model", kBytes, 16);
  int found = 0;
  auto longest = Clock::duration::zero();
  for (unsigned step = 0; step < 6'000; ++step) {
    if (step % 100 == 0) {
      bench.store.fault = static_cast<Fault>(step / 100 % 6);
      writing.fault = step / 100 % 7 == 3 ? Fault::failing : Fault::none;
      bench.store.delay = step / 100 % 5 == 4 ? 2ms : 0ms;
      writing.delay = bench.store.delay.load();
      std::this_thread::sleep_for(5ms);
    }
    const unsigned number = step * 7 % 64;
    const auto begun = Clock::now();
    writer.offer(key_of(number), block_of(number, kBytes));
    reader.ask(key_of(step % 64), begun + 50ms);
    const bool hit = reader.poll(key_of((step + 56) % 64), bench.out).state == FetchState::found;
    longest = std::max(longest, Clock::now() - begun);
    if (hit) ASSERT_EQ(bench.out, block_of((step + 56) % 64, kBytes)) << step;
    found += hit;
    if (step % 16 == 0) std::this_thread::sleep_for(200us);
  }
  EXPECT_GT(found, 20);
  EXPECT_LT(longest, 3s);
}

}  // namespace
}  // namespace tollgate::local
