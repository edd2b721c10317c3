// tollgate model pull: fetches a model file, checks it and says how to serve it. Needs no configuration; reaches the
// hosts of its address and of that host's redirects, nobody else. Thread rule: one thread.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "config/check.h"
#include "config/units.h"
#include "core/spawn.h"
#include "gateway/commands.h"
#include "gateway/pull/answer.h"
#include "gateway/pull/fetch.h"
#include "local_backend/gguf/gguf_file.h"

namespace tollgate::gateway {
namespace {

using pull::Address;
using pull::PartFile;

constexpr std::string_view kHub = "https://huggingface.co";

struct Wanted {
  pull::FetchOptions fetch;
  std::string out;
};

Error misuse(std::string message) { return Error{ErrorKind::client_fault, 400, "usage", std::move(message), {}}; }

std::string variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? value : "";
}

// The variable that is named; else HF_TOKEN, for the hub that it belongs to.
Result<std::string> token_for(const Address& source, const std::string& hub, const std::optional<std::string>& named) {
  const auto at_hub = pull::parse_address(hub);
  const bool for_hub = at_hub && at_hub->origin.key() == source.origin.key();
  if (!named && !for_hub) return std::string{};
  std::string token = variable(named.value_or("HF_TOKEN"));
  if (named && token.empty()) return misuse("--token-env: the variable " + *named + " is not set, or empty");
  if (token.find_first_of("\r\n") != std::string::npos) return misuse("the token has a line break in it");
  if (!token.empty() && !source.origin.tls && !config::is_loopback(source.origin.host))
    return misuse("a token is not sent over plain http; use https");
  return token;
}

Result<std::string> out_name(const std::optional<std::string>& out, const Address& source, bool force) {
  std::string name = out.value_or(".");
  if (std::filesystem::is_directory(name)) {
    const std::string last = pull::file_name(source);
    if (last.empty()) return misuse("the address names no file; say --out FILE");
    name = out ? (std::filesystem::path(name) / last).string() : last;
  }
  if (!force && std::filesystem::exists(name)) return misuse(name + " is there already; --force writes over it");
  return name;
}

Result<Wanted> read_arguments(Arguments& arguments) {
  const auto out = arguments.option("--out"), sha = arguments.option("--sha256");
  const auto token_env = arguments.option("--token-env"), patience = arguments.option("--patience");
  const auto attempts = arguments.option("--attempts");
  const bool force = arguments.flag("--force");
  const auto from = arguments.next();
  if (!from) return misuse("pull needs an address");
  if (std::string problem = arguments.problem(); !problem.empty()) return misuse(std::move(problem));
  std::string hub = variable("HF_ENDPOINT");
  if (hub.empty()) hub = kHub;
  auto source = from->starts_with("hf:") ? pull::hub_address(*from, hub) : pull::parse_address(*from);
  if (!source) return std::move(source).error();
  Wanted wanted;
  wanted.fetch.source = *source;
  if (sha && (wanted.fetch.sha256 = pull::as_sha256(*sha)).empty()) return misuse("--sha256 wants 64 hex digits");
  if (patience) {
    const auto ms = config::parse_duration_ms(*patience);
    if (!ms || *ms <= 0) return misuse("--patience wants a duration such as 30s");
    wanted.fetch.patience = std::chrono::milliseconds(*ms);
  }
  if (attempts) {
    const auto count = config::parse_integer(*attempts);
    if (!count || *count < 1 || *count > 1000) return misuse("--attempts wants a number from 1 to 1000");
    wanted.fetch.attempts = static_cast<int>(*count);
  }
  auto token = token_for(*source, hub, token_env);
  if (!token) return std::move(token).error();
  wanted.fetch.token = std::move(token).value();
  const auto at_hub = pull::parse_address(hub);
  wanted.fetch.etag_is_sha = at_hub && at_hub->origin.key() == source->origin.key();
  auto name = out_name(out, *source, force);
  if (!name) return std::move(name).error();
  wanted.out = std::move(name).value();
  return wanted;
}

Task<void> fetch_into(net::Pool& pool, const pull::FetchOptions& options, PartFile& part, Result<void>& result) {
  pull::Progress progress;
  result = co_await pull::fetch(pool, options, part, progress);
}

Result<void> run_fetch(const pull::FetchOptions& options, PartFile& part) {
  asio::io_context context(1);
  Result<void> result = Error{ErrorKind::fatal, 500, "upstream_failed", "the download ended unexpectedly", {}};
  net::Pool pool(context, net::make_dialer(context, net::TlsSettings{}), net::PoolOptions{});
  spawn(context.get_executor(), fetch_into(pool, options, part, result), "pull", [] {});
  context.run();
  return result;
}

// The part's checksum, when it is the one that was asked for or told; a file that is another one does not stay.
Result<std::string> check_sum(const pull::FetchOptions& options, PartFile& part) {
  auto sum = part.sha256();
  if (!sum) return sum;
  const std::string& wanted = options.sha256.empty() ? part.remote().sha256 : options.sha256;
  if (!wanted.empty() && wanted != *sum) {
    part.discard();
    return Error{ErrorKind::client_fault,
                 502,
                 "wrong_checksum",
                 fmt::format("the file's SHA-256 is {}, {} {}; what was fetched is removed", *sum,
                             options.sha256.empty() ? "but the server says" : "not", wanted),
                 {}};
  }
  return sum;
}

// A name for callers: the file's, in letters that need no quotes.
std::string model_name(const std::string& file) {
  std::string name = std::filesystem::path(file).stem().string();
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c | 0x20);
    else if (!plain)
      c = '-';
  }
  return name.empty() || name.find_first_not_of("0123456789.-_") == std::string::npos ? "model-" + name : name;
}

std::string yaml_text(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

std::string count_text(std::uint64_t count) {
  const auto number = static_cast<double>(count);
  return count >= 1'000'000'000 ? fmt::format("{:.2f} billion", number / 1e9)
         : count >= 1'000'000   ? fmt::format("{:.1f} million", number / 1e6)
                                : fmt::format("{}", count);
}

std::string summary(const local::GgufFile& file) {
  std::uint64_t weights = 0;
  std::map<std::string_view, std::uint64_t> types;
  for (const local::Tensor& tensor : file.tensors()) {
    weights += tensor.elements();
    types[local::tensor_type_info(tensor.type)->name] += tensor.elements();
  }
  std::string_view most = "no tensors";
  std::uint64_t count = 0;
  for (const auto& [type, sum] : types)
    if (sum > count) most = type, count = sum;
  std::string out;
  for (const char c : file.text("general.architecture").value_or("?")) out += c > ' ' && c < 127 ? c : '?';
  const std::int64_t context = file.integer(out + ".context_length").value_or(0);
  out += fmt::format(", {} weights, mostly {}, {}", count_text(weights), most, pull::size_text(file.size()));
  return context > 0 ? out + fmt::format(", context {}", context) : out;
}

Result<void> fetch_and_tell(const Wanted& wanted) {
  auto part = PartFile::open(wanted.out);
  if (!part) return std::move(part).error();
  std::fprintf(stderr, "%s to %s\n", wanted.fetch.source.without_query().c_str(), wanted.out.c_str());
  if (auto fetched = run_fetch(wanted.fetch, *part); !fetched) {
    if (part->size() == 0 || fetched.error().code == "not_gguf") part->discard();
    return fetched;
  }
  const bool checked = !wanted.fetch.sha256.empty() || !part->remote().sha256.empty();
  auto sum = check_sum(wanted.fetch, *part);
  if (!sum) return std::move(sum).error();
  const auto file = local::GgufFile::open(wanted.out + ".part");
  if (!file) {
    part->discard();
    return Error{
        ErrorKind::client_fault, 502, "bad_model_file", file.error().message + "; what was fetched is removed", {}};
  }
  if (auto published = part->publish(); !published) return published;
  std::printf("# %s: %s\n# sha256 %s%s\nlocal:\n  models:\n    - name: %s\n      file: %s\n", wanted.out.c_str(),
              summary(**file).c_str(), sum->c_str(), checked ? " (checked)" : " (nothing told to check it by)",
              model_name(wanted.out).c_str(), yaml_text(std::filesystem::absolute(wanted.out).string()).c_str());
  return {};
}

}  // namespace

int pull_model(Arguments& arguments) {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a limit on files is an error of write() then
  auto wanted = read_arguments(arguments);
  if (!wanted) {
    std::fprintf(stderr, "tollgate model pull: %s\n", wanted.error().message.c_str());
    return 2;
  }
  if (auto done = fetch_and_tell(*wanted); !done) {
    std::fprintf(stderr, "tollgate model pull: %s\n", done.error().message.c_str());
    return 1;
  }
  return 0;
}

}  // namespace tollgate::gateway
