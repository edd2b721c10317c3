// Any config.json, tokenizer.json and tokenizer_config.json, divided by NUL bytes, as the folder of a model. Nothing is
// written: the writer is never begun.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "local_backend/convert/import.h"

using namespace tollgate::local;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::array<Json, 3> parts;
  for (Json& part : parts) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    if (auto parsed = parse_json(rest.substr(0, end), "fuzz")) part = std::move(parsed).value();
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  ModelFolder folder;
  folder.path = "fuzz";
  folder.config = std::move(parts[0]);
  folder.tokenizer = std::move(parts[1]);
  folder.tokenizer_config = std::move(parts[2]);
  GgufWriter writer("fuzz");
  std::uint64_t vocabulary = 64;
  if (const auto config = read_config(folder)) {
    vocabulary = std::min<std::uint64_t>(config->vocabulary, 1000);
    if (config->heads * config->head_dim < 100000) (void)rope_factors(*config);
    write_config(*config, folder, writer);
  } else if (config.error().status != 400) {
    std::abort();
  }
  (void)write_tokenizer(folder, vocabulary, writer);
  if (const std::string* name = text_member(folder.config, "name")) (void)imported_name(*name);
  return 0;
}
