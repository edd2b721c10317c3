// Text automata in their least form: dead states cut, equal states and equal classes merged (Hopcroft's refinement).
#include <algorithm>
#include <map>

#include "local_backend/grammar/text_set.h"
#include "local_backend/grammar/work_meter.h"

namespace tollgate::local {
namespace {

// States from which an accepting one can be reached.
std::vector<bool> living(const TextDfa& dfa) {
  std::vector<std::vector<std::uint32_t>> into(dfa.states());
  for (std::uint32_t s = 1; s < dfa.states(); ++s)
    for (std::uint32_t c = 0; c < dfa.classes; ++c)
      if (const std::uint32_t to = dfa.next[s * dfa.classes + c]; to != 0) into[to].push_back(s);
  std::vector<bool> alive(dfa.states());
  std::vector<std::uint32_t> open;
  for (std::uint32_t s = 1; s < dfa.states(); ++s)
    if (dfa.mark[s] != 0) alive[s] = true, open.push_back(s);
  while (!open.empty()) {
    const std::uint32_t s = open.back();
    open.pop_back();
    for (const std::uint32_t from : into[s])
      if (!alive[from]) alive[from] = true, open.push_back(from);
  }
  return alive;
}

// Partition refinement by the smaller half. State 0 stands for all dead ones and stays alone.
class Refinement {
 public:
  Refinement(const TextDfa& dfa, const std::vector<bool>& alive) : dfa_(dfa), alive_(alive), states_(dfa.states()) {}

  // The block of each state: 0 for dead ones, the others in the order of their first states.
  std::vector<std::uint32_t> blocks() {
    collect_sources();
    begin();
    while (!work_.empty()) {
      const std::uint32_t block = work_.back();
      work_.pop_back();
      queued_[block] = false;
      const std::vector<std::uint32_t> members(order_.begin() + first_[block], order_.begin() + last_[block]);
      for (std::uint32_t c = 0; c < dfa_.classes; ++c) split_by(members, c);
    }
    return numbered();
  }

 private:
  // For each class and state: where it is reached from.
  void collect_sources() {
    offsets_.assign(std::size_t{states_} * dfa_.classes + 1, 0);
    const auto each = [&](auto&& visit) {
      for (std::uint32_t s = 1; s < states_; ++s)
        for (std::uint32_t c = 0; alive_[s] && c < dfa_.classes; ++c)
          if (const std::uint32_t to = dfa_.next[std::size_t{s} * dfa_.classes + c]; alive_[to])
            visit(std::size_t{c} * states_ + to, s);
    };
    each([&](std::size_t cell, std::uint32_t) { ++offsets_[cell + 1]; });
    for (std::size_t i = 1; i < offsets_.size(); ++i) offsets_[i] += offsets_[i - 1];
    sources_.resize(offsets_.back());
    std::vector<std::uint32_t> at(offsets_.begin(), offsets_.end() - 1);
    each([&](std::size_t cell, std::uint32_t from) { sources_[at[cell]++] = from; });
  }

  void begin() {
    for (std::uint32_t s = 1; s < states_; ++s)
      if (alive_[s]) order_.push_back(s);
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return dfa_.mark[a] != dfa_.mark[b] ? dfa_.mark[a] < dfa_.mark[b] : a < b;
    });
    place_.assign(states_, 0);
    block_.assign(states_, 0);
    for (std::uint32_t i = 0; i < order_.size(); ++i) {
      if (i == 0 || dfa_.mark[order_[i]] != dfa_.mark[order_[i - 1]]) add_block(i, i);
      ++last_.back();
      place_[order_[i]] = i;
      block_[order_[i]] = static_cast<std::uint32_t>(first_.size() - 1);
    }
    // The dead state's block need not split others: all but one suffice.
    for (std::uint32_t block = 0; block < first_.size(); ++block) queue(block);
  }

  void add_block(std::uint32_t first, std::uint32_t last) {
    first_.push_back(first);
    last_.push_back(last);
    hit_.push_back(0);
    queued_.push_back(false);
  }
  void queue(std::uint32_t block) {
    work_.push_back(block);
    queued_[block] = true;
  }

  // Those that reach `members` by class `c` part from those that do not.
  void split_by(const std::vector<std::uint32_t>& members, std::uint32_t c) {
    touched_.clear();
    for (const std::uint32_t to : members) {
      const std::size_t cell = std::size_t{c} * states_ + to;
      for (std::uint32_t i = offsets_[cell]; i < offsets_[cell + 1]; ++i) hit(sources_[i]);
    }
    for (const std::uint32_t block : touched_) {
      const std::uint32_t cut = first_[block] + hit_[block];
      hit_[block] = 0;
      if (cut == last_[block]) continue;
      const auto fresh = static_cast<std::uint32_t>(first_.size());
      add_block(first_[block], cut);
      first_[block] = cut;
      for (std::uint32_t i = first_[fresh]; i < cut; ++i) block_[order_[i]] = fresh;
      const bool smaller = cut - first_[fresh] <= last_[block] - cut;
      queue(queued_[block] || smaller ? fresh : block);
    }
  }

  // Moves `state` to the front part of its block.
  void hit(std::uint32_t state) {
    const std::uint32_t block = block_[state], front = first_[block] + hit_[block];
    if (place_[state] < front) return;
    if (hit_[block]++ == 0) touched_.push_back(block);
    const std::uint32_t other = order_[front];
    std::swap(order_[front], order_[place_[state]]);
    std::swap(place_[other], place_[state]);
  }

  std::vector<std::uint32_t> numbered() const {
    std::vector<std::uint32_t> id(first_.size(), 0), out(states_, 0);
    std::uint32_t next = 0;
    for (std::uint32_t s = 1; s < states_; ++s) {
      if (!alive_[s]) continue;
      if (id[block_[s]] == 0) id[block_[s]] = ++next;
      out[s] = id[block_[s]];
    }
    return out;
  }

  const TextDfa& dfa_;
  const std::vector<bool>& alive_;
  const std::uint32_t states_;
  std::vector<std::uint32_t> offsets_, sources_;      // by class and state
  std::vector<std::uint32_t> order_, place_, block_;  // states by block; where each stands; its block
  std::vector<std::uint32_t> first_, last_, hit_;     // of each block, within order_
  std::vector<bool> queued_;
  std::vector<std::uint32_t> work_, touched_;
};

// Classes that no state tells apart become one.
void merge_classes(TextDfa& dfa) {
  std::map<std::vector<std::uint32_t>, std::uint16_t> ids;
  std::vector<std::uint16_t> merged(dfa.classes);
  for (std::uint32_t c = 0; c < dfa.classes; ++c) {
    std::vector<std::uint32_t> column(dfa.states());
    for (std::uint32_t s = 0; s < dfa.states(); ++s) column[s] = dfa.next[s * dfa.classes + c];
    merged[c] = ids.try_emplace(std::move(column), static_cast<std::uint16_t>(ids.size())).first->second;
  }
  const auto classes = static_cast<std::uint32_t>(ids.size());
  std::vector<std::uint32_t> next(std::size_t{dfa.states()} * classes);
  for (const auto& [column, id] : ids)
    for (std::uint32_t s = 0; s < dfa.states(); ++s) next[s * classes + id] = column[s];
  std::vector<char32_t> starts;
  std::vector<std::uint16_t> run_class;
  for (std::size_t i = 0; i < dfa.starts.size(); ++i) {
    const std::uint16_t id = merged[dfa.run_class[i]];
    if (!run_class.empty() && run_class.back() == id) continue;
    starts.push_back(dfa.starts[i]);
    run_class.push_back(id);
  }
  dfa.starts = std::move(starts);
  dfa.run_class = std::move(run_class);
  dfa.classes = classes;
  dfa.next = std::move(next);
}

}  // namespace

TextSet finish(TextDfa raw) {
  spend_work(2 * raw.next.size());
  const std::vector<bool> alive = living(raw);
  const std::vector<std::uint32_t> block = Refinement(raw, alive).blocks();
  const std::uint32_t count = 1 + *std::max_element(block.begin(), block.end());
  TextDfa out;
  out.starts = raw.starts;
  out.run_class = raw.run_class;
  out.classes = raw.classes;
  out.next.assign(std::size_t{count} * raw.classes, 0);
  out.mark.assign(count, 0);
  for (std::uint32_t s = 1; s < raw.states(); ++s) {
    if (!alive[s]) continue;
    out.mark[block[s]] = raw.mark[s];
    for (std::uint32_t c = 0; c < raw.classes; ++c)
      out.next[block[s] * raw.classes + c] = block[raw.next[s * raw.classes + c]];
  }
  out.start = block[raw.start];
  merge_classes(out);
  return std::make_shared<const TextDfa>(std::move(out));
}

}  // namespace tollgate::local
