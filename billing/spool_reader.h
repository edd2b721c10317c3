// Inside of billing: the reading half of the spool. Thread rule: the ledger thread.
//
// A chain is the sequence of segments of one writer; chain 0 is what earlier processes left. Frames are read back from
// the files (the page cache holds them), never from memory, so a store that is away for hours costs disk, not RSS.
// Opens wait in `waiting_` for their settle. Settles carry the whole record, so they need no partner. Segments are
// removed from the front of a chain once all that was read is committed; opens in them that still wait are first copied
// to a small .carry segment. Opens of earlier processes that found no settle become gateway_crash records at the end of
// chain 0.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "billing/spool_frame.h"
#include "billing/spool_segment.h"

namespace tollgate::billing {

// One segment as the reader sees it.
struct ReadSegment {
  explicit ReadSegment(SegmentPtr segment) : file(std::move(segment)) {}
  SegmentPtr file;
  std::uint64_t read_pos = kSegmentHeaderBytes, commit_pos = kSegmentHeaderBytes;
  std::size_t waiting = 0;        // opens in it that have no settle yet
  std::uint64_t counted_pos = 0;  // settles of an earlier process before it are in the statistics
  std::uint64_t resume = 0;       // scratch of save_cursor
  bool finished() const {
    return file->sealed.load(std::memory_order_acquire) && read_pos >= file->end.load(std::memory_order_acquire);
  }
};

struct IdHash {
  std::size_t operator()(const Id& id) const {
    std::uint64_t high, low;
    std::memcpy(&high, id.bytes.data(), 8);
    std::memcpy(&low, id.bytes.data() + 8, 8);
    return (high ^ low) * 0x9e3779b97f4a7c15u;
  }
};

class SpoolReader {
 public:
  SpoolReader(std::shared_ptr<SpoolCore> core, std::vector<SegmentPtr> old_segments);
  std::size_t read(std::vector<CostRecord>& out, std::size_t max_records);
  void commit();
  void rewind();

 private:
  struct Chain {
    std::deque<std::unique_ptr<ReadSegment>> segments;
    std::size_t reading = 0;  // index of the segment to read next
  };
  struct Waiting {
    ReadSegment* segment;
    std::uint64_t offset;  // of the frame
    std::uint32_t bytes;   // of the frame
    bool old;              // of an earlier process
  };

  void absorb_fresh();
  void read_chain(Chain& chain, std::vector<CostRecord>& out, std::size_t limit);
  void read_segment(ReadSegment& segment, std::vector<CostRecord>& out, std::size_t limit);
  void take_frame(ReadSegment& segment, const FrameView& frame, std::vector<CostRecord>& out);
  std::string_view bytes_at(const ReadSegment& segment, std::uint64_t offset, std::uint64_t end);
  std::uint64_t skip_damage(ReadSegment& segment, std::uint64_t end);
  void note_damage(ReadSegment& segment, std::uint64_t end);
  void settle_waiting(const Id& id);
  // Crash-closing (spool_crash.cpp).
  bool old_chain_done() const;
  void list_crashed();
  void read_crashed(std::vector<CostRecord>& out, std::size_t limit);
  // Removal and carrying (spool_compact.cpp).
  void compact();
  bool remove_fronts();
  bool carry_over(const std::vector<ReadSegment*>& from);
  // The durable position (spool_cursor.cpp): saves re-reading after a restart, nothing depends on it.
  void load_cursor();
  void save_cursor(bool now);

  std::shared_ptr<SpoolCore> core_;
  std::deque<Chain> chains_;
  std::vector<std::unique_ptr<ReadSegment>> carries_;  // of this process
  boost::unordered_flat_map<Id, Waiting, IdHash> waiting_;
  std::vector<Id> crashed_;  // opens to close, oldest first
  std::size_t crash_read_ = 0, crash_committed_ = 0;
  bool crash_listed_ = false;
  std::uint64_t handed_out_ = 0;  // settles read since the last commit
  std::int64_t cursor_saved_ns_ = INT64_MIN / 2;
  std::string cursor_lines_;
  // Block buffer: bytes [buffer_begin_, + buffer_bytes_) of buffer_segment_.
  std::vector<char> buffer_;
  const ReadSegment* buffer_segment_ = nullptr;
  std::uint64_t buffer_begin_ = 0;
  std::size_t buffer_bytes_ = 0;
};

}  // namespace tollgate::billing
