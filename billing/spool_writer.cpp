// SpoolWriter: encodes records into segments of its own, one pwrite each. Owner: billing. Thread rule: one io thread.
#include "billing/spool_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/log.h"

namespace tollgate::billing {
namespace {

std::uint64_t sure_room(std::uint64_t bytes_left) {
  return bytes_left < kSettleClaim ? 0 : bytes_left - (kSettleClaim - 1);
}

}  // namespace

SpoolWriter::Impl::Impl(std::shared_ptr<SpoolCore> shared)
    : core_(std::move(shared)), chain_(core_->next_chain++), frame_(16u << 10) {}

SpoolWriter::Impl::~Impl() {
  if (current_) {
    const std::uint64_t size = current_->size;
    current_->truncate_to_end();
    core_->give_back(current_, size);
    current_->sealed.store(true, std::memory_order_release);
  }
  for (auto& spare : spares_) spare->sealed.store(true, std::memory_order_release);  // empty; the reader removes them
}

std::uint64_t SpoolWriter::Impl::claims(std::uint64_t outstanding, std::uint64_t unopened) const {
  return outstanding * kSettleClaim + unopened * kOpenClaim;
}

std::uint64_t SpoolWriter::Impl::room() const {
  const std::uint64_t here = current_ ? sure_room(current_->size - offset_) : 0;
  return here + spares_.size() * sure_room(core_->options.segment_bytes - kSegmentHeaderBytes);
}

Result<void> SpoolWriter::Impl::admit() {
  if (claims(outstanding_ + 1, unopened_ + 1) > room()) [[unlikely]] {
    if (auto grown = grow(); !grown) {
      ++core_->refused;
      return grown;
    }
  }
  ++outstanding_;
  ++unopened_;
  return {};
}

void SpoolWriter::Impl::release() {
  --outstanding_;
  --unopened_;
}

Result<void> SpoolWriter::Impl::settle(const CostRecord& record) {
  auto written = put(record, FrameKind::settle);
  if (written) core_->settled.fetch_add(1, std::memory_order_relaxed);
  end_claim();
  return written;
}

// A settle without an open leaves `unopened_` too high until the others are done: it claims a little too much, never
// too little.
void SpoolWriter::Impl::end_claim() {
  --outstanding_;
  unopened_ = std::min(unopened_, outstanding_);
}

Result<void> SpoolWriter::Impl::grow() {
  if (retry_at_ns_ != INT64_MIN && steady_ns() < retry_at_ns_) return last_refusal_;
  auto segment = core_->allocate(chain_);
  if (!segment) {
    last_refusal_ = segment.error();
    retry_at_ns_ = steady_ns() + kAllocationRetryNs;
    return last_refusal_;
  }
  retry_at_ns_ = INT64_MIN;
  if (current_) {
    spares_.push_back(std::move(*segment));
  } else {
    current_ = std::move(*segment);
    offset_ = kSegmentHeaderBytes;
  }
  return {};
}

// Encodes at the mildest cut whose frame is at most `limit` bytes; returns the payload's size.
std::size_t SpoolWriter::Impl::encode_frame(const CostRecord& record, FrameKind kind, std::uint64_t limit) {
  const auto form = kind == FrameKind::open ? RecordForm::begun : RecordForm::whole;
  std::size_t payload = 0;
  for (const CutLimits& cut : kCutLevels) {
    const std::size_t bound = kFrameHeaderBytes + encoded_bound(record, cut);
    if (bound > 2 * (kMaxFrameBytes + kFrameHeaderBytes)) continue;  // surely too long, and would grow the buffer
    if (frame_.size() < bound) frame_.resize(bound);
    char* begin = frame_.data() + kFrameHeaderBytes;
    payload = static_cast<std::size_t>(encode_record(record, form, cut, begin) - begin);
    if (kFrameHeaderBytes + payload <= limit) break;
  }
  return payload;
}

// True when a frame of this size can be placed and claims of `others` bytes stay covered.
bool SpoolWriter::Impl::fits_beside(std::uint64_t frame_bytes, std::uint64_t others) const {
  const std::uint64_t spare = sure_room(core_->options.segment_bytes - kSegmentHeaderBytes);
  if (current_ && offset_ + frame_bytes <= current_->size)
    return sure_room(current_->size - offset_ - frame_bytes) + spares_.size() * spare >= others;
  if (spares_.empty() || kSegmentHeaderBytes + frame_bytes > core_->options.segment_bytes) return false;
  return sure_room(core_->options.segment_bytes - kSegmentHeaderBytes - frame_bytes) + (spares_.size() - 1) * spare >=
         others;
}

Result<void> SpoolWriter::Impl::put(const CostRecord& record, FrameKind kind) {
  const bool opening = kind == FrameKind::open;
  const std::uint64_t claim = opening ? kOpenClaim : kSettleClaim;
  std::size_t payload = encode_frame(record, kind, kMaxFrameBytes + kFrameHeaderBytes);
  if (payload + kFrameHeaderBytes > claim) [[unlikely]] {
    const std::uint64_t opened_before = opening && unopened_ > 0 ? unopened_ - 1 : unopened_;
    const std::uint64_t others =
        opening ? claims(outstanding_, opened_before) : claims(outstanding_ - 1, std::min(unopened_, outstanding_ - 1));
    const std::uint64_t bytes = payload + kFrameHeaderBytes;
    if (!fits_beside(bytes, others) && (!grow() || !fits_beside(bytes, others)))
      payload = encode_frame(record, kind, claim);
  }
  auto written = write_frame(payload, kind);
  if (written && opening && unopened_ > 0) --unopened_;
  return written;
}

Result<void> SpoolWriter::Impl::next_segment() {
  if (spares_.empty()) {
    if (current_) current_->sealed.store(true, std::memory_order_release);
    current_ = nullptr;
    return grow();
  }
  if (current_) current_->sealed.store(true, std::memory_order_release);
  current_ = std::move(spares_.front());
  spares_.pop_front();
  offset_ = kSegmentHeaderBytes;
  return {};
}

Result<void> SpoolWriter::Impl::write_frame(std::size_t payload_bytes, FrameKind kind) {
  const std::size_t bytes = payload_bytes + kFrameHeaderBytes;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (attempt > 0 || !current_ || offset_ + bytes > current_->size) {
      if (auto moved = next_segment(); !moved) return moved;
    }
    seal_frame(frame_.data(), payload_bytes, kind, current_->salt);
    if (!current_->write_at(offset_, frame_.data(), bytes)) continue;  // once more, on a fresh segment
    offset_ += bytes;
    current_->end.store(offset_, std::memory_order_release);
    if (core_->options.fsync_interval_ms == 0 && !current_->sync()) return io_error();
    return {};
  }
  return io_error();
}

Error SpoolWriter::Impl::io_error() {
  const char* why = std::strerror(errno);
  ++core_->io_errors;
  log_error("spool write failed", {{"reason", std::string_view(why)}});
  return Error{ErrorKind::fatal, 503, "spool_io", std::string("the cost ledger's spool cannot be written: ") + why};
}

SpoolWriter::SpoolWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SpoolWriter::~SpoolWriter() = default;

Result<void> SpoolWriter::admit() { return impl_->admit(); }

void SpoolWriter::release() { impl_->release(); }

Result<void> SpoolWriter::open(const CostRecord& begun) { return impl_->put(begun, FrameKind::open); }

Result<void> SpoolWriter::settle(const CostRecord& done) { return impl_->settle(done); }

}  // namespace tollgate::billing
