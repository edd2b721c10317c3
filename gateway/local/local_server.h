// The local engine as a vendor: an HTTP server on the far end of an in-memory pipe that speaks OpenAI's chat, like a
// hosted API would. So translation, retries, tags, prices and the ledger know nothing special about it.
#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>

#include "core/net/dial.h"
#include "gateway/local/local_models.h"
#include "local_backend/grammar/grammar_cache.h"
#include "local_backend/kernels/workers.h"

namespace tollgate::gateway {

// What the servers of all io threads share. Outlives them.
struct LocalVendor {
  LocalVendor() {
    asio::post(preparing, [] { local::step_back(); });
    asio::post(compiling, [] { local::step_back(); });
  }
  LocalModels models;
  local::GrammarCache grammars;
  asio::thread_pool preparing{1};  // templates, tokenising
  asio::thread_pool compiling{1};  // requests whose schema is not compiled yet: they hold up no others
};

// Each dial starts a server. Thread rule: one io thread.
std::unique_ptr<net::Dialer> make_local_dialer(asio::io_context& context, LocalVendor& vendor);

}  // namespace tollgate::gateway
