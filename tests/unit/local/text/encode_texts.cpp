// local_text_encode VOCABULARY.gguf: texts from standard input to ids on standard output, for comparisons with other
// tokenizers (tests/fixtures/local/text/compare_tokenizers.py). Each text is a 32 bit length and its bytes; the answer
// a count and the ids, 32 bits each. With a second argument, a file: how fast that text is encoded.
#include <cstdio>
#include <ctime>
#include <string>

#include "../../core/test_data.h"
#include "local_backend/text/tokenizer.h"

namespace {

using tollgate::local::Token;
using tollgate::local::Tokenizer;

int answer_texts(const Tokenizer& tokenizer) {
  std::uint32_t size = 0;
  std::string text;
  while (std::fread(&size, sizeof(size), 1, stdin) == 1) {
    text.resize(size);
    if (size > 0 && std::fread(text.data(), 1, size, stdin) != size) return 1;
    const auto tokens = tokenizer.encode(text, {false, false});
    const auto count = static_cast<std::uint32_t>(tokens.size());
    std::fwrite(&count, sizeof(count), 1, stdout);
    std::fwrite(tokens.data(), sizeof(Token), count, stdout);
  }
  return 0;
}

void measure(const Tokenizer& tokenizer, const std::string& text) {
  for (int round = 0; round < 5; ++round) {
    const std::clock_t begin = std::clock();
    const auto tokens = tokenizer.encode(text, {false, false});
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    std::printf("%zu bytes, %zu tokens, %.1f MB per second of processor time\n", text.size(), tokens.size(),
                static_cast<double>(text.size()) / seconds / 1e6);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: %s VOCABULARY.gguf [TEXT]\n", argv[0]), 2;
  const auto file = tollgate::local::GgufFile::open(argv[1]);
  const auto tokenizer = file ? Tokenizer::load(*file) : file.error();
  if (!tokenizer) return std::fprintf(stderr, "%s\n", tokenizer.error().message.c_str()), 1;
  if (argc == 2) return answer_texts(**tokenizer);
  measure(**tokenizer, tollgate::read_test_file(argv[2]));
  return 0;
}
