#include "gguf_bytes.h"

namespace tollgate::local {

GgufBytes& GgufBytes::text(std::string_view value) {
  put(std::uint64_t{value.size()});
  bytes_.append(value);
  return *this;
}

GgufBytes& GgufBytes::head(std::uint64_t tensors, std::uint64_t pairs, std::uint32_t version) {
  bytes_ += "GGUF";
  return put(version).put(tensors).put(pairs);
}

GgufBytes& GgufBytes::pair(std::string_view key, std::string_view value) {
  return text(key).put(std::uint32_t{8}).text(value);
}

GgufBytes& GgufBytes::tensor(std::string_view name, const std::vector<std::uint64_t>& dims, TensorType type,
                             std::uint64_t offset) {
  text(name).put(static_cast<std::uint32_t>(dims.size()));
  for (const std::uint64_t dim : dims) put(dim);
  return put(type).put(offset);
}

GgufBytes& GgufBytes::pad(std::size_t alignment) {
  bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
  return *this;
}

GgufBytes& GgufBytes::zeros(std::size_t count) {
  bytes_.append(count, '\0');
  return *this;
}

Result<std::shared_ptr<const GgufFile>> GgufBytes::parse(const GgufLimits& limits) const {
  return GgufFile::parse(bytes(), "made", limits);
}

std::string GgufBytes::problem(const GgufLimits& limits) const {
  const auto file = parse(limits);
  return file ? std::string() : file.error().message;
}

}  // namespace tollgate::local
