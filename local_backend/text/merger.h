// Merging neighbours, the best pair first: what BPE and SPM have in common. n symbols take n log n steps. Thread rule:
// one owner each; kept over calls, it keeps its memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "local_backend/text/text_index.h"

namespace tollgate::local {

class Merger {
 public:
  // A part of a text; a symbol that was merged into the one before it has size 0.
  struct Symbol {
    std::uint32_t begin = 0, size = 0;  // bytes
    Token id = kNoToken;
    std::uint32_t previous = kNone, next = kNone;
  };

  void clear() { symbols_.clear(); }
  // Symbols must be added in order and without gaps.
  void add(std::uint32_t begin, std::uint32_t size, Token id) {
    const auto index = static_cast<std::uint32_t>(symbols_.size());
    if (index > 0) symbols_[index - 1].next = index;
    symbols_.push_back({begin, size, id, index == 0 ? kNone : index - 1, kNone});
  }

  // Merges until `merge_of(left, right)`, a Merge with symbol kNoToken for none, knows no pair any more. Of equal ranks
  // the leftmost goes first. Returns how many pairs were looked at.
  template <class MergeOf>
  std::size_t merge(MergeOf&& merge_of) {
    heap_.clear();
    std::size_t steps = 0;
    const auto offer = [&](std::uint32_t left, std::uint32_t right) {
      if (left == kNone || right == kNone) return;
      ++steps;
      const Merge merge = merge_of(symbols_[left], symbols_[right]);
      if (merge.symbol == kNoToken) return;
      heap_.push_back({merge.rank, left, right, symbols_[left].size + symbols_[right].size, merge.symbol});
      std::push_heap(heap_.begin(), heap_.end(), later);
    };
    for (std::uint32_t i = 1; i < symbols_.size(); ++i) offer(i - 1, i);
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), later);
      const Candidate best = heap_.back();
      heap_.pop_back();
      ++steps;
      Symbol& left = symbols_[best.left];
      Symbol& right = symbols_[best.right];
      // Either side merged with another neighbour since.
      if (left.size == 0 || right.size == 0 || left.size + right.size != best.size) continue;
      left.size = best.size;
      left.id = best.symbol;
      left.next = right.next;
      if (right.next != kNone) symbols_[right.next].previous = best.left;
      right.size = 0;
      offer(left.previous, best.left);
      offer(best.left, left.next);
    }
    return steps;
  }

  const std::vector<Symbol>& symbols() const { return symbols_; }

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  struct Candidate {
    std::uint32_t rank, left, right, size;
    Token symbol;
  };
  static bool later(const Candidate& one, const Candidate& other) {
    return one.rank != other.rank ? one.rank > other.rank : one.left > other.left;
  }

  std::vector<Symbol> symbols_;
  std::vector<Candidate> heap_;
};

}  // namespace tollgate::local
