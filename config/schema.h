// The configuration as plain structs: one per section of tollgate.yaml, with the defaults in place. config/load.cpp
// fills them from YAML, checks bounds and unknown keys, and reports every error with FILE:LINE:COL. Thread rule: built
// once, then an immutable snapshot shared by reference count; a reload builds a new one.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/log.h"
#include "core/money.h"
#include "core/usage.h"

namespace tollgate::config {

using Millis = std::chrono::milliseconds;

struct Tls {
  std::string cert, key;  // PEM files; both empty = no TLS
};

enum class AuthMode : unsigned char { keys, open };
// A caller's key. `dims` and `tags` bound here cannot be changed by the caller.
struct Key {
  std::string id;                           // short public name, on every record
  std::string secret_sha256;                // lower-case hex of SHA-256 of the secret
  std::map<std::string, std::string> dims;  // team, feature, environment, user
  std::map<std::string, std::string> tags;
  std::vector<std::string> models;  // names or globs this key may use; empty = all
};
struct Auth {
  AuthMode mode = AuthMode::keys;
  bool allow_open = false;  // open mode on a non-loopback address
  std::vector<Key> keys;
};

enum class MissingTags : unsigned char { reject, use_default, quarantine };
struct Attribution {
  std::vector<std::string> required;  // of team, feature, environment, user or a free tag's name
  MissingTags missing = MissingTags::use_default;
  std::map<std::string, std::string> defaults{
      {"team", "unassigned"}, {"feature", "unassigned"}, {"environment", "dev"}};  // dimensions or free tags
  std::map<std::string, std::vector<std::string>> allowed;
  std::size_t max_values_per_dimension = 10'000;  // cardinality cap; further values become "_other"
  std::size_t max_tags = 16;                      // free tags on one request
  std::size_t max_value_bytes = 128;
};

enum class AbortPolicy : unsigned char { cancel, drain };
enum class UsageStyle : unsigned char { openai, anthropic };  // of the dialect; vendor quirks are flags below

// Credentials of an AWS account. Keys, or the name of a profile in the shared credentials file, not both; the loader
// fills the keys from where they are found.
struct AwsAccount {
  std::string access_key_id, secret_access_key, session_token, profile;
  std::string service;  // that requests are signed for; the loader puts bedrock in place
};
// A Microsoft Entra application that asks for access tokens by its own secret.
struct EntraApp {
  std::string tenant, client_id, client_secret;
  std::string authority, scope;  // the loader puts Azure OpenAI's in place
};

// One vendor: a row of providers.yaml, merged with the user's `providers:` entry of the same name. The words that
// dialect, surfaces, auth and the flags may have: config/vendor_words.h.
struct Provider {
  std::string name;
  std::string dialect;                // its main wire format: openai.chat, anthropic.messages, ...
  std::vector<std::string> surfaces;  // APIs it serves natively, the preferred ones first; empty = all of the dialect
  // "https://api.openai.com/v1"; surfaces append "/chat/completions" ... The loader fills {region}, {project} and
  // the like, here and in `paths`.
  std::string base_url;
  std::map<std::string, std::string> paths;  // surface (or surface + "_stream") -> path template, instead of the usual
  std::string auth = "bearer";
  std::string api_key;                         // resolved secret; of auth aws: a bearer token, or empty to sign
  std::map<std::string, std::string> headers;  // extra request headers, anthropic-version for example
  AwsAccount aws;                              // auth aws
  std::string credentials;                     // auth google: the JSON text of a service account or of a user's login
  EntraApp entra;                              // auth entra
  std::string region, project, resource, api_version;  // for {region} ... in base_url and paths
  AbortPolicy on_abort = AbortPolicy::cancel;  // drain: the vendor bills the whole answer anyway, so read it to the end
  std::vector<std::string> request_flags;      // quirks of its requests: "max_completion_tokens", ...
  std::vector<std::string> usage_flags;        // quirks of its usage: "additive_reasoning", "x_groq", ...
  bool stream_usage_option = true;             // understands stream_options.include_usage
  Millis connect_timeout{5'000}, first_byte_timeout{120'000}, idle_timeout{60'000}, total_timeout{900'000};
  std::string load_path;  // of the page that tells how busy it is; empty = it is not read
  std::string ca_file;    // also for the host that hands out its tokens
  bool tls_verify = true;
  bool configured = false;  // named by the user's file; false: a shipped row that nobody mentioned
  std::string unusable;     // why requests to it must be refused ("environment variable X is not set"); empty = usable
};

// What cannot be carried from one dialect to another: named in a header, or refused before anything is sent.
enum class Fidelity : unsigned char { warn, strict };

enum class Strategy : unsigned char { ordered, prefix };
inline constexpr int kMaxReplicas = 64;  // of one model
struct Target {
  std::string provider, model;  // "openai", "gpt-5-mini"
  std::string text() const { return provider + "/" + model; }
};
struct Model {
  std::string name;
  std::vector<Target> targets;
  Strategy strategy = Strategy::ordered;
  std::optional<Fidelity> fidelity;  // instead of the file's
};

// Who keeps files and batches: requests for them name no model.
struct Batches {
  std::string provider = "openai";             // of /v1/files and /v1/batches
  std::string message_provider = "anthropic";  // of /v1/messages/batches
};

// A price row. Rates are USD (or `currency`) per 1M units (tokens), or per single unit for the buckets of `per_call`.
struct PriceRow {
  std::string id;            // stable: "openai/gpt-5-mini@2026-08-06" or what the file says; stands on every record
  std::string provider;      // exact
  std::string model;         // exact, or a prefix when it ends in '*'
  std::string region;        // "" = any
  std::string service_tier;  // "" = standard/default
  bool batch = false;
  std::int64_t valid_from_us = 0, valid_to_us = INT64_MAX;  // wall micros, half open
  // Context-size tier: applies when the input side is > (or >=, when inclusive) the threshold; 0 = base row.
  std::int64_t context_over = 0;
  bool context_inclusive = false;
  // Weekly schedule in UTC: bit 0 = Monday; [from_minute, to_minute) of the day; empty mask = always.
  std::uint8_t weekdays = 0;
  std::int16_t from_minute = 0, to_minute = 0;
  std::map<Bucket, Rate> rates;
  std::map<std::string, Factor> multipliers;  // "batch", "geo:us", "speed:fast", "tier:flex": on token buckets only
  std::string currency;  // of the rates; "" = USD. Rows of provider "currency" hold what one unit of it is worth
  std::string same_as;   // another provider, whose rows stand in for the models that this one's rows do not name
  std::string source, source_date;  // where the numbers come from
  std::string file;                 // file it was read from and its line, for diagnostics
  int line = 0;
};

struct Retry {
  int max_attempts = 2;  // on one target, first try included
  Millis base_delay{200}, max_delay{2'000};
};
struct Limits {
  std::size_t max_body_bytes = 32u << 20;
  std::size_t max_reply_bytes = 64u << 20;  // of a non-stream reply held for settlement
  std::size_t max_event_bytes = 8u << 20;
  std::size_t max_head_bytes = 64u << 10;
  std::size_t max_connections = 10'000;
  Millis client_head_timeout{30'000}, client_body_timeout{60'000}, client_idle_timeout{75'000},
      client_write_timeout{60'000};
  Millis drain_timeout{30'000};  // at SIGTERM, and for on_abort: drain
};
struct Stream {
  Millis heartbeat{15'000};  // ": ping" comments while upstream is silent; 0 = never
};
enum class UnpricedPolicy : unsigned char { allow, block };
struct Ledger {
  std::string url = "sqlite:ledger.db";
  std::size_t spool_max_bytes = 1u << 30;  // bound on unsent records; beyond it new requests are refused
  std::size_t spool_segment_bytes = 8u << 20;
  Millis flush_interval{200};  // longest wait before written records are handed to the store
  std::size_t batch_rows = 2'000;
  Millis fsync_interval{1'000};  // 0 = after every record
  int retention_days = 0;        // 0 = keep; whole Postgres partitions older than that are dropped
  bool keep_raw_usage = true;
};
struct LogSection {
  LogLevel level = LogLevel::info;
  bool access = false;  // one line per request
};

inline constexpr std::string_view kBuiltinModel = "builtin:demo";

// A model file that the local engine serves as local/<name>.
struct LocalModel {
  std::string name, file;       // file: a path, or kBuiltinModel for the one inside this program
  std::string device = "auto";  // or "cpu", "cuda:0", ...
  bool exact = false;
  int threads = 0;          // 0 = cores - 1
  std::size_t context = 0;  // tokens; 0 = the model's, at most 8,192
  std::string kv = "f16";
  std::size_t kv_memory = 0;  // bytes; 0 = one full context, at most 1 GiB
  std::size_t max_running = 64, max_waiting = 256;
  std::optional<Money> hourly_cost;  // USD for an hour of the machine; absent = priced by tokens, if at all
  std::string chat_template;         // a file instead of the model's own template
  std::string draft;                 // a GGUF file: a smaller model with the same vocabulary that guesses along
  std::size_t host_cache = 0;        // bytes behind kv_memory for blocks of prompts
  bool share_prefixes = false;       // blocks of prompts go to the store and come from there
  Millis prefix_ttl{24 * 3'600'000};
  std::string prefix_salt;
  bool operator==(const LocalModel&) const = default;
};
struct Local {
  std::vector<LocalModel> models;
};

struct Config {
  std::string listen = "127.0.0.1:8080";
  std::string admin = "127.0.0.1:9090";
  std::string admin_token;  // required when admin is not loopback
  Tls tls;
  int threads = 0;  // 0 = one per core
  std::string state_dir = "/var/lib/tollgate";
  std::string store = "memory";
  Ledger ledger;
  Auth auth;
  Attribution attribution;
  std::vector<Provider> providers;
  std::vector<Model> models;
  std::vector<PriceRow> prices;  // the user's rows, before the shipped ones
  bool shipped_prices = true;
  UnpricedPolicy unpriced = UnpricedPolicy::allow;
  Fidelity fidelity = Fidelity::warn;
  Batches batches;
  Retry retry;
  Limits limits;
  Stream stream;
  LogSection log;
  Local local;
  std::string path;  // the file this came from

  const Provider* find_provider(std::string_view name) const;
  const Model* find_model(std::string_view name) const;
};

}  // namespace tollgate::config
