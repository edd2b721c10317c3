// An NCCL for tests: the calls that collective_nccl.cpp declares, over host memory. As the library, it computes when
// the group ends, once every communicator has been given its part. Thread rule: one thread.
#include "tests/unit/local/cuda/fake_nccl.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace {

struct Communicator {
  int rank, ranks;
};
struct Call {
  const float* from;
  float* to;
  std::size_t count;
  bool gathers;
};

FakeNccl fake;
std::vector<Call> calls;  // of the open group, by rank
bool grouped = false;

int add(const void* from, void* to, std::size_t count, int type, bool gathers, const Communicator* communicator) {
  if (fake.refuses || type != 7 || !grouped || communicator->rank != static_cast<int>(calls.size())) return 4;
  calls.push_back({static_cast<const float*>(from), static_cast<float*>(to), count, gathers});
  return 0;
}

void compute() {
  std::vector<std::vector<float>> sources;
  for (const Call& call : calls) sources.emplace_back(call.from, call.from + call.count);
  for (const Call& call : calls) {
    float* to = call.to;
    if (!call.gathers) std::fill_n(to, call.count, 0.0f);
    for (const std::vector<float>& source : sources) {
      if (call.gathers) {
        to = std::copy(source.begin(), source.end(), to);
      } else {
        std::transform(source.begin(), source.end(), to, to, [](float x, float y) { return x + y; });
      }
    }
  }
}

}  // namespace

extern "C" {

FakeNccl* fake_nccl() { return &fake; }

int ncclCommInitAll(void** communicators, int count, const int* ordinals) {
  if (fake.refuses_to_start) return 2;
  for (int i = 0; i < count; ++i) {
    if (ordinals[i] != i) return 4;
    communicators[i] = new Communicator{i, count};
    ++fake.living;
  }
  return 0;
}
int ncclCommDestroy(Communicator* communicator) {
  delete communicator;
  --fake.living;
  return 0;
}
const char* ncclGetErrorString(int status) { return status == 4 ? "invalid argument" : "unhandled system error"; }

int ncclGroupStart() {
  grouped = true;
  return 0;
}
int ncclGroupEnd() {
  if (!fake.refuses) compute();
  calls.clear();
  grouped = false;
  ++fake.groups;
  return 0;
}
int ncclAllReduce(const void* from, void* to, std::size_t count, int type, int operation, Communicator* communicator,
                  void*) {
  return operation == 0 ? add(from, to, count, type, false, communicator) : 4;
}
int ncclAllGather(const void* from, void* to, std::size_t count, int type, Communicator* communicator, void*) {
  return add(from, to, count, type, true, communicator);
}

}  // extern "C"
