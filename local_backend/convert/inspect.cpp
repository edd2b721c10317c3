#include "local_backend/convert/inspect.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "local_backend/convert/json.h"
#include "local_backend/gguf/gguf_value.h"
#include "local_backend/gguf/model_file_error.h"

namespace tollgate::local {
namespace {

struct Share {
  std::uint64_t tensors = 0, weights = 0, bytes = 0;
};

struct Sums {
  std::map<std::string_view, Share> types;
  Share all;
  double bits() const {
    return all.weights > 0 ? 8 * static_cast<double>(all.bytes) / static_cast<double>(all.weights) : 0;
  }
};

Sums sums_of(const GgufFile& file) {
  Sums out;
  for (const Tensor& tensor : file.tensors()) {
    for (Share* share : {&out.types[tensor_type_info(tensor.type)->name], &out.all}) {
      ++share->tensors;
      share->weights += tensor.elements();
      share->bytes += tensor.data.size();
    }
  }
  return out;
}

Json value_of(const GgufFile& file, const GgufFile::Pair& pair) {
  if (pair.array) return Json{{"elements", pair.count}};
  if (const auto text = file.text(pair.key)) return *text;
  if (const auto flag = file.flag(pair.key)) return *flag;
  if (const auto integer = file.integer(pair.key)) return *integer;
  return file.number(pair.key).value_or(0);
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json tokenizer_of(const GgufFile& file) {
  const auto elements = [&](std::string_view key) {
    const GgufFile::Pair* pair = file.pair(key);
    return pair && pair->array ? Json(pair->count) : Json();
  };
  const auto chat = file.text("tokenizer.chat_template");
  return {{"model", or_null(file.text("tokenizer.ggml.model"))},
          {"pre", or_null(file.text("tokenizer.ggml.pre"))},
          {"tokens", elements("tokenizer.ggml.tokens")},
          {"merges", elements("tokenizer.ggml.merges")},
          {"bos", or_null(file.integer("tokenizer.ggml.bos_token_id"))},
          {"eos", or_null(file.integer("tokenizer.ggml.eos_token_id"))},
          {"chat_template_bytes", chat ? Json(chat->size()) : Json()}};
}

std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string shape_of(const Tensor& tensor) {
  std::size_t count = tensor.dims.size();
  while (count > 1 && tensor.dims[count - 1] == 1) --count;
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += (i ? " x " : "") + std::to_string(tensor.dims[i]);
  return out;
}

// One decimal, in the unit that suits.
std::string size_text(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  char out[32];
  std::snprintf(out, sizeof(out), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return out;
}

std::string line(std::string_view name, const std::string& value) {
  std::string out(name);
  out.resize(std::max<std::size_t>(out.size() + 1, 40), ' ');
  return out + value + "\n";
}

std::string unquoted(std::string_view text) {
  const std::string out = quoted_text(text);
  return out.substr(1, out.rfind('"') - 1);
}

// The file's own numbers, without what only people or the tokenizer read.
std::string numbers_text(const GgufFile& file) {
  std::string out;
  for (const GgufFile::Pair& pair : file.pairs()) {
    if (pair.key.starts_with("tokenizer.") || pair.key.starts_with("general.")) continue;
    const auto text = file.text(pair.key);
    out += line("  " + unquoted(pair.key), text         ? quoted_text(*text)
                                           : pair.array ? std::to_string(pair.count) + " elements"
                                                        : dump(value_of(file, pair)));
  }
  return out;
}

std::string tokenizer_text(const GgufFile& file) {
  std::string out = "tokenizer\n";
  const Json tokenizer = tokenizer_of(file);
  for (const auto& [key, value] : tokenizer.items()) {
    if (!value.is_null()) {
      out += line("  " + key, value.is_string() ? unquoted(value.get_ref<const std::string&>()) : dump(value));
    }
  }
  return out;
}

}  // namespace

std::string describe_text(const GgufFile& file) {
  const Sums sums = sums_of(file);
  char bits[32];
  std::snprintf(bits, sizeof(bits), "%.2f", sums.bits());
  std::string out = line("file", unquoted(file.name()) + ", " + size_text(file.size()));
  out += line("architecture", unquoted(file.text("general.architecture").value_or("none")));
  out += line("name", unquoted(file.text("general.name").value_or("none")));
  out += line("parameters", std::to_string(sums.all.weights) + ", " + bits + " bits per weight");
  out += numbers_text(file) + tokenizer_text(file) + "types\n";
  for (const auto& [name, share] : sums.types) {
    out += line("  " + std::string(name), std::to_string(share.tensors) + " tensors, " + size_text(share.bytes));
  }
  out += "tensors\n";
  for (const Tensor& tensor : file.tensors()) {
    out += line("  " + unquoted(tensor.name), std::string(tensor_type_info(tensor.type)->name) + "  " +
                                                  shape_of(tensor) + "  " + size_text(tensor.data.size()));
  }
  return out;
}

std::string describe_json(const GgufFile& file) {
  const Sums sums = sums_of(file);
  Json out = {{"file", file.name()},
              {"bytes", file.size()},
              {"architecture", or_null(file.text("general.architecture"))},
              {"name", or_null(file.text("general.name"))},
              {"parameters", sums.all.weights},
              {"bits_per_weight", sums.bits()},
              {"metadata", Json::object()},
              {"tokenizer", tokenizer_of(file)},
              {"types", Json::object()},
              {"tensors", Json::array()}};
  for (const GgufFile::Pair& pair : file.pairs()) {
    // The template is in the thousands of bytes and has a line of its own.
    if (!pair.key.starts_with("tokenizer.chat_template")) out["metadata"][std::string(pair.key)] = value_of(file, pair);
  }
  for (const auto& [name, share] : sums.types) {
    out["types"][std::string(name)] = {{"tensors", share.tensors}, {"weights", share.weights}, {"bytes", share.bytes}};
  }
  for (const Tensor& tensor : file.tensors()) {
    std::size_t count = tensor.dims.size();
    while (count > 1 && tensor.dims[count - 1] == 1) --count;
    out["tensors"].push_back({{"name", tensor.name},
                              {"type", tensor_type_info(tensor.type)->name},
                              {"shape", std::vector<std::uint64_t>(tensor.dims.begin(), tensor.dims.begin() + count)},
                              {"bytes", tensor.data.size()}});
  }
  return dump(out);
}

}  // namespace tollgate::local
