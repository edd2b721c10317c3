// A host of tokens for tests: takes connections that a Dialer of its own makes in memory, reads each request whole and
// answers from a script. Thread rule: one io thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/net/dial.h"
#include "core/task.h"

namespace tollgate {

class TokenHost {
 public:
  explicit TokenHost(asio::io_context& context) : context_(context) {}

  // The next replies, as bytes; without one a request waits. "" closes the connection instead.
  std::deque<std::string> replies;
  bool unreachable = false;
  std::vector<std::string> requests;  // head and body
  std::vector<std::string> origins;   // dialled

  // May be asked for more than once; the host must outlive them.
  std::unique_ptr<net::Dialer> dialer();
  // Answers a request that waits.
  void answer(const std::string& reply);
  std::size_t waiting() const { return waiting_.size(); }

 private:
  class HostDialer;
  Task<void> serve(std::unique_ptr<net::Stream> stream);
  Task<void> finish(std::shared_ptr<net::Stream> stream, std::string reply);

  asio::io_context& context_;
  std::deque<std::shared_ptr<net::Stream>> waiting_;  // second owner: the task that answers
};

std::string json_reply(int status, const std::string& body);
std::string token_reply(const std::string& token, int expires_in);

}  // namespace tollgate
