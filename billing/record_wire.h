// Inside of billing: the record codec with limits, for the spool. Format: docs/formats/spool.md. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "billing/record.h"

namespace tollgate::billing {

// What a record carries into a frame: everything, or only what is known before the first byte goes upstream.
enum class RecordForm : unsigned char { whole, begun };

// Lengths to which a record is cut. Texts end at a character boundary; usage.raw is kept whole or dropped, because half
// a JSON text is worth nothing.
struct CutLimits {
  std::size_t text, raw, tags, tag_text, price_ids;
};
inline constexpr CutLimits kNoCut{SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX};
// From mild to strict. The last one keeps any record within kStrictWholeBytes and any begun one within
// kStrictBegunBytes.
inline constexpr CutLimits kCutLevels[] = {kNoCut, {1024, 4096, 64, 128, 64}, {256, 0, 24, 64, 24}, {48, 0, 4, 32, 4}};
inline constexpr std::size_t kStrictWholeBytes = 2'200, kStrictBegunBytes = 1'000;

// At least the number of bytes that encode_record() would write.
std::size_t encoded_bound(const CostRecord& record, const CutLimits& limits);
// Writes the record at `out`, which has room for encoded_bound(); returns the end.
char* encode_record(const CostRecord& record, RecordForm form, const CutLimits& limits, char* out);

// The id of an encoded record without decoding the rest; it is the first field.
bool peek_id(std::string_view bytes, Id& id);

}  // namespace tollgate::billing
