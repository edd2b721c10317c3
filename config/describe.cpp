// The descriptions of tollgate.yaml's sections, in the order in which they are documented and dumped.
// Thread rule: pure.
#include "config/describe.h"

#include "config/suggest.h"
#include "core/sha256.h"

namespace tollgate::config {
namespace {

using namespace std::string_view_literals;

constexpr std::int64_t kKiB = 1 << 10, kMiB = 1 << 20, kGiB = 1LL << 30;
constexpr std::int64_t kSecond = 1'000, kMinute = 60 * kSecond, kHour = 60 * kMinute;

constexpr std::size_t kShortSecret = 16;

constexpr std::array kAuthModes{"keys"sv, "open"sv};
constexpr std::array kMissing{"reject"sv, "default"sv, "quarantine"sv};
constexpr std::array kUnpriced{"allow"sv, "block"sv};
constexpr std::array kLogLevels{"debug"sv, "info"sv, "warn"sv, "error"sv};
constexpr std::array kFidelity{"warn"sv, "strict"sv};
constexpr std::array kKvTypes{"f16"sv, "q8"sv};

void describe(Visitor& v, Tls& tls) {
  v.text({"cert", "PEM file with the certificate chain. Relative paths start at the configuration file's folder."},
         tls.cert);
  v.text({"key", "PEM file with the private key."}, tls.key);
}

void describe(Visitor& v, Ledger& ledger) {
  v.text({"url",
          "`sqlite:FILE` (relative to `state_dir`) or `postgres://user:password@host/database`. Instead of the map, "
          "the URL alone may be written: `ledger: sqlite:ledger.db`."},
         ledger.url);
  bytes(v, {"spool_max_bytes", "Bound on records not yet in the database. Beyond it new requests are refused."},
        ledger.spool_max_bytes, {kMiB, 1024 * kGiB});
  bytes(v, {"spool_segment_bytes", "Size at which a spool file is closed and the next one begins."},
        ledger.spool_segment_bytes, {64 * kKiB, kGiB});
  v.duration({"flush_interval", "Longest wait before written records are handed to the database."},
             ledger.flush_interval, {1, kMinute});
  integer(v, {"batch_rows", "Most records in one database transaction."}, ledger.batch_rows, {1, 100'000});
  v.duration({"fsync_interval", "How often the spool is forced to disk; `0` = after every record."},
             ledger.fsync_interval, {0, kMinute});
  integer(v, {"retention_days", "Records older than that may be dropped; `0` = keep all."}, ledger.retention_days,
          {0, 36'500});
  v.flag({"keep_raw_usage", "Keep the vendor's usage JSON on each record."}, ledger.keep_raw_usage);
}

void describe(Visitor& v, Auth& auth) {
  choice(
      v,
      {"mode",
       "`keys`: callers need one of the keys below. `open`: any bearer is accepted and tags come from headers; refused "
       "on an address that is not loopback."},
      auth.mode, kAuthModes);
  v.flag({"allow_open", "Accept `open` on any address."}, auth.allow_open);
  items(v, {"keys", "Callers' keys."}, auth.keys);
}

void describe(Visitor& v, Attribution& rules) {
  v.list({"required", "What every request must name: `team`, `feature`, `environment`, `user` or a free tag's name."},
         rules.required);
  choice(
      v,
      {"missing",
       "When something required is missing or a value is not allowed. `reject`: status 400. `default`: use `defaults`. "
       "`quarantine`: use `defaults` for what is missing, serve the request and mark its records."},
      rules.missing, kMissing);
  v.dictionary({"defaults", "Values used when a request does not say. Dimensions, or free tags."}, rules.defaults);
  v.lists({"allowed", "Allowed values of a dimension; a dimension that is not listed takes any value."}, rules.allowed);
  integer(v,
          {"max_values_per_dimension",
           "Distinct values of one dimension (and distinct tag names) kept apart over the life of the process; further "
           "ones "
           "are recorded as `_other`."},
          rules.max_values_per_dimension, {1, 1'000'000});
  integer(v,
          {"max_tags", "Most free tags on one request; further ones are dropped, or refused under `missing: reject`."},
          rules.max_tags, {0, 64});
  integer(v, {"max_value_bytes", "Longest value of a dimension or tag."}, rules.max_value_bytes, {16, 1024});
}

void describe(Visitor& v, Retry& retry) {
  integer(v, {"max_attempts", "Attempts on one target, the first one included."}, retry.max_attempts, {1, 10});
  v.duration({"base_delay", "Wait before the second attempt; doubles with each further one, with jitter."},
             retry.base_delay, {0, kMinute});
  v.duration({"max_delay", "Longest wait between two attempts."}, retry.max_delay, {0, 10 * kMinute});
}

void describe_server(Visitor& v, Limits& limits) {
  bytes(v, {"max_body_bytes", "Largest request body."}, limits.max_body_bytes, {kKiB, kGiB});
  bytes(v, {"max_reply_bytes", "Largest reply that is not a stream."}, limits.max_reply_bytes, {kKiB, kGiB});
  bytes(v, {"max_event_bytes", "Largest event of a stream."}, limits.max_event_bytes, {kKiB, 256 * kMiB});
  bytes(v, {"max_head_bytes", "Largest request or reply head."}, limits.max_head_bytes, {kKiB, kMiB});
  integer(v, {"max_connections", "Most client connections at one time."}, limits.max_connections, {1, 1'000'000});
}

void describe_timeouts(Visitor& v, Limits& limits) {
  v.duration({"client_head", "For a client to send a request's head."}, limits.client_head_timeout, {100, kHour});
  v.duration({"client_body", "For a client to send the next part of a body."}, limits.client_body_timeout,
             {100, kHour});
  v.duration({"client_idle", "How long a connection may stay open without a request."}, limits.client_idle_timeout,
             {100, kHour});
  v.duration({"client_write", "For a client to take the next part of a reply."}, limits.client_write_timeout,
             {100, kHour});
  v.duration(
      {"drain", "At shutdown, for requests in flight; and for reading an answer to its end that its client has left."},
      limits.drain_timeout, {0, kHour});
}

void describe(Visitor& v, Stream& stream) {
  v.duration({"heartbeat", "`: ping` comments to the client while the vendor is silent; `0` = never."},
             stream.heartbeat, {0, kHour});
}

void describe(Visitor& v, LogSection& log) {
  choice(v, {"level", "Least level that is logged."}, log.level, kLogLevels);
  v.flag({"access", "One line per request."}, log.access);
}

void describe(Visitor& v, Local& local) { items(v, {"models", "Model files, served as `local/NAME`."}, local.models); }

void describe(Visitor& v, Batches& batches) {
  v.text({"provider", "Whom `/v1/files` and `/v1/batches` are relayed to."}, batches.provider);
  v.text({"message_provider", "The same for `/v1/messages/batches`."}, batches.message_provider);
}

void describe_prices(Visitor& v, std::vector<PriceRow>& rows) {
  std::vector<PriceEntry> entries;
  if (!v.reading()) {
    for (const PriceRow& row : rows) entries.push_back(price_entry(row));
  }
  items(v, {"prices", "Price rows, before the shipped ones (docs/formats/billing.md)."}, entries);
  if (!v.reading()) return;
  for (const PriceEntry& entry : entries) {
    for (PriceRow& row : price_rows(entry, {})) rows.push_back(std::move(row));
  }
}

void describe_later(Visitor& v) {
  v.later({"routes", "Routing rules."});
  v.later({"budgets", "Spending limits over dimensions."});
  v.later({"limits", "Request and token rate limits."});
  v.later({"alerts", "Alert channels and rules."});
  v.later({"cache", "Response and prefix caches."});
}

template <class Section>
void section(Visitor& v, Field field, Section& value, void (*describe_it)(Visitor&, Section&)) {
  if (!v.enter(field)) return;
  describe_it(v, value);
  v.leave();
}

void describe_dimension(Visitor& v, Field field, std::map<std::string, std::string>& dims) {
  std::string value = dims.contains(std::string(field.name)) ? dims[std::string(field.name)] : "";
  v.text(field, value);
  if (!value.empty()) dims[std::string(field.name)] = value;
}

void describe_access(Visitor& v, Config& c) {
  if (v.enter({"auth", "Who may call."})) {
    describe(v, c.auth);
    v.leave();
  }
  if (v.enter({"attribution", "Who a request is billed to."})) {
    describe(v, c.attribution);
    v.leave();
  }
}

void describe_ledger(Visitor& v, Config& c) {
  if (v.enter({"ledger", "Where cost records are kept."}, &c.ledger.url)) {
    describe(v, c.ledger);
    v.leave();
  }
}

}  // namespace

void describe(Visitor& v, Key& key) {
  v.text({"id", "Short public name of the key; stands on every record. Required, unique."}, key.id);
  std::string secret;
  v.secret({"secret", "The key itself, best as `${VAR}` or `file:PATH`. Kept as a hash only."}, secret);
  v.secret({"secret_sha256", "Instead of `secret`: its SHA-256 as 64 hex digits."}, key.secret_sha256);
  if (!secret.empty() && !key.secret_sha256.empty()) v.problem("secret", "give `secret` or `secret_sha256`, not both");
  if (!secret.empty()) key.secret_sha256 = sha256_hex(secret);
  if (!secret.empty() && secret.size() < kShortSecret) v.caution("secret", "shorter than 16 characters, easy to guess");
  describe_dimension(v, {"team", "Bound value: the caller cannot change it. Also for the next three."}, key.dims);
  describe_dimension(v, {"feature", "Bound value."}, key.dims);
  describe_dimension(v, {"environment", "Bound value."}, key.dims);
  describe_dimension(v, {"user", "Bound value."}, key.dims);
  v.dictionary({"tags", "Bound free tags."}, key.tags);
  v.list({"models", "Names or globs (`gpt-*`, `openai/*`) that the key may use; empty = all."}, key.models);
}

void describe(Visitor& v, LocalModel& model) {
  v.text({"name", "What callers ask for behind `local/`. Required, unique."}, model.name);
  v.text({"file",
          "GGUF file. Relative paths start at the configuration file's folder. `builtin:demo` is the demo model inside "
          "this program. Required."},
         model.file);
  v.text({"draft",
          "GGUF file of a smaller model with the same vocabulary. It guesses along where that pays; answers stay the "
          "same."},
         model.draft);
  v.text(
      {"device",
       "Where it runs: `cpu`, `cuda:0` and so on for an NVIDIA GPU, `cuda:0,1` for 2, 4 or 8 that share the model, or "
       "`auto` for the first GPU that takes the model, else the CPU. Embedders run on the CPU."},
      model.device);
  v.flag({"exact",
          "On a GPU: answers have the same bits however requests come together, as they have on a CPU. Slower, above "
          "all for long prompts."},
         model.exact);
  integer(v, {"threads", "Threads of the engine, the one that schedules among them."}, model.threads, {0, 1024},
          "auto");
  integer(v, {"context", "Most tokens of prompt and answer together; `auto` = the model's own, at most 8192."},
          model.context, {0, 1 << 24}, "auto");
  v.text({"kv", "How keys and values are kept: `f16`, or `q8` for half the memory (on a GPU: 8-bit floats)."}, model.kv,
         kKvTypes);
  bytes(v,
        {"kv_memory",
         "Memory for keys and values; `0` = enough for one full context, at most 1 GiB; on a GPU all that is left but "
         "a tenth."},
        model.kv_memory, {0, 1024 * kGiB});
  integer(v, {"max_running", "Most answers that are worked on at one time."}, model.max_running, {1, 4096});
  integer(v, {"max_waiting", "Most requests that wait for it; beyond that callers are told to come back later."},
          model.max_waiting, {1, 100'000});
  v.money({"hourly_cost_usd",
           "What an hour of this machine costs. An answer then costs its share of the machine's time; without it, what "
           "`prices:` say of its tokens."},
          model.hourly_cost);
  v.text({"chat_template", "Jinja file that replaces the model's own chat template."}, model.chat_template);
  bytes(v,
        {"host_cache",
         "Memory behind `kv_memory` for beginnings of prompts that it has no room for. On a CPU `kv_memory` itself is "
         "the better place."},
        model.host_cache, {0, 1024 * kGiB});
  v.flag({"share_prefixes",
          "Keep computed beginnings of prompts in `store` (which must be Redis), where restarted and other gateways "
          "find them. Whoever can write there can bend answers: share it with nobody else."},
         model.share_prefixes);
  v.duration({"prefix_ttl", "How long the store keeps them."}, model.prefix_ttl, {1000, 365 * 24 * 60 * kMinute});
  v.text({"prefix_salt", "Models with different salts share no beginnings, whatever else they have in common."},
         model.prefix_salt);
}

void describe(Visitor& v, Config& c) {
  v.text({"listen", "Address for clients, `host:port`. Port 0 = any free one."}, c.listen);
  v.text({"admin", "Address of health, metrics and administration."}, c.admin);
  v.secret({"admin_token", "Bearer token for `/admin/`; required when `admin` is not a loopback address."},
           c.admin_token);
  section(v, {"tls", "TLS for clients. Both files or neither."}, c.tls, &describe);
  integer(v, {"threads", "Network threads; `auto` = one per core."}, c.threads, {0, 1024}, "auto");
  v.text({"state_dir",
          "Folder of the spool and of SQLite files. `auto`: `/var/lib/tollgate` when it can be written, else "
          "`$XDG_STATE_HOME/tollgate` or `~/.local/state/tollgate`."},
         c.state_dir);
  describe_ledger(v, c);
  v.text({"store",
          "What gateways share: `memory` (nothing), `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`, or `rediss://` "
          "for TLS, where `?ca=/FILE` names an authority of your own. Used by local models with `share_prefixes`."},
         c.store);
  describe_access(v, c);
  named_items(v, {"providers", "Vendors. A name of config/providers.yaml needs only what differs from its row."},
              c.providers);
  named_items(v, {"models", "The names that apps ask for. A request may also name `provider/model` directly."},
              c.models);
  describe_prices(v, c.prices);
  v.flag({"shipped_prices", "Use config/prices.yaml for what `prices` does not say."}, c.shipped_prices);
  choice(v, {"unpriced", "Requests to a target without a price: serve and mark them, or refuse them."}, c.unpriced,
         kUnpriced);
  choice(v,
         {"fidelity",
          "When a request is translated to a vendor's API and something in it cannot be said there. `warn`: send the "
          "rest and "
          "name it in `x-tollgate-dropped`. `strict`: refuse the request with status 400."},
         c.fidelity, kFidelity);
  section(v, {"batches", "Who keeps uploaded files and batches."}, c.batches, &describe);
  section(v, {"retry", "Attempts before anything reached the client."}, c.retry, &describe);
  section(v, {"server", "Bounds on requests and replies."}, c.limits, &describe_server);
  section(v, {"timeouts", "Bounds on waiting for clients."}, c.limits, &describe_timeouts);
  section(v, {"stream", "Streams."}, c.stream, &describe);
  section(v, {"log", "JSON lines on standard error."}, c.log, &describe);
  section(v, {"local", "The engine in this process."}, c.local, &describe);
  describe_later(v);
}

}  // namespace tollgate::config
