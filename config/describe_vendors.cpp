// The descriptions of `providers` and `models`. Thread rule: pure.
#include "config/describe.h"
#include "config/suggest.h"
#include "config/vendor_words.h"

namespace tollgate::config {
namespace {

using namespace std::string_view_literals;

constexpr std::int64_t kMinute = 60'000, kDay = 24 * 60 * kMinute;

constexpr std::array kAbort{"cancel"sv, "drain"sv};
constexpr std::array kStrategies{"ordered"sv, "prefix"sv, "cheapest"sv};
constexpr std::array kFidelity{"warn"sv, "strict"sv};

void describe(Visitor& v, AwsAccount& aws) {
  v.secret({"access_key_id",
            "Access key; without keys and profile those of the environment (`AWS_ACCESS_KEY_ID`, ...) "
            "or of the default profile are used."},
           aws.access_key_id);
  v.secret({"secret_access_key", "Its secret."}, aws.secret_access_key);
  v.secret({"session_token", "For temporary keys."}, aws.session_token);
  v.text({"profile",
          "Instead of keys: a profile of the shared credentials file (`~/.aws/credentials`, or the file that "
          "`AWS_SHARED_CREDENTIALS_FILE` names). Read again at each reload."},
         aws.profile);
  v.text({"service", "The service that requests are signed for; `bedrock` when empty."}, aws.service);
}

void describe(Visitor& v, EntraApp& entra) {
  v.text({"tenant", "Directory (tenant) id or domain."}, entra.tenant);
  v.text({"client_id", "Application (client) id."}, entra.client_id);
  v.secret({"client_secret", "Its secret."}, entra.client_secret);
  v.text({"authority", "Where tokens come from; `https://login.microsoftonline.com` when empty."}, entra.authority);
  v.text({"scope", "What the token is for; `https://cognitiveservices.azure.com/.default` when empty."}, entra.scope);
}

template <class Section>
void section(Visitor& v, Field field, Section& value) {
  if (!v.enter(field)) return;
  describe(v, value);
  v.leave();
}

void describe_paths(Visitor& v, Provider& p) {
  v.dictionary({"paths",
                "Where a surface lies behind `base_url`, instead of its usual path: surface, or surface with `_stream` "
                "behind it for streams, to a path. `{model}` and the placeholders of `base_url` are filled in; a path "
                "may end in a query, and with `//` in front it begins at the root of the host."},
               p.paths);
  if (!v.reading()) return;
  for (const auto& [name, path] : p.paths) {
    const WordList surfaces = surface_words();
    if (!is_path_name(name))
      v.problem("paths", "unknown surface `" + name + "`" + suggestion(name, {surfaces.begin(), surfaces.end()}));
    if (!path.starts_with('/')) v.problem("paths", name + ": a path begins with `/`");
  }
}

void describe_credentials(Visitor& v, Provider& p) {
  v.text(
      {"auth",
       "How the vendor knows us. `bearer`, `x-api-key`, `api-key`, `x-goog-api-key`: `api_key` in that header. `aws`: "
       "requests are signed (SigV4), or `api_key` is a Bedrock bearer token. `google`, `entra`: access tokens, "
       "fetched and renewed. `none`."},
      p.auth, auth_words());
  v.secret({"api_key", "The vendor's key, best as `${VAR}` or `file:PATH`; `none` = send no key."}, p.api_key);
  v.dictionary({"headers", "Further request headers."}, p.headers, true);
  section(v, {"aws", "Credentials for `auth: aws`."}, p.aws);
  v.secret(
      {"credentials",
       "For `auth: google`: JSON of a service account or of a user's login, best as `file:PATH`. Without it: the file "
       "that `GOOGLE_APPLICATION_CREDENTIALS` names, or gcloud's application default credentials."},
      p.credentials);
  section(v, {"entra", "Application for `auth: entra` (Microsoft Entra, client credentials)."}, p.entra);
}

void describe_place(Visitor& v, Provider& p) {
  v.text({"region",
          "For `{region}` and `{region_dash}` in `base_url` and `paths` (`global` makes `{region_dash}` empty); also "
          "chooses price rows with that `region`."},
         p.region);
  v.text({"project", "For `{project}`: Google Cloud project; also taken from `credentials`."}, p.project);
  v.text({"resource", "For `{resource}`: Azure resource, Databricks workspace and the like."}, p.resource);
  v.text({"api_version", "For `{api_version}`."}, p.api_version);
}

}  // namespace

void describe(Visitor& v, Provider& p) {
  v.text({"dialect", "Main wire format that the vendor speaks."}, p.dialect, dialect_words());
  v.list(
      {"surfaces",
       "APIs that the vendor serves itself, the preferred ones first; requests for another API are translated. Empty = "
       "all of the dialect."},
      p.surfaces, surface_words());
  v.text({"base_url",
          "`https://...` up to the version (`.../v1`), `http://...`, or `echo:`. May hold `{region}`, `{region_dash}`, "
          "`{project}`, `{resource}` and `{api_version}`."},
         p.base_url);
  describe_paths(v, p);
  describe_credentials(v, p);
  describe_place(v, p);
  choice(
      v,
      {"on_abort",
       "When a client leaves. `cancel`: close the upstream call. `drain`: the vendor bills the whole answer anyway, so "
       "read it to its end for the usage."},
      p.on_abort, kAbort);
  v.list({"request_flags", "Quirks of the requests that the vendor takes."}, p.request_flags, request_flag_words());
  v.list({"usage_flags", "Quirks of the vendor's usage report."}, p.usage_flags, usage_flag_words());
  v.flag({"stream_usage_option", "The vendor understands `stream_options.include_usage`."}, p.stream_usage_option);
  v.duration({"connect_timeout", "For connection and TLS handshake."}, p.connect_timeout, {10, 10 * kMinute});
  v.duration({"first_byte_timeout", "From the request's end to the reply's first byte."}, p.first_byte_timeout,
             {10, kDay});
  v.duration({"idle_timeout", "Longest silence inside a reply."}, p.idle_timeout, {10, kDay});
  v.duration({"total_timeout", "For one attempt as a whole."}, p.total_timeout, {10, kDay});
  v.text({"load_path",
          "Where an inference engine tells how busy it is, as a path on the host of `base_url`: `/metrics` of vLLM, "
          "SGLang, TensorRT-LLM or llama.cpp. Read once a second; needed by `strategy: prefix`. Empty = not read."},
         p.load_path);
  v.text({"ca_file",
          "PEM file with the authorities to trust, also for the host of access tokens; empty = those of the system."},
         p.ca_file);
  v.flag({"tls_verify", "Check the vendor's certificate. That of a token's host is always checked."}, p.tls_verify);
}

void describe(Visitor& v, Model& model) {
  std::vector<std::string> targets;
  for (const Target& target : model.targets) targets.push_back(target.text());
  v.list({"targets", "`provider/model` in order of preference. Required."}, targets);
  if (v.reading()) model.targets.clear();
  for (const std::string& text : targets) {
    const std::size_t slash = text.find('/');
    const bool whole = slash != std::string::npos && slash > 0 && slash + 1 < text.size();
    if (!whole) v.problem("targets", "a target is written provider/model");
    if (whole && v.reading()) model.targets.push_back({text.substr(0, slash), text.substr(slash + 1)});
  }
  std::string strategy(kStrategies[static_cast<std::size_t>(model.strategy)]);
  v.text(
      {"strategy",
       "`ordered`: the first usable target. `prefix`: targets whose provider has a `load_path` are replicas of one "
       "engine; a request goes to the one that holds most of its prompt in its cache unless that is much busier, the "
       "other targets follow in their order. `cheapest` is not available in this version (acts as `ordered`)."},
      strategy, kStrategies);
  model.strategy = strategy == "prefix" ? Strategy::prefix : Strategy::ordered;
  if (strategy == "cheapest") v.later({"strategy", {}});
  std::string fidelity(model.fidelity ? kFidelity[static_cast<std::size_t>(*model.fidelity)] : ""sv);
  v.text({"fidelity", "Instead of the file's `fidelity`."}, fidelity, kFidelity);
  if (!fidelity.empty()) model.fidelity = fidelity == "strict" ? Fidelity::strict : Fidelity::warn;
}

}  // namespace tollgate::config
