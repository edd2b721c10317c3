// How the NCCL of the tests behaves, and what it was asked. Thread rule: one thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

struct FakeNccl {
  int connect_status = 0, call_status = 0, async_status = 0;
  int living = 0, aborted = 0;     // communicators
  std::vector<int> ordinals;       // of ncclCommInitAll
  std::vector<std::string> asked;  // "reduce rank 1: 12 of type 7, operation 0, in place"
};

extern "C" FakeNccl* fake_nccl();  // by dlsym()
