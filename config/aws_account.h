// Where a provider with `auth: aws` takes its credentials from: its own keys or profile, a Bedrock bearer token, the
// environment, the shared credentials file. Thread rule: the choice and the parser are pure; find_aws_account() reads
// the environment and files, at start-up and reload only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/schema.h"
#include "core/result.h"

namespace tollgate::config {

enum class AwsSource : unsigned char { explicit_bearer, static_keys, profile, environment_bearer, default_chain };

struct AwsGiven {
  std::string bearer;              // the file's api_key
  AwsAccount account;              // the file's aws section
  std::string environment_bearer;  // AWS_BEARER_TOKEN_BEDROCK
};
// What was said outright wins over the environment. Error: code bedrock_conflicting_auth when two ways were said,
// incomplete_keys for half a pair.
Result<AwsSource> choose_aws_source(const AwsGiven& given);

struct AwsProfile {
  AwsAccount account;
  std::string region;
  std::string unsupported;  // a key by which the profile gets its credentials in another way (role_arn, sso_...)
};
// One profile of a shared credentials file (`[name]`) or configuration file (`[profile name]`, `[default]`); nothing
// if it is not there.
std::optional<AwsProfile> parse_aws_profile(std::string_view ini, std::string_view name);

// Fills p.aws, or leaves a bearer token in p.api_key, and p.region where it is empty. `own_key`: the user's entry names
// api_key.
Result<void> find_aws_account(Provider& p, bool own_key);

}  // namespace tollgate::config
