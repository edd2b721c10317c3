// HMAC, digests over parts, signatures, hex.
#include "core/crypto.h"

#include <gtest/gtest.h>

#include "tests/unit/credentials/test_key.h"

namespace tollgate {
namespace {

std::string hmac_hex(std::string_view key, std::string_view data) { return hex(hmac_sha256(key, data)); }

// RFC 4231, test cases 1, 2, 3, 6 and 7.
TEST(Crypto, Hmac) {
  EXPECT_EQ(hmac_hex(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac_hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_hex(std::string(20, '\xaa'), std::string(50, '\xdd')),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(hmac_hex(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hmac_hex(std::string(131, '\xaa'),
                     "This is a test using a larger than block-size key and a larger than block-size data. The key "
                     "needs to be hashed before being used by the HMAC algorithm."),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(Crypto, AnEmptyHmacKeyIsNotTheKeyBefore) {
  const std::string empty = hmac_hex("", "data");
  (void)hmac_sha256("another", "data");
  EXPECT_EQ(hmac_hex("", "data"), empty);
  EXPECT_NE(hmac_hex("another", "data"), empty);
}

TEST(Crypto, PartsHashLikeTheWhole) {
  Sha256Sum sum;
  EXPECT_EQ(sum.finish(), sha256(""));
  for (const std::string_view part : {"a", "", "bc", "def"}) sum.add(part);
  EXPECT_EQ(sum.finish(), sha256("abcdef"));
  sum.add("again");
  EXPECT_EQ(sum.finish(), sha256("again"));
}

TEST(Crypto, Hex) {
  const std::uint8_t bytes[] = {0x00, 0x0f, 0xf0, 0xff};
  EXPECT_EQ(hex(bytes), "000ff0ff");
  EXPECT_EQ(hex({}), "");
}

TEST(Crypto, RsaSignatures) {
  const Result<std::string> signature = rsa_sha256_sign(test_rsa_key(), "some text");
  ASSERT_TRUE(signature) << signature.error().message;
  EXPECT_EQ(signature->size(), 256u);
  EXPECT_TRUE(signed_by_test_key("some text", *signature));
  EXPECT_FALSE(signed_by_test_key("some texT", *signature));
}

TEST(Crypto, KeysThatCannotSign) {
  EXPECT_EQ(rsa_sha256_sign("", "x").error().code, "bad_private_key");
  EXPECT_EQ(rsa_sha256_sign("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "x").error().code,
            "bad_private_key");
  // Must not wait for somebody to type the passphrase.
  EXPECT_EQ(rsa_sha256_sign(test_rsa_key_with_passphrase(), "x").error().code, "bad_private_key");
  EXPECT_EQ(rsa_sha256_sign(test_ec_key(), "x").error().message, "the private key is not an RSA key");
  // A failure leaves nothing behind that spoils the next call.
  EXPECT_TRUE(rsa_sha256_sign(test_rsa_key(), "x"));
}

}  // namespace
}  // namespace tollgate
