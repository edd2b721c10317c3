#include "local_backend/scheduler/prefix_index.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace tollgate::local {
namespace {

void put_length(Sha256& hash, std::size_t length) {
  std::array<std::byte, 8> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(std::uint64_t{length} >> (8 * i));
  hash.update(bytes);
}

}  // namespace

Digest root_digest(std::string_view fingerprint, std::string_view salt) {
  Sha256 hash;
  for (const std::string_view part : {fingerprint, salt}) {
    // Lengths first, so that no salt can continue a fingerprint.
    put_length(hash, part.size());
    hash.update(std::as_bytes(std::span(part)));
  }
  put_length(hash, kBlockTokens);
  return hash.finish();
}

Digest next_digest(const Digest& parent, BlockTokens tokens) {
  std::array<std::byte, sizeof(Digest) + 4 * kBlockTokens> bytes;
  std::copy(parent.begin(), parent.end(), bytes.begin());
  std::byte* at = bytes.data() + parent.size();
  for (const Token token : tokens)
    for (int shift = 0; shift < 32; shift += 8)
      *at++ = static_cast<std::byte>(static_cast<std::uint32_t>(token) >> shift);
  return sha256(bytes);
}

BlockKey key_of(const Digest& digest) {
  BlockKey key;
  std::copy_n(digest.begin(), key.size(), key.begin());
  return key;
}

PrefixIndex::PrefixIndex(std::size_t blocks)
    : heads_(std::bit_ceil(2 * blocks + 1), kNoBlock), next_(blocks, kNoBlock), present_(blocks), identities_(blocks) {}

std::size_t PrefixIndex::bucket(const BlockKey& key) const {
  std::uint64_t word;  // keys are evenly spread already
  std::memcpy(&word, key.data(), sizeof word);
  return static_cast<std::size_t>(word) & (heads_.size() - 1);
}

std::int32_t PrefixIndex::by_key(const BlockKey& key) const {
  std::int32_t at = heads_[bucket(key)];
  while (at != kNoBlock && identity(at).key != key) at = next_[static_cast<std::size_t>(at)];
  return at;
}

std::int32_t PrefixIndex::find(const BlockKey& key, const BlockKey& parent_key, std::int32_t parent,
                               BlockTokens tokens) const {
  const std::int32_t block = by_key(key);
  if (block == kNoBlock) return kNoBlock;
  const BlockIdentity& found = identity(block);
  const bool same =
      found.parent == parent && found.parent_key == parent_key && std::ranges::equal(found.tokens, tokens);
  return same ? block : kNoBlock;
}

bool PrefixIndex::has_key(const BlockKey& key) const { return by_key(key) != kNoBlock; }

void PrefixIndex::insert(std::int32_t block, const BlockIdentity& identity) {
  assert(!contains(block) && !has_key(identity.key));
  const auto at = static_cast<std::size_t>(block);
  identities_[at] = identity;
  present_[at] = true;
  std::int32_t& head = heads_[bucket(identity.key)];
  next_[at] = head;
  head = block;
}

void PrefixIndex::erase(std::int32_t block) {
  assert(contains(block));
  std::int32_t* link = &heads_[bucket(identity(block).key)];
  while (*link != block) link = &next_[static_cast<std::size_t>(*link)];
  *link = next_[static_cast<std::size_t>(block)];
  present_[static_cast<std::size_t>(block)] = false;
}

}  // namespace tollgate::local
