// What devices that share a model have in common: sums over all of them, and rows whose parts lie on different ones.
//
// Every rank, a device's place among them, has a thread of its own that gives all of its work (rank_threads.h). One
// thread for all would need no rendezvous, but it would have to be able to leave a step at every sum and go on with
// another rank's, and its launches would cost the time of all ranks; NVIDIA's documentation warns of deadlocks where
// one thread launches the graphs of several communicators ("Using NCCL with CUDA Graphs"). Two libraries define
// open_collective(): NCCL on devices (collective_nccl.cpp), the simulated GPU in tests.
//
// Thread rule: a rank's calls come from one thread at a time; abort() from any.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/result.h"
#include "local_backend/cuda/runtime.h"

namespace tollgate::local::gpu {

// All ranks make the same calls in the same order; a call's work waits in its stream until all others have come so far.
// Errors: status 500, code "device_lost"; then the other ranks wait for ever, unless abort() is called.
class Collective {
 public:
  virtual ~Collective() = default;
  // values[i] = the sum of all ranks' values[i], the same bits on all. Device memory.
  virtual Result<void> all_reduce(int rank, Stream& stream, float* values, std::size_t count) = 0;
  // all[r][i] = rank r's part[i], i < count. `part` may be where the rank's own part of `all` goes.
  virtual Result<void> all_gather(int rank, Stream& stream, const float* part, std::size_t count, float* all) = 0;
  // Ends all waiting. No rank's memory means anything afterwards, and every later call fails.
  virtual void abort() = 0;
};

// Rank i is devices[i], which must outlive what is returned. Errors: status 400, code "no_collective": what is missing.
Result<std::unique_ptr<Collective>> open_collective(std::span<Device* const> devices);

// A device's place among those that share a model.
struct Rank {
  int index = 0, count = 1;
  Collective* collective = nullptr;  // where count > 1
};

}  // namespace tollgate::local::gpu
