// A Redis server of the test's own: free port on 127.0.0.1, nothing kept on disk. Thread rule: one owner.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

namespace tollgate::test {

class PrivateRedis {
 public:
  // `arguments`: more of the server's own, such as {"--requirepass", "x"}; with `tls` the port speaks TLS only, and
  // they name the files. Null when there is none to be had; `reason` then says why, for GTEST_SKIP().
  static std::unique_ptr<PrivateRedis> start(std::string* reason, std::vector<std::string> arguments = {},
                                             bool tls = false);
  ~PrivateRedis();

  // redis://[USER]127.0.0.1:PORT, `user` like ":password@".
  std::string url(const std::string& user = {}) const;
  // What the server says to a command in its inline form, up to the first line's end.
  std::string say(const std::string& command) const;
  void stop();     // kill -9
  bool restart();  // after stop(), on the same port
  void freeze();   // SIGSTOP: it accepts and never answers
  void thaw();
  int port() const { return port_; }

 private:
  PrivateRedis() = default;
  bool launch();
  bool answers() const;

  std::vector<std::string> arguments_;
  std::string directory_;
  bool tls_ = false;
  int port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace tollgate::test
