// Worker: all that one io thread owns. Nothing here is shared with another thread but the snapshot pointer's target,
// the metrics registry and the cardinality guard, which are safe on any thread.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>

#include "billing/spool.h"
#include "core/metrics.h"
#include "core/net/client.h"
#include "gateway/attribution.h"
#include "gateway/credentials/credentials.h"
#include "gateway/gateway_metrics.h"
#include "gateway/snapshot.h"

namespace tollgate::gateway {

class BatchSettler;
class ReplicaBook;

// Makes the dialer for a vendor's connections; tests and the simulation put their own in place.
struct LocalVendor;
using DialerFactory = std::function<std::unique_ptr<net::Dialer>(asio::io_context&, const Vendor&)>;
// `local` must outlive the workers.
DialerFactory default_dialers(LocalVendor& local);

struct Worker {
  Worker(asio::io_context& io, std::shared_ptr<const Snapshot> first,
         std::unique_ptr<billing::SpoolWriter> spool_writer, MetricsRegistry& registry, CardinalityGuard& cardinality,
         DialerFactory factory);
  // The pool of a vendor's connections on this thread. Pools live as long as the worker.
  net::Pool& pool_for(const Vendor& vendor);

  asio::io_context& context;
  std::shared_ptr<const Snapshot> snapshot;  // replaced on this thread by a reload
  std::unique_ptr<billing::SpoolWriter> spool;
  CardinalityGuard& guard;
  GatewayMetrics metrics;
  Credentials credentials;
  BatchSettler* batches = nullptr;  // the process's; null where batches are not settled
  ReplicaBook* replicas = nullptr;  // the process's; null where targets are taken in order
  std::minstd_rand jitter;          // spreads retries
  bool draining = false;            // finish what runs, then close

 private:
  DialerFactory make_dialer_;
  std::unordered_map<std::string, std::unique_ptr<net::Pool>> pools_;
};

}  // namespace tollgate::gateway
