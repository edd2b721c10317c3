// The language that the kernels are written in: CUDA C++ through a small set of named operations, each with the PTX
// instruction it stands for. The same source is compiled twice: by nvcc for the devices, and as plain C++ for the
// simulated GPU of the tests (tests/support/simulated_gpu), which runs every thread of a block as a fibre and gives
// these operations their documented meaning, so that layouts, bounds and barriers are tested on machines without a GPU.
//
// Rules for kernels, so that both compilers take them: blocks are one-dimensional and whole warps; shared memory is
// dynamic only, through shared_memory(); warp operations are called by all 32 lanes; halves are std::uint16_t (bits) or
// two in a std::uint32_t, the lower index in the lower half. Included by .cu files alone.
//
// Sources: CUDA C++ Programming Guide 13.0; PTX ISA 9.0 (fragment layouts of mma.m16n8k16: section 9.7.14.5.8).
#pragma once

#include <cstddef>
#include <cstdint>

#include "local_backend/cuda/both.h"
#include "local_backend/cuda/runtime.h"

#ifndef TOLLGATE_SIMULATED_GPU

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#define TOLLGATE_KERNEL __global__ void
#define TOLLGATE_KERNEL_OF(threads, blocks_per_multiprocessor) \
  __global__ void __launch_bounds__(threads, blocks_per_multiprocessor)
#define TOLLGATE_DEVICE __device__ __forceinline__
#define TOLLGATE_UNROLL _Pragma("unroll")

namespace tollgate::local::gpu {

struct alignas(16) Words4 {
  std::uint32_t x, y, z, w;
};

TOLLGATE_DEVICE int thread_index() { return static_cast<int>(threadIdx.x); }
TOLLGATE_DEVICE int block_threads() { return static_cast<int>(blockDim.x); }
TOLLGATE_DEVICE int block_x() { return static_cast<int>(blockIdx.x); }
TOLLGATE_DEVICE int block_y() { return static_cast<int>(blockIdx.y); }
TOLLGATE_DEVICE int block_z() { return static_cast<int>(blockIdx.z); }
TOLLGATE_DEVICE int grid_x() { return static_cast<int>(gridDim.x); }
TOLLGATE_DEVICE int grid_y() { return static_cast<int>(gridDim.y); }

// The block's dynamic shared memory, 16-byte aligned.
TOLLGATE_DEVICE std::byte* shared_memory() {
  extern __shared__ uint4 tollgate_shared[];
  return reinterpret_cast<std::byte*>(tollgate_shared);
}

TOLLGATE_DEVICE void sync_block() { __syncthreads(); }
TOLLGATE_DEVICE void sync_warp() { __syncwarp(); }

template <class Value>
TOLLGATE_DEVICE Value shuffle(Value value, int lane) {
  return __shfl_sync(0xFFFFFFFFu, value, lane);
}
template <class Value>
TOLLGATE_DEVICE Value shuffle_xor(Value value, int mask) {
  return __shfl_xor_sync(0xFFFFFFFFu, value, mask);
}
// One bit per lane.
TOLLGATE_DEVICE std::uint32_t ballot(bool value) { return __ballot_sync(0xFFFFFFFFu, value); }

// d[16][8] += a[16][16] * b[16][8], halves, sums in float. Lane l, g = l / 4, t = l % 4, each word two halves of
// neighbouring k: a[0] = (row g, k 2t), a[1] = (g + 8, 2t), a[2] = (g, 2t + 8), a[3] = (g + 8, 2t + 8);
// b[0] = (k 2t, column g), b[1] = (2t + 8, g); d[0], d[1] = (row g, columns 2t, 2t + 1), d[2], d[3] = (g + 8, same).
TOLLGATE_DEVICE void mma(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

TOLLGATE_DEVICE std::uint32_t shared_address(const void* shared) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
}

// Four 8 x 8 matrices of halves from shared memory: lane l names row l % 8 of matrix l / 8 (16 bytes, 16-byte aligned);
// out[i] of lane l = (row l / 4, columns 2 (l % 4) and the next) of matrix i.
TOLLGATE_DEVICE void load_matrices(std::uint32_t (&out)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(shared_address(row))
               : "memory");
}
// The same with each matrix transposed: out[i] of lane l = (rows 2 (l % 4) and the next, column l / 4).
TOLLGATE_DEVICE void load_matrices_transposed(std::uint32_t (&out)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(shared_address(row))
               : "memory");
}

// Copies 16 bytes from device to shared memory (both 16-byte aligned) behind the thread's back; zeros if not `valid`,
// then `from` is not read. What was copied is seen by the thread after wait_copies(), by others after a barrier.
TOLLGATE_DEVICE void copy_async(void* shared, const void* from, bool valid = true) {
  const int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared_address(shared)), "l"(from), "r"(bytes)
               : "memory");
}
// The same with 4 bytes.
TOLLGATE_DEVICE void copy_word_async(void* shared, const void* from, bool valid = true) {
  const int bytes = valid ? 4 : 0;
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;\n" ::"r"(shared_address(shared)), "l"(from), "r"(bytes)
               : "memory");
}
TOLLGATE_DEVICE void commit_copies() { asm volatile("cp.async.commit_group;\n" ::: "memory"); }
// Until at most `kGroups` of this thread's committed groups are under way.
template <int kGroups>
TOLLGATE_DEVICE void wait_copies() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(kGroups) : "memory");
}

// 16 bytes of read-only device memory that will not be read again soon (weights).
TOLLGATE_DEVICE Words4 load_once(const void* from) {
  Words4 value;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
               : "l"(from));
  return value;
}
// 16 bytes, 16-byte aligned, any memory.
TOLLGATE_DEVICE Words4 load_words(const void* from) { return *static_cast<const Words4*>(from); }
TOLLGATE_DEVICE void store_words(void* to, Words4 value) { *static_cast<Words4*>(to) = value; }

TOLLGATE_DEVICE int add_atomically(int* to, int value) { return atomicAdd(to, value); }

// Programmatic dependent launch: a kernel may start while the one before it in the stream still runs, and reads what
// that one wrote only after wait_for_previous_kernel(). Every kernel calls it, before its first read or write of memory
// that another kernel uses; weights may be fetched before. No effect below compute capability 9.0, where kernels never
// overlap.
TOLLGATE_DEVICE void wait_for_previous_kernel() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
#endif
}
TOLLGATE_DEVICE void let_next_kernel_start() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  cudaTriggerProgrammaticLaunchCompletion();
#endif
}

TOLLGATE_DEVICE float f16_to_float(std::uint16_t half) { return __half2float(__ushort_as_half(half)); }
TOLLGATE_DEVICE std::uint16_t float_to_f16(float value) { return __half_as_ushort(__float2half_rn(value)); }

TOLLGATE_DEVICE __half2 as_half2(std::uint32_t halves) { return *reinterpret_cast<const __half2*>(&halves); }
TOLLGATE_DEVICE std::uint32_t as_word(__half2 halves) { return *reinterpret_cast<const std::uint32_t*>(&halves); }
TOLLGATE_DEVICE std::uint32_t half2_add(std::uint32_t a, std::uint32_t b) {
  return as_word(__hadd2(as_half2(a), as_half2(b)));
}
TOLLGATE_DEVICE std::uint32_t half2_sub(std::uint32_t a, std::uint32_t b) {
  return as_word(__hsub2(as_half2(a), as_half2(b)));
}
TOLLGATE_DEVICE std::uint32_t half2_mul(std::uint32_t a, std::uint32_t b) {
  return as_word(__hmul2(as_half2(a), as_half2(b)));
}
// a * b + c, rounded once.
TOLLGATE_DEVICE std::uint32_t half2_fma(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  return as_word(__hfma2(as_half2(a), as_half2(b), as_half2(c)));
}
TOLLGATE_DEVICE std::uint32_t pack_halves(float low, float high) { return as_word(__floats2half2_rn(low, high)); }

// Byte i of the result is byte (selector >> 4 i & 7) of the eight bytes b:a, a the lower ones.
TOLLGATE_DEVICE std::uint32_t pick_bytes(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
  return __byte_perm(a, b, selector);
}

// a * b + c, rounded once.
TOLLGATE_DEVICE float float_fma(float a, float b, float c) { return __fmaf_rn(a, b, c); }
// Rounded by itself, never fused with what comes after: where a result must be the host's, bit by bit.
TOLLGATE_DEVICE float rounded_product(float a, float b) { return __fmul_rn(a, b); }
TOLLGATE_DEVICE float rounded_sum(float a, float b) { return __fadd_rn(a, b); }

TOLLGATE_DEVICE float exp2_fast(float x) { return exp2f(x); }
TOLLGATE_DEVICE float rsqrt_fast(float x) { return rsqrtf(x); }

// A launch is an error of the stream, see Stream::wait(). `shared_bytes` above 48 KiB are asked for here.
template <class... Parameters, class... Arguments>
void launch(Stream& stream, const Grid& grid, void (*kernel)(Parameters...), const Arguments&... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  if (grid.shared_bytes > 16 * 1024) {  // several blocks of this kind shall share a multiprocessor
    stream.note(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                     cudaFuncAttributePreferredSharedMemoryCarveout, cudaSharedmemCarveoutMaxShared));
  }
  if (grid.shared_bytes > 48 * 1024) {
    stream.note(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(grid.shared_bytes)));
  }
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(grid.x, grid.y, grid.z);
  config.blockDim = dim3(grid.threads);
  config.dynamicSmemBytes = grid.shared_bytes;
  config.stream = static_cast<cudaStream_t>(stream.handle());
  config.attrs = &attribute;
  config.numAttrs = stream.overlaps_kernels() ? 1 : 0;
  stream.note(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...));
}

}  // namespace tollgate::local::gpu

#else

#include TOLLGATE_SIMULATED_GPU  // the header that stands in, named by the build

#endif

namespace tollgate::local::gpu {

inline constexpr int kWarp = 32;

TOLLGATE_DEVICE int lane_index() { return thread_index() % kWarp; }
TOLLGATE_DEVICE int warp_index() { return thread_index() / kWarp; }

TOLLGATE_DEVICE float low_half(std::uint32_t halves) { return f16_to_float(static_cast<std::uint16_t>(halves)); }
TOLLGATE_DEVICE float high_half(std::uint32_t halves) { return f16_to_float(static_cast<std::uint16_t>(halves >> 16)); }

// The same half twice.
TOLLGATE_DEVICE std::uint32_t both_halves(std::uint16_t half) { return std::uint32_t{half} * 0x10001u; }

TOLLGATE_DEVICE int bit_count(std::uint32_t bits) {
  bits -= bits >> 1 & 0x55555555u;
  bits = (bits & 0x33333333u) + (bits >> 2 & 0x33333333u);
  return static_cast<int>(((bits + (bits >> 4)) & 0x0F0F0F0Fu) * 0x01010101u >> 24);
}

// Over the warp; every lane gets the result. The order of additions is fixed.
TOLLGATE_DEVICE float warp_sum(float value) {
  TOLLGATE_UNROLL
  for (int mask = kWarp / 2; mask > 0; mask /= 2) value += shuffle_xor(value, mask);
  return value;
}
TOLLGATE_DEVICE float warp_max(float value) {
  TOLLGATE_UNROLL
  for (int mask = kWarp / 2; mask > 0; mask /= 2) {
    const float other = shuffle_xor(value, mask);
    value = value > other ? value : other;
  }
  return value;
}

}  // namespace tollgate::local::gpu
