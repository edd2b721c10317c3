#include "local_backend/gguf/gguf_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "local_backend/gguf/gguf_parser.h"
#include "local_backend/gguf/mapped_file.h"
#include "local_backend/gguf/model_file_error.h"

namespace tollgate::local {
namespace {

// Holds what the tables point into; `mapping` is empty when the bytes belong to the caller.
class LoadedFile final : public GgufFile {
 public:
  LoadedFile(std::string name, std::uint64_t size, GgufParser parser, MappedFile mapping)
      : mapping_(std::move(mapping)) {
    name_ = std::move(name);
    size_ = size;
    tensors_ = std::move(parser.tensors);
    pairs_ = std::move(parser.pairs);
    tensors_by_name_ = std::move(parser.tensors_by_name);
    pairs_by_key_ = std::move(parser.pairs_by_key);
  }

 private:
  MappedFile mapping_;
};

Result<std::shared_ptr<const GgufFile>> load(std::span<const std::byte> bytes, const std::string& name,
                                             const GgufLimits& limits, MappedFile mapping) {
  GgufParser parser(bytes, limits);
  if (!parser.parse()) return bad_model_file(name, parser.problem_at, parser.problem);
  return std::shared_ptr<const GgufFile>(
      std::make_shared<LoadedFile>(name, bytes.size(), std::move(parser), std::move(mapping)));
}

template <class T>
T load_as(const std::byte* from) {
  T out;
  std::memcpy(&out, from, sizeof(T));
  return out;
}

// nullopt for values that are no integers or do not fit.
std::optional<std::int64_t> as_integer(GgufValue type, const std::byte* value) {
  switch (type) {
    case GgufValue::u8:
      return load_as<std::uint8_t>(value);
    case GgufValue::i8:
      return load_as<std::int8_t>(value);
    case GgufValue::u16:
      return load_as<std::uint16_t>(value);
    case GgufValue::i16:
      return load_as<std::int16_t>(value);
    case GgufValue::u32:
      return load_as<std::uint32_t>(value);
    case GgufValue::i32:
      return load_as<std::int32_t>(value);
    case GgufValue::i64:
      return load_as<std::int64_t>(value);
    case GgufValue::u64: {
      const auto wide = load_as<std::uint64_t>(value);
      if (std::in_range<std::int64_t>(wide)) return static_cast<std::int64_t>(wide);
      return std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

std::optional<double> as_number(GgufValue type, const std::byte* value) {
  if (type == GgufValue::f32) return load_as<float>(value);
  if (type == GgufValue::f64) return load_as<double>(value);
  if (type == GgufValue::u64) return static_cast<double>(load_as<std::uint64_t>(value));
  if (const auto integer = as_integer(type, value)) return static_cast<double>(*integer);
  return std::nullopt;
}

// The elements of a numeric array through `convert`; empty when one of them has no such value.
template <class T, class Convert>
std::vector<T> converted(const GgufFile::Pair& pair, Convert convert) {
  const auto type = static_cast<GgufValue>(pair.type);
  const std::size_t size = gguf_value_bytes(type);
  std::vector<T> out;
  if (size == 0) return out;
  out.reserve(pair.count);
  for (std::uint64_t i = 0; i < pair.count; ++i) {
    const std::optional<T> value = convert(type, pair.value.data() + i * size);
    if (!value) return {};
    out.push_back(*value);
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<const GgufFile>> GgufFile::open(const std::string& path, const GgufLimits& limits) {
  auto mapping = MappedFile::open(path);
  if (!mapping) return std::move(mapping).error();
  const std::span<const std::byte> bytes = mapping->bytes();
  return load(bytes, path, limits, std::move(mapping).value());
}

Result<std::shared_ptr<const GgufFile>> GgufFile::parse(std::span<const std::byte> bytes, const std::string& name,
                                                        const GgufLimits& limits) {
  return load(bytes, name, limits, MappedFile());
}

const Tensor* GgufFile::tensor(std::string_view name) const {
  const auto at = std::lower_bound(tensors_by_name_.begin(), tensors_by_name_.end(), name,
                                   [&](std::uint32_t i, std::string_view text) { return tensors_[i].name < text; });
  return at != tensors_by_name_.end() && tensors_[*at].name == name ? &tensors_[*at] : nullptr;
}

const GgufFile::Pair* GgufFile::pair(std::string_view key) const {
  const auto at = std::lower_bound(pairs_by_key_.begin(), pairs_by_key_.end(), key,
                                   [&](std::uint32_t i, std::string_view text) { return pairs_[i].key < text; });
  return at != pairs_by_key_.end() && pairs_[*at].key == key ? &pairs_[*at] : nullptr;
}

std::optional<std::string_view> GgufFile::text(std::string_view key) const {
  const Pair* found = pair(key);
  if (!found || found->array || static_cast<GgufValue>(found->type) != GgufValue::text) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(found->value.data()), found->value.size());
}

std::optional<std::int64_t> GgufFile::integer(std::string_view key) const {
  const Pair* found = pair(key);
  if (!found || found->array) return std::nullopt;
  return as_integer(static_cast<GgufValue>(found->type), found->value.data());
}

std::optional<double> GgufFile::number(std::string_view key) const {
  const Pair* found = pair(key);
  if (!found || found->array) return std::nullopt;
  return as_number(static_cast<GgufValue>(found->type), found->value.data());
}

std::optional<bool> GgufFile::flag(std::string_view key) const {
  const Pair* found = pair(key);
  if (!found || found->array || static_cast<GgufValue>(found->type) != GgufValue::flag) return std::nullopt;
  return found->value[0] != std::byte{0};
}

std::vector<std::string_view> GgufFile::texts(std::string_view key) const {
  const Pair* found = pair(key);
  if (!found || !found->array || static_cast<GgufValue>(found->type) != GgufValue::text) return {};
  std::vector<std::string_view> out;
  out.reserve(found->count);
  const std::byte* at = found->value.data();
  for (std::uint64_t i = 0; i < found->count; ++i) {
    const auto length = load_as<std::uint64_t>(at);  // checked by the parser
    out.emplace_back(reinterpret_cast<const char*>(at + 8), length);
    at += 8 + length;
  }
  return out;
}

std::vector<std::int64_t> GgufFile::integers(std::string_view key) const {
  const Pair* found = pair(key);
  if (!found || !found->array) return {};
  return converted<std::int64_t>(*found, [](GgufValue type, const std::byte* value) {
    return type == GgufValue::flag ? load_as<std::uint8_t>(value) : as_integer(type, value);
  });
}

std::vector<double> GgufFile::numbers(std::string_view key) const {
  const Pair* found = pair(key);
  if (!found || !found->array) return {};
  return converted<double>(*found, as_number);
}

}  // namespace tollgate::local
