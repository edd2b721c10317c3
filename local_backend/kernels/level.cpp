// Which levels there are, which of them this machine has, and which one is taken.
#include <array>
#include <cstdlib>

#include "local_backend/kernels/levels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace tollgate::local {
namespace {

constexpr std::array kNames{std::string_view("scalar"), std::string_view("avx2"), std::string_view("avx512"),
                            std::string_view("avx512-vnni"), std::string_view("amx")};

std::string_view wanted_level() {
  const char* wanted = std::getenv("TOLLGATE_CPU_LEVEL");
  return wanted == nullptr ? std::string_view() : std::string_view(wanted);
}

CpuLevel best_of_machine() {
  for (std::size_t i = kNames.size(); i-- > 1;)
    if (cpu_supports(static_cast<CpuLevel>(i))) return static_cast<CpuLevel>(i);
  return CpuLevel::scalar;
}

#if defined(__x86_64__)

// Whether the processor has byte tiles and the system lets this process use them: Linux grants the registers' state on
// demand only (arch_prctl, Documentation/arch/x86/xstate.rst), once for all threads.
bool may_use_tiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kTiles = 1u << 24, kByteTiles = 1u << 25;  // leaf 7, edx
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & kTiles) == 0 || (d & kByteTiles) == 0) return false;
#if defined(__linux__)
  constexpr int kRequestPermission = 0x1023, kTileData = 18;
  static const bool granted = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return granted;
#else
  return false;
#endif
}

#endif

}  // namespace

std::string_view name_of(CpuLevel level) { return kNames[static_cast<std::size_t>(level)]; }

CpuLevel best_cpu_level() {
  const CpuLevel best = best_of_machine();
  const std::string_view wanted = wanted_level();
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == wanted && cpu_supports(static_cast<CpuLevel>(i))) return static_cast<CpuLevel>(i);
  return best;
}

#if defined(__x86_64__)

bool cpu_supports(CpuLevel level) {
  // The built-in looks at the processor's flags and at whether the system saves the registers.
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  switch (level) {
    case CpuLevel::scalar:
      return true;
    case CpuLevel::avx2:
      return avx2;
    case CpuLevel::avx512:
      return avx512;
    case CpuLevel::avx512_vnni:
      return avx512 && __builtin_cpu_supports("avx512vnni");
    case CpuLevel::amx:
      // By name only: the tiles' code has been checked against an emulation, not yet on a processor that has them.
      return wanted_level() == name_of(level) && avx512 && __builtin_cpu_supports("avx512vnni") && may_use_tiles();
  }
  return false;
}

const Kernels& kernels_of(CpuLevel level) {
  switch (level) {
    case CpuLevel::avx2:
      return avx2_kernels();
    case CpuLevel::avx512:
      return avx512_kernels();
    case CpuLevel::avx512_vnni:
      return avx512_vnni_kernels();
    case CpuLevel::amx:
      return amx_kernels();
    default:
      return scalar_kernels();
  }
}

#else

bool cpu_supports(CpuLevel level) { return level == CpuLevel::scalar; }

const Kernels& kernels_of(CpuLevel) { return scalar_kernels(); }

#endif

}  // namespace tollgate::local
