// Tiny models from tests/fixtures/local/model/*.spec: metadata as listed, weights from a formula; see
// make_reference.py.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/text/tokenizer.h"

namespace tollgate::local {

struct TinyTensor {
  std::string name;
  std::vector<std::uint64_t> dims;
  std::vector<float> values;
};

struct TinyField {
  enum class Kind { text, integer, number, flag } kind;
  std::string key, value;
};

// Everything may be changed before file() is called.
struct TinyModel {
  std::vector<TinyField> fields;
  std::vector<TinyTensor> tensors;
  std::vector<std::vector<Token>> sequences;
  std::vector<std::int32_t> rows;  // positions whose logits are in `reference`
  std::vector<float> reference;

  static TinyModel load(const std::string& name);

  TinyField& field(const std::string& key);
  TinyTensor& tensor(const std::string& name);
  void remove(const std::string& name);  // a field or a tensor
  // A file of floats; tensors of more than one row whose columns fit get the type `matrices` instead, if given.
  // The second form writes the values that those blocks stand for, as floats.
  std::shared_ptr<const GgufFile> file(std::optional<TensorType> matrices = std::nullopt, bool as_floats = false) const;
};

std::string fixture_folder();

// The names of all decoders among the fixtures.
const std::vector<std::string>& decoder_names();

}  // namespace tollgate::local
