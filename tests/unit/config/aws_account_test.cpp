// Which AWS credentials are used: recorded cases of OpenAI's SDK, and the shared files.
#include "config/aws_account.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config_fixture.h"
#include "core/json_dom.h"
#include "tests/unit/core/test_data.h"

namespace tollgate::config {
namespace {

std::string chosen(const AwsGiven& given) {
  const auto source = choose_aws_source(given);
  if (!source) return source.error().code;
  constexpr const char* kNames[] = {"bearer explicit", "sigv4 static", "sigv4 profile", "bearer environment",
                                    "sigv4 default"};
  return kNames[static_cast<std::size_t>(*source)];
}

TEST(AwsAccount, RecordedChoices) {
  const auto path = test_data_dir("aws") / "bedrock_auth" / "openai-python.cases.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no recorded data";
  const auto json = parse_json_dom(read_test_file(path));
  ASSERT_TRUE(json);
  int checked = 0;
  for (const Json& one : (*json)["cases"]) {
    if (one["kind"] != "auth_selection") continue;
    const Json &said = one["given"]["explicit"], &expected = one["expected"];
    AwsGiven given;
    given.bearer = said.value("bearer", std::string());
    if (said.contains("aws")) {
      given.account.access_key_id = said["aws"]["access_key_id"];
      given.account.secret_access_key = said["aws"]["secret_access_key"];
    }
    given.account.profile = said.value("profile", std::string());
    given.environment_bearer = one["given"]["environment"].value("AWS_BEARER_TOKEN_BEDROCK", std::string());
    const std::string wanted = expected.contains("error") ? expected["error"].get<std::string>()
                                                          : expected["auth_mode"].get<std::string>() + " " +
                                                                expected["auth_source"].get<std::string>();
    EXPECT_EQ(chosen(given), wanted) << one["id"];
    ++checked;
  }
  EXPECT_GE(checked, 4);
}

TEST(AwsAccount, Choices) {
  const AwsAccount keys{.access_key_id = "a", .secret_access_key = "b"}, profile{.profile = "p"};
  EXPECT_EQ(chosen({}), "sigv4 default");
  EXPECT_EQ(chosen({.environment_bearer = "e"}), "bearer environment");
  EXPECT_EQ(chosen({.account = keys, .environment_bearer = "e"}), "sigv4 static");
  EXPECT_EQ(chosen({.account = profile, .environment_bearer = "e"}), "sigv4 profile");
  EXPECT_EQ(chosen({.bearer = "x", .environment_bearer = "e"}), "bearer explicit");
  EXPECT_EQ(chosen({.bearer = "x", .account = profile}), "bedrock_conflicting_auth");
  EXPECT_EQ(chosen({.account = {.access_key_id = "a", .secret_access_key = "b", .profile = "p"}}),
            "bedrock_conflicting_auth");
  EXPECT_EQ(chosen({.account = {.access_key_id = "a"}}), "incomplete_keys");
  EXPECT_EQ(chosen({.account = {.secret_access_key = "b"}}), "incomplete_keys");
}

constexpr std::string_view kFile =
    "# made by hand\n"
    "[default]\r\n"
    "aws_access_key_id = AKIDDEFAULT\r\n"
    "aws_secret_access_key=se=cret\r\n"
    "\n"
    "[ team ]\n"
    "  aws_access_key_id = indented\n"
    "aws_access_key_id=AKIDTEAM\n"
    "aws_secret_access_key = b\n"
    "aws_session_token = t\n"
    "region = eu-central-1\n"
    "s3 =\n"
    "  region = nested\n"
    "; a remark\n"
    "no equals sign\n"
    "[profile sso]\n"
    "sso_start_url = https://x\n";

TEST(AwsAccount, Profiles) {
  const auto standard = parse_aws_profile(kFile, "default");
  ASSERT_TRUE(standard);
  EXPECT_EQ(standard->account.access_key_id, "AKIDDEFAULT");
  EXPECT_EQ(standard->account.secret_access_key, "se=cret");
  const auto team = parse_aws_profile(kFile, "team");
  ASSERT_TRUE(team);
  EXPECT_EQ(team->account.access_key_id, "AKIDTEAM");
  EXPECT_EQ(team->account.session_token, "t");
  EXPECT_EQ(team->region, "eu-central-1");
  EXPECT_TRUE(team->unsupported.empty());
  EXPECT_EQ(parse_aws_profile(kFile, "sso")->unsupported, "sso_start_url");
  EXPECT_FALSE(parse_aws_profile(kFile, "nobody"));
  EXPECT_FALSE(parse_aws_profile("", "default"));
  EXPECT_FALSE(parse_aws_profile("[default", "default"));
}

class AwsFiles : public testing::Test {
 protected:
  AwsFiles() {
    std::filesystem::create_directories(home_ / ".aws");
    std::ofstream(home_ / ".aws" / "credentials") << kFile;
    std::ofstream(home_ / ".aws" / "config") << "[profile team]\nregion = us-east-2\n[profile sso]\nrole_arn = arn:x\n";
  }
  ~AwsFiles() override { std::filesystem::remove_all(home_); }
  Result<void> find(Provider& p) { return find_aws_account(p, false); }

  std::filesystem::path home_ = std::filesystem::temp_directory_path() / ("tollgate-aws-" + std::to_string(::getpid()));
  ScopedEnv home_env_{"HOME", home_.c_str()};
  ScopedEnv bearer_{"AWS_BEARER_TOKEN_BEDROCK", nullptr}, id_{"AWS_ACCESS_KEY_ID", nullptr},
      secret_{"AWS_SECRET_ACCESS_KEY", nullptr}, profile_{"AWS_PROFILE", nullptr}, region_{"AWS_REGION", nullptr},
      default_region_{"AWS_DEFAULT_REGION", nullptr}, shared_{"AWS_SHARED_CREDENTIALS_FILE", nullptr},
      config_{"AWS_CONFIG_FILE", nullptr};
};

TEST_F(AwsFiles, TheDefaultProfile) {
  Provider p;
  ASSERT_TRUE(find(p));
  EXPECT_EQ(p.aws.access_key_id, "AKIDDEFAULT");
  EXPECT_EQ(p.aws.profile, "");
}

TEST_F(AwsFiles, ANamedProfileAndItsRegion) {
  Provider p;
  p.aws.profile = "team";
  ASSERT_TRUE(find(p));
  EXPECT_EQ(p.aws.access_key_id, "AKIDTEAM");
  EXPECT_EQ(p.region, "us-east-2");
  EXPECT_EQ(p.aws.profile, "team");
  Provider own;
  own.region = "eu-west-3";
  const ScopedEnv named("AWS_PROFILE", "team");
  ASSERT_TRUE(find(own));
  EXPECT_EQ(own.aws.access_key_id, "AKIDTEAM");
  EXPECT_EQ(own.region, "eu-west-3");
}

TEST_F(AwsFiles, ProfilesThatCannotBeUsed) {
  Provider p;
  p.aws.profile = "sso";
  EXPECT_NE(find(p).error().message.find("uses sso_start_url, which is not supported"), std::string::npos);
  Provider q;
  q.aws.profile = "nobody";
  EXPECT_NE(find(q).error().message.find("AWS profile `nobody` with access keys is not in"), std::string::npos);
}

TEST_F(AwsFiles, AnotherFile) {
  const std::string path = (home_ / "other").string();
  std::ofstream(path) << "[default]\naws_access_key_id=AKIDOTHER\naws_secret_access_key=s\n";
  const ScopedEnv named("AWS_SHARED_CREDENTIALS_FILE", path.c_str());
  Provider p;
  ASSERT_TRUE(find(p));
  EXPECT_EQ(p.aws.access_key_id, "AKIDOTHER");
}

}  // namespace
}  // namespace tollgate::config
