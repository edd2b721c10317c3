#include "gateway/worker.h"

#include "gateway/echo.h"
#include "gateway/local/local_server.h"

namespace tollgate::gateway {

DialerFactory default_dialers(LocalVendor& local) {
  return [&local](asio::io_context& context, const Vendor& vendor) -> std::unique_ptr<net::Dialer> {
    if (vendor.echo) return make_echo_dialer(context);
    if (vendor.local) return make_local_dialer(context, local);
    return net::make_dialer(context, {.ca_file = vendor.config->ca_file, .verify = vendor.config->tls_verify});
  };
}

Worker::Worker(asio::io_context& io, std::shared_ptr<const Snapshot> first,
               std::unique_ptr<billing::SpoolWriter> spool_writer, MetricsRegistry& registry,
               CardinalityGuard& cardinality, DialerFactory factory)
    : context(io),
      snapshot(std::move(first)),
      spool(std::move(spool_writer)),
      guard(cardinality),
      metrics(registry),
      credentials(io),
      jitter(std::random_device{}()),
      make_dialer_(std::move(factory)) {}

net::Pool& Worker::pool_for(const Vendor& vendor) {
  auto& pool = pools_[vendor.pool_key];
  if (!pool) {
    net::PoolOptions options;
    options.limits.max_head_bytes = snapshot->config.limits.max_head_bytes;
    pool = std::make_unique<net::Pool>(context, make_dialer_(context, vendor), options);
  }
  return *pool;
}

}  // namespace tollgate::gateway
