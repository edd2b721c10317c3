// Kinds of metadata values. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tollgate::local {

// The numbers are those of the file format; GgufFile::Pair::type is one of them.
enum class GgufValue : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, flag, text, array, u64, i64, f64 };

// Bytes of one value; 0 for text, array and unknown types.
constexpr std::size_t gguf_value_bytes(GgufValue type) {
  switch (type) {
    case GgufValue::u8:
    case GgufValue::i8:
    case GgufValue::flag:
      return 1;
    case GgufValue::u16:
    case GgufValue::i16:
      return 2;
    case GgufValue::u32:
    case GgufValue::i32:
    case GgufValue::f32:
      return 4;
    case GgufValue::u64:
    case GgufValue::i64:
    case GgufValue::f64:
      return 8;
    default:
      return 0;
  }
}

}  // namespace tollgate::local
