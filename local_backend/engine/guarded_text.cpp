#include "local_backend/engine/guarded_text.h"

#include <algorithm>

namespace tollgate::local {
namespace {

constexpr std::string_view kOpen = "\xEF\xB7\x90", kClose = "\xEF\xB7\x91", kReplacement = "\xEF\xBF\xBD";

}  // namespace

TextGuard::TextGuard(const Tokenizer& tokenizer) {
  for (Token token = 0; static_cast<std::size_t>(token) < tokenizer.size(); ++token) {
    if (tokenizer.kind(token) != TokenKind::control) continue;
    const std::string_view text = tokenizer.bytes(token, true);
    if (!text.empty()) controls_.emplace_back(text);
  }
  std::ranges::sort(controls_, [](const auto& a, const auto& b) { return a.size() > b.size(); });
  for (const std::string& control : controls_) starts_[static_cast<unsigned char>(control[0])] = true;
}

std::string TextGuard::guard(std::string_view text) const {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    if (rest.starts_with(kOpen) || rest.starts_with(kClose)) {
      out += kReplacement;
      at += kOpen.size();
      continue;
    }
    const bool maybe = starts_[static_cast<unsigned char>(rest[0])];
    const auto found = maybe ? std::ranges::find_if(controls_, [&](const auto& one) { return rest.starts_with(one); })
                             : controls_.end();
    if (found == controls_.end()) {
      out += rest[0];
      ++at;
      continue;
    }
    out.append(kOpen).append(*found).append(kClose);
    at += found->size();
  }
  return out;
}

std::vector<Token> encode_guarded(const Tokenizer& tokenizer, std::string_view rendered) {
  std::vector<Token> tokens;
  const auto add = [&](std::string_view text, bool first, bool special) {
    const std::string_view bos = tokenizer.bos ? tokenizer.bytes(*tokenizer.bos, true) : std::string_view();
    const bool add_bos =
        first && tokenizer.adds_bos && tokenizer.bos && (!special || bos.empty() || !text.starts_with(bos));
    if (add_bos) tokens.push_back(*tokenizer.bos);
    const auto piece = tokenizer.encode(text, {.add_special = false, .parse_special = special});
    tokens.insert(tokens.end(), piece.begin(), piece.end());
  };
  bool first = true;
  while (!rendered.empty()) {
    const std::size_t open = rendered.find(kOpen);
    if (open > 0) add(rendered.substr(0, open), first, true), first = false;
    if (open == std::string_view::npos) break;
    rendered.remove_prefix(open + kOpen.size());
    const std::size_t close = rendered.find(kClose);
    add(rendered.substr(0, close), first, false), first = false;
    rendered.remove_prefix(close == std::string_view::npos ? rendered.size() : close + kClose.size());
  }
  return tokens;
}

}  // namespace tollgate::local
