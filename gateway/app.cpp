#include "gateway/app.h"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "core/log.h"
#include "gateway/local/engine_metrics.h"

namespace tollgate::gateway {
namespace {

constexpr std::chrono::seconds kFileCheck{1};
constexpr std::chrono::milliseconds kFinalFlush{10'000};

// host:port, [v6]:port; config/check.cpp has already refused anything else.
void split_address(const std::string& address, std::string& host, unsigned short& port) {
  const std::size_t colon = address.rfind(':');
  host = address.substr(0, colon);
  if (host.size() > 1 && host.front() == '[') host = host.substr(1, host.size() - 2);
  port = static_cast<unsigned short>(std::atoi(address.c_str() + colon + 1));
}

void print_diagnostics(const std::vector<config::Diagnostic>& list, const char* kind) {
  for (const config::Diagnostic& d : list) std::fprintf(stderr, "%s: %s\n", kind, redacted(d.to_string()).c_str());
}

// One descriptor per client and one per vendor connection: the usual soft limit of 1,024 is too low for a gateway.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

std::int64_t stamp_of(const std::string& path) {
  struct stat info{};
  if (path.empty() || ::stat(path.c_str(), &info) != 0) return 0;
  return info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec + static_cast<std::int64_t>(info.st_ino);
}

Error config_error(const config::LoadResult& loaded) {
  std::string all;
  for (const config::Diagnostic& d : loaded.errors) all += (all.empty() ? "" : "\n") + d.to_string();
  return Error{.kind = ErrorKind::client_fault, .status = 422, .code = "bad_config", .message = redacted(all)};
}

}  // namespace

App::App(std::string config_path) : config_path_(std::move(config_path)) {}

App::~App() = default;

Result<std::shared_ptr<const Snapshot>> App::load() {
  auto loaded =
      config_path_.empty() ? config::load_text(config::default_yaml(), "default") : config::load_file(config_path_);
  if (!loaded.ok()) return config_error(loaded);
  print_diagnostics(loaded.warnings, "warning");
  auto snapshot = make_snapshot(std::move(loaded.config));
  // Reading the files took several times the memory that their meaning takes; the next such need is a reload away.
  ::malloc_trim(0);
  return snapshot;
}

int App::run() {
  // Blocked here, before any thread exists, so that only wait_for_signals() takes them.
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  ::umask(077);  // the ledger and the spool are nobody else's to read
  raise_descriptor_limit();
  if (auto started = start(); !started) {
    std::fprintf(stderr, "tollgate: %s\n", redacted(started.error().message).c_str());
    return started.error().code == "bad_config" ? 2 : 1;
  }
  announce();
  wait_for_signals();
  shut_down();
  return 0;
}

Result<void> App::start() {
  file_stamp_ = stamp_of(config_path_);
  auto snapshot = load();
  if (!snapshot) return std::move(snapshot).error();
  snapshot_ = *snapshot;
  const config::Config& config = snapshot_->config;
  set_log_level(config.log.level);
  guard_ = std::make_unique<CardinalityGuard>(config.attribution.max_values_per_dimension);
  if (auto ready = start_ledger(config); !ready) return ready;
  local_ = std::make_unique<LocalVendor>();
  local_->models.apply(config.local, config.store);
  metrics_.on_collect([this](MetricsSink& sink) { tell_engines(local_->models, sink); });
  return start_listeners();
}

Result<void> App::start_ledger(const config::Config& config) {
  std::error_code ec;
  std::filesystem::create_directories(config.state_dir, ec);
  if (ec)
    return Error{.code = "state_dir",
                 .message = "cannot create state_dir " + config.state_dir + ": " + ec.message() +
                            "; set state_dir: to a folder that this user may write"};
  const std::string spool_dir = config.state_dir + "/spool";
  auto spool = billing::Spool::open({.directory = spool_dir,
                                     .segment_bytes = config.ledger.spool_segment_bytes,
                                     .max_bytes = config.ledger.spool_max_bytes,
                                     .fsync_interval_ms = config.ledger.fsync_interval.count()});
  if (!spool) return std::move(spool).error();
  spool_ = std::move(*spool);
  auto ledger = billing::open_ledger(config.ledger.url, config.state_dir);
  if (!ledger) return std::move(ledger).error();
  writer_ = std::make_unique<billing::LedgerWriter>(
      *spool_, std::move(*ledger),
      billing::WriterOptions{.batch_rows = config.ledger.batch_rows,
                             .flush_interval_ms = config.ledger.flush_interval.count(),
                             .retention_days = config.ledger.retention_days,
                             .poison_file = spool_dir + "/poison.jsonl"},
      metrics_);
  writer_->start();
  return {};
}

Result<void> App::start_listeners() {
  const config::Config& config = snapshot_->config;
  std::shared_ptr<net::TlsAcceptor> tls;
  if (!config.tls.cert.empty()) {
    auto acceptor = net::make_tls_acceptor({.cert_file = config.tls.cert, .key_file = config.tls.key});
    if (!acceptor) return std::move(acceptor).error();
    tls = *acceptor;
  }
  split_address(config.listen, host_, port_);
  if (auto unused = check_port_unused(host_, port_); !unused) return unused;
  const int threads =
      config.threads > 0 ? config.threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  batches_ = std::make_unique<BatchSettler>(config.state_dir + "/batches", snapshot_, spool_->make_writer(), metrics_,
                                            *guard_, default_dialers(*local_));
  replicas_ = std::make_unique<ReplicaBook>(metrics_);
  replicas_->apply(*snapshot_);
  load_watch_ = std::make_unique<LoadWatch>(*replicas_, snapshot_, default_dialers(*local_));
  for (int i = 0; i < threads; ++i) {
    auto server = std::make_unique<Server>(snapshot_, spool_->make_writer(), metrics_, *guard_,
                                           default_dialers(*local_), batches_.get(), replicas_.get());
    auto port = server->listen(host_, port_, tls);
    if (!port) return std::move(port).error();
    port_ = *port;
    servers_.push_back(std::move(server));
  }
  admin_ = std::make_unique<Admin>(AdminHooks{
      .metrics = [this] { return metrics_.expose(); },
      .effective_config =
          [this] {
            std::scoped_lock lock(reload_mutex_);
            return config::dump(snapshot_->config);
          },
      .reload = [this] { return reload(); },
      .ready = [this]() -> Result<void> {
        if (spool_->full())
          return Error{
              .code = "spool_full",
              .message = "the spool has no room for new records; free disk space or raise ledger: spool_max_bytes"};
        if (const std::string model = local_->models.starting(); !model.empty())
          return Error{.code = "starting", .message = "loading local model " + model};
        return {};
      }});
  split_address(config.admin, admin_host_, admin_port_);
  auto admin_port = admin_->start(admin_host_, admin_port_, config.admin_token);
  if (!admin_port) return std::move(admin_port).error();
  admin_port_ = *admin_port;
  batches_->start();
  load_watch_->start();
  for (auto& server : servers_) server->start();
  return {};
}

void App::announce() const {
  const config::Config& config = snapshot_->config;
  const std::string scheme = config.tls.cert.empty() ? "http" : "https";
  const std::string model = config.models.empty() ? "provider/model" : config.models.front().name;
  const std::string shown = host_.find(':') == std::string::npos ? host_ : "[" + host_ + "]";
  std::fprintf(stderr,
               "tollgate listens on %s://%s:%u (admin %s:%u), state in %s\n"
               "try:\n"
               "  curl %s://%s:%u/v1/chat/completions -H 'content-type: application/json' -H 'x-tollgate-team: demo' "
               "-d '{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'\n"
               "  %s report --by team%s%s\n",
               scheme.c_str(), shown.c_str(), port_, admin_host_.c_str(), admin_port_, config.state_dir.c_str(),
               scheme.c_str(), shown.c_str(), port_, model.c_str(), program_invocation_name,
               config_path_.empty() ? "" : " --config ", config_path_.c_str());
}

Result<void> App::reload() {
  std::scoped_lock lock(reload_mutex_);
  auto next = load();
  if (!next) {
    log_error("the new configuration is not used", {{"error", std::string_view(next.error().message)}});
    return std::move(next).error();
  }
  const config::Config& before = snapshot_->config;
  const config::Config& after = (*next)->config;
  if (before.listen != after.listen || before.admin != after.admin || before.threads != after.threads ||
      before.state_dir != after.state_dir || before.ledger.url != after.ledger.url || before.tls.cert != after.tls.cert)
    log_warn("listen, admin, threads, tls, state_dir and ledger take effect at the next start");
  local_->models.apply(after.local, after.store);
  snapshot_ = *next;
  set_log_level(after.log.level);
  for (auto& server : servers_) server->reload(snapshot_);
  batches_->reload(snapshot_);
  replicas_->apply(*snapshot_);
  load_watch_->reload(snapshot_);
  log_info("configuration reloaded", {{"file", std::string_view(config_path_)}});
  return {};
}

bool App::file_changed() {
  const std::int64_t stamp = stamp_of(config_path_);
  if (stamp == 0 || stamp == file_stamp_) return false;
  file_stamp_ = stamp;
  return true;
}

void App::wait_for_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  const timespec pause{.tv_sec = kFileCheck.count(), .tv_nsec = 0};
  for (;;) {
    const int signal = sigtimedwait(&signals, nullptr, &pause);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (config_path_.empty()) continue;
    if (signal == SIGHUP || file_changed()) {
      file_stamp_ = stamp_of(config_path_);
      (void)reload();
    }
  }
}

// New connections stop, running requests end, then what they wrote is handed to the ledger.
void App::shut_down() {
  const auto limit = snapshot_->config.limits.drain_timeout;
  log_info("draining", {{"limit_ms", static_cast<std::int64_t>(limit.count())}});
  for (auto& server : servers_) server->drain(limit);
  for (auto& server : servers_) server->join();
  local_->compiling.join();
  local_->preparing.join();  // all hand results to the servers' threads
  local_->models.stop();
  servers_.clear();
  batches_->stop();
  load_watch_->stop();
  writer_->stop(kFinalFlush);
  admin_->stop();
  log_info("stopped");
}

}  // namespace tollgate::gateway
