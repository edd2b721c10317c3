// Spool: the durable log between the request path and the ledger. Append-only segment files of frames
// {u32 length, u32 CRC32C, u8 kind, payload}; formats in docs/formats/spool.md.
//
// An attempt is two frames: `open` before its bytes go upstream, `settle` with the final record. After a crash an
// `open` without `settle` becomes a row of outcome error, code gateway_crash, cost unknown, so no attempt is ever lost.
// Space is taken ahead (fallocate), so a full disk refuses new requests instead of losing records of running ones.
// Frames survive the death of the process at once (page cache) and of the machine after fsync_interval.
//
// Thread rule: one SpoolWriter per io thread, used by that thread only; the reader side belongs to the ledger thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "billing/record.h"
#include "core/result.h"

namespace tollgate::billing {

struct SpoolOptions {
  std::string directory;
  std::size_t segment_bytes = 8u << 20;
  std::size_t max_bytes = 1u << 30;  // of all segments together
  std::int64_t fsync_interval_ms = 1'000;
};
inline constexpr std::size_t kMaxFrameBytes = 32u << 10;  // payload limit; longer strings of a record are cut to fit

class Spool;

class SpoolWriter {
 public:
  ~SpoolWriter();
  // Takes room for one attempt (open + settle). Error status 503, code spool_full or spool_io, message for the client,
  // when the disk or the bound is exhausted. Every success must be followed by exactly one settle() or release().
  Result<void> admit();
  // Gives the room back. REQUIRES: admitted and not opened (an open without a settle is an attempt of unknown outcome).
  void release();
  // Durable intent. REQUIRES: admitted. Error as admit().
  Result<void> open(const CostRecord& begun);
  // Durable result; ends the admission; id and started_us as in open(), which may be left out (a cached reply). Cannot
  // fail for lack of space; an I/O error is returned, counted and logged.
  Result<void> settle(const CostRecord& done);

 private:
  friend class Spool;
  struct Impl;
  explicit SpoolWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A record read back, with the position that makes it (and all before it in its segment) removable.
struct SpoolStats {
  std::size_t segments = 0, bytes = 0;       // on disk
  std::uint64_t pending_records = 0;         // settled, not yet committed to the ledger (as far as known)
  std::uint64_t damaged_frames = 0;          // skipped for a bad CRC or form; their bytes are kept in <segment>.bad
  std::uint64_t refused = 0, io_errors = 0;  // admissions refused; failed writes and syncs
};

class Spool {
 public:
  // Opens or creates the directory (0700), takes an exclusive lock on it (one process), finds segments of earlier runs.
  static Result<std::unique_ptr<Spool>> open(const SpoolOptions& options);
  ~Spool();
  std::unique_ptr<SpoolWriter> make_writer();

  // Ledger thread: appends up to `max_records` settled (or crash-closed) records to `out`, oldest first; 0 = none now.
  // What was read stays on disk until commit() says that all records handed out so far are safe; rewind() after a
  // failed store makes the next read start after the last commit.
  std::size_t read(std::vector<CostRecord>& out, std::size_t max_records);
  void commit();
  void rewind();
  SpoolStats stats() const;
  // True while requests would be refused (for readiness and a gauge).
  bool full() const;

 private:
  struct Impl;
  explicit Spool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tollgate::billing
