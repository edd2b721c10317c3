// The part of NCCL that we call, declared by ourselves and loaded when it is there, as cuBLASLt is. Names, meanings and
// signatures: NCCL 2.27, "NCCL API" (docs.nvidia.com); values of the enumerations: "Types" there, in the order in which
// nccl.h numbers them. The functions used are those of NCCL 2.4 and later. Thread rule: collective.h's.
#pragma once

#include <cstddef>
#include <string>

#include "core/result.h"

namespace tollgate::local::gpu::nccl {

using Status = int;  // ncclResult_t; 0 = success
using Communicator = struct OpaqueCommunicator*;

enum DataType : int { kFloat = 7 };  // ncclFloat32
enum Reduction : int { kSum = 0 };   // ncclSum

// The library's functions, under their names without "nccl". `stream`: cudaStream_t.
struct Functions {
  Status (*comm_init_all)(Communicator* communicators, int count, const int* ordinals);
  Status (*comm_destroy)(Communicator);
  Status (*comm_abort)(Communicator);
  Status (*comm_get_async_error)(Communicator, Status*);
  Status (*all_reduce)(const void* from, void* to, std::size_t count, DataType, Reduction, Communicator, void* stream);
  // `count`: of one rank's part.
  Status (*all_gather)(const void* from, void* to, std::size_t count, DataType, Communicator, void* stream);
  const char* (*get_error_string)(Status);
};

// Loads libnccl.so.2, or what TOLLGATE_NCCL names; it stays loaded. Errors: status 400, code "no_collective".
Result<Functions> load();

}  // namespace tollgate::local::gpu::nccl
