// The second half of every conversion: tensors in their order through convert_rows() into a writer. Internal to
// convert/. Thread rule: as convert.h.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "local_backend/convert/convert.h"
#include "local_backend/convert/rows.h"
#include "local_backend/gguf/gguf_writer.h"

namespace tollgate::local {

struct TensorJob {
  std::string name;
  Rows rows;
  TensorType target = TensorType::f32;
};

// begin()s the writer, writes the jobs, which must be in the order of its descriptions, and finish()es it. Fills the
// sums of `report`. Errors: those of convert.h.
Result<void> write_tensors(const std::vector<TensorJob>& jobs, const ConvertOptions& options, GgufWriter& writer,
                           ConvertReport& report);

}  // namespace tollgate::local
