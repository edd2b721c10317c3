// LedgerWriter: the one thread that moves records from the spool to the ledger in batches, with back-off while the
// store is away and bisection around a poison row (which goes to <spool>/poison.jsonl and a counter, never blocks the
// rest).
#pragma once

#include <atomic>
#include <memory>

#include "billing/ledger.h"
#include "billing/spool.h"
#include "core/metrics.h"

namespace tollgate::billing {

struct WriterOptions {
  std::size_t batch_rows = 2'000;
  std::int64_t flush_interval_ms = 200;
  int retention_days = 0;
  std::string poison_file;
};

class LedgerWriter {
 public:
  LedgerWriter(Spool& spool, std::unique_ptr<Ledger> ledger, const WriterOptions& options, MetricsRegistry& metrics);
  ~LedgerWriter();
  void start();
  // Hands over what is spooled as long as the store takes it and `limit` allows, then ends the thread.
  void stop(std::chrono::milliseconds limit);
  bool store_up() const;
  // One synchronous pass for tools (`tollgate spool drain`) and tests: true when the spool is empty afterwards.
  bool drain_once(std::string* message = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tollgate::billing
