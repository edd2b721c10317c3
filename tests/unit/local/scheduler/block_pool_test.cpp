// Keys, exact identity, the order in which blocks are written over, and what is told about it.
#include "local_backend/scheduler/block_pool.h"

#include <gtest/gtest.h>

#include <numeric>

namespace tollgate::local {
namespace {

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes)
    for (const int shift : {4, 0}) text += "0123456789abcdef"[std::to_integer<int>(byte) >> shift & 15];
  return text;
}

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + size);
  return bytes;
}

// Lengths around the padding's edges; digests by another implementation.
TEST(Sha256, KnownDigests) {
  const std::pair<std::size_t, const char*> known[] = {
      {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {3, "6ab0dba1f4f1dfbb37b4f9eeb092c09fca4900ad32bdcd147d8dde35d6c87c35"},
      {55, "81afe5b788dc2ce138ff83d9b20164db75a94d75d2b2432eea4a0ef605088c72"},
      {56, "2aba54f0ac632420a2b502431408866e40e1d5e430df4cd822642c78ab2eb9c1"},
      {63, "733d3d4ee79ee67145bf73da13588f6f235d37414fc64b14a2f00f1762792f5e"},
      {64, "79322907b3e9d013d7dc2c2f256674dbf733045cde01df3539271c6f5605feb8"},
      {65, "d85c007c6eb440f085afa2b84f6f2bce4658b240e9f62cb1364bf0485a57e720"},
      {119, "6c87eedf096b345de205b702e5223b73b447a3207791ded3ea007ba15ed6736e"},
      {120, "42500cf6a1e3936d6b9e0bcfe296d654b63255e525487d3634d0b15fde591c4d"},
      {128, "489d55fea9a73af36b6dd0be7b4117d8e5683386d39544e8a44c99a87f368707"},
      {1000, "6b0df76627243d095b0c4400cb658b7e804dd03461cc03aee8fc8fe0bcada168"},
  };
  for (const auto& [size, digest] : known) EXPECT_EQ(hex(sha256(pattern(size))), digest) << size;
}

TEST(Sha256, PiecesAreOneText) {
  const std::vector<std::byte> bytes = pattern(1000);
  for (const std::size_t piece : {1, 3, 63, 64, 65, 500}) {
    Sha256 hash, plain(Sha256::Speed::plain);
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      const auto part = std::span(bytes).subspan(at, std::min(piece, bytes.size() - at));
      hash.update(part);
      plain.update(part);
    }
    EXPECT_EQ(hash.finish(), sha256(bytes)) << piece;
    EXPECT_EQ(plain.finish(), sha256(bytes)) << piece;
  }
}

std::array<Token, kBlockTokens> tokens_from(Token first) {
  std::array<Token, kBlockTokens> tokens;
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

// The formula of docs/engine-scheduler.md, computed elsewhere: routers and stores depend on it.
TEST(BlockKeys, KnownChain) {
  const Digest root = root_digest("model-a", "");
  EXPECT_EQ(hex(root), "c57246c2a386fc341598fe7b534dffbe18b34246c0fcf84b8e87c6ab1ed2428c");
  const Digest first = next_digest(root, tokens_from(0));
  EXPECT_EQ(hex(first), "46deee5507b8ea13b6863c7206bf0e15510ab022f59fd1e505672845d958983e");
  const Digest second = next_digest(first, tokens_from(100000));
  EXPECT_EQ(hex(second), "73da5d329bf2e92ea243fca22bcaab560a3d7c76c51d1d33a75ffca415c84fdf");
  EXPECT_EQ(hex(key_of(second)),
            std::string("73da5d329bf2e92ea243fca22bcaab560a3d7c76c51d1d33a75ffca415c84fdf").substr(0, 32));
}

TEST(BlockKeys, SaltsAndFingerprintsHaveRootsOfTheirOwn) {
  EXPECT_EQ(hex(root_digest("model-a", "tenant")), "0f3f81b1a5f785cbe56e2872baecd17f3dafdc2b72556d50126abaffd286495a");
  EXPECT_EQ(hex(root_digest("model-at", "enant")), "48b123a44cfb7acd93ced0734608b35831d7896d8d8cd39566ab07a1f332d7c0");
}

struct Events : BlockListener, BlockTier {
  void on_stored(const BlockKey& key, const BlockKey& parent, std::span<const Token> tokens) override {
    stored.push_back(key);
    parents.push_back(parent);
    firsts.push_back(tokens[0]);
  }
  void on_removed(const BlockKey& key) override { removed.push_back(key); }
  void on_evict(const BlockKey& key, std::int32_t block) override { evicted.emplace_back(key, block); }
  Answer ask(std::uint64_t, std::span<const BlockKey>) override { return {}; }
  bool load(const BlockKey&, std::int32_t) override { return false; }

  std::vector<BlockKey> stored, parents, removed;
  std::vector<Token> firsts;
  std::vector<std::pair<BlockKey, std::int32_t>> evicted;
};

BlockKey key(int n) { return BlockKey{static_cast<std::byte>(n), std::byte{1}}; }

BlockIdentity identity(int n, int parent_n = 0, std::int32_t parent = kNoBlock) {
  return {.key = key(n), .parent_key = key(parent_n), .parent = parent, .tokens = tokens_from(n * 100)};
}

std::int32_t find(const BlockPool& pool, const BlockIdentity& wanted) {
  return pool.index().find(wanted.key, wanted.parent_key, wanted.parent, wanted.tokens);
}

TEST(BlockPool, FindableUntilWrittenOver) {
  Events events;
  BlockPool pool(3, {.listener = &events, .tier = &events});
  const std::int32_t a = pool.take(), b = pool.take();
  ASSERT_EQ(pool.publish(a, identity(1)), a);
  ASSERT_EQ(pool.publish(b, identity(2, 1, a)), b);
  pool.drop(b);
  pool.drop(a);
  EXPECT_EQ(pool.free(), 3u);
  EXPECT_EQ(pool.cached(), 2u);
  EXPECT_EQ(find(pool, identity(2, 1, a)), b);
  // The block that never held anything goes first, then the deepest.
  const std::int32_t c = pool.take();
  EXPECT_NE(c, a);
  EXPECT_NE(c, b);
  EXPECT_TRUE(events.evicted.empty());
  EXPECT_EQ(pool.take(), b);
  EXPECT_EQ(find(pool, identity(2, 1, a)), kNoBlock);
  EXPECT_EQ(events.evicted, (std::vector{std::pair{key(2), b}}));
  EXPECT_EQ(events.removed, std::vector{key(2)});
  EXPECT_EQ(events.stored, (std::vector{key(1), key(2)}));
  EXPECT_EQ(events.parents, (std::vector{key(0), key(1)}));
  EXPECT_EQ(events.firsts, (std::vector<Token>{100, 200}));
  pool.hold(a);
  EXPECT_EQ(pool.take(), kNoBlock);
  EXPECT_EQ(pool.check(), "");
}

TEST(BlockPool, UseMovesToTheEndOfTheList) {
  BlockPool pool(3, {});
  std::vector<std::int32_t> blocks;
  for (int n = 1; n <= 3; ++n) pool.publish(blocks.emplace_back(pool.take()), identity(n));
  for (const std::int32_t block : blocks) pool.drop(block);
  pool.hold(blocks[0]);
  pool.drop(blocks[0]);
  EXPECT_EQ(pool.take(), blocks[1]);
  EXPECT_EQ(pool.take(), blocks[2]);
  EXPECT_EQ(pool.take(), blocks[0]);
}

TEST(BlockPool, BlocksThatHoldNothingGoFirst) {
  BlockPool pool(2, {});
  const std::int32_t kept = pool.take(), scratch = pool.take();
  pool.publish(kept, identity(1));
  pool.drop(kept);
  pool.drop(scratch);
  EXPECT_EQ(pool.take(), scratch);
}

TEST(BlockPool, AKeyAloneIsNoIdentity) {
  BlockPool pool(4, {});
  const std::int32_t a = pool.take(), b = pool.take();
  ASSERT_EQ(pool.publish(a, identity(1)), a);
  BlockIdentity other_text = identity(1);
  other_text.tokens.back() += 1;
  EXPECT_EQ(find(pool, other_text), kNoBlock);
  BlockIdentity other_parent = identity(1);
  other_parent.parent = b;
  EXPECT_EQ(find(pool, other_parent), kNoBlock);
  BlockIdentity other_root = identity(1, 9);
  EXPECT_EQ(find(pool, other_root), kNoBlock);
  EXPECT_EQ(pool.publish(b, other_text), kNoBlock);
  EXPECT_EQ(find(pool, identity(1)), a);
  EXPECT_EQ(pool.check(), "");
}

TEST(BlockPool, TheSameContentIsKeptOnce) {
  BlockPool pool(2, {});
  const std::int32_t a = pool.take(), b = pool.take();
  ASSERT_EQ(pool.publish(a, identity(1)), a);
  EXPECT_EQ(pool.publish(b, identity(1)), a);
  EXPECT_EQ(pool.holders(a), 2);
  EXPECT_EQ(pool.holders(b), 0);
  EXPECT_EQ(pool.take(), b);
  EXPECT_EQ(pool.check(), "");
}

TEST(PrefixIndex, ManyKeysInOneBucket) {
  PrefixIndex index(200);
  const auto at = [](std::int32_t i) {
    BlockIdentity one = identity(1);
    one.key[15] = static_cast<std::byte>(i);  // buckets look at the first bytes
    one.tokens[0] = i;
    return one;
  };
  for (std::int32_t i = 0; i < 200; ++i) index.insert(i, at(i));
  for (std::int32_t i = 0; i < 200; i += 2) index.erase(i);
  for (std::int32_t i = 0; i < 200; ++i) {
    const BlockIdentity one = at(i);
    EXPECT_EQ(index.find(one.key, one.parent_key, one.parent, one.tokens), i % 2 ? i : kNoBlock);
  }
}

}  // namespace
}  // namespace tollgate::local
