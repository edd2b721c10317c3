// Handler<void(Args...)>: a completion callback that is called at most once. Move-only. It wraps asio's
// any_completion_handler because assigning one of those to another recurses without end in Boost 1.81.
// Thread rule: a plain value; called on the thread of its operation.
#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace tollgate::net {

template <class Signature>
class Handler {
  using Any = boost::asio::any_completion_handler<Signature>;

 public:
  Handler() = default;
  Handler(std::nullptr_t) {}
  template <class F>
    requires(!std::is_same_v<std::decay_t<F>, Handler>)
  Handler(F&& f) : any_(std::forward<F>(f)) {}
  Handler(Handler&& other) noexcept : any_(std::move(other.any_)) {}
  Handler& operator=(Handler&& other) noexcept {
    Any(std::move(other.any_)).swap(any_);
    return *this;
  }
  explicit operator bool() const noexcept { return static_cast<bool>(any_); }
  // REQUIRES: holds a callback; empty afterwards.
  template <class... Args>
  void operator()(Args&&... args) {
    Any any(std::move(any_));
    any(std::forward<Args>(args)...);
  }

 private:
  Any any_;
};

}  // namespace tollgate::net
