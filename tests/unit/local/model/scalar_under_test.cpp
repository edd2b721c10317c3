#include "plans.h"
#include "under_test.h"

namespace tollgate::local {

std::unique_ptr<Backend> backend_under_test(const std::string& family, KvType kv) {
  return scalar_backend(TinyModel::load(family).file(), kv);
}

const std::vector<std::string>& families_under_test() { return decoder_names(); }

std::int32_t chunk_stride(KvType kv) { return kv == KvType::f16 ? 1 : 8; }

}  // namespace tollgate::local
