// BatchSettler: settles the cost of every batch that was created through this gateway, exactly once. A batch's owner is
// bound when the vendor accepts it (bind()); from then on the vendor is asked for its state now and then, and at once
// when a caller's own poll shows the end (nudge()); at the end its results are read and booked at batch price. Rows'
// ids are made of batch and model, so that a settlement that is repeated after a crash inserts nothing.
//
// Thread rule: has a thread of its own; bind() and nudge() are called from any thread, the rest from the main thread.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "core/net/signal.h"
#include "gateway/batches/binding.h"
#include "gateway/batches/tally.h"
#include "gateway/upstream_call.h"
#include "gateway/worker.h"

namespace tollgate::gateway {

struct SettlerTimes {
  std::chrono::milliseconds first{30'000};        // between the creation and the first question
  std::chrono::milliseconds longest{600'000};     // between later ones; each waits twice as long as the one before
  std::chrono::milliseconds one_call{1'800'000};  // a result file may be large
};

class BatchSettler {
 public:
  BatchSettler(std::string directory, std::shared_ptr<const Snapshot> snapshot,
               std::unique_ptr<billing::SpoolWriter> spool, MetricsRegistry& metrics, CardinalityGuard& guard,
               DialerFactory dialers, SettlerTimes times = {});
  ~BatchSettler();
  void start();
  void reload(std::shared_ptr<const Snapshot> snapshot);
  // Ends the settlement that is going on (it is repeated at the next start) and joins the thread.
  void stop();

  // Makes the owner durable. After success the caller may be told of the batch.
  Result<void> bind(const BatchBinding& binding);
  // The batch seems to be over: look now. Nothing for batches that are not ours.
  void nudge(std::string_view provider, std::string_view batch_id);

 private:
  struct Open {
    BatchBinding binding;
    SteadyTime due{};
    std::chrono::milliseconds pause{0};
  };
  using Key = std::pair<std::string, std::string>;  // provider, batch id

  void add(BatchBinding binding, SteadyTime due);
  Task<void> run();
  Task<void> look(Open& open);
  Task<Result<bool>> settle(const BatchBinding& binding);
  Task<Result<std::string>> get(const Vendor& vendor, std::string path);
  Task<Result<void>> get_lines(const Vendor& vendor, std::string path, BatchTally& tally);
  Task<Result<void>> begin_get(const Vendor& vendor, std::string path, SteadyTime deadline);
  Result<void> book(const BatchTally& tally);

  asio::io_context context_{1};
  Worker worker_;
  BatchStore store_;
  SettlerTimes times_;
  net::Signal wake_;
  net::Deadline timer_;
  UpstreamCall call_;
  std::map<Key, Open> open_;
  Counter& settled_;
  Counter& failures_;
  Gauge& waiting_;
  bool stopping_ = false, timed_out_ = false;
  std::thread thread_;
};

}  // namespace tollgate::gateway
