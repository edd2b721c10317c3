// Inside of billing: the writing half of the spool. Thread rule: one io thread.
//
// Space arithmetic. Every admitted attempt holds a claim of kOpenClaim (until it is opened) and kSettleClaim bytes. The
// room that surely fits frames of up to kSettleClaim bytes into a segment with r bytes left is r - (kSettleClaim - 1),
// since at most that much is lost where a frame no longer fits. admit() succeeds only while all claims together are
// within that room, taking spare segments ahead as needed. A frame larger than its claim is written only when the
// claims of the others stay covered; otherwise its texts are cut (record_wire.h) until it fits the claim.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "billing/record_wire.h"
#include "billing/spool.h"
#include "billing/spool_frame.h"
#include "billing/spool_segment.h"

namespace tollgate::billing {

inline constexpr std::uint64_t kOpenClaim = 1'024, kSettleClaim = 4'096;
static_assert(kStrictBegunBytes + kFrameHeaderBytes <= kOpenClaim);
static_assert(kStrictWholeBytes + kFrameHeaderBytes <= kSettleClaim);

struct SpoolWriter::Impl {
  explicit Impl(std::shared_ptr<SpoolCore> shared);
  ~Impl();

  Result<void> admit();
  void release();
  Result<void> settle(const CostRecord& record);
  Result<void> put(const CostRecord& record, FrameKind kind);

 private:
  void end_claim();
  std::uint64_t claims(std::uint64_t outstanding, std::uint64_t unopened) const;
  std::uint64_t room() const;
  Result<void> grow();
  std::size_t encode_frame(const CostRecord& record, FrameKind kind, std::uint64_t limit);
  bool fits_beside(std::uint64_t frame_bytes, std::uint64_t others) const;
  Result<void> next_segment();
  Result<void> write_frame(std::size_t payload_bytes, FrameKind kind);
  Error io_error();

  std::shared_ptr<SpoolCore> core_;
  const unsigned chain_;
  SegmentPtr current_;
  std::deque<SegmentPtr> spares_;
  std::uint64_t offset_ = 0;
  std::uint64_t outstanding_ = 0;  // admitted, neither settled nor released
  std::uint64_t unopened_ = 0;     // upper bound of those of them that have not written their open frame
  std::int64_t retry_at_ns_ = INT64_MIN;
  Error last_refusal_;
  std::vector<char> frame_;
};

}  // namespace tollgate::billing
