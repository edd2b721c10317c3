#include "local_backend/scheduler/sequence.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace tollgate::local {

Sequence::Sequence(SequenceParams wanted, SequenceOwner& its_owner, std::uint64_t arrival_order, std::int64_t now_us)
    : params(std::move(wanted)),
      owner(&its_owner),
      order(arrival_order),
      arrival_us(now_us),
      tokens(std::exchange(params.prompt, {})),
      prompt_size(tokens.size()),
      length(tokens.size()) {}

std::size_t Sequence::common_prefix(const Sequence& other) const {
  if (params.salt != other.params.salt) return 0;
  const std::size_t most = std::min(length, other.length);
  const auto end = tokens.begin() + static_cast<std::ptrdiff_t>(most);
  return static_cast<std::size_t>(std::mismatch(tokens.begin(), end, other.tokens.begin()).first - tokens.begin());
}

BlockTokens Sequence::block_tokens(std::size_t block) const {
  return BlockTokens(tokens.data() + block * kBlockTokens, kBlockTokens);
}

const Digest& Sequence::digest(std::size_t i) {
  assert(!chain_.empty() && i * kBlockTokens <= length);
  while (chain_.size() <= i) chain_.push_back(next_digest(chain_.back(), block_tokens(chain_.size() - 1)));
  return chain_[i];
}

BlockIdentity Sequence::identity(std::size_t block) {
  BlockIdentity identity{.key = key_of(digest(block + 1)),
                         .parent_key = key_of(digest(block)),
                         .parent = block == 0 ? kNoBlock : blocks[block - 1],
                         .tokens = {}};
  std::ranges::copy(block_tokens(block), identity.tokens.begin());
  return identity;
}

}  // namespace tollgate::local
