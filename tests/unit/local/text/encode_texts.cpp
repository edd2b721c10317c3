// local_text_encode VOCABULARY.gguf: texts from standard input to ids on standard output, for comparisons with other
// tokenizers (tests/fixtures/local/text/compare_tokenizers.py). Each text is a 32 bit length and its bytes; the answer
// a count and the ids, 32 bits each. With --special control tokens' texts become those tokens; with --round the answer
// is the length and the bytes of the text that the ids give. With a file instead: how fast that text is encoded.
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>

#include "../../core/test_data.h"
#include "local_backend/text/tokenizer.h"

namespace {

using tollgate::local::Token;
using tollgate::local::Tokenizer;

bool read_text(std::string& text) {
  std::uint32_t size = 0;
  if (std::fread(&size, sizeof(size), 1, stdin) != 1) return false;
  text.resize(size);
  return size == 0 || std::fread(text.data(), 1, size, stdin) == size;
}

void write_list(const void* items, std::size_t count, std::size_t size) {
  const auto length = static_cast<std::uint32_t>(count);
  std::fwrite(&length, sizeof(length), 1, stdout);
  std::fwrite(items, size, count, stdout);
}

void answer_texts(const Tokenizer& tokenizer, std::string_view mode) {
  std::string text;
  while (read_text(text)) {
    const auto tokens = tokenizer.encode(text, {.add_special = false, .parse_special = mode == "--special"});
    if (mode == "--round") {
      const std::string back = tokenizer.decode(tokens);
      write_list(back.data(), back.size(), 1);
    } else {
      write_list(tokens.data(), tokens.size(), sizeof(Token));
    }
  }
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
  if (argc < 2) return std::fprintf(stderr, "usage: %s VOCABULARY.gguf [--special | --round | TEXT]\n", argv[0]), 2;
  const auto file = tollgate::local::GgufFile::open(argv[1]);
  const auto tokenizer = file ? Tokenizer::load(*file) : file.error();
  if (!tokenizer) return std::fprintf(stderr, "%s\n", tokenizer.error().message.c_str()), 1;
  const std::string_view mode = argc > 2 ? argv[2] : "";
  if (mode.empty() || mode.starts_with("--")) {
    answer_texts(**tokenizer, mode);
  } else {
    measure(**tokenizer, tollgate::read_test_file(argv[2]));
  }
  return 0;
}
