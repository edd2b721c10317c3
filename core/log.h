// Log: JSON lines on stderr, one object a line: {"ts","level","msg", fields...}. Secrets registered with
// redact_secret() never appear, whatever is logged. A line is one write(2) of at most 4,096 bytes under a mutex: long
// values end in "...", fields that do not fit give way to "truncated". A repeated message (same level, msg) is limited
// to 20 lines a second and the rest counted in the next line's "suppressed" field. A reader that does not read costs
// one wait of 50 ms, then lines are dropped and counted in the next line's "dropped" field. Thread rule: safe on any
// thread. The program ignores SIGPIPE.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace tollgate {

enum class LogLevel : unsigned char { debug, info, warn, error };

struct LogField {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, double, bool> value;
};

void log_line(LogLevel level, std::string_view msg, std::initializer_list<LogField> fields = {});
inline void log_debug(std::string_view m, std::initializer_list<LogField> f = {}) { log_line(LogLevel::debug, m, f); }
inline void log_info(std::string_view m, std::initializer_list<LogField> f = {}) { log_line(LogLevel::info, m, f); }
inline void log_warn(std::string_view m, std::initializer_list<LogField> f = {}) { log_line(LogLevel::warn, m, f); }
inline void log_error(std::string_view m, std::initializer_list<LogField> f = {}) { log_line(LogLevel::error, m, f); }

void set_log_level(LogLevel level);
bool log_level_from_name(std::string_view name, LogLevel& out);
// From now on every occurrence of `secret` (6 characters or more) in a log line is printed as "***".
void redact_secret(std::string_view secret);
// `text` with all registered secrets masked: for error messages that leave the process by another way.
std::string redacted(std::string_view text);
// Lines go to this descriptor (default 2).
void set_log_fd(int fd);

}  // namespace tollgate
