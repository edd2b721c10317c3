// Inside of billing: one segment file of the spool, and the state that writers, the reader and the sync thread share.
// Thread rule: a Segment is written by one thread and read by another; they meet in its atomics. SpoolCore is safe on
// any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "billing/spool.h"
#include "core/result.h"

namespace tollgate::billing {

inline constexpr std::uint64_t kSegmentHeaderBytes = 32;

// Which writer's chain a segment belongs to; frames of one chain are in the order they were written.
inline constexpr unsigned kOldChain = 0;  // everything that an earlier process left

class Segment {
 public:
  Segment(std::string directory, std::uint64_t sequence, std::uint32_t salt, bool carry);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  // Makes the file with `bytes` of disk space behind it. On failure nothing is left; errno tells why.
  bool create(std::uint64_t bytes);
  // Opens a file of an earlier process; its end is the file's size.
  bool open_existing();
  // Writes all bytes or returns false (errno).
  bool write_at(std::uint64_t offset, const char* data, std::size_t size);
  // Reads up to `size` bytes; fewer only at the end of the file or on an error.
  std::size_t read_at(std::uint64_t offset, char* data, std::size_t size) const;
  bool sync();
  void truncate_to_end();
  // Saves a damaged range at its own offset in `<name>.bad`.
  void keep_damage(std::uint64_t begin, std::uint64_t end) const;

  std::string name() const;  // SSSSSSSSSSSSSSSS-NNNNNNNN.seg: sequence and salt in hex; .carry for carried opens
  std::string path() const { return directory_ + "/" + name(); }

  const std::uint64_t sequence;
  const std::uint32_t salt;
  const bool carry;
  std::uint64_t size = 0;  // bytes taken on disk
  unsigned chain = kOldChain;
  std::atomic<std::uint64_t> end{kSegmentHeaderBytes};  // one past the last whole frame
  std::atomic<std::uint64_t> synced{0};                 // `end` at the last fdatasync
  std::atomic<bool> sealed{false};                      // no more frames will come

 private:
  bool fill(std::uint64_t bytes);

  std::string directory_;
  int fd_ = -1;
};
using SegmentPtr = std::shared_ptr<Segment>;  // owners: its writer, the reader, the sync thread's list

// What all parts of one spool share.
class SpoolCore {
 public:
  explicit SpoolCore(const SpoolOptions& options);
  ~SpoolCore();
  // Makes the directory, takes the lock, lists what earlier processes left (in reading order).
  Result<std::vector<SegmentPtr>> start();

  // A new segment with its space on disk, known to reader and sync thread. Error status 503.
  Result<SegmentPtr> allocate(unsigned chain);
  // A small segment for carried opens, outside the bound: it is made only to free larger ones.
  SegmentPtr make_carry(std::uint64_t bytes);
  void remove(const SegmentPtr& segment);                             // unlinks the file
  void give_back(const SegmentPtr& segment, std::uint64_t old_size);  // after a truncation
  std::vector<SegmentPtr> take_fresh();                               // allocated since the last call
  void sync_all();  // fdatasync of what was written, and of the directory after changes
  bool full() const;

  const SpoolOptions options;
  std::atomic<unsigned> next_chain{kOldChain + 1};
  std::atomic<std::uint64_t> settled{0}, committed{0};  // records written by this process; records known to be stored
  std::atomic<std::uint64_t> damaged{0}, refused{0}, io_errors{0};
  std::atomic<std::uint64_t> bytes{0}, segments{0};

 private:
  Error refuse(const char* code, std::string message);
  Result<void> lock_directory();

  int directory_fd_ = -1, lock_fd_ = -1;
  std::atomic<std::uint64_t> next_sequence_{0};
  std::atomic<std::int64_t> refused_at_ns_{INT64_MIN / 2};  // steady clock, last failed allocation
  std::atomic<bool> directory_dirty_{false};
  std::mutex mutex_;
  std::vector<SegmentPtr> fresh_, live_;
};

std::uint32_t random_salt();
std::int64_t steady_ns();
inline constexpr std::int64_t kAllocationRetryNs = 250'000'000;  // writers try again four times a second at most

}  // namespace tollgate::billing
