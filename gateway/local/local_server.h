// The local engine as a vendor: an HTTP server on the far end of an in-memory pipe that speaks OpenAI's chat, like a
// hosted API would. So translation, retries, tags, prices and the ledger know nothing special about it.
#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>

#include "core/net/dial.h"
#include "gateway/local/local_models.h"
#include "local_backend/kernels/workers.h"

namespace tollgate::gateway {

// What the servers of all io threads share. Outlives them.
struct LocalVendor {
  LocalVendor() {
    asio::post(preparing, [] { local::step_back(); });
  }
  LocalModels models;
  asio::thread_pool preparing{1};  // templates, tokenising, grammars
};

// Each dial starts a server. Thread rule: one io thread.
std::unique_ptr<net::Dialer> make_local_dialer(asio::io_context& context, LocalVendor& vendor);

}  // namespace tollgate::gateway
