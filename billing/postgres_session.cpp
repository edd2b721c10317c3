// A Postgres connection with deadlines. Owner: billing. Thread rule: postgres_session.h.
#include "billing/postgres_session.h"

#include <sys/socket.h>

#include "core/log.h"

namespace tollgate::billing {
namespace {

constexpr std::chrono::milliseconds kSetUpLimit{5'000};

// Ours stand before the user's own parameters, because the last one of a name wins. tcp_user_timeout ends a connection
// whose peer is gone; keepalives find out while idle.
constexpr char kParameters[] =
    "connect_timeout=4&tcp_user_timeout=5000&keepalives_idle=10&keepalives_interval=3&keepalives_count=3"
    "&application_name=tollgate";

std::string with_parameters(const std::string& url) {
  const auto mark = url.find('?');
  if (mark == std::string::npos) return url + "?" + kParameters;
  return url.substr(0, mark + 1) + kParameters + "&" + url.substr(mark + 1);
}

std::string percent_decoded(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::strtoul(text.substr(i + 1, 2).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

void add_secret(std::vector<std::string>& secrets, const std::string& text) {
  for (const auto& form : {text, percent_decoded(text)}) {
    if (form.empty()) continue;
    secrets.push_back(form);
    redact_secret(form);
  }
}

std::vector<std::string> secrets_of(const std::string& url) {
  std::vector<std::string> secrets;
  const auto begin = url.find("://") + 3;
  const auto authority_end = url.find_first_of("/?", begin);
  const auto at = url.rfind('@', authority_end);
  const auto colon = url.find(':', begin);
  if (at != std::string::npos && at >= begin && colon < at) add_secret(secrets, url.substr(colon + 1, at - colon - 1));
  const auto parameter = url.find("password=");
  if (parameter != std::string::npos) {
    const auto from = parameter + 9;
    add_secret(secrets, url.substr(from, url.find('&', from) - from));
  }
  return secrets;
}

// The rows are at fault: data exceptions, broken constraints, errors raised by triggers. Everything else (connection,
// resources, missing tables, permissions) passes or is mended by people.
bool is_content_error(const std::string& sqlstate) {
  return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("P0");
}

}  // namespace

SocketGuard::SocketGuard() : thread_([this] { run(); }) {}

SocketGuard::~SocketGuard() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void SocketGuard::arm(int fd, std::chrono::milliseconds limit) {
  {
    const std::lock_guard lock(mutex_);
    fd_ = fd;
    deadline_ = std::chrono::steady_clock::now() + limit;
  }
  wake_.notify_one();
}

void SocketGuard::disarm() {
  const std::lock_guard lock(mutex_);
  fd_ = -1;
}

void SocketGuard::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (fd_ < 0) {
      wake_.wait(lock);
    } else if (std::chrono::steady_clock::now() >= deadline_) {
      ::shutdown(fd_, SHUT_RDWR);
      fd_ = -1;
    } else {
      const auto until = deadline_;
      wake_.wait_until(lock, until);
    }
  }
}

PostgresSession::PostgresSession(const std::string& url) : url_(with_parameters(url)), secrets_(secrets_of(url)) {}

std::string PostgresSession::clean(std::string message) const {
  for (const auto& secret : secrets_)
    for (std::size_t at = 0; (at = message.find(secret, at)) != std::string::npos; at += 3)
      message.replace(at, secret.size(), "***");
  while (!message.empty() && message.back() == '\n') message.pop_back();
  return redacted(message);
}

void PostgresSession::connect() {
  connection_ = std::make_unique<pqxx::connection>(url_);
  guard_.arm(connection_->sock(), kSetUpLimit);
  pqxx::nontransaction work(*connection_);
  work.exec0(
      "SET statement_timeout='5s'; SET lock_timeout='2s'; SET idle_in_transaction_session_timeout='30s'; "
      "SET timezone='UTC'; SET client_encoding='UTF8'; SET datestyle='ISO'; SET client_min_messages='warning'");
}

PgOutcome PostgresSession::call(std::chrono::milliseconds limit, const std::function<void(pqxx::connection&)>& work) {
  PgOutcome outcome;
  bool lost = false;
  const auto fail = [&](PgOutcome::State state, const char* message) { outcome = {state, clean(message)}; };
  try {
    if (!connection_) {
      connect();
      if (fresh_) fresh_(*connection_);
    }
    guard_.arm(connection_->sock(), limit);
    work(*connection_);
  } catch (const pqxx::sql_error& error) {
    const bool content = is_content_error(error.sqlstate());
    fail(content ? PgOutcome::State::rejected : PgOutcome::State::unavailable, error.what());
    lost = !content;
  } catch (const std::exception& error) {  // broken connection, commit in doubt, misuse of the protocol
    fail(PgOutcome::State::unavailable, error.what());
    lost = true;
  }
  guard_.disarm();
  if (lost) connection_.reset();
  return outcome;
}

}  // namespace tollgate::billing
