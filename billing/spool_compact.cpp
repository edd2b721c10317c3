// Removal of segments that are read and committed, and the carrying of opens that still wait in them. Owner: billing.
// Thread rule: ledger thread.
#include <algorithm>

#include "billing/spool_reader.h"
#include "core/log.h"

namespace tollgate::billing {
namespace {

constexpr std::size_t kMaxCarries = 16;  // beyond it they are folded into one

bool done(const ReadSegment& segment) { return segment.finished() && segment.commit_pos == segment.read_pos; }
bool removable(const ReadSegment& segment) { return done(segment) && segment.waiting == 0; }

}  // namespace

// Takes segments from the front of each chain, so that an open never outlives its settle. True when any went.
bool SpoolReader::remove_fronts() {
  std::vector<std::unique_ptr<ReadSegment>> gone;
  for (auto& chain : chains_) {
    auto& list = chain.segments;
    while (!list.empty() && removable(*list.front())) {
      gone.push_back(std::move(list.front()));
      list.pop_front();
      chain.reading -= std::min<std::size_t>(chain.reading, 1);
    }
  }
  for (auto& carry : carries_)
    if (carry->waiting == 0) gone.push_back(std::move(carry));
  std::erase(carries_, nullptr);
  if (gone.empty()) return false;
  // A settle seen in memory must be on disk before the open that it answers goes away with its segment.
  core_->sync_all();
  for (auto& segment : gone) core_->remove(segment->file);
  buffer_segment_ = nullptr;  // an address may be used again
  return true;
}

void SpoolReader::compact() {
  bool removed = remove_fronts();
  std::vector<ReadSegment*> held;
  for (auto& chain : chains_) {
    const auto& list = chain.segments;
    // Most opens settle in the next segment; only those that outlive it too are worth a copy.
    for (std::size_t i = 0; i + 1 < list.size() && done(*list[i]) && done(*list[i + 1]); ++i)
      if (list[i]->waiting > 0) held.push_back(list[i].get());
  }
  if (!held.empty()) {
    if (carries_.size() >= kMaxCarries)
      for (auto& carry : carries_) held.push_back(carry.get());
    if (carry_over(held)) removed |= remove_fronts();
  }
  save_cursor(removed);
}

// Copies the waiting opens of `from` into one new carry segment and points them there. On failure nothing changes.
bool SpoolReader::carry_over(const std::vector<ReadSegment*>& from) {
  std::vector<Waiting*> moving;
  std::uint64_t bytes = kSegmentHeaderBytes;
  for (auto& [id, entry] : waiting_) {
    if (std::find(from.begin(), from.end(), entry.segment) == from.end()) continue;
    moving.push_back(&entry);
    bytes += entry.bytes;
  }
  SegmentPtr file = core_->make_carry(bytes);
  if (!file) return false;
  std::string frame;
  std::uint64_t at = kSegmentHeaderBytes;
  bool good = true;
  for (const Waiting* entry : moving) {
    frame.resize(entry->bytes);
    good = good && entry->segment->file->read_at(entry->offset, frame.data(), frame.size()) == frame.size();
    seal_frame(frame.data(), frame.size() - kFrameHeaderBytes, FrameKind::open, file->salt);
    good = good && file->write_at(at, frame.data(), frame.size());
    at += frame.size();
  }
  file->end.store(at, std::memory_order_release);
  file->sealed.store(true, std::memory_order_release);
  if (!good || !file->sync()) {
    ++core_->io_errors;
    log_error("spool cannot carry open attempts over", {{"segment", file->name()}});
    core_->remove(file);
    return false;
  }
  core_->sync_all();  // the directory entry
  auto target = std::make_unique<ReadSegment>(std::move(file));
  target->read_pos = target->commit_pos = at;
  at = kSegmentHeaderBytes;
  for (Waiting* entry : moving) {
    --entry->segment->waiting;
    entry->segment = target.get();
    entry->offset = at;
    at += entry->bytes;
    ++target->waiting;
  }
  carries_.push_back(std::move(target));
  return true;
}

}  // namespace tollgate::billing
