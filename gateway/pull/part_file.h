// The file while it is being fetched: FILE.part with what has arrived, and FILE.part.info with what the server said of
// the whole, so that a later run can go on. A lock on FILE.part keeps two runs apart. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/crypto.h"
#include "core/result.h"

namespace tollgate::gateway::pull {

// What is known of the remote file. Two states are of the same file when their `validator` and `total` are equal.
struct Remote {
  std::string validator;    // strong ETag or Last-Modified, for If-Range; empty if the server tells neither
  std::uint64_t total = 0;  // bytes; 0 = not told
  std::string sha256;       // 64 lower-case hex digits; empty if not told
};

class PartFile {
 public:
  // Opens FILE.part, and makes it where it is missing. Errors: code file_io, the message names the file and the cause;
  // code part_in_use when another process has it.
  static Result<PartFile> open(const std::string& final_name);
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile();

  std::uint64_t size() const { return size_; }      // bytes that arrived, and are kept
  const Remote& remote() const { return remote_; }  // of the bytes that are kept
  bool begins_like_gguf() const;                    // REQUIRES: size() >= 4

  // Throws away what is there; the next bytes belong to `remote`.
  Result<void> begin(Remote remote);
  // Error: file_io (a full disk, a limit); what fitted is kept.
  Result<void> append(std::string_view bytes);
  // SHA-256 of what is kept, as hex. Reads what an earlier run had fetched.
  Result<std::string> sha256();
  // On disk for good, then under the final name; nothing else is left. Nothing may be called afterwards.
  Result<void> publish();
  // Removes the part.
  void discard();
  // Bytes that the file system still has for us.
  std::uint64_t room() const;

 private:
  PartFile(std::string final_name, int fd) : final_name_(std::move(final_name)), fd_(fd) {}
  Result<void> take_up();
  Error failed(const char* what, int code) const;
  std::string part() const { return final_name_ + ".part"; }
  std::string info() const { return final_name_ + ".part.info"; }

  std::string final_name_;
  int fd_ = -1;
  std::uint64_t size_ = 0, hashed_ = 0;
  Remote remote_;
  std::unique_ptr<Sha256Sum> sum_ = std::make_unique<Sha256Sum>();  // of the first hashed_ bytes
};

}  // namespace tollgate::gateway::pull
