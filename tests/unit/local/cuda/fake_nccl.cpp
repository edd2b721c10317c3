// NCCL's functions as collective_nccl.cpp calls them: nothing is sent anywhere, but every call is written down.
#include "fake_nccl.h"

struct Communicator {
  int rank;
};

namespace {

FakeNccl fake;

int note(const char* what, Communicator* communicator, std::size_t count, int type, const std::string& rest) {
  fake.asked.push_back(std::string(what) + " rank " + std::to_string(communicator->rank) + ": " +
                       std::to_string(count) + " of type " + std::to_string(type) + rest);
  return fake.call_status;
}

}  // namespace

extern "C" {

FakeNccl* fake_nccl() { return &fake; }

int ncclCommInitAll(Communicator** communicators, int count, const int* ordinals) {
  if (fake.connect_status != 0) return fake.connect_status;
  fake.ordinals.assign(ordinals, ordinals + count);
  for (int i = 0; i < count; ++i) communicators[i] = new Communicator{i};
  fake.living += count;
  return 0;
}

int ncclCommDestroy(Communicator* communicator) {
  delete communicator;
  --fake.living;
  return 0;
}

int ncclCommAbort(Communicator* communicator) {
  ++fake.aborted;
  return ncclCommDestroy(communicator);
}

int ncclCommGetAsyncError(Communicator*, int* status) {
  *status = fake.async_status;
  return 0;
}

int ncclAllReduce(const void* from, void* to, std::size_t count, int type, int operation, Communicator* communicator,
                  void*) {
  return note("reduce", communicator, count, type,
              ", operation " + std::to_string(operation) + (from == to ? ", in place" : ""));
}

int ncclAllGather(const void* from, void* to, std::size_t count, int type, Communicator* communicator, void*) {
  const auto before = static_cast<const char*>(from) - static_cast<const char*>(to);
  return note("gather", communicator, count, type, ", " + std::to_string(before) + " bytes into the whole");
}

const char* ncclGetErrorString(int status) { return status == 6 ? "remote process exited" : "internal error"; }
}
