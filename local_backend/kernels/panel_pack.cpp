#include "local_backend/kernels/panel_pack.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <new>

#include "local_backend/gguf/block_bits.h"
#include "local_backend/kernels/panel.h"

namespace tollgate::local::panels {
namespace {

using Byte = std::uint8_t;

// One row's 32 columns as the file has them: quants before subtraction of zero, and the scales of the unit.
struct RowUnit {
  Byte quants[kUnitColumns];
  std::uint16_t d = 0, m = 0;  // f16: the unit's (simple types) or the head's
  Byte scales[2] = {0, 0};     // super types: scale and minimum, or the scales of both 16 columns
};

void take_nibbles(const Byte* in, Byte* out) {
  for (std::size_t i = 0; i < 16; ++i) out[i] = in[i] & 15, out[i + 16] = in[i] >> 4;
}

void add_fifth_bits(std::uint32_t high, Byte* out) {
  for (std::size_t i = 0; i < kUnitColumns; ++i) out[i] |= static_cast<Byte>((high >> i & 1) << 4);
}

// q4_k and q5_k: the shapes of gguf's k_groups().
void read_k_group(const Byte* block, std::size_t group, bool five, RowUnit& out) {
  const bits::ScaleMin pair = bits::unpack_scale_min(block + 4, group);
  out.scales[0] = pair.scale, out.scales[1] = pair.min;
  out.d = bits::load<std::uint16_t>(block);
  out.m = bits::load<std::uint16_t>(block + 2) ^ 0x8000u;  // -dmin
  const Byte* low = block + (five ? 48 : 16) + group / 2 * 32;
  for (std::size_t i = 0; i < kUnitColumns; ++i) {
    out.quants[i] = low[i] >> group % 2 * 4 & 15;
    if (five) out.quants[i] |= static_cast<Byte>((block[16 + i] >> group & 1) << 4);
  }
}

void read_q6_k(const Byte* block, std::size_t group, RowUnit& out) {
  const std::size_t half = group / 4, part = group % 4;
  const Byte* low = block + half * 64 + part % 2 * 32;
  const Byte* high = block + 128 + half * 32;
  std::memcpy(out.scales, block + 192 + group * 2, 2);
  out.d = bits::load<std::uint16_t>(block + 208);
  for (std::size_t i = 0; i < kUnitColumns; ++i)
    out.quants[i] = static_cast<Byte>((low[i] >> part / 2 * 4 & 15) | (high[i] >> part * 2 & 3) << 4);
}

void read_iq4_xs(const Byte* block, std::size_t group, RowUnit& out) {
  const unsigned low = block[4 + group / 2] >> group % 2 * 4 & 15u;
  const unsigned high = bits::load<std::uint16_t>(block + 2) >> 2 * group & 3u;
  out.scales[0] = static_cast<Byte>(static_cast<int>(low | high << 4) - 32);
  out.d = bits::load<std::uint16_t>(block);
  take_nibbles(block + 8 + group * 16, out.quants);
}

RowUnit read_unit(TensorType type, const Byte* row, std::size_t unit) {
  RowUnit out;
  const TensorTypeInfo& info = *tensor_type_info(type);
  const Byte* block = row + unit * kUnitColumns / info.elements * info.bytes;
  const std::size_t group = unit % kSuperUnits;
  if (!panel_form(type).super) out.d = bits::load<std::uint16_t>(block);
  switch (type) {
    case TensorType::q8_0:
      for (std::size_t i = 0; i < kUnitColumns; ++i) out.quants[i] = block[2 + i] ^ 0x80;
      break;
    case TensorType::q4_0:
    case TensorType::iq4_nl:
      take_nibbles(block + 2, out.quants);
      break;
    case TensorType::q4_1:
      out.m = bits::load<std::uint16_t>(block + 2);
      take_nibbles(block + 4, out.quants);
      break;
    case TensorType::q5_0:
      take_nibbles(block + 6, out.quants);
      add_fifth_bits(bits::load<std::uint32_t>(block + 2), out.quants);
      break;
    case TensorType::q5_1:
      out.m = bits::load<std::uint16_t>(block + 2);
      take_nibbles(block + 8, out.quants);
      add_fifth_bits(bits::load<std::uint32_t>(block + 4), out.quants);
      break;
    case TensorType::q4_k:
    case TensorType::q5_k:
      read_k_group(block, group, type == TensorType::q5_k, out);
      break;
    case TensorType::q6_k:
      read_q6_k(block, group, out);
      break;
    case TensorType::iq4_xs:
      read_iq4_xs(block, group, out);
      break;
    default:
      break;
  }
  return out;
}

// Quants of one row of a half into their places; `to` is the half's first byte, all zero where nothing was stored yet.
void store_quants(const PanelForm& form, const Byte* quants, std::size_t row, Byte* to) {
  for (std::size_t step = 0; step < 8; ++step) {
    for (std::size_t i = 0; i < 4; ++i) {
      const unsigned quant = quants[step * 4 + i];
      const std::size_t at = row * 4 + i;
      if (form.bits == 8) {
        to[step * 64 + at] = static_cast<Byte>(quant);
        continue;
      }
      to[step % 4 * 64 + at] |= static_cast<Byte>((quant & 15) << step / 4 * 4);
      if (form.bits == 5) to[256 + at] |= static_cast<Byte>(quant >> 4 << step);
      if (form.bits == 6) to[256 + step / 4 * 64 + at] |= static_cast<Byte>(quant >> 4 << step % 4 * 2);
    }
  }
}

unsigned load_quant(const PanelForm& form, const Byte* from, std::size_t row, std::size_t column) {
  const std::size_t step = column / 4, at = row * 4 + column % 4;
  if (form.bits == 8) return from[step * 64 + at];
  unsigned quant = from[step % 4 * 64 + at] >> step / 4 * 4 & 15u;
  if (form.bits == 5) quant |= (from[256 + at] >> step & 1u) << 4;
  if (form.bits == 6) quant |= (from[256 + step / 4 * 64 + at] >> step % 4 * 2 & 3u) << 4;
  return quant;
}

void store_unit(const PanelForm& form, const RowUnit& in, std::size_t row, Byte* unit, Byte* head) {
  if (form.super) {
    unit[row] = in.scales[0], unit[32 + row] = in.scales[1];
    bits::store(head + row * 2, in.d);
    if (form.minimum) bits::store(head + 64 + row * 2, in.m);
  } else {
    bits::store(unit + row * 2, in.d);
    if (form.minimum) bits::store(unit + 64 + row * 2, in.m);
  }
  store_quants(form, in.quants, row % kHalfRows, unit + scale_bytes(form) + row / kHalfRows * half_quant_bytes(form));
}

void pack_float_row(const PanelForm& form, const Byte* row_data, std::size_t columns, std::size_t row, Byte* panel) {
  const std::size_t bytes = static_cast<std::size_t>(form.bits) / 8;
  for (std::size_t i = 0; i < columns; ++i)
    std::memcpy(panel + (i * kPanelRows + row) * bytes, row_data + i * bytes, bytes);
}

void pack_panel(const PackedMatrix& matrix, const std::byte* data, std::size_t index, Byte* panel) {
  const PanelForm form = panel_form(matrix.type);
  std::memset(panel, 0, panel_bytes(form, matrix.columns));
  const std::size_t first = index * kPanelRows, end = std::min(first + kPanelRows, matrix.rows);
  for (std::size_t row = first; row < end; ++row) {
    const auto* in = reinterpret_cast<const Byte*>(data) + row * tensor_bytes(matrix.type, matrix.columns);
    if (is_float(form)) {
      pack_float_row(form, in, matrix.columns, row - first, panel);
      continue;
    }
    for (std::size_t unit = 0; unit < panel_units(matrix.columns); ++unit) {
      Byte* head = panel + unit_offset(form, unit / kSuperUnits * kSuperUnits) - head_bytes(form);
      store_unit(form, read_unit(matrix.type, in, unit), row - first, panel + unit_offset(form, unit), head);
    }
  }
}

float value_of(const PanelForm& form, unsigned quant) {
  if (form.table) return static_cast<float>(bits::kIq4Values[quant]);
  return static_cast<float>(static_cast<int>(quant) - form.zero);
}

void float_row(TensorType type, const Byte* panel, std::size_t row, std::size_t columns, float* out) {
  const std::size_t bytes = tensor_type_info(type)->bytes;
  for (std::size_t i = 0; i < columns; ++i)
    dequantize(type, reinterpret_cast<const std::byte*>(panel + (i * kPanelRows + row) * bytes), out + i, 1);
}

// The products in the order of gguf's dequantize(), so that the floats are equal to the last bit.
void quant_row(const PanelForm& form, const Byte* panel, std::size_t row, std::size_t columns, float* out) {
  for (std::size_t unit = 0; unit < columns / kUnitColumns; ++unit) {
    const Byte* at = panel + unit_offset(form, unit);
    const Byte* head = panel + unit_offset(form, unit / kSuperUnits * kSuperUnits) - head_bytes(form);
    const Byte* quants = at + scale_bytes(form) + row / kHalfRows * half_quant_bytes(form);
    const float d = bits::load_half((form.super ? head : at) + row * 2);
    const float m = form.minimum ? bits::load_half((form.super ? head : at) + 64 + row * 2) : 0.0f;
    for (std::size_t i = 0; i < kUnitColumns; ++i) {
      float scale = d, minimum = m;
      if (form.super && form.minimum) scale *= at[row], minimum *= at[32 + row];
      if (form.super && !form.minimum) scale *= static_cast<std::int8_t>(at[(form.halves ? i / 16 * 32 : 0) + row]);
      const float product = scale * value_of(form, load_quant(form, quants, row % kHalfRows, i));
      out[unit * kUnitColumns + i] = form.minimum ? product + minimum : product;
    }
  }
}

}  // namespace

PackedMatrix pack(TensorType type, const std::byte* data, std::size_t rows, std::size_t columns, WeightMemory& memory,
                  Workers& workers) {
  const std::size_t each = panel_bytes(panel_form(type), columns);
  PackedMatrix matrix{.type = type, .rows = rows, .columns = columns};
  matrix.bytes = panel_count(rows) * each;
  matrix.layout = 1;
  const std::shared_ptr<std::byte> bytes = memory.take(matrix.bytes);
  matrix.data = bytes;
  auto chunk = [&](int index) {
    const auto panel = static_cast<std::size_t>(index);
    pack_panel(matrix, data, panel, reinterpret_cast<Byte*>(bytes.get()) + panel * each);
  };
  workers.run(static_cast<int>(panel_count(rows)), std::ref(chunk));
  return matrix;
}

void row(const PackedMatrix& matrix, std::size_t row, float* out) {
  const PanelForm form = panel_form(matrix.type);
  const auto* panel =
      reinterpret_cast<const Byte*>(matrix.data.get()) + row / kPanelRows * panel_bytes(form, matrix.columns);
  if (is_float(form)) return float_row(matrix.type, panel, row % kPanelRows, matrix.columns, out);
  quant_row(form, panel, row % kPanelRows, matrix.columns, out);
}

}  // namespace tollgate::local::panels
