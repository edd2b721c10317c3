// References to the environment and files, and that secrets stay out of messages and dumps.
#include "config/secrets.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config_fixture.h"
#include "core/log.h"
#include "core/sha256.h"

namespace tollgate::config {
namespace {

TEST(Secrets, Variables) {
  const ScopedEnv set("TOLLGATE_T1", "value"), unset("TOLLGATE_T2", nullptr), empty("TOLLGATE_T3", "");
  EXPECT_EQ(*expand_variables("a${TOLLGATE_T1}b${TOLLGATE_T1}"), "avaluebvalue");
  EXPECT_EQ(*expand_variables("${TOLLGATE_T2:-x y}${TOLLGATE_T3:-}"), "x y");
  EXPECT_EQ(*expand_variables("${TOLLGATE_T1:-x}"), "value");
  EXPECT_EQ(*expand_variables("$${TOLLGATE_T1} $HOME 5$"), "${TOLLGATE_T1} $HOME 5$");
  EXPECT_EQ(expand_variables("${TOLLGATE_T2}").error().message, "environment variable TOLLGATE_T2 is not set");
  EXPECT_EQ(expand_variables("${TOLLGATE_T3}").error().message, "environment variable TOLLGATE_T3 is empty");
  for (const char* bad : {"${", "${}", "${A", "${1A}", "${A B}", "${a-b}", "${${A}}"})
    EXPECT_FALSE(expand_variables(bad)) << bad;
}

TEST(Secrets, AValueIsNotExpandedAgain) {
  const ScopedEnv set("TOLLGATE_T1", "${TOLLGATE_T2}"), other("TOLLGATE_T2", "x");
  EXPECT_EQ(*expand_variables("${TOLLGATE_T1}"), "${TOLLGATE_T2}");
}

class SecretFiles : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(dir_); }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string write(const char* name, const std::string& content) {
    std::ofstream(dir_ / name) << content;
    return (dir_ / name).string();
  }
  std::filesystem::path dir_ =
      std::filesystem::temp_directory_path() / ("tollgate-secrets-" + std::to_string(::getpid()));
};

TEST_F(SecretFiles, Content) {
  EXPECT_EQ(*read_secret_file(write("a", "abc\r\n\n"), ""), "abc");
  EXPECT_EQ(*read_secret_file("a", dir_.string()), "abc");
  EXPECT_FALSE(read_secret_file(write("empty", "\n"), ""));
  EXPECT_FALSE(read_secret_file(write("big", std::string(65 * 1024 + 1, 'x')), ""));
  EXPECT_FALSE(read_secret_file((dir_ / "absent").string(), ""));
  EXPECT_FALSE(read_secret_file(dir_.string(), ""));
}

TEST_F(SecretFiles, APipeOrDeviceDoesNotHang) {
  const std::string pipe = (dir_ / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_FALSE(read_secret_file(pipe, ""));
  EXPECT_FALSE(read_secret_file("/dev/zero", ""));
}

TEST(Secrets, UrlPasswordsAreMasked) {
  std::string password;
  EXPECT_EQ(mask_url("postgres://user:p@ss:w0rd@host:5432/db?x=y", &password), "postgres://user:***@host:5432/db?x=y");
  EXPECT_EQ(password, "p@ss:w0rd");
  EXPECT_EQ(mask_url("postgres://user@host/db"), "postgres://user@host/db");
  EXPECT_EQ(mask_url("sqlite:ledger.db"), "sqlite:ledger.db");
  EXPECT_EQ(mask_url("https://host:8000/a@b"), "https://host:8000/a@b");
}

TEST(Secrets, NothingSecretIsDumpedOrLogged) {
  const ScopedEnv key("TOLLGATE_T1", "sk-live-verysecret1"), password("TOLLGATE_T2", "dbpassword-77");
  const LoadResult result = load_text(
      "admin_token: admintoken-9911\n"
      "ledger: \"postgres://u:${TOLLGATE_T2}@127.0.0.1/db\"\n"
      "auth: {keys: [{id: k1, secret: callerkey-5522}]}\n"
      "providers: {openai: {api_key: \"${TOLLGATE_T1}\", headers: {x-api-key: headersecret-33, x-plain: seen}}}\n",
      "t.yaml");
  ASSERT_TRUE(result.ok()) << all_text(result.errors);
  EXPECT_EQ(result.config.ledger.url, "postgres://u:dbpassword-77@127.0.0.1/db");
  const std::string text = dump(result.config);
  for (const char* secret :
       {"sk-live-verysecret1", "dbpassword-77", "admintoken-9911", "callerkey-5522", "headersecret-33"}) {
    EXPECT_EQ(text.find(secret), std::string::npos) << secret << "\n" << text;
  }
  EXPECT_EQ(text.find(sha256_hex("callerkey-5522")), std::string::npos);
  EXPECT_NE(text.find("x-plain: seen"), std::string::npos);
  for (const char* secret : {"sk-live-verysecret1", "dbpassword-77", "admintoken-9911", "callerkey-5522"}) {
    EXPECT_EQ(redacted(secret), "***") << secret;
  }
}

TEST(Secrets, MistakesInSecretsDoNotQuoteThem) {
  const LoadResult result =
      load_text("admin_token: [hush-hush-1]\nproviders: {openai: {api_key: {a: hush-hush-2}}}\n", "t.yaml");
  EXPECT_FALSE(result.ok());
  EXPECT_FALSE(holds(result.errors, "hush")) << all_text(result.errors);
}

TEST(Sha256, KnownVectors) {
  // FIPS 180-2, appendix B.
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_TRUE(constant_time_equal("abc", "abc"));
  EXPECT_FALSE(constant_time_equal("abc", "abd"));
  EXPECT_FALSE(constant_time_equal("abc", "ab"));
  EXPECT_TRUE(constant_time_equal("", ""));
}

}  // namespace
}  // namespace tollgate::config
