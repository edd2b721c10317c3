// A name for a model's content and its KV layout, so that blocks kept elsewhere are never given to another model.
// Inside model/ and for other back ends. Thread rule: pure function.
#pragma once

#include <string>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/kernels/kernels.h"

namespace tollgate::local {

// Over all metadata except the tokenizer's and the chat template's, all tensors with their bytes, and `kv`. Reads the
// whole file once. Guards against mix-ups, not against forgery.
std::string model_fingerprint(const GgufFile& file, const KvLayout& kv, Workers& workers);

}  // namespace tollgate::local
