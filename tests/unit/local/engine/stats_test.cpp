#include "local_backend/engine/stats.h"

#include <gtest/gtest.h>

#include "local_backend/engine/machine_time.h"

namespace tollgate::local {
namespace {

TEST(MachineTime, SplitsAllOfIt) {
  MachineTime machine(1'000);
  EXPECT_EQ(machine.read(1'500).idle_us, 500);
  machine.wake(2'000);
  EXPECT_EQ(machine.read(2'100).idle_us, 1'000) << "nobody knows yet whose the last 100 are";
  EXPECT_EQ(machine.read(2'100).busy_us, 0);
  machine.begin_step();
  EXPECT_EQ(machine.read(2'150).busy_us, 150);
  EXPECT_EQ(machine.end_step(2'300), 300) << "from waking on";
  machine.begin_step();
  EXPECT_EQ(machine.end_step(2'700), 400) << "from the end of the step before";
  machine.rest();
  EXPECT_EQ(machine.read(3'000).busy_us, 700);
  EXPECT_EQ(machine.read(3'000).idle_us, 1'300);
}

TEST(MachineTime, WakingWithoutWorkIsIdle) {
  MachineTime machine(0);
  machine.wake(10);
  machine.wake(15);
  machine.rest();
  machine.wake(20);
  EXPECT_EQ(machine.read(20).idle_us, 20);
  EXPECT_EQ(machine.read(20).busy_us, 0);
}

// The sums are counters in metrics: one that went back would be taken for a restart.
TEST(MachineTime, NeverGoesBack) {
  MachineTime machine(0);
  MachineTime::Sums before;
  std::int64_t now = 0;
  const auto look = [&] {
    const MachineTime::Sums sums = machine.read(now += 7);
    EXPECT_GE(sums.busy_us, before.busy_us);
    EXPECT_GE(sums.idle_us, before.idle_us);
    EXPECT_LE(sums.busy_us + sums.idle_us, now);
    before = sums;
  };
  for (int round = 0; round < 50; ++round) {
    machine.wake(now += 3);
    look();
    for (int step = 0; step < round % 4; ++step) {
      machine.begin_step();
      look();
      machine.end_step(now += 5);
      look();
    }
    machine.rest();
    look();
  }
  EXPECT_EQ(before.busy_us + before.idle_us, now);
}

TEST(Saturation, IsTheWorstOfItsParts) {
  EngineStats stats;
  EXPECT_EQ(saturation(stats), 0);
  stats.max_running = 8;
  stats.scheduler.blocks = 100;
  EXPECT_EQ(saturation(stats), 0);
  stats.scheduler.running = 1;
  stats.step_us = 900'000;
  EXPECT_DOUBLE_EQ(saturation(stats), 0.125) << "one alone is as slow on any machine";
  stats.scheduler.running = 2;
  EXPECT_DOUBLE_EQ(saturation(stats), 4.5);
  stats.step_us = 20'000;
  EXPECT_DOUBLE_EQ(saturation(stats), 0.25);
  stats.scheduler.blocks_used = 45;
  EXPECT_DOUBLE_EQ(saturation(stats), 0.5);
  stats.scheduler.drain_us = 10'000'000;
  EXPECT_DOUBLE_EQ(saturation(stats), 0.5) << "nothing waits";
  stats.scheduler.waiting = 1;
  EXPECT_DOUBLE_EQ(saturation(stats), 2);
}

}  // namespace
}  // namespace tollgate::local
