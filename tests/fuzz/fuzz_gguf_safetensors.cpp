// Any bytes as a safetensors file: tensors lie inside of it and have the size that their shape says.
#include <cstdint>
#include <cstdlib>

#include "local_backend/convert/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto parsed = tollgate::local::parse_safetensors(bytes, "fuzz");
  if (!parsed) {
    if (parsed.error().code != "bad_model_file") std::abort();
    return 0;
  }
  for (const auto& [name, tensor] : *parsed) {
    if (tensor.data.data() < bytes.data() || tensor.data.data() + tensor.data.size() > bytes.data() + size)
      std::abort();
    std::uint64_t elements = 1;
    for (const std::uint64_t dim : tensor.shape) elements *= dim;
    if (tensor.type && tensor_bytes(*tensor.type, elements) != tensor.data.size()) std::abort();
  }
  return 0;
}
