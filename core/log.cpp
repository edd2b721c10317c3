// JSON lines on a descriptor. Owner: core. Thread rule: one mutex around state and write; no call waits longer than
// kWriteWaitMs for a reader that does not read.
#include "core/log.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cmath>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/clock.h"
#include "core/json.h"

namespace tollgate {
namespace {

constexpr std::size_t kMinSecret = 6;
constexpr std::size_t kMaxSecrets = 4096;
constexpr std::size_t kMaxText = 1024;      // of one value, before escaping
constexpr std::size_t kMaxLine = PIPE_BUF;  // such a write to a pipe is atomic and, after poll(), does not block
constexpr std::size_t kTailReserve = 96;    // room for the fields that log_line adds itself
constexpr std::uint32_t kLinesPerSecond = 20;
constexpr std::size_t kMaxMessages = 1024;  // remembered for the rate limit
constexpr int kWriteWaitMs = 50;

std::string_view level_name(LogLevel level) {
  static constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};
  return kNames[static_cast<std::size_t>(level)];
}

// Longest first, so that no secret survives in part because a shorter one is its beginning.
class Secrets {
 public:
  void add(std::string_view secret) {
    if (secret.size() < kMinSecret) return;
    insert(std::string(secret));
    std::string escaped;  // as it stands inside a JSON text that is logged as a value
    json_escape(escaped, secret);
    insert(std::move(escaped));
  }
  bool mask(std::string& text) const {
    bool found = false;
    for (const auto& secret : secrets_) {
      for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) {
        text.replace(at, secret.size(), "***");
        found = true;
      }
    }
    return found;
  }

 private:
  void insert(std::string secret) {
    if (secrets_.size() >= kMaxSecrets || std::find(secrets_.begin(), secrets_.end(), secret) != secrets_.end()) return;
    const auto longer = [&](const std::string& other) { return other.size() >= secret.size(); };
    secrets_.insert(std::find_if_not(secrets_.begin(), secrets_.end(), longer), std::move(secret));
  }
  std::vector<std::string> secrets_;
};

// At most kLinesPerSecond of each message; the rest is counted.
class RateLimit {
 public:
  // False: swallow the line. `suppressed` is what was swallowed since the last line that passed.
  bool admit(LogLevel level, std::string_view msg, std::uint64_t& suppressed) {
    const std::int64_t now = SteadyClock::now().time_since_epoch().count();
    if (messages_.size() >= kMaxMessages) forget(now);
    const auto key = std::hash<std::string_view>()(msg) * 4 + static_cast<std::size_t>(level);
    Message& message = messages_.try_emplace(key, Message{now, 0, 0}).first->second;
    if (expired(message, now)) {
      message.window_start = now;
      message.lines = 0;
    }
    if (message.lines == kLinesPerSecond) return ++message.suppressed, false;
    ++message.lines;
    suppressed = message.suppressed;
    message.suppressed = 0;
    return true;
  }

 private:
  struct Message {
    std::int64_t window_start;
    std::uint32_t lines;
    std::uint64_t suppressed;
  };
  static bool expired(const Message& message, std::int64_t now) {
    return now - message.window_start >= 1'000'000'000 || now < message.window_start;
  }
  void forget(std::int64_t now) {
    std::erase_if(messages_, [&](const auto& entry) { return expired(entry.second, now); });
    if (messages_.size() >= kMaxMessages) messages_.clear();
  }
  std::unordered_map<std::size_t, Message> messages_;
};

// Writes whole lines or drops them. After a drop the next line does not wait, so a stuck reader costs one wait in all.
class Sink {
 public:
  void set_fd(int fd) {
    fd_ = fd;
    stuck_ = false;
  }
  std::uint64_t dropped() const { return dropped_; }
  void write_line(const std::string& line) {
    if (!wait_writable() || !put(line)) {
      ++dropped_;
      return;
    }
    stuck_ = false;
    dropped_ = 0;
  }

 private:
  bool wait_writable() {
    pollfd entry{fd_, POLLOUT, 0};
    const int ready = poll(&entry, 1, stuck_ ? 0 : kWriteWaitMs);
    stuck_ = ready == 0;
    return ready > 0;
  }
  bool put(const std::string& line) {
    ssize_t n = send(fd_, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == ENOTSOCK) n = write(fd_, line.data(), line.size());
    return n == static_cast<ssize_t>(line.size());
  }
  int fd_ = STDERR_FILENO;
  bool stuck_ = false;
  std::uint64_t dropped_ = 0;
};

struct Logger {
  std::mutex mutex;
  Secrets secrets;
  RateLimit limit;
  Sink sink;
};

Logger& logger() {
  static auto* instance = new Logger;  // never destroyed: threads may log while the process ends
  return *instance;
}

std::atomic<LogLevel> min_level{LogLevel::info};

void append_time(std::string& out) {
  const std::int64_t micros = wall_micros();
  const auto seconds = static_cast<time_t>(micros / 1'000'000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900,
                 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, micros % 1'000'000);
}

std::string quoted(const Secrets& secrets, std::string_view text) {
  std::string plain(text);
  secrets.mask(plain);
  std::string out = "\"";
  if (plain.size() > kMaxText) plain.replace(kMaxText, std::string::npos, "...");
  json_escape(out, plain);
  if (out.size() > 2 * kMaxText) {  // almost all of it needs escaping, up to six bytes for one
    out.resize(1);
    json_escape(out, plain.replace(kMaxText / 4, std::string::npos, "..."));
  }
  out.push_back('"');
  return out;
}

std::string value_text(const Secrets& secrets, const LogField& field) {
  std::string out;
  if (const auto* text = std::get_if<std::string_view>(&field.value)) return quoted(secrets, *text);
  if (const auto* integer = std::get_if<std::int64_t>(&field.value)) out = std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&field.value))
    out = std::isfinite(*number) ? fmt::format("{}", *number) : "null";
  if (const auto* flag = std::get_if<bool>(&field.value)) out = *flag ? "true" : "false";
  return secrets.mask(out) ? "\"" + out + "\"" : out;
}

std::string make_line(const Secrets& secrets, LogLevel level, std::string_view msg,
                      std::initializer_list<LogField> fields) {
  std::string line = "{\"ts\":\"";
  append_time(line);
  line.append("\",\"level\":\"").append(level_name(level)).append("\",\"msg\":").append(quoted(secrets, msg));
  for (const LogField& field : fields) {
    const std::string member = "," + quoted(secrets, field.key) + ":" + value_text(secrets, field);
    if (line.size() + member.size() + kTailReserve > kMaxLine) {
      line.append(",\"truncated\":true");
      break;
    }
    line.append(member);
  }
  return line;
}

}  // namespace

void log_line(LogLevel level, std::string_view msg, std::initializer_list<LogField> fields) {
  if (level < min_level.load(std::memory_order_relaxed)) return;
  Logger& log = logger();
  const std::lock_guard lock(log.mutex);
  std::uint64_t suppressed = 0;
  if (!log.limit.admit(level, msg, suppressed)) return;
  std::string line = make_line(log.secrets, level, msg, fields);
  if (suppressed > 0) line.append(",\"suppressed\":").append(std::to_string(suppressed));
  if (log.sink.dropped() > 0) line.append(",\"dropped\":").append(std::to_string(log.sink.dropped()));
  line.append("}\n");
  log.sink.write_line(line);
}

void set_log_level(LogLevel level) { min_level = level; }

bool log_level_from_name(std::string_view name, LogLevel& out) {
  for (const LogLevel level : {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error}) {
    if (name != level_name(level)) continue;
    out = level;
    return true;
  }
  return false;
}

void redact_secret(std::string_view secret) {
  Logger& log = logger();
  const std::lock_guard lock(log.mutex);
  log.secrets.add(secret);
}

std::string redacted(std::string_view text) {
  Logger& log = logger();
  const std::lock_guard lock(log.mutex);
  std::string out(text);
  log.secrets.mask(out);
  return out;
}

void set_log_fd(int fd) {
  Logger& log = logger();
  const std::lock_guard lock(log.mutex);
  log.sink.set_fd(fd);
}

}  // namespace tollgate
