// Admin: the operators' listener: /healthz, /readyz, /metrics, /admin/config, /admin/reload. Its own thread, so that a
// slow scrape never delays a request. With a token configured, everything but /healthz and /readyz asks for it.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "core/http.h"
#include "core/net/deadline.h"
#include "core/result.h"
#include "core/task.h"

namespace tollgate::gateway {

// What the admin pages need of the application, as plain functions that are safe on any thread.
struct AdminHooks {
  std::function<std::string()> metrics;
  std::function<std::string()> effective_config;  // secrets masked
  std::function<Result<void>()> reload;
  std::function<Result<void>()> ready;  // an Error says why requests cannot be served
};

struct AdminReply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};
// One admin request, pure but for the hooks. `token` empty = none asked.
AdminReply answer_admin(const http::Head& head, const AdminHooks& hooks, const std::string& token);

class Admin {
 public:
  explicit Admin(AdminHooks hooks);
  ~Admin();
  // Binds and starts the thread; gives the port in use.
  Result<unsigned short> start(const std::string& host, unsigned short port, std::string token);
  void stop();

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
  Task<void> accept_loop();
  Task<void> serve(int native_socket);

  AdminHooks hooks_;
  std::string token_;
  asio::io_context context_{1};
  Acceptor acceptor_;
  std::size_t connections_ = 0;
  std::thread thread_;
};

}  // namespace tollgate::gateway
