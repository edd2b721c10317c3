#include "tiny_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <numeric>
#include <sstream>
#include <stdexcept>

#include "../gguf/gguf_bytes.h"

namespace tollgate::local {
namespace {

// The formula of make_reference.py.
float noise(std::uint64_t start, std::uint64_t i) {
  std::uint64_t z = (start + i) * 0x9E3779B97F4A7C15u + 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  return static_cast<float>(z >> 40) / 8388608.0f - 1.0f;
}

std::uint64_t fnv1a(const std::string& text) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

TinyTensor read_tensor(std::istringstream& line) {
  TinyTensor tensor;
  std::size_t dims = 0;
  float base = 0, gain = 0;
  line >> tensor.name >> dims;
  tensor.dims.resize(dims);
  for (std::uint64_t& dim : tensor.dims) line >> dim;
  line >> base >> gain;
  tensor.values.resize(std::accumulate(tensor.dims.begin(), tensor.dims.end(), std::uint64_t{1}, std::multiplies<>()));
  const std::uint64_t start = fnv1a(tensor.name);
  for (std::size_t i = 0; i < tensor.values.size(); ++i) tensor.values[i] = base + gain * noise(start, i);
  return tensor;
}

template <class T>
std::vector<T> read_numbers(std::istringstream& line) {
  std::vector<T> numbers;
  for (T number; line >> number;) numbers.push_back(number);
  return numbers;
}

void read_line(TinyModel& model, const std::string& text) {
  std::istringstream line(text);
  std::string kind;
  line >> kind;
  if (kind == "tensor") {
    model.tensors.push_back(read_tensor(line));
  } else if (kind == "constants") {
    TinyTensor tensor;
    std::size_t size = 0;
    line >> tensor.name >> size;
    tensor.dims = {size};
    tensor.values = read_numbers<float>(line);
    model.tensors.push_back(tensor);
  } else if (kind == "tokens") {
    model.sequences.push_back(read_numbers<Token>(line));
  } else if (kind == "rows") {
    model.rows = read_numbers<std::int32_t>(line);
  } else {
    TinyField field{kind == "text"   ? TinyField::Kind::text
                    : kind == "int"  ? TinyField::Kind::integer
                    : kind == "flag" ? TinyField::Kind::flag
                                     : TinyField::Kind::number,
                    "", ""};
    line >> field.key >> field.value;
    model.fields.push_back(field);
  }
}

void put_field(GgufBytes& bytes, const TinyField& field) {
  switch (field.kind) {
    case TinyField::Kind::text:
      bytes.pair(field.key, field.value);
      break;
    case TinyField::Kind::integer:
      bytes.pair(field.key, 5, static_cast<std::int32_t>(std::stol(field.value)));
      break;
    case TinyField::Kind::number:
      bytes.pair(field.key, 6, std::stof(field.value));
      break;
    case TinyField::Kind::flag:
      bytes.pair(field.key, 7, static_cast<std::uint8_t>(field.value == "1"));
      break;
  }
}

struct Encoded {
  TensorType type = TensorType::f32;
  std::vector<std::byte> bytes;
};

Encoded encode(const TinyTensor& tensor, std::optional<TensorType> matrices, bool as_floats) {
  std::vector<float> values = tensor.values;
  Encoded encoded;
  const bool router = tensor.name.find("_inp") != std::string::npos;  // floats in real files, too
  if (matrices && !router && tensor.dims.size() > 1 && tensor.dims[0] % tensor_type_info(*matrices)->elements == 0) {
    encoded.type = *matrices;
    encoded.bytes.resize(tensor_bytes(*matrices, values.size()));
    if (!quantize(*matrices, values.data(), encoded.bytes.data(), values.size()))
      throw std::logic_error("no such type");
    if (!as_floats) return encoded;
    dequantize(*matrices, encoded.bytes.data(), values.data(), values.size());
  }
  encoded.type = TensorType::f32;
  const auto bytes = std::as_bytes(std::span(values));
  encoded.bytes.assign(bytes.begin(), bytes.end());
  return encoded;
}

}  // namespace

std::string fixture_folder() {
  const char* source = std::getenv("TOLLGATE_SOURCE_DIR");
  return std::string(source ? source : ".") + "/tests/fixtures/local/model/";
}

const std::vector<std::string>& decoder_names() {
  static const std::vector<std::string> kNames{"llama",    "llama_linear", "mistral",  "mixtral", "qwen2",
                                               "qwen2moe", "qwen3",        "qwen3moe", "phi3",    "phi3_short",
                                               "gemma",    "gemma2",       "gemma3"};
  return kNames;
}

TinyModel TinyModel::load(const std::string& name) {
  TinyModel model;
  std::ifstream spec(fixture_folder() + name + ".spec");
  for (std::string line; std::getline(spec, line);) read_line(model, line);
  std::ifstream numbers(fixture_folder() + name + ".f32", std::ios::binary);
  std::stringstream raw;
  raw << numbers.rdbuf();
  model.reference.resize(raw.str().size() / sizeof(float));
  std::memcpy(model.reference.data(), raw.str().data(), model.reference.size() * sizeof(float));
  EXPECT_FALSE(model.tensors.empty()) << name;
  return model;
}

TinyField& TinyModel::field(const std::string& key) {
  const auto found = std::ranges::find(fields, key, &TinyField::key);
  if (found != fields.end()) return *found;
  return fields.emplace_back(TinyField{TinyField::Kind::integer, key, "0"});
}

TinyTensor& TinyModel::tensor(const std::string& name) {
  const auto found = std::ranges::find(tensors, name, &TinyTensor::name);
  if (found == tensors.end()) throw std::logic_error("no tensor " + name);
  return *found;
}

void TinyModel::remove(const std::string& name) {
  std::erase_if(fields, [&](const TinyField& field) { return field.key == name; });
  std::erase_if(tensors, [&](const TinyTensor& tensor) { return tensor.name == name; });
}

std::shared_ptr<const GgufFile> TinyModel::file(std::optional<TensorType> matrices, bool as_floats) const {
  struct Holder {
    GgufBytes bytes;
    std::shared_ptr<const GgufFile> file;
  };
  auto holder = std::make_shared<Holder>();
  GgufBytes& bytes = holder->bytes;
  bytes.head(tensors.size(), fields.size());
  for (const TinyField& field : fields) put_field(bytes, field);
  std::vector<Encoded> data;
  std::uint64_t offset = 0;
  for (const TinyTensor& tensor : tensors) {
    data.push_back(encode(tensor, matrices, as_floats));
    bytes.tensor(tensor.name, tensor.dims, data.back().type, offset);
    offset = (offset + data.back().bytes.size() + 31) / 32 * 32;
  }
  for (const Encoded& each : data) {
    bytes.pad();
    for (const std::byte byte : each.bytes) bytes.put(byte);
  }
  bytes.pad();
  auto parsed = GgufFile::parse(bytes.bytes(), "tiny");
  if (!parsed) throw std::logic_error(parsed.error().message);
  holder->file = *parsed;
  return {holder, holder->file.get()};
}

}  // namespace tollgate::local
