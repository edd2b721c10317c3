// SpoolReader: frames back from segment files, damage skipped, opens paired. Owner: billing. Thread rule: ledger
// thread.
#include "billing/spool_reader.h"

#include <algorithm>

#include "billing/record_wire.h"
#include "core/log.h"

namespace tollgate::billing {
namespace {

constexpr std::size_t kBlockBytes = 256u << 10;
static_assert(kBlockBytes > 2 * (kMaxFrameBytes + kFrameHeaderBytes));

}  // namespace

SpoolReader::SpoolReader(std::shared_ptr<SpoolCore> core, std::vector<SegmentPtr> old_segments)
    : core_(std::move(core)) {
  chains_.resize(1);
  for (auto& segment : old_segments)
    chains_[kOldChain].segments.push_back(std::make_unique<ReadSegment>(std::move(segment)));
  load_cursor();
}

void SpoolReader::absorb_fresh() {
  for (auto& segment : core_->take_fresh()) {
    if (chains_.size() <= segment->chain) chains_.resize(segment->chain + 1);
    auto& chain = chains_[segment->chain];
    chain.segments.push_back(std::make_unique<ReadSegment>(std::move(segment)));
  }
}

std::size_t SpoolReader::read(std::vector<CostRecord>& out, std::size_t max_records) {
  absorb_fresh();
  if (buffer_.empty()) buffer_.resize(kBlockBytes);
  const std::size_t before = out.size(), limit = before + max_records;
  for (auto& chain : chains_) {
    if (out.size() >= limit) break;
    read_chain(chain, out, limit);
    if (&chain == &chains_[kOldChain] && out.size() < limit && old_chain_done()) read_crashed(out, limit);
  }
  return out.size() - before;
}

void SpoolReader::read_chain(Chain& chain, std::vector<CostRecord>& out, std::size_t limit) {
  while (chain.reading < chain.segments.size() && out.size() < limit) {
    auto& segment = *chain.segments[chain.reading];
    // Sealed is looked at first: frames written before the seal are then surely seen.
    const bool sealed = segment.file->sealed.load(std::memory_order_acquire);
    read_segment(segment, out, limit);
    if (!sealed || segment.read_pos < segment.file->end.load(std::memory_order_acquire)) return;
    ++chain.reading;
  }
}

void SpoolReader::read_segment(ReadSegment& segment, std::vector<CostRecord>& out, std::size_t limit) {
  const std::uint64_t end = segment.file->end.load(std::memory_order_acquire);
  while (segment.read_pos < end && out.size() < limit) {
    const FrameView frame = read_frame(bytes_at(segment, segment.read_pos, end), segment.file->salt);
    if (frame.state == FrameView::State::whole) {
      take_frame(segment, frame, out);
      segment.read_pos += frame.bytes;
    } else {
      segment.read_pos = skip_damage(segment, end);
    }
  }
}

void SpoolReader::take_frame(ReadSegment& segment, const FrameView& frame, std::vector<CostRecord>& out) {
  if (frame.kind == FrameKind::settle) {
    auto& record = out.emplace_back();
    if (!decode(frame.payload, record)) {
      out.pop_back();
      note_damage(segment, segment.read_pos + frame.bytes);
      return;
    }
    ++handed_out_;
    if (segment.file->chain == kOldChain && segment.read_pos >= segment.counted_pos) {
      segment.counted_pos = segment.read_pos + frame.bytes;
      core_->settled.fetch_add(1, std::memory_order_relaxed);
    }
    settle_waiting(record.id);
    return;
  }
  Id id;
  if (!peek_id(frame.payload, id)) return note_damage(segment, segment.read_pos + frame.bytes);
  const bool old = segment.file->chain == kOldChain;
  const Waiting entry{&segment, segment.read_pos, static_cast<std::uint32_t>(frame.bytes), old};
  if (waiting_.try_emplace(id, entry).second) ++segment.waiting;
}

void SpoolReader::settle_waiting(const Id& id) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  --found->second.segment->waiting;
  waiting_.erase(found);
}

// A view of the bytes at `offset`: a whole largest frame where the segment has that much before `end`.
std::string_view SpoolReader::bytes_at(const ReadSegment& segment, std::uint64_t offset, std::uint64_t end) {
  const std::uint64_t want = std::min<std::uint64_t>(end - offset, kMaxFrameBytes + kFrameHeaderBytes);
  const bool inside =
      buffer_segment_ == &segment && offset >= buffer_begin_ && offset + want <= buffer_begin_ + buffer_bytes_;
  if (!inside) {
    buffer_segment_ = &segment;
    buffer_begin_ = offset;
    buffer_bytes_ = segment.file->read_at(offset, buffer_.data(), std::min<std::uint64_t>(kBlockBytes, end - offset));
  }
  const std::size_t skip = offset - buffer_begin_;
  return {buffer_.data() + skip, buffer_bytes_ - skip};
}

// Looks for the next good frame behind read_pos and returns its offset, or `end`. Zeros up to the end are unused space;
// anything else is damage and kept aside.
std::uint64_t SpoolReader::skip_damage(ReadSegment& segment, std::uint64_t end) {
  std::uint64_t last_byte = 0;  // one past the last byte that is not zero
  for (std::uint64_t at = segment.read_pos; at < end; ++at) {
    const std::string_view bytes = bytes_at(segment, at, end);
    if (bytes.empty()) break;  // the file is shorter than it was, or cannot be read
    if (bytes.front() != 0) {
      last_byte = at + 1;
      if (at > segment.read_pos && read_frame(bytes, segment.file->salt).state == FrameView::State::whole) {
        note_damage(segment, at);
        return at;
      }
    }
  }
  if (last_byte > 0) note_damage(segment, last_byte);
  return end;
}

void SpoolReader::note_damage(ReadSegment& segment, std::uint64_t end) {
  ++core_->damaged;
  segment.file->keep_damage(segment.read_pos, end);
  log_error("spool segment is damaged, bytes kept aside",
            {{"segment", segment.file->name()},
             {"offset", static_cast<std::int64_t>(segment.read_pos)},
             {"bytes", static_cast<std::int64_t>(end - segment.read_pos)}});
}

void SpoolReader::commit() {
  core_->committed.fetch_add(handed_out_, std::memory_order_relaxed);
  handed_out_ = 0;
  for (auto& chain : chains_)
    for (auto& segment : chain.segments) segment->commit_pos = segment->read_pos;
  for (; crash_committed_ < crash_read_; ++crash_committed_) settle_waiting(crashed_[crash_committed_]);
  compact();
}

void SpoolReader::rewind() {
  handed_out_ = 0;
  crash_read_ = crash_committed_;
  for (auto& chain : chains_) {
    chain.reading = 0;
    for (auto& segment : chain.segments) segment->read_pos = segment->commit_pos;
  }
}

}  // namespace tollgate::billing
