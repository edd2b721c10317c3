// PrivateRedis: the installed redis-server as a child. Owner: tests. Thread rule: one owner.
#include "private_redis.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "free_port.h"

namespace tollgate::test {
namespace {

constexpr const char* kServer = "/usr/bin/redis-server";

int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{5, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

std::unique_ptr<PrivateRedis> PrivateRedis::start(std::string* reason, std::vector<std::string> arguments, bool tls) {
  if (!std::filesystem::exists(kServer)) return *reason = "no Redis server is installed (redis-server)", nullptr;
  std::unique_ptr<PrivateRedis> server(new PrivateRedis);
  std::string name = (std::filesystem::temp_directory_path() / "tollgate-redis-XXXXXX").string();
  if (!::mkdtemp(name.data())) return *reason = "no temporary folder", nullptr;
  server->directory_ = name;
  server->arguments_ = std::move(arguments);
  server->tls_ = tls;
  for (int attempt = 0; attempt < 3; ++attempt) {
    server->port_ = free_port();
    if (server->restart()) return server;
  }
  return *reason = "the Redis server did not start", nullptr;
}

PrivateRedis::~PrivateRedis() {
  stop();
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

bool PrivateRedis::launch() {
  std::vector<std::string> words{kServer, "--bind",   "127.0.0.1",  "--save",  "",          "--appendonly",     "no",
                                 "--dir", directory_, "--loglevel", "warning", "--logfile", directory_ + "/log"};
  const std::string port = std::to_string(port_);
  words.insert(words.end(), {"--port", tls_ ? "0" : port});
  if (tls_) words.insert(words.end(), {"--tls-port", port, "--tls-auth-clients", "no"});
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ != 0) return pid_ > 0;
  const int null = ::open("/dev/null", O_RDWR);
  for (const int fd : {0, 1, 2}) ::dup2(null, fd);
  ::execv(kServer, argv.data());
  ::_exit(127);
}

bool PrivateRedis::answers() const {
  const int fd = connect_to(port_);
  if (fd < 0) return false;
  ::close(fd);
  return true;
}

bool PrivateRedis::restart() {
  if (!launch()) return false;
  for (int i = 0; i < 500; ++i) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) return pid_ = -1, false;
    if (answers()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  stop();
  return false;
}

void PrivateRedis::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void PrivateRedis::freeze() { ::kill(pid_, SIGSTOP); }
void PrivateRedis::thaw() { ::kill(pid_, SIGCONT); }

std::string PrivateRedis::url(const std::string& user) const {
  return std::string(tls_ ? "rediss" : "redis") + "://" + user + "127.0.0.1:" + std::to_string(port_);
}

std::string PrivateRedis::say(const std::string& command) const {
  const int fd = connect_to(port_);
  if (fd < 0) return {};
  const std::string line = command + "\r\n";
  std::string answer;
  char byte = 0;
  if (::send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size()))
    while (::recv(fd, &byte, 1, 0) == 1 && byte != '\r') answer += byte;
  ::close(fd);
  return answer;
}

}  // namespace tollgate::test
