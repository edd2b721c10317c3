#include "local_backend/convert/safetensors.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>

#include "local_backend/convert/json.h"
#include "local_backend/gguf/model_file_error.h"

namespace tollgate::local {
namespace {

constexpr std::uint64_t kMaxHeader = 32u << 20;  // bytes; the largest shards have some hundred thousand
constexpr std::size_t kMaxTensors = 64u << 10;
constexpr std::size_t kMaxDims = 8;
constexpr std::size_t kMaxShards = 1024;
constexpr std::uint64_t kDataAt = 8;  // the header's text, behind its length

struct DtypeInfo {
  std::string_view name;
  std::uint32_t bytes;
  std::optional<TensorType> type;
};

constexpr DtypeInfo kDtypes[] = {
    {"F32", 4, TensorType::f32},
    {"F16", 2, TensorType::f16},
    {"BF16", 2, TensorType::bf16},
    {"F64", 8, {}},
    {"I64", 8, {}},
    {"U64", 8, {}},
    {"I32", 4, {}},
    {"U32", 4, {}},
    {"I16", 2, {}},
    {"U16", 2, {}},
    {"I8", 1, {}},
    {"U8", 1, {}},
    {"BOOL", 1, {}},
    {"F8_E4M3", 1, {}},
    {"F8_E5M2", 1, {}},
};

const DtypeInfo* dtype_info(std::string_view name) {
  const auto* found = std::ranges::find(kDtypes, name, &DtypeInfo::name);
  return found == std::end(kDtypes) ? nullptr : found;
}

std::optional<std::uint64_t> count_of(const Json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<std::uint64_t>();
}

// What is wrong with the entry, empty when it is good.
std::string read_entry(const Json& entry, std::span<const std::byte> data, SafeTensor& out) {
  const std::string* dtype = text_member(entry, "dtype");
  const Json *shape = member(entry, "shape"), *offsets = member(entry, "data_offsets");
  if (!dtype || !shape || !shape->is_array() || !offsets || !offsets->is_array() || offsets->size() != 2) {
    return "no dtype, shape and data_offsets";
  }
  const DtypeInfo* info = dtype_info(*dtype);
  if (!info) return "an unknown dtype";
  if (shape->size() > kMaxDims) return "too many dimensions";
  std::uint64_t bytes = info->bytes;
  for (const Json& dim : *shape) {
    const auto count = count_of(dim);
    if (!count || *count == 0) return "a dimension that is no positive integer";
    if (__builtin_mul_overflow(bytes, *count, &bytes)) return "more bytes than 64 bits can count";
    out.shape.push_back(*count);
  }
  const auto begin = count_of((*offsets)[0]), end = count_of((*offsets)[1]);
  if (!begin || !end || *begin > *end || *end > data.size()) return "data_offsets outside of the file";
  if (*end - *begin != bytes) return "data_offsets that do not fit to its shape";
  out.dtype = *dtype;
  out.type = info->type;
  out.data = data.subspan(*begin, bytes);
  return {};
}

bool overlapping(const SafeTensors& tensors) {
  std::vector<std::span<const std::byte>> extents;
  for (const auto& [name, tensor] : tensors) extents.push_back(tensor.data);
  std::ranges::sort(extents, {}, [](const auto& extent) { return extent.data(); });
  return std::ranges::adjacent_find(
             extents, [](const auto& a, const auto& b) { return a.data() + a.size() > b.data(); }) != extents.end();
}

// File names of the shards, from the index. They are plain names: an index must not reach outside of its folder.
Result<std::set<std::string>> shards_of(const std::string& index_path) {
  auto index = read_json_file(index_path, kMaxHeader);
  if (!index) return std::move(index).error();
  const Json* map = member(*index, "weight_map");
  if (!map || !map->is_object()) return bad_model_file(index_path, 0, "no object weight_map");
  std::set<std::string> out;
  for (const Json& file : *map) {
    const auto* name = file.get_ptr<const std::string*>();
    if (!name || name->empty() || name->front() == '.' ||
        name->find_first_of(std::string_view("/\\\0", 3)) != name->npos) {
      return bad_model_file(index_path, 0, "weight_map names something that is no file of its folder");
    }
    out.insert(*name);
  }
  if (out.size() > kMaxShards) return bad_model_file(index_path, 0, "too many files in weight_map");
  return out;
}

}  // namespace

Result<SafeTensors> parse_safetensors(std::span<const std::byte> bytes, const std::string& name) {
  std::uint64_t length = 0;
  if (bytes.size() < kDataAt) return bad_model_file(name, 0, "too short for a safetensors file");
  std::memcpy(&length, bytes.data(), sizeof(length));
  if (length > kMaxHeader || length > bytes.size() - kDataAt) {
    return bad_model_file(name, 0, "a header of " + std::to_string(length) + " bytes");
  }
  auto header = parse_json({reinterpret_cast<const char*>(bytes.data()) + kDataAt, length}, name, kDataAt);
  if (!header) return std::move(header).error();
  if (!header->is_object()) return bad_model_file(name, kDataAt, "the header is no JSON object");
  if (header->size() > kMaxTensors) return bad_model_file(name, kDataAt, "too many tensors");
  SafeTensors out;
  for (const auto& [key, entry] : header->items()) {
    if (key == "__metadata__") continue;
    SafeTensor tensor;
    const std::string problem = read_entry(entry, bytes.subspan(kDataAt + length), tensor);
    if (!problem.empty()) return bad_model_file(name, kDataAt, "tensor " + quoted_text(key) + " has " + problem);
    out.emplace(key, std::move(tensor));
  }
  if (overlapping(out)) return bad_model_file(name, kDataAt, "tensors overlap");
  return out;
}

Result<SafetensorsFolder> SafetensorsFolder::open(const std::string& folder) {
  const std::filesystem::path base(folder);
  const std::string index = (base / "model.safetensors.index.json").string();
  std::set<std::string> names{"model.safetensors"};
  std::error_code ignored;
  if (std::filesystem::exists(index, ignored)) {
    auto shards = shards_of(index);
    if (!shards) return std::move(shards).error();
    names = std::move(shards).value();
  }
  SafetensorsFolder out;
  for (const std::string& name : names) {
    const std::string path = (base / name).string();
    auto file = MappedFile::open(path);
    if (!file) return std::move(file).error();
    auto tensors = parse_safetensors(file->bytes(), path);
    if (!tensors) return std::move(tensors).error();
    out.files_.push_back(std::move(file).value());
    out.tensors_.merge(*tensors);
    if (!tensors->empty()) return bad_model_file(path, 0, "a tensor that another file has, too");
  }
  return out;
}

}  // namespace tollgate::local
