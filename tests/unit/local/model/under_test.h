// The back end that the tests of equivalence are about: each of their programs defines these.
#pragma once

#include "local_backend/model/cpu_backend.h"
#include "tiny_model.h"

namespace tollgate::local {

// Over a tiny model of the family; keeps logits.
std::unique_ptr<Backend> backend_under_test(const std::string& family, KvType kv);
const std::vector<std::string>& families_under_test();
// From one size of chunks to the next that is tried.
std::int32_t chunk_stride(KvType kv);

}  // namespace tollgate::local
