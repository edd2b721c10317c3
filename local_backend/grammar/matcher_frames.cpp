// Frames: sharing them, and what may come next in an array or object.
#include <algorithm>
#include <cstring>

#include "local_backend/grammar/matcher.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kManyFrames = 1u << 14;

std::size_t mixed(std::size_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
  return hash ^ hash >> 32;
}

template <class T>
void append_bytes(std::string& out, const T& value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

}  // namespace

std::size_t Matcher::FrameHash::operator()(const Frame& frame) const {
  std::size_t hash = mixed(frame.array * 2u + frame.other + frame.witnessed * 4u + frame.literal * 8u,
                           std::uint64_t{frame.parent} << 32 | frame.clause);
  hash = mixed(hash, std::uint64_t{frame.listed} << 32 | frame.progress);
  return mixed(hash, frame.count);
}

std::size_t Matcher::BitsHash::operator()(const std::vector<std::uint64_t>& bits) const {
  std::size_t hash = bits.size();
  for (const std::uint64_t word : bits) hash = mixed(hash, word);
  return hash;
}

std::uint32_t Matcher::intern(const Frame& frame) {
  const auto [id, fresh] = ids_.try_emplace(frame, static_cast<std::uint32_t>(frames_.size()));
  if (fresh) {
    frames_.push_back(frame);
    allowed_.emplace_back();
  }
  return id->second;
}

bool Matcher::used(const Frame& frame, std::uint32_t label) const {
  if (!program_->any_order) return label < frame.progress;
  if (frame.progress == 0) return false;
  return used_sets_[frame.progress - 1][label / 64] >> (label % 64) & 1u;
}

std::uint32_t Matcher::with_label(std::uint32_t id, std::uint32_t label, bool witnessed) {
  Frame frame = frames_[id];
  frame.witnessed = frame.witnessed || witnessed;
  const ObjectProgram& object = program_->objects[frame.clause];
  if (label >= object.listed) {
    frame.other = object.least > 0 || frame.other;
    if (object.most != UINT64_MAX) ++frame.count;
    if (!program_->any_order) frame.progress = object.listed;
    return intern(frame);
  }
  if (object.least > 0 || object.most != UINT64_MAX) ++frame.listed;
  if (!program_->any_order) {
    frame.progress = label + 1;
    return intern(frame);
  }
  std::vector<std::uint64_t> bits((object.listed + 63) / 64);
  if (frame.progress != 0) bits = used_sets_[frame.progress - 1];
  bits[label / 64] |= std::uint64_t{1} << (label % 64);
  const auto [set, fresh] = used_ids_.try_emplace(bits, static_cast<std::uint32_t>(used_sets_.size()) + 1);
  if (fresh) used_sets_.push_back(std::move(bits));
  frame.progress = set->second;
  return intern(frame);
}

bool Matcher::fits(std::uint32_t node, std::uint32_t depth) const {
  if (node == kNone) return false;
  const std::uint32_t height = program_->nodes[node].height;
  return height != kNone && depth + height <= program_->max_depth;
}

const Matcher::Allowed& Matcher::allowed(std::uint32_t id) {
  if (!allowed_[id]) {
    Allowed found;
    find_allowed(frames_[id], found);
    allowed_[id] = std::move(found);
  }
  return *allowed_[id];
}

void Matcher::find_allowed(const Frame& frame, Allowed& out) const {
  const ObjectProgram& object = program_->objects[frame.clause];
  out.labels.assign((object.nodes.size() + 63) / 64, 0);
  out.plain = out.labels;
  const bool outstanding = !object.witnesses.empty() && !frame.witnessed;
  const auto serves = [&](std::uint32_t label) { return outstanding && fits(object.witnesses[label], frame.depth); };
  std::uint64_t later_serving = 0;  // listed members that can still be the one that must be there
  bool others_serve = false;
  const std::uint64_t distinct = std::uint64_t{frame.listed} + frame.other;
  const std::uint64_t written = frame.listed + frame.count;
  std::uint64_t needed = 0, later = 0;  // required ones still to come; listed ones that can still come
  bool others = false;
  for (std::uint32_t label = 0; label < object.nodes.size(); ++label) {
    const bool fit = fits(object.nodes[label], frame.depth);
    if (label >= object.listed) {
      others = others || fit;
      others_serve = others_serve || serves(label);
    } else if (!used(frame, label)) {
      needed += object.required[label];
      later += fit;
      later_serving += serves(label);
    }
  }
  out.may_close = !outstanding && needed == 0 && distinct >= object.least;
  const bool ordered = !program_->any_order;
  bool passed_required = false;
  for (std::uint32_t label = 0; label < object.nodes.size(); ++label) {
    const bool listed = label < object.listed;
    if (listed && used(frame, label)) continue;
    const bool fit = fits(object.nodes[label], frame.depth);
    const bool required = listed && object.required[label];
    if (listed) later -= ordered && fit;
    if (listed) later_serving -= ordered && serves(label);
    const bool blocked = passed_required || (!listed && ordered && needed > 0);
    passed_required = passed_required || (ordered && required);
    if (!fit || blocked) continue;
    // After this member the object must still be able to become whole.
    const std::uint64_t now = listed ? distinct + 1 : std::uint64_t{frame.listed} + 1;
    const std::uint64_t still = needed - required;
    const std::uint64_t missing = std::max(still, object.least > now ? object.least - now : 0);
    const bool other_counts = listed && others && !frame.other;
    const std::uint64_t to_come = (listed || !ordered ? later - (!ordered && listed) : 0) + other_counts;
    if (missing > to_come) continue;
    if (object.most != UINT64_MAX && written + 1 + missing > object.most) continue;
    const std::uint64_t serving_after = listed    ? later_serving - (!ordered && serves(label))
                                        : ordered ? 0
                                                  : later_serving;
    const bool plain = !outstanding || serving_after > 0 || others_serve;
    if (!plain && !serves(label)) continue;
    if (plain) out.plain[label / 64] |= std::uint64_t{1} << (label % 64);
    out.labels[label / 64] |= std::uint64_t{1} << (label % 64);
    out.any = true;
    out.others = out.others || !listed;
  }
}

bool Matcher::may_close(std::uint32_t id) {
  const Frame& frame = frames_[id];
  if (!frame.array) return allowed(id).may_close;
  const ArrayProgram& array = program_->arrays[frame.clause];
  return frame.count >= array.least && (array.witnesses.empty() || frame.witnessed);
}

bool Matcher::witness_element(const Frame& frame) const {
  const ArrayProgram& array = program_->arrays[frame.clause];
  const bool outstanding = !array.witnesses.empty() && !frame.witnessed;
  return outstanding && frame.count < array.most && fits(array.witness_at(frame.count), frame.depth);
}

// Whether the next element need not be the one that must be there.
bool Matcher::plain_element(const Frame& frame) const {
  const ArrayProgram& array = program_->arrays[frame.clause];
  if (frame.count >= array.most || !fits(array.node_at(frame.count), frame.depth)) return false;
  if (array.witnesses.empty() || frame.witnessed) return true;
  for (Frame later = frame; later.count < array.most;) {
    if (!fits(array.node_at(later.count), frame.depth)) return false;
    ++later.count;
    if (witness_element(later)) return true;
    if (later.count > array.prefix.size()) return false;
  }
  return false;
}

bool Matcher::more_fit(std::uint32_t id) {
  const Frame& frame = frames_[id];
  return frame.array ? plain_element(frame) || witness_element(frame) : allowed(id).any;
}

bool Matcher::takes_others(std::uint32_t id) { return allowed(id).others; }

std::string Matcher::describe(const Positions& all) const {
  std::string out;
  for (const Position& at : all) {
    append_bytes(out, at.mode);
    append_bytes(out, at.gap);
    append_bytes(out, at.d);
    append_bytes(out, at.ref);
    append_bytes(out, at.q);
    append_bytes(out, at.count);
    for (std::uint32_t id = at.frame; id != 0; id = frames_[id].parent) {
      const Frame& frame = frames_[id];
      append_bytes(out, frame.clause);
      append_bytes(out, frame.listed);
      append_bytes(out, frame.count);
      out += static_cast<char>(1 + frame.array + 2 * frame.other + 4 * frame.witnessed + 8 * frame.literal);
      const bool bits = program_->any_order && frame.progress != 0;
      if (!bits) append_bytes(out, frame.progress);
      if (bits)
        for (const std::uint64_t word : used_sets_[frame.progress - 1]) append_bytes(out, word);
    }
    out += '\0';
  }
  return out;
}

void Matcher::tidy(Positions& kept) {
  if (frames_.size() < kManyFrames) return;
  Matcher fresh(program_);
  for (Position& at : kept) {
    std::vector<std::uint32_t> chain;
    for (std::uint32_t id = at.frame; id != 0; id = frames_[id].parent) chain.push_back(id);
    std::uint32_t parent = 0;
    for (std::size_t i = chain.size(); i-- > 0;) {
      Frame frame = frames_[chain[i]];
      frame.parent = parent;
      if (program_->any_order && !frame.array && !frame.literal && frame.progress != 0) {
        const std::vector<std::uint64_t>& bits = used_sets_[frame.progress - 1];
        const auto [set, added] = fresh.used_ids_.try_emplace(bits, fresh.used_sets_.size() + 1);
        if (added) fresh.used_sets_.push_back(bits);
        frame.progress = set->second;
      }
      parent = fresh.intern(frame);
    }
    at.frame = parent;
  }
  *this = std::move(fresh);
}

}  // namespace tollgate::local
