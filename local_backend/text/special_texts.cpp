#include "local_backend/text/special_texts.h"

#include <algorithm>

#include "local_backend/text/matchers.h"

namespace tollgate::local {
namespace {

unsigned char byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

}  // namespace

SpecialTexts::SpecialTexts(std::vector<Entry> entries) : entries_(std::move(entries)) {
  const auto less = [](const Entry& left, const Entry& right) {
    return left.text != right.text ? left.text < right.text : left.token < right.token;
  };
  const auto same = [](const Entry& left, const Entry& right) { return left.text == right.text; };
  std::sort(entries_.begin(), entries_.end(), less);
  entries_.erase(std::unique(entries_.begin(), entries_.end(), same), entries_.end());
  for (const Entry& entry : entries_) ++first_of_[byte_at(entry.text, 0) + 1u];
  for (std::size_t byte = 1; byte < first_of_.size(); ++byte) first_of_[byte] += first_of_[byte - 1];
}

// The entries are narrowed down to those that agree with one more byte each time.
const SpecialTexts::Entry* SpecialTexts::longest_at(std::string_view text, std::size_t at) const {
  auto low = entries_.begin() + first_of_[byte_at(text, at)];
  auto high = entries_.begin() + first_of_[byte_at(text, at) + 1u];
  const Entry* longest = nullptr;
  for (std::size_t depth = 1; low != high; ++depth) {
    if (low->text.size() == depth) longest = &*low++;
    if (at + depth == text.size()) break;
    const unsigned char wanted = byte_at(text, at + depth);
    low = std::partition_point(low, high, [&](const Entry& entry) { return byte_at(entry.text, depth) < wanted; });
    high = std::partition_point(low, high, [&](const Entry& entry) { return byte_at(entry.text, depth) == wanted; });
  }
  return longest;
}

std::optional<SpecialTexts::Found> SpecialTexts::next(std::string_view text, std::size_t from) const {
  if (entries_.empty()) return std::nullopt;
  for (std::size_t at = from; at < text.size(); ++at) {
    const unsigned char first = byte_at(text, at);
    if (first_of_[first] == first_of_[first + 1u]) continue;
    if (const Entry* entry = longest_at(text, at)) {
      const std::size_t end = at + entry->text.size();
      return Found{at, entry->eats_spaces ? Characters(text).run(end, kSpace) : end, entry->token};
    }
  }
  return std::nullopt;
}

}  // namespace tollgate::local
