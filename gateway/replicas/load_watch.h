// LoadWatch: reads the load pages of all replicas once a second and tells the ReplicaBook. Only providers that have a
// load_path are asked, at their own base_url's host, with their own credentials' headers.
// Thread rule: has a thread of its own; reload() is called from any thread, the rest from the main thread.
#pragma once

#include <memory>
#include <thread>

#include "core/net/deadline.h"
#include "core/net/signal.h"
#include "gateway/replicas/replica_book.h"
#include "gateway/worker.h"

namespace tollgate::gateway {

struct LoadWatchTimes {
  std::chrono::milliseconds pause{1'000};     // between the beginnings of two rounds
  std::chrono::milliseconds one_page{1'000};  // for connecting and reading
};

class LoadWatch {
 public:
  LoadWatch(ReplicaBook& book, std::shared_ptr<const Snapshot> snapshot, DialerFactory dialers,
            LoadWatchTimes times = {});
  ~LoadWatch();  // stop()
  void start();
  void reload(std::shared_ptr<const Snapshot> snapshot);
  void stop();

 private:
  Task<void> run();
  Task<void> ask(std::shared_ptr<const Snapshot> snapshot, std::size_t vendor);
  Task<Result<std::string>> get(const Vendor& vendor);

  asio::io_context context_{1};
  ReplicaBook& book_;
  std::shared_ptr<const Snapshot> snapshot_;
  DialerFactory dialers_;
  LoadWatchTimes times_;
  net::Signal wake_;
  net::Deadline timer_;
  std::size_t asking_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tollgate::gateway
