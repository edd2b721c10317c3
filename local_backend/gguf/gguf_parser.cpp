#include "local_backend/gguf/gguf_parser.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "local_backend/gguf/model_file_error.h"

namespace tollgate::local {
namespace {

static_assert(std::endian::native == std::endian::little, "the formats are little endian and are read in place");

constexpr std::uint32_t kMagic = 0x46554747;            // "GGUF"
constexpr std::uint64_t kMaxKey = 65535;                // bytes; of the specification
constexpr std::uint64_t kMinPairBytes = 8 + 1 + 4 + 1;  // a key of one byte and a value of one byte
constexpr std::uint64_t kMinTensorBytes = 8 + 1 + 4 + 4 + 8;

bool flags_are_clean(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b <= std::byte{1}; });
}

}  // namespace

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
  return parse_header() && parse_pairs() && find_alignment() && parse_tensors() && no_twins() && place_tensors() &&
         no_overlap();
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
  // What the tables may take in memory is bound by the file's size, whatever the limits.
  const std::uint64_t left = bytes_.size() - at_;
  if (pair_count_ > left / kMinPairBytes || tensor_count_ > left / kMinTensorBytes) {
    return fail(8, "the file is too short for the entries that it counts");
  }
  return true;
}

bool GgufParser::parse_pairs() {
  pairs.reserve(pair_count_);
  for (std::uint64_t i = 0; i < pair_count_; ++i) {
    if (!parse_pair()) return false;
  }
  return true;
}

bool GgufParser::parse_pair() {
  const std::uint64_t key_at = at_;
  GgufFile::Pair pair{};
  if (!read_text(pair.key, std::min(kMaxKey, limits_.max_string), "a metadata key")) return false;
  if (pair.key.empty()) return fail(key_at, "an empty metadata key");
  const std::uint64_t type_at = at_;
  if (!read(pair.type, "the type of " + quoted_text(pair.key))) return false;
  const auto type = static_cast<GgufValue>(pair.type);
  const std::uint64_t value_at = at_;
  pair.count = 1;
  if (type == GgufValue::array) {
    if (!parse_array(pair)) return false;
  } else if (type == GgufValue::text) {
    std::string_view text;
    if (!read_text(text, limits_.max_string, "the text of " + quoted_text(pair.key))) return false;
    pair.value = bytes_.subspan(value_at + 8, text.size());
  } else if (const std::size_t size = gguf_value_bytes(type)) {
    if (!skip(size, "the value of " + quoted_text(pair.key))) return false;
    pair.value = bytes_.subspan(value_at, size);
    if (!check_scalar(pair, value_at)) return false;
  } else {
    return fail(type_at, "metadata " + quoted_text(pair.key) + " has the unknown type " + std::to_string(pair.type));
  }
  pairs.push_back(pair);
  return true;
}

bool GgufParser::parse_array(GgufFile::Pair& pair) {
  const std::string what = "the array " + quoted_text(pair.key);
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
    for (std::uint64_t i = 0; i < pair.count; ++i) {
      std::string_view text;
      if (!read_text(text, limits_.max_string, what)) return false;
    }
  } else {
    if (pair.count > (bytes_.size() - at_) / size) return fail(count_at, "the file ends inside " + what);
    at_ += pair.count * size;
  }
  pair.value = bytes_.subspan(from, at_ - from);
  if (type == GgufValue::flag && !flags_are_clean(pair.value))
    return fail(from, what + " has a truth value that is not 0 or 1");
  return true;
}

bool GgufParser::check_scalar(const GgufFile::Pair& pair, std::uint64_t at) {
  const auto type = static_cast<GgufValue>(pair.type);
  if (type == GgufValue::flag && !flags_are_clean(pair.value)) {
    return fail(at, "metadata " + quoted_text(pair.key) + " is a truth value that is not 0 or 1");
  }
  double number = 0;
  if (type == GgufValue::f32) {
    float single = 0;
    std::memcpy(&single, pair.value.data(), sizeof(single));
    number = single;
  } else if (type == GgufValue::f64) {
    std::memcpy(&number, pair.value.data(), sizeof(number));
  }
  return std::isfinite(number) || fail(at, "metadata " + quoted_text(pair.key) + " is not a finite number");
}

}  // namespace tollgate::local
