// The engine's blocks in a real Redis, in one object or in parts.
#include "gateway/local/block_store.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/private_redis.h"

namespace tollgate::gateway {
namespace {

constexpr std::size_t kPart = 2'359'296;

std::vector<std::byte> value_of(std::size_t bytes, unsigned seed) {
  std::vector<std::byte> value(bytes);
  for (std::size_t i = 0; i < bytes; ++i) value[i] = static_cast<std::byte>(i * 31 + i / 251 + seed);
  return value;
}

class BlockStore : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string reason;
    server = test::PrivateRedis::start(&reason);
    if (!server) GTEST_SKIP() << reason;
  }
  std::unique_ptr<local::BlockStore> open(const std::string& fingerprint = "model") {
    local::BackendInfo info;
    info.block_bytes = 3 * kPart;
    info.fingerprint = fingerprint;
    return open_block_stores(*config::parse_redis_url(server->url()), std::chrono::hours(1))(info);
  }
  // On a busy machine a call may run into its deadline, which is no answer.
  static std::optional<std::vector<std::byte>> patient_get(local::BlockStore& store, const local::BlockKey& key) {
    std::optional<std::vector<std::byte>> value;
    for (int i = 0; i < 50 && !(value = store.get(key)); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return value;
  }
  static bool patient_put(local::BlockStore& store, const local::BlockKey& key, const std::vector<std::byte>& value) {
    for (int i = 0; i < 50; ++i) {
      if (store.put(key, value)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }
  std::unique_ptr<test::PrivateRedis> server;
  const local::BlockKey key{std::byte{0xab}, std::byte{0x01}};
};

TEST_F(BlockStore, LargeValuesLieInPartsOfTheNameThatTheDocumentSays) {
  const struct {
    std::size_t bytes, objects;
  } cases[] = {{1, 1}, {kPart - 1, 1}, {kPart, 2}, {kPart + 1, 2}, {2 * kPart + 100'000, 3}, {3 * kPart + 48, 4}};
  for (const auto& one : cases) {
    server->say("FLUSHALL");
    const auto store = open();
    const auto value = value_of(one.bytes, 1);
    ASSERT_TRUE(patient_put(*store, key, value)) << one.bytes;
    EXPECT_EQ(server->say("DBSIZE"), ":" + std::to_string(one.objects));
    EXPECT_EQ(patient_get(*store, key), value) << one.bytes;
  }
  // sha256("model") begins with these eight bytes.
  const std::string name = "tollgate:kv:1:9372c470eeadd5ec:ab010000000000000000000000000000";
  EXPECT_EQ(server->say("EXISTS " + name + " " + name + ":1 " + name + ":2 " + name + ":3"), ":4");
  EXPECT_TRUE(server->say("PTTL " + name + ":3").starts_with(":35"));
}

TEST_F(BlockStore, AMissingPartIsAMiss) {
  const auto store = open();
  ASSERT_TRUE(patient_put(*store, key, value_of(2 * kPart + 5, 1)));
  const std::string name = "tollgate:kv:1:9372c470eeadd5ec:ab010000000000000000000000000000";
  EXPECT_EQ(server->say("DEL " + name + ":1"), ":1");
  EXPECT_FALSE(store->get(key));
  EXPECT_FALSE(store->get({}));
}

TEST_F(BlockStore, ModelsLieApart) {
  const auto store = open(), other = open("another model");
  ASSERT_TRUE(patient_put(*store, key, value_of(1'000, 1)));
  EXPECT_FALSE(other->get(key));
  ASSERT_TRUE(patient_put(*other, key, value_of(1'000, 2)));
  EXPECT_EQ(patient_get(*store, key), value_of(1'000, 1));
}

}  // namespace
}  // namespace tollgate::gateway
