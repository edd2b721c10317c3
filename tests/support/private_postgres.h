// A Postgres server of the test's own: fresh cluster in a temporary folder, free port on 127.0.0.1 and a unix socket,
// no fsync. Started by the user postgres when the test runs as root, because Postgres refuses root. Thread rule: one
// owner.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

namespace tollgate::test {

class PrivatePostgres {
 public:
  // Null when there is none to be had; `reason` then says why, for GTEST_SKIP().
  static std::unique_ptr<PrivatePostgres> start(std::string* reason);
  ~PrivatePostgres();

  // postgres://tollgate:PASSWORD@127.0.0.1:PORT/NAME; the database is made when it does not exist.
  std::string url(const std::string& database);
  // Statements as the superuser; false on an error (printed).
  bool sql(const std::string& database, const std::string& statements);
  // One value of one row as text.
  std::string query(const std::string& database, const std::string& statement);
  void stop();     // immediately, as a power failure would
  bool restart();  // after stop()
  void freeze();   // SIGSTOP to every process of the server: it accepts and never answers
  void thaw();
  int port() const { return port_; }
  const std::string& password() const { return password_; }

 private:
  PrivatePostgres() = default;
  bool run_as_postgres(const std::string& command, std::string* output = nullptr) const;
  bool make_cluster(std::string* reason);
  pid_t postmaster() const;
  void signal_all(int number) const;

  std::string directory_;  // holds data/ and the unix socket
  int port_ = 0;
  std::string password_ = "s3cr%et:p@ss";
  bool running_ = false;
};

}  // namespace tollgate::test
