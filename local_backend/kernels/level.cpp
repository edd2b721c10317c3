#include <array>
#include <cstdlib>

#include "local_backend/kernels/levels.h"

namespace tollgate::local {
namespace {

constexpr std::array kNames{std::string_view("scalar"), std::string_view("avx2"), std::string_view("avx512"),
                            std::string_view("avx512-vnni"), std::string_view("amx")};

CpuLevel best_of_machine() {
  for (std::size_t i = kNames.size(); i-- > 1;)
    if (cpu_supports(static_cast<CpuLevel>(i))) return static_cast<CpuLevel>(i);
  return CpuLevel::scalar;
}

}  // namespace

std::string_view name_of(CpuLevel level) { return kNames[static_cast<std::size_t>(level)]; }

CpuLevel best_cpu_level() {
  const CpuLevel best = best_of_machine();
  const char* wanted = std::getenv("TOLLGATE_CPU_LEVEL");
  if (wanted == nullptr) return best;
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == wanted && static_cast<CpuLevel>(i) <= best) return static_cast<CpuLevel>(i);
  return best;
}

bool cpu_supports(CpuLevel level) { return level == CpuLevel::scalar; }

const Kernels& kernels_of(CpuLevel) { return scalar_kernels(); }

}  // namespace tollgate::local
