// Closing what a dead process left open: an attempt whose bytes may have gone upstream and whose outcome nobody wrote
// down becomes a row, so that the vendor's bill has a counterpart. Owner: billing. Thread rule: ledger thread.
#include <algorithm>

#include "billing/record.h"
#include "billing/spool_reader.h"

namespace tollgate::billing {

bool SpoolReader::old_chain_done() const {
  const auto& chain = chains_[kOldChain];
  return chain.reading >= chain.segments.size();
}

void SpoolReader::list_crashed() {
  crash_listed_ = true;
  for (const auto& [id, entry] : waiting_)
    if (entry.old) crashed_.push_back(id);
  std::sort(crashed_.begin(), crashed_.end());  // ids grow with time
}

void SpoolReader::read_crashed(std::vector<CostRecord>& out, std::size_t limit) {
  if (!crash_listed_) list_crashed();
  std::string bytes;
  for (; crash_read_ < crashed_.size() && out.size() < limit; ++crash_read_) {
    const auto found = waiting_.find(crashed_[crash_read_]);
    if (found == waiting_.end()) continue;
    const Waiting& entry = found->second;
    bytes.resize(entry.bytes);
    const std::size_t got = entry.segment->file->read_at(entry.offset, bytes.data(), bytes.size());
    const FrameView frame = read_frame({bytes.data(), got}, entry.segment->file->salt);
    auto& record = out.emplace_back();
    if (frame.state != FrameView::State::whole || !decode(frame.payload, record)) {
      out.pop_back();
      ++core_->damaged;
      continue;
    }
    // When it ended is not known; the start makes the row the same on every replay.
    record.finished_us = record.started_us;
    record.outcome = Outcome::error;
    record.error_code = "gateway_crash";
    record.cost_source = CostSource::unpriced;
    record.cost.reset();
    record.baseline_cost.reset();
  }
}

}  // namespace tollgate::billing
