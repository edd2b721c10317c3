// How the NCCL of the tests behaves, and what it counted. Thread rule: one thread.
#pragma once

struct FakeNccl {
  bool refuses_to_start = false, refuses = false;
  int living = 0;  // communicators
  int groups = 0;  // that ended
};

extern "C" FakeNccl* fake_nccl();  // by dlsym()
