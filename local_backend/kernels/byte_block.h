// Some columns of a panel of any quantised type, expanded to one form: unsigned bytes with zero 128 (zero 0 where there
// are minima) and float scales. Included after the vectors of avx512_vector.h.
#pragma once

#include "local_backend/kernels/panel_vector.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kBlockUnits = 16;  // 512 columns: 16 KiB of weights

struct ByteBlock {
  alignas(64) std::uint8_t weights[kBlockUnits][8][2][64];  // [step][half]
  alignas(64) float scales[kBlockUnits][2][2][16];          // [part][half]
  alignas(64) float minima[kBlockUnits][2][16];
};

template <PanelForm kForm, int kStep>
inline void expand_steps(const std::uint8_t* half, std::uint8_t (*out)[2][64], int half_index) {
  if constexpr (kStep < 8) {
    __m512i values = quants<kForm, kStep>(half);
    if constexpr (!kForm.minimum && kForm.zero != 128)
      values = _mm512_add_epi8(values, _mm512_set1_epi8(128 - kForm.zero));
    _mm512_store_si512(out[kStep][half_index], values);
    expand_steps<kForm, kStep + 1>(half, out, half_index);
  }
}

template <PanelForm kForm>
void expand_form(const std::uint8_t* panel, std::size_t first, std::size_t units, ByteBlock& block) {
  Head head{};
  for (std::size_t i = 0; i < units; ++i) {
    const std::uint8_t* unit = panel + unit_offset(kForm, first + i);
    if constexpr (kForm.super)
      if ((first + i) % kSuperUnits == 0) load_head<kForm>(unit - head_bytes(kForm), head);
    for (int half = 0; half < 2; ++half) {
      expand_steps<kForm, 0>(unit + quant_offset<kForm>(half), block.weights[i], half);
      for (int part = 0; part < (kForm.halves ? 2 : 1); ++part)
        _mm512_store_ps(block.scales[i][part][half], scales<kForm>(unit, head, half, part));
      if constexpr (kForm.minimum) _mm512_store_ps(block.minima[i][half], minima<kForm>(unit, head, half));
    }
  }
}

inline void expand(TensorType type, const std::uint8_t* panel, std::size_t first, std::size_t units, ByteBlock& block) {
  with_quant_type(type, [&]<TensorType kType>() { expand_form<panel_form(kType)>(panel, first, units, block); });
}

}  // namespace
}  // namespace tollgate::local
