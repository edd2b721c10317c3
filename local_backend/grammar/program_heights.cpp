// What can be completed at all, and how deep it must nest for that: parts that cannot are cut off, so that a machine
// that runs the program never enters a dead end.
#include <algorithm>

#include "local_backend/grammar/work_meter.h"

#include "local_backend/grammar/program_builder.h"

namespace tollgate::local {

std::uint32_t ProgramBuilder::height_of(const ArrayProgram& array) const {
  std::uint32_t most = 0;
  if (array.least > array.most) return kNone;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(array.least, array.prefix.size() + 1); ++i)
    most = std::max(most, program_->nodes[array.node_at(i)].height);
  std::uint32_t before = 0, witness = array.witnesses.empty() ? 0 : kNone;
  for (std::uint64_t i = 0; i < array.witnesses.size() && i < array.most; ++i) {
    witness = std::min(witness, std::max(before, program_->nodes[array.witnesses[i]].height));
    before = std::max(before, program_->nodes[array.node_at(i)].height);
  }
  most = std::max(most, witness);
  return most == kNone ? kNone : most + 1;
}

std::uint32_t ProgramBuilder::height_of(const ObjectProgram& object) const {
  std::uint32_t most = 0;
  std::vector<std::uint32_t> optional;  // heights of what may be added to come to `least`
  std::uint32_t other = kNone;
  std::uint64_t required = 0;
  for (std::uint32_t label = 0; label < object.nodes.size(); ++label) {
    const std::uint32_t height = program_->nodes[object.nodes[label]].height;
    if (label >= object.listed) {
      other = std::min(other, height);
    } else if (object.required[label]) {
      most = std::max(most, height);
      ++required;
    } else {
      optional.push_back(height);
    }
  }
  if (required > object.most) return kNone;
  std::uint32_t witness = object.witnesses.empty() ? 0 : kNone;
  for (const std::uint32_t node : object.witnesses)
    if (node != kNone) witness = std::min(witness, program_->nodes[node].height);
  most = std::max(most, witness);
  if (object.least > required) {
    optional.push_back(other);
    std::sort(optional.begin(), optional.end());
    const std::uint64_t missing = object.least - required;
    if (missing > optional.size()) return kNone;
    most = std::max(most, optional[missing - 1]);
  }
  return most == kNone ? kNone : most + 1;
}

void ProgramBuilder::find_heights() {
  for (bool changed = true; changed && work_left();) {
    changed = false;
    spend_work(64 * (program_->arrays.size() + program_->objects.size() + program_->nodes.size()));
    for (ArrayProgram& array : program_->arrays) array.height = height_of(array);
    for (ObjectProgram& object : program_->objects) object.height = height_of(object);
    for (ValueNode& node : program_->nodes) {
      std::uint32_t height = kNone;
      for (const std::uint32_t id : node.arrays) height = std::min(height, program_->arrays[id].height);
      for (const std::uint32_t id : node.objects) height = std::min(height, program_->objects[id].height);
      if (node.null || node.yes || node.no || node.text != kNone || node.number != kNone) height = 0;
      changed = changed || height != node.height;
      node.height = height;
    }
  }
}

void ProgramBuilder::cut_dead() {
  const auto dead = [&](std::uint32_t node) { return program_->nodes[node].height == kNone; };
  for (ArrayProgram& array : program_->arrays) {
    for (std::size_t i = 0; i <= array.prefix.size(); ++i)
      if (dead(array.node_at(i))) array.most = std::min<std::uint64_t>(array.most, i);
    array.counted = std::max<std::uint64_t>(array.prefix.size(), array.least);
    if (array.most != UINT64_MAX) array.counted = std::max(array.counted, array.most);
  }
  for (ObjectProgram& object : program_->objects)
    if (object.height != kNone && work_left()) finish_object(object);
  for (ValueNode& node : program_->nodes) {
    std::erase_if(node.arrays, [&](std::uint32_t id) { return program_->arrays[id].height == kNone; });
    std::erase_if(node.objects, [&](std::uint32_t id) { return program_->objects[id].height == kNone; });
  }
}

void ProgramBuilder::finish_object(ObjectProgram& object) {
  object.keys = remark(object.keys, [&](std::uint32_t mark) {
    return program_->nodes[object.nodes[mark - 1]].height == kNone ? 0 : mark;
  });
  const TextDfa& keys = *object.keys;
  object.decoder = std::make_shared<const CharDecoder>(keys);
  const std::size_t words = (object.nodes.size() + 63) / 64;
  object.reach.assign(keys.states(), std::vector<std::uint64_t>(words));
  for (std::uint32_t s = 1; s < keys.states(); ++s)
    if (const std::uint32_t mark = keys.mark[s]; mark != 0)
      object.reach[s][(mark - 1) / 64] |= std::uint64_t{1} << ((mark - 1) % 64);
  // To a fixed point; states are mostly in the order of their names' beginnings, so backwards is quick.
  for (bool changed = true; changed;) {
    changed = false;
    for (std::uint32_t s = keys.states(); s-- > 1;) {
      spend_work(keys.classes * words);
      for (std::uint32_t c = 0; c < keys.classes; ++c) {
        const std::uint32_t to = keys.next[s * keys.classes + c];
        for (std::size_t word = 0; to != 0 && word < words; ++word) {
          changed = changed || (object.reach[to][word] & ~object.reach[s][word]) != 0;
          object.reach[s][word] |= object.reach[to][word];
        }
      }
    }
  }
  object.open = object.nodes.size() == object.listed + 1u && keys.start != 0;
  for (std::uint32_t s = 1; s < keys.states() && object.open; ++s) {
    const bool other = object.reach[s][object.listed / 64] >> (object.listed % 64) & 1u;
    object.open = other && std::all_of(&keys.next[s * keys.classes], &keys.next[s * keys.classes] + keys.classes,
                                       [](std::uint32_t to) { return to != 0; });
  }
}

}  // namespace tollgate::local
