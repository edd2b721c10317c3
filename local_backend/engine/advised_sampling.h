// Sampling parameters that a model file carries for requests that leave them open: keys "general.sampling.*", which
// llama.cpp's converter takes from a model's generation_config.json. Thread rule: pure.
#pragma once

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/sampling/sampler.h"

namespace tollgate::local {

// temp, top_k, top_p, min_p and penalty_repeat; a value that makes no sense counts as absent.
SamplingParams read_advised_sampling(const GgufFile& file);

}  // namespace tollgate::local
