// PrivatePostgres: initdb, pg_ctl and psql of the installed server. Owner: tests. Thread rule: one owner.
#include "private_postgres.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "free_port.h"

namespace tollgate::test {
namespace {

std::string binaries() {
  for (int version = 18; version >= 12; --version) {
    const std::string path = "/usr/lib/postgresql/" + std::to_string(version) + "/bin";
    if (std::filesystem::exists(path + "/initdb")) return path;
  }
  return {};
}

std::string shell_word(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string url_encoded(const std::string& text) {
  std::string out;
  for (const unsigned char c : text) {
    char hex[4];
    std::snprintf(hex, sizeof hex, "%%%02X", c);
    out += std::isalnum(c) ? std::string(1, static_cast<char>(c)) : hex;
  }
  return out;
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream stat(entry.path() / "stat");
    std::string line;
    if (!std::getline(stat, line)) continue;
    const auto after_name = line.rfind(')');
    int ppid = 0;
    char state = 0;
    if (std::sscanf(line.c_str() + after_name + 1, " %c %d", &state, &ppid) == 2 && ppid == parent)
      found.push_back(std::atoi(entry.path().filename().c_str()));
  }
  return found;
}

}  // namespace

std::unique_ptr<PrivatePostgres> PrivatePostgres::start(std::string* reason) {
  std::unique_ptr<PrivatePostgres> server(new PrivatePostgres);
  return server->make_cluster(reason) ? std::move(server) : nullptr;
}

PrivatePostgres::~PrivatePostgres() {
  if (running_) thaw(), stop();
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

bool PrivatePostgres::run_as_postgres(const std::string& command, std::string* output) const {
  const std::string prefix = ::geteuid() == 0 ? "runuser -u postgres -- " : "";
  FILE* pipe = ::popen(("cd " + shell_word(directory_) + " && " + prefix + command + " 2>&1").c_str(), "r");
  if (!pipe) return false;
  std::string text;
  char block[1024];
  while (const std::size_t n = std::fread(block, 1, sizeof block, pipe)) text.append(block, n);
  const bool good = ::pclose(pipe) == 0;
  if (output) *output = text;
  return good;
}

bool PrivatePostgres::make_cluster(std::string* reason) {
  const std::string bin = binaries();
  if (bin.empty()) return *reason = "no Postgres server is installed (postgresql-15)", false;
  std::string name = (std::filesystem::temp_directory_path() / "tollgate-pg-XXXXXX").string();
  if (!::mkdtemp(name.data())) return *reason = "no temporary folder", false;
  directory_ = name;
  if (::geteuid() == 0 && std::system(("chown postgres " + shell_word(directory_)).c_str()) != 0)
    return *reason = "running as root and there is no user postgres", false;
  std::string output;
  const std::string data = directory_ + "/data";
  if (!run_as_postgres(bin + "/initdb -D " + data + " -A trust -U postgres -E UTF8 --no-locale --no-sync", &output))
    return *reason = "initdb failed: " + output, false;
  std::ofstream(data + "/pg_hba.conf") << "local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
  if (!restart()) return *reason = "the server did not start", false;
  return sql("postgres", "CREATE ROLE tollgate LOGIN PASSWORD '" + password_ + "'");
}

bool PrivatePostgres::restart() {
  for (int attempt = 0; attempt < 3 && !running_; ++attempt) {
    if (port_ == 0 || attempt > 0) port_ = free_port();
    std::ofstream(directory_ + "/data/postgresql.auto.conf")
        << "port = " << port_ << "\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '" << directory_
        << "'\nfsync = off\nfull_page_writes = off\nshared_buffers = 16MB\nmax_connections = 20\nautovacuum = off\n";
    running_ =
        run_as_postgres(binaries() + "/pg_ctl -D " + directory_ + "/data -l " + directory_ + "/log -w -t 30 start");
  }
  return running_;
}

void PrivatePostgres::stop() {
  if (running_) run_as_postgres(binaries() + "/pg_ctl -D " + directory_ + "/data -m immediate -w -t 30 stop");
  running_ = false;
}

bool PrivatePostgres::sql(const std::string& database, const std::string& statements) {
  std::string output;
  const bool good =
      run_as_postgres(binaries() + "/psql -X -q -v ON_ERROR_STOP=1 -h " + directory_ + " -p " + std::to_string(port_) +
                          " -U postgres -d " + database + " -c " + shell_word(statements),
                      &output);
  if (!good) std::fprintf(stderr, "psql: %s\n", output.c_str());
  return good;
}

std::string PrivatePostgres::query(const std::string& database, const std::string& statement) {
  std::string output;
  run_as_postgres(binaries() + "/psql -X -q -A -t -h " + directory_ + " -p " + std::to_string(port_) +
                      " -U postgres -d " + database + " -c " + shell_word(statement),
                  &output);
  while (!output.empty() && output.back() == '\n') output.pop_back();
  return output;
}

std::string PrivatePostgres::url(const std::string& database) {
  if (query("postgres", "SELECT 1 FROM pg_database WHERE datname = '" + database + "'") != "1")
    sql("postgres", "CREATE DATABASE " + database + " OWNER tollgate");
  return "postgres://tollgate:" + url_encoded(password_) + "@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

pid_t PrivatePostgres::postmaster() const {
  pid_t pid = 0;
  std::ifstream(directory_ + "/data/postmaster.pid") >> pid;
  return pid;
}

void PrivatePostgres::signal_all(int number) const {
  const pid_t server = postmaster();
  if (server <= 1) return;
  const auto workers = children_of(server);
  ::kill(server, number);
  for (const pid_t worker : workers) ::kill(worker, number);
}

void PrivatePostgres::freeze() { signal_all(SIGSTOP); }
void PrivatePostgres::thaw() { signal_all(SIGCONT); }

}  // namespace tollgate::test
