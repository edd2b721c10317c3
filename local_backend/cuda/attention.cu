// Attention over the pool: chooses the kernels. Short rows (is_short() of attention_rows.h) go to attention_split.cu,
// others to attention_tiles.cu; with `exact` all go there. A row's own shape decides, so that its result is the same
// whatever rows are beside it.
#include "local_backend/cuda/attention_rows.h"

namespace tollgate::local::gpu {

bool attention_supports(int dim) { return dim == 64 || dim == 96 || dim == 128 || dim == 256; }

std::size_t attend_scratch_floats(int max_rows, int heads, int dim) {
  return static_cast<std::size_t>(max_rows) * static_cast<std::size_t>(heads) * kMaxSplits *
         static_cast<std::size_t>(dim + 2);
}

void attend(Stream& stream, const AttendArgs& args) {
  if (args.rows <= 0 || args.max_tokens <= 0 || args.max_context <= 0) return;
  constexpr float kFp8Factor = 256;  // keys and values come divided by it
  AttentionWork work;
  work.args = args;
  work.group = args.heads / args.pool.kv_heads;
  const float scale = args.pool.fp8 ? args.scale * kFp8Factor : args.scale;
  work.tanh_factor = args.softcap > 0 ? 2 * kLog2E * scale / args.softcap : 0;
  work.score_factor = kLog2E * (args.softcap > 0 ? args.softcap : scale);
  work.value_factor = args.pool.fp8 ? kFp8Factor : 1;
  if (is_short(work, 1)) attend_short_rows(stream, work);
  if (!is_short(work, args.max_tokens)) attend_long_rows(stream, work);
}

}  // namespace tollgate::local::gpu
