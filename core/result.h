// Result<T>: the value of a call that may fail, or the Error that tells the caller what it may do next.
//
// Errors are values on the request path; exceptions are for start-up and for bugs. Free of Boost, because the local
// engine builds alone. Thread rule: plain values, no sharing.
#pragma once

#include <cassert>
#include <chrono>
#include <string>
#include <utility>
#include <variant>

namespace tollgate {

// What the caller may do about an error.
enum class ErrorKind : unsigned char {
  client_fault,     // the request itself is wrong; sending it again cannot help
  auth,             // credentials are missing or refused
  limited,          // a limit was hit; try again after `retry_after`
  retry_same,       // passing trouble; the same target may be tried again
  retry_elsewhere,  // this target cannot serve it now, another one may
  fatal,            // our own fault or an unusable state
};

struct Error {
  ErrorKind kind = ErrorKind::fatal;
  int status = 500;                          // HTTP status this error maps to when it reaches a client
  std::string code;                          // stable machine word, snake_case: "upstream_timeout"
  std::string message;                       // for people: what happened and what to do next; never holds a secret
  std::chrono::milliseconds retry_after{0};  // 0 = not stated
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  // REQUIRES: has_value().
  T& value() & { return assert(has_value()), *std::get_if<0>(&state_); }
  const T& value() const& { return assert(has_value()), *std::get_if<0>(&state_); }
  T&& value() && { return assert(has_value()), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // REQUIRES: !has_value().
  Error& error() & { return assert(!has_value()), *std::get_if<1>(&state_); }
  const Error& error() const& { return assert(!has_value()), *std::get_if<1>(&state_); }
  Error&& error() && { return assert(!has_value()), std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}

  bool has_value() const noexcept { return !failed_; }
  explicit operator bool() const noexcept { return !failed_; }
  Error& error() & { return assert(failed_), error_; }
  const Error& error() const& { return assert(failed_), error_; }
  Error&& error() && { return assert(failed_), std::move(error_); }

 private:
  Error error_;
  bool failed_ = false;
};

}  // namespace tollgate
