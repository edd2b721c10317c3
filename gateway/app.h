// App: builds every object once, in order, runs until a signal, and takes everything down in reverse. The only file
// that sees all modules. Thread rule: constructed and run on the main thread; signals, reloads and the file watch
// happen there too.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "billing/ledger_writer.h"
#include "billing/spool.h"
#include "config/load.h"
#include "gateway/admin.h"
#include "gateway/batches/settler.h"
#include "gateway/local/local_server.h"
#include "gateway/replicas/load_watch.h"
#include "gateway/server.h"

namespace tollgate::gateway {

class App {
 public:
  // `config_path` empty: the embedded default configuration, which is not watched for changes.
  explicit App(std::string config_path);
  ~App();
  // Serves until SIGTERM or SIGINT. Returns the process's exit status; problems at the start are printed to stderr.
  int run();

 private:
  Result<void> start();
  Result<void> start_ledger(const config::Config& config);
  Result<void> start_listeners();
  void announce() const;
  Result<void> reload();
  Result<std::shared_ptr<const Snapshot>> load();
  bool file_changed();
  void wait_for_signals();
  void shut_down();

  std::string config_path_;
  std::int64_t file_stamp_ = 0;
  MetricsRegistry metrics_;
  std::unique_ptr<LocalVendor> local_;  // made in start(): its thread must not take signals
  std::mutex reload_mutex_;             // reloads come from signals, the file watch and the admin listener
  std::shared_ptr<const Snapshot> snapshot_;
  std::unique_ptr<CardinalityGuard> guard_;
  std::unique_ptr<billing::Spool> spool_;
  std::unique_ptr<billing::LedgerWriter> writer_;
  std::unique_ptr<BatchSettler> batches_;
  std::unique_ptr<ReplicaBook> replicas_;
  std::unique_ptr<LoadWatch> load_watch_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::unique_ptr<Admin> admin_;
  unsigned short port_ = 0, admin_port_ = 0;
  std::string host_, admin_host_;
};

}  // namespace tollgate::gateway
