// Inside of billing: one connection to Postgres whose every wait ends. libpqxx blocks, so a guard thread shuts the
// socket down when a call runs past its deadline; the call then fails like any lost connection. Thread rule: one owner
// thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <pqxx/pqxx>
#include <string>
#include <thread>

namespace tollgate::billing {

// Shuts down a socket that is still armed at its deadline.
class SocketGuard {
 public:
  SocketGuard();
  ~SocketGuard();
  void arm(int fd, std::chrono::milliseconds limit);
  void disarm();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  int fd_ = -1;
  std::chrono::steady_clock::time_point deadline_;
  bool stopping_ = false;
  std::thread thread_;
};

// How a call on the session ended.
struct PgOutcome {
  enum class State : unsigned char {
    ok,
    unavailable,  // connection, server or schema trouble: the same call may work later
    rejected,     // the data was refused
  };
  State state = State::ok;
  std::string message;  // secrets removed
  bool ok() const { return state == State::ok; }
};

class PostgresSession {
 public:
  explicit PostgresSession(const std::string& url);

  // Connects when needed and calls `work` with a connection, all within `limit` plus the connect time-out (4 s).
  // Exceptions become the outcome; after lost connections the next call connects again. `fresh` runs first on each new
  // connection.
  PgOutcome call(std::chrono::milliseconds limit, const std::function<void(pqxx::connection&)>& work);
  void on_connect(std::function<void(pqxx::connection&)> fresh) { fresh_ = std::move(fresh); }

 private:
  void connect();
  std::string clean(std::string message) const;

  std::string url_;
  std::vector<std::string> secrets_;  // forms of the password that a message could repeat
  std::function<void(pqxx::connection&)> fresh_;
  SocketGuard guard_;
  std::unique_ptr<pqxx::connection> connection_;
};

}  // namespace tollgate::billing
