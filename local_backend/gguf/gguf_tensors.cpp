// The second half of a GGUF header: tensor descriptions, and where their data may lie. Thread rule: see gguf_parser.h.
#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <optional>

#include "local_backend/gguf/gguf_parser.h"
#include "local_backend/gguf/model_file_error.h"

namespace tollgate::local {
namespace {

constexpr std::uint64_t kMaxTensorName = 64;  // bytes; of the specification, as the next one
constexpr std::uint64_t kMinAlignment = 8;

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

}  // namespace

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

bool GgufParser::parse_tensors() {
  tensors.reserve(tensor_count_);
  extents_.reserve(tensor_count_);
  for (std::uint64_t i = 0; i < tensor_count_; ++i) {
    if (!parse_tensor()) return false;
  }
  return true;
}

bool GgufParser::parse_tensor() {
  const std::uint64_t from = at_;
  Tensor tensor;
  if (!read_text(tensor.name, kMaxTensorName, "a tensor name")) return false;
  if (tensor.name.empty()) return fail(from, "a tensor without a name");
  const std::string what = "tensor " + quoted_text(tensor.name);
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
  const std::string what = "tensor " + quoted_text(tensor.name);
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
  for (std::size_t i = 1; i < tensor.dims.size() && size; ++i) size = product(*size, tensor.dims[i]);
  // No type has blocks of less than half a byte per element, so the number of elements then fits into 64 bits, too.
  if (!size || *size > std::numeric_limits<std::int64_t>::max()) {
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
      return fail(extent.told_at, "tensor " + quoted_text(tensors[i].name) + " of " + std::to_string(extent.bytes) +
                                      " bytes ends behind the file's end");
    }
    tensors[i].data = bytes_.subspan(base + extent.offset, extent.bytes);
  }
  return true;
}

bool GgufParser::no_overlap() {
  std::vector<std::uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return extents_[a].offset < extents_[b].offset; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const Extent &before = extents_[order[i - 1]], &after = extents_[order[i]];
    if (before.offset + before.bytes > after.offset) {
      return fail(after.told_at, "tensors " + quoted_text(tensors[order[i - 1]].name) + " and " +
                                     quoted_text(tensors[order[i]].name) + " overlap");
    }
  }
  return true;
}

bool GgufParser::no_twins() {
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
  if (!key.empty()) return fail(offset_of(key), "the metadata key " + quoted_text(key) + " stands twice in the file");
  const std::string_view name = sorted(tensors, [](const Tensor& tensor) { return tensor.name; }, tensors_by_name);
  if (!name.empty()) return fail(offset_of(name), "the tensor " + quoted_text(name) + " stands twice in the file");
  return true;
}

}  // namespace tollgate::local
