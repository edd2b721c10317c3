#include "local_backend/model/fingerprint.h"

#include <array>
#include <cstring>
#include <functional>

namespace tollgate::local {
namespace {

// Four lanes of multiply and rotate, so that hashing keeps up with memory; the ends are mixed as in MurmurHash3
// (Appleby 2011).
class Hash {
 public:
  void add(std::span<const std::byte> bytes) {
    const std::size_t whole = bytes.size() - bytes.size() % 32;
    for (std::size_t at = 0; at < whole; at += 32) take(bytes.data() + at);
    std::array<std::byte, 32> rest{};
    std::memcpy(rest.data(), bytes.data() + whole, bytes.size() - whole);
    take(rest.data());
    lanes_[0] ^= bytes.size();
  }
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  void add(std::uint64_t number) { add(std::as_bytes(std::span(&number, 1))); }

  std::uint64_t finish() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t lane : lanes_) sum = mix(sum ^ lane);
    return sum;
  }

 private:
  static std::uint64_t mix(std::uint64_t x) {
    x = (x ^ x >> 33) * 0xFF51AFD7ED558CCDu;
    x = (x ^ x >> 33) * 0xC4CEB9FE1A85EC53u;
    return x ^ x >> 33;
  }

  void take(const std::byte* block) {
    std::array<std::uint64_t, 4> words{};
    std::memcpy(words.data(), block, sizeof words);
    for (std::size_t i = 0; i < 4; ++i) {
      lanes_[i] = (lanes_[i] ^ words[i]) * 0x9E3779B97F4A7C15u;
      lanes_[i] = lanes_[i] << 31 | lanes_[i] >> 33;
    }
  }

  std::array<std::uint64_t, 4> lanes_{1, 2, 3, 4};
};

bool shapes_numbers(std::string_view key) { return !key.starts_with("tokenizer."); }

}  // namespace

std::string model_fingerprint(const GgufFile& file, const KvLayout& kv, Workers& workers) {
  std::vector<std::uint64_t> parts(file.tensors().size());
  auto chunk = [&](int index) {
    const Tensor& tensor = file.tensors()[static_cast<std::size_t>(index)];
    Hash hash;
    hash.add(tensor.name);
    hash.add(static_cast<std::uint64_t>(tensor.type));
    for (const std::uint64_t size : tensor.dims) hash.add(size);
    hash.add(tensor.data);
    parts[static_cast<std::size_t>(index)] = hash.finish();
  };
  workers.run(static_cast<int>(parts.size()), std::ref(chunk));
  Hash hash;
  for (const GgufFile::Pair& pair : file.pairs())
    if (shapes_numbers(pair.key)) hash.add(pair.key), hash.add(pair.value);
  for (const std::uint64_t part : parts) hash.add(part);

  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text = std::string(file.text("general.architecture").value_or("")) +
                     (kv.type == KvType::f16 ? "-f16-" : "-q8-") + std::to_string(kBlockTokens) + "x" +
                     std::to_string(kv.block_bytes()) + "-";
  const std::uint64_t sum = hash.finish();
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[sum >> shift & 15];
  return text;
}

}  // namespace tollgate::local
