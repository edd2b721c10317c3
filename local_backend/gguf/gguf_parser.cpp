#include "local_backend/gguf/gguf_parser.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>

namespace tollgate::local {
namespace {

static_assert(std::endian::native == std::endian::little, "the formats are little endian and are read in place");

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::uint64_t kMaxKey = 65535;      // bytes; of the specification, as the next one
constexpr std::uint64_t kMaxTensorName = 64;
constexpr std::uint64_t kMinAlignment = 8;
constexpr std::uint64_t kMinPairBytes = 8 + 1 + 4 + 1;  // a key of one byte and a value of one byte
constexpr std::uint64_t kMinTensorBytes = 8 + 1 + 4 + 4 + 8;

// Types of the format that the engine does not read, for messages.
std::string_view unread_type_name(std::uint32_t type) {
  switch (type) {
    case 9:
      return "q8_1";
    case 10:
      return "q2_k";
    case 11:
      return "q3_k";
    case 15:
      return "q8_k";
    case 16:
      return "iq2_xxs";
    case 17:
      return "iq2_xs";
    case 18:
      return "iq3_xxs";
    case 19:
      return "iq1_s";
    case 21:
      return "iq3_s";
    case 22:
      return "iq2_s";
    case 24:
      return "i8";
    case 25:
      return "i16";
    case 26:
      return "i32";
    case 27:
      return "i64";
    case 28:
      return "f64";
    case 29:
      return "iq1_m";
    case 34:
      return "tq1_0";
    case 35:
      return "tq2_0";
    case 39:
      return "mxfp4";
    default:
      return "unknown";
  }
}

std::optional<std::uint64_t> product(std::uint64_t a, std::uint64_t b) {
  std::uint64_t out = 0;
  if (__builtin_mul_overflow(a, b, &out)) return std::nullopt;
  return out;
}

bool flags_are_clean(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b <= std::byte{1}; });
}

}  // namespace

std::size_t gguf_value_bytes(GgufValue type) {
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

std::string gguf_quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, 80)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7E || c == '"' || c == '\\') {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
    }
  }
  return out + (text.size() > 80 ? "\"..." : "\"");
}

bool GgufParser::fail(std::uint64_t at, std::string what) {
  problem_at = at;
  problem = std::move(what);
  return false;
}

bool GgufParser::skip(std::uint64_t count, std::string_view what) {
  if (count > bytes_.size() - at_) return fail(at_, "the file ends inside " + std::string(what));
  at_ += count;
  return true;
}

template <class T>
bool GgufParser::read(T& out, std::string_view what) {
  const std::uint64_t from = at_;
  if (!skip(sizeof(T), what)) return false;
  std::memcpy(&out, bytes_.data() + from, sizeof(T));
  return true;
}

bool GgufParser::read_text(std::string_view& out, std::uint64_t limit, std::string_view what) {
  const std::uint64_t from = at_;
  std::uint64_t length = 0;
  if (!read(length, what)) return false;
  if (length > limit) {
    return fail(from, std::string(what) + " of " + std::to_string(length) + " bytes, at most " + std::to_string(limit));
  }
  const std::uint64_t text = at_;
  if (!skip(length, what)) return false;
  out = {reinterpret_cast<const char*>(bytes_.data() + text), length};
  return true;
}

bool GgufParser::parse() {
  if (!parse_header()) return false;
  pairs.reserve(pair_count_);
  for (std::uint64_t i = 0; i < pair_count_; ++i) {
    if (!parse_pair()) return false;
  }
  tensors.reserve(tensor_count_);
  extents_.reserve(tensor_count_);
  if (!find_alignment()) return false;
  for (std::uint64_t i = 0; i < tensor_count_; ++i) {
    if (!parse_tensor()) return false;
  }
  return index_names() && place_tensors();
}

bool GgufParser::parse_header() {
  std::uint32_t magic = 0, version = 0;
  if (!read(magic, "the header")) return false;
  if (magic != kMagic) return fail(0, "not a GGUF file: it begins with other bytes");
  if (!read(version, "the header")) return false;
  if (version == 0x03000000u || version == 0x02000000u) return fail(4, "big-endian files are not supported");
  // Version 2 has the same layout; version 1 had 32-bit lengths.
  if (version != 2 && version != 3) {
    return fail(4, "version " + std::to_string(version) + " of the format is not supported, only 2 and 3");
  }
  if (!read(tensor_count_, "the header") || !read(pair_count_, "the header")) return false;
  if (tensor_count_ > limits_.max_tensors) {
    return fail(8, std::to_string(tensor_count_) + " tensors, at most " + std::to_string(limits_.max_tensors));
  }
  if (pair_count_ > limits_.max_pairs) {
    return fail(16, std::to_string(pair_count_) + " metadata entries, at most " + std::to_string(limits_.max_pairs));
  }
  // Both counts are bounded, so this cannot overflow unless a caller set absurd limits; then the division guards.
  const std::uint64_t left = bytes_.size() - at_;
  if (pair_count_ > left / kMinPairBytes || tensor_count_ > left / kMinTensorBytes) {
    return fail(8, "the file is too short for the entries that it counts");
  }
  return true;
}

bool GgufParser::parse_pair() {
  const std::uint64_t key_at = at_;
  GgufFile::Pair pair{};
  if (!read_text(pair.key, std::min(kMaxKey, limits_.max_string), "a metadata key")) return false;
  if (pair.key.empty()) return fail(key_at, "an empty metadata key");
  const std::uint64_t type_at = at_;
  if (!read(pair.type, "the type of " + gguf_quoted(pair.key))) return false;
  const auto type = static_cast<GgufValue>(pair.type);
  const std::uint64_t value_at = at_;
  pair.count = 1;
  if (type == GgufValue::array) {
    if (!parse_array(pair)) return false;
  } else if (type == GgufValue::text) {
    std::string_view text;
    if (!read_text(text, limits_.max_string, "the text of " + gguf_quoted(pair.key))) return false;
    pair.value = bytes_.subspan(value_at + 8, text.size());
  } else if (const std::size_t size = gguf_value_bytes(type)) {
    if (!skip(size, "the value of " + gguf_quoted(pair.key))) return false;
    pair.value = bytes_.subspan(value_at, size);
    if (!check_scalar(pair, value_at)) return false;
  } else {
    return fail(type_at, "metadata " + gguf_quoted(pair.key) + " has the unknown type " + std::to_string(pair.type));
  }
  pairs.push_back(pair);
  return true;
}

bool GgufParser::parse_array(GgufFile::Pair& pair) {
  const std::string what = "the array " + gguf_quoted(pair.key);
  const std::uint64_t type_at = at_;
  pair.array = true;
  if (!read(pair.type, what)) return false;
  const auto type = static_cast<GgufValue>(pair.type);
  if (type == GgufValue::array) return fail(type_at, what + " holds arrays, which is not supported");
  const std::size_t size = gguf_value_bytes(type);
  if (size == 0 && type != GgufValue::text) {
    return fail(type_at, what + " has elements of the unknown type " + std::to_string(pair.type));
  }
  const std::uint64_t count_at = at_;
  if (!read(pair.count, what)) return false;
  if (pair.count > limits_.max_array) {
    return fail(count_at,
                what + " of " + std::to_string(pair.count) + " elements, at most " + std::to_string(limits_.max_array));
  }
  const std::uint64_t from = at_;
  if (type == GgufValue::text) {
    if (pair.count > (bytes_.size() - at_) / 8) return fail(count_at, "the file ends inside " + what);
    for (std::uint64_t i = 0; i < pair.count; ++i) {
      std::string_view text;
      if (!read_text(text, limits_.max_string, what)) return false;
    }
  } else {
    const auto total = product(pair.count, size);
    if (!total) return fail(count_at, what + " is too long");
    if (!skip(*total, what)) return false;
  }
  pair.value = bytes_.subspan(from, at_ - from);
  if (type == GgufValue::flag && !flags_are_clean(pair.value))
    return fail(from, what + " has a truth value that is not 0 or 1");
  return true;
}

bool GgufParser::check_scalar(const GgufFile::Pair& pair, std::uint64_t at) {
  const auto type = static_cast<GgufValue>(pair.type);
  if (type == GgufValue::flag && !flags_are_clean(pair.value)) {
    return fail(at, "metadata " + gguf_quoted(pair.key) + " is a truth value that is not 0 or 1");
  }
  double number = 0;
  if (type == GgufValue::f32) {
    float single = 0;
    std::memcpy(&single, pair.value.data(), sizeof(single));
    number = single;
  } else if (type == GgufValue::f64) {
    std::memcpy(&number, pair.value.data(), sizeof(number));
  }
  return std::isfinite(number) || fail(at, "metadata " + gguf_quoted(pair.key) + " is not a finite number");
}

bool GgufParser::find_alignment() {
  for (const GgufFile::Pair& pair : pairs) {
    if (pair.key != "general.alignment") continue;
    const std::uint64_t at = static_cast<std::uint64_t>(pair.value.data() - bytes_.data());
    if (pair.array || static_cast<GgufValue>(pair.type) != GgufValue::u32) {
      return fail(at, "general.alignment is not a 32-bit unsigned integer");
    }
    std::uint32_t value = 0;
    std::memcpy(&value, pair.value.data(), sizeof(value));
    if (!std::has_single_bit(value) || value < kMinAlignment || value > limits_.max_alignment) {
      return fail(at, "general.alignment is " + std::to_string(value) + ", not a power of two from " +
                          std::to_string(kMinAlignment) + " to " + std::to_string(limits_.max_alignment));
    }
    alignment_ = value;
  }
  return true;
}

bool GgufParser::parse_tensor() {
  const std::uint64_t from = at_;
  Tensor tensor;
  if (!read_text(tensor.name, kMaxTensorName, "a tensor name")) return false;
  if (tensor.name.empty()) return fail(from, "a tensor without a name");
  const std::string what = "tensor " + gguf_quoted(tensor.name);
  const std::uint64_t count_at = at_;
  std::uint32_t dims = 0, type = 0;
  if (!read(dims, what)) return false;
  if (dims > tensor.dims.size())
    return fail(count_at, what + " has " + std::to_string(dims) + " dimensions, at most 4");
  for (std::uint32_t i = 0; i < dims; ++i) {
    const std::uint64_t dim_at = at_;
    if (!read(tensor.dims[i], what)) return false;
    if (tensor.dims[i] == 0) return fail(dim_at, what + " has a dimension of 0");
  }
  const std::uint64_t type_at = at_;
  if (!read(type, what)) return false;
  Extent extent;
  extent.told_at = at_;
  if (!read(extent.offset, what)) return false;
  if (!measure_tensor(tensor, type, type_at, extent)) return false;
  if (extent.offset % alignment_ != 0) {
    return fail(extent.told_at, what + " lies at " + std::to_string(extent.offset) + ", which is no multiple of " +
                                    std::to_string(alignment_));
  }
  tensors.push_back(tensor);
  extents_.push_back(extent);
  return true;
}

bool GgufParser::measure_tensor(Tensor& tensor, std::uint32_t type, std::uint64_t at, Extent& extent) {
  const std::string what = "tensor " + gguf_quoted(tensor.name);
  const TensorTypeInfo* info = tensor_type_info(static_cast<TensorType>(type));
  if (!info) {
    return fail(at, what + " has the type " + std::string(unread_type_name(type)) + " (" + std::to_string(type) +
                        "), which this engine does not read");
  }
  tensor.type = info->type;
  if (tensor.dims[0] % info->elements != 0) {
    return fail(at, what + " has rows of " + std::to_string(tensor.dims[0]) + " elements, no multiple of the " +
                        std::to_string(info->elements) + " of a " + std::string(info->name) + " block");
  }
  std::optional<std::uint64_t> size = product(tensor.dims[0] / info->elements, info->bytes);
  // The number of elements is checked on its own: it can overflow where the bytes do not.
  std::optional<std::uint64_t> elements = tensor.dims[0];
  for (std::size_t i = 1; i < tensor.dims.size() && size && elements; ++i) {
    size = product(*size, tensor.dims[i]);
    elements = product(*elements, tensor.dims[i]);
  }
  if (!size || !elements || *size > std::numeric_limits<std::int64_t>::max()) {
    return fail(at, what + " has more elements than 64 bits can count");
  }
  extent.bytes = *size;
  return true;
}

bool GgufParser::place_tensors() {
  // at_ <= the file's size and alignment_ <= 2^32, so this sum is far from overflowing.
  const std::uint64_t base = (at_ + alignment_ - 1) / alignment_ * alignment_;
  const std::uint64_t room = base <= bytes_.size() ? bytes_.size() - base : 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Extent& extent = extents_[i];
    if (extent.offset > room || extent.bytes > room - extent.offset) {
      return fail(extent.told_at, "tensor " + gguf_quoted(tensors[i].name) + " of " + std::to_string(extent.bytes) +
                                      " bytes ends behind the file's end");
    }
    tensors[i].data = bytes_.subspan(base + extent.offset, extent.bytes);
  }
  std::vector<std::uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return extents_[a].offset < extents_[b].offset; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const Extent &before = extents_[order[i - 1]], &after = extents_[order[i]];
    if (before.offset + before.bytes > after.offset) {
      return fail(after.told_at, "tensors " + gguf_quoted(tensors[order[i - 1]].name) + " and " +
                                     gguf_quoted(tensors[order[i]].name) + " overlap");
    }
  }
  return true;
}

bool GgufParser::index_names() {
  const auto sorted = [](const auto& entries, auto name_of, std::vector<std::uint32_t>& order) {
    order.resize(entries.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(),
              [&](std::uint32_t a, std::uint32_t b) { return name_of(entries[a]) < name_of(entries[b]); });
    const auto twin = std::adjacent_find(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return name_of(entries[a]) == name_of(entries[b]);
    });
    return twin == order.end() ? std::string_view() : name_of(entries[*twin]);
  };
  const auto offset_of = [&](std::string_view text) {
    return static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(text.data()) - bytes_.data());
  };
  const std::string_view key = sorted(pairs, [](const GgufFile::Pair& pair) { return pair.key; }, pairs_by_key);
  if (!key.empty()) return fail(offset_of(key), "the metadata key " + gguf_quoted(key) + " stands twice in the file");
  const std::string_view name = sorted(tensors, [](const Tensor& tensor) { return tensor.name; }, tensors_by_name);
  if (!name.empty()) return fail(offset_of(name), "the tensor " + gguf_quoted(name) + " stands twice in the file");
  return true;
}

}  // namespace tollgate::local
