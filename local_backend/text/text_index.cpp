#include "local_backend/text/text_index.h"

#include <bit>
#include <cstring>

namespace tollgate::local {
namespace {

constexpr std::uint64_t kMix = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * kMix;
  return hash ^ hash >> 32;
}

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = text.size();
  while (text.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    hash = mixed(hash, word);
    text.remove_prefix(8);
  }
  std::uint64_t rest = 0;
  for (const char byte : text) rest = rest << 8 | static_cast<unsigned char>(byte);
  return mixed(hash, rest);
}

std::size_t table_size(std::size_t count) { return std::bit_ceil(2 * count + 2); }

}  // namespace

void TextIndex::reserve(std::size_t count) { slots_.assign(table_size(count), Slot{}); }

std::size_t TextIndex::slot_of(std::string_view text) const {
  std::size_t at = hash_of(text) & (slots_.size() - 1);
  while (slots_[at].token != kNoToken && std::string_view(slots_[at].text, slots_[at].size) != text) {
    at = (at + 1) & (slots_.size() - 1);
  }
  return at;
}

void TextIndex::insert(std::string_view text, Token token) {
  Slot& slot = slots_[slot_of(text)];
  if (slot.token == kNoToken) slot = {text.data(), static_cast<std::uint32_t>(text.size()), token};
}

Token TextIndex::find(std::string_view text) const { return slots_[slot_of(text)].token; }

void PairIndex::reserve(std::size_t count) { slots_.assign(table_size(count), Slot{}); }

std::size_t PairIndex::slot_of(Token left, Token right) const {
  const auto key =
      static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
  std::size_t at = mixed(0, key) & (slots_.size() - 1);
  while (slots_[at].left != kNoToken && (slots_[at].left != left || slots_[at].right != right)) {
    at = (at + 1) & (slots_.size() - 1);
  }
  return at;
}

void PairIndex::insert(Token left, Token right, Merge merge) {
  Slot& slot = slots_[slot_of(left, right)];
  if (slot.left == kNoToken) slot = {left, right, merge};
}

const Merge* PairIndex::find(Token left, Token right) const {
  const Slot& slot = slots_[slot_of(left, right)];
  return slot.left == kNoToken ? nullptr : &slot.merge;
}

}  // namespace tollgate::local
