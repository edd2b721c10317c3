#include "config/aws_account.h"

#include <cstdlib>

#include "config/secrets.h"
#include "core/log.h"

namespace tollgate::config {
namespace {

Error problem(const char* code, std::string message) {
  return Error{ErrorKind::fatal, 500, code, std::move(message), {}};
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

void take_setting(std::string_view key, std::string_view value, AwsProfile& out) {
  if (key == "aws_access_key_id") out.account.access_key_id = value;
  if (key == "aws_secret_access_key") out.account.secret_access_key = value;
  if (key == "aws_session_token") out.account.session_token = value;
  if (key == "region") out.region = value;
  if (key == "role_arn" || key == "credential_process" || key.starts_with("sso_")) out.unsupported = key;
}

std::string shared_file(const char* name_variable, const char* file) {
  const std::string named = variable(name_variable);
  if (!named.empty()) return named;
  const std::string home = variable("HOME");
  return home.empty() ? std::string() : home + "/.aws/" + file;
}

std::optional<AwsProfile> read_profile(const std::string& path, std::string_view name) {
  if (path.empty()) return std::nullopt;
  const Result<std::string> text = read_secret_file(path, {});
  if (!text) return std::nullopt;
  return parse_aws_profile(*text, name);
}

bool has_keys(const AwsAccount& account) {
  return !account.access_key_id.empty() && !account.secret_access_key.empty();
}

void set_keys(Provider& p, const AwsAccount& account) {
  p.aws.access_key_id = account.access_key_id;
  p.aws.secret_access_key = account.secret_access_key;
  p.aws.session_token = account.session_token;
}

// The profile's keys, from the credentials file or the configuration file beside it.
Result<void> take_profile(const std::string& name, bool asked_for, Provider& p) {
  const std::string path = shared_file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
  const auto credentials = read_profile(path, name);
  const auto settings = read_profile(shared_file("AWS_CONFIG_FILE", "config"), name);
  if (p.region.empty() && settings) p.region = settings->region;
  for (const auto& found : {credentials, settings}) {
    if (!found || !has_keys(found->account)) continue;
    set_keys(p, found->account);
    return {};
  }
  const std::string profile = "AWS profile `" + name + "`";
  for (const auto& found : {credentials, settings}) {
    if (found && !found->unsupported.empty())
      return problem("unsupported_profile",
                     profile + " uses " + found->unsupported +
                         ", which is not supported: export its keys, or set api_key to a bearer token");
  }
  if (asked_for) return problem("no_profile", profile + " with access keys is not in " + path);
  return problem("no_credentials",
                 "no AWS credentials: set api_key (a Bedrock bearer token) or aws.access_key_id and "
                 "aws.secret_access_key, AWS_BEARER_TOKEN_BEDROCK or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a "
                 "profile in " +
                     (path.empty() ? std::string("~/.aws/credentials") : path));
}

Result<void> take_default_chain(Provider& p) {
  const AwsAccount environment{.access_key_id = variable("AWS_ACCESS_KEY_ID"),
                               .secret_access_key = variable("AWS_SECRET_ACCESS_KEY"),
                               .session_token = variable("AWS_SESSION_TOKEN")};
  if (has_keys(environment)) {
    set_keys(p, environment);
    return {};
  }
  const std::string profile = variable("AWS_PROFILE");
  return take_profile(profile.empty() ? "default" : profile, !profile.empty(), p);
}

Result<void> take_account(Provider& p, AwsSource source, const std::string& environment_bearer) {
  switch (source) {
    case AwsSource::explicit_bearer:
    case AwsSource::static_keys:
      return {};
    case AwsSource::environment_bearer:
      p.api_key = environment_bearer;
      return {};
    case AwsSource::profile:
      return take_profile(p.aws.profile, true, p);
    case AwsSource::default_chain:
      return take_default_chain(p);
  }
  return {};
}

}  // namespace

Result<AwsSource> choose_aws_source(const AwsGiven& given) {
  const AwsAccount& account = given.account;
  if (account.access_key_id.empty() != account.secret_access_key.empty())
    return problem("incomplete_keys", "aws.access_key_id and aws.secret_access_key are needed together");
  const bool keys = has_keys(account), profile = !account.profile.empty();
  if ((!given.bearer.empty() && (keys || profile)) || (keys && profile))
    return problem("bedrock_conflicting_auth", "give one of api_key (a bearer token), aws keys and aws.profile");
  if (!given.bearer.empty()) return AwsSource::explicit_bearer;
  if (keys) return AwsSource::static_keys;
  if (profile) return AwsSource::profile;
  return given.environment_bearer.empty() ? AwsSource::default_chain : AwsSource::environment_bearer;
}

std::optional<AwsProfile> parse_aws_profile(std::string_view ini, std::string_view name) {
  constexpr std::string_view kProfile = "profile ";
  std::optional<AwsProfile> found;
  bool inside = false;
  while (!ini.empty()) {
    const std::size_t end = std::min(ini.find('\n'), ini.size());
    const std::string_view line = trimmed(ini.substr(0, end));
    // Settings of a nested section are indented; they are not the profile's own.
    const bool nested = ini[0] == ' ' || ini[0] == '\t';
    ini.remove_prefix(std::min(end + 1, ini.size()));
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[' && line.back() == ']') {
      std::string_view section = trimmed(line.substr(1, line.size() - 2));
      if (section.starts_with(kProfile)) section = trimmed(section.substr(kProfile.size()));
      inside = section == name;
      if (inside && !found) found.emplace();
      continue;
    }
    const std::size_t equals = line.find('=');
    if (!inside || nested || equals == std::string_view::npos) continue;
    take_setting(trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)), *found);
  }
  return found;
}

Result<void> find_aws_account(Provider& p, bool own_key) {
  AwsGiven given;
  if (own_key) given.bearer = p.api_key;
  given.account = p.aws;
  if (p.aws.service.empty()) p.aws.service = "bedrock";
  given.environment_bearer = variable("AWS_BEARER_TOKEN_BEDROCK");
  if (!own_key) p.api_key.clear();
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"})
    if (p.region.empty()) p.region = variable(name);
  const Result<AwsSource> source = choose_aws_source(given);
  if (!source) return source.error();
  if (auto taken = take_account(p, *source, given.environment_bearer); !taken) return taken;
  for (const std::string* secret : {&p.api_key, &p.aws.secret_access_key, &p.aws.session_token})
    if (!secret->empty()) redact_secret(*secret);
  return {};
}

}  // namespace tollgate::config
