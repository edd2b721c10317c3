#include "local_backend/grammar/wrapped.h"

#include <algorithm>
#include <new>

#include "local_backend/grammar/compiled.h"

namespace tollgate::local {
namespace {

Error refuse(std::string message) { return Error{ErrorKind::client_fault, 400, "bad_schema", std::move(message)}; }

// Puts programs side by side: what is an index in one is moved by what the others have.
class Joined {
 public:
  // The node of the part's objects; kNone if it has none that fit.
  std::uint32_t add(const Program& part) {
    nodes_ = at(program_.nodes), arrays_ = at(program_.arrays), objects_ = at(program_.objects);
    strings_ = at(program_.strings), numbers_ = at(program_.numbers);
    program_.strings.insert(program_.strings.end(), part.strings.begin(), part.strings.end());
    program_.numbers.insert(program_.numbers.end(), part.numbers.begin(), part.numbers.end());
    for (const ValueNode& node : part.nodes) program_.nodes.push_back(moved(node));
    for (const ArrayProgram& array : part.arrays) program_.arrays.push_back(moved(array));
    for (const ObjectProgram& object : part.objects) program_.objects.push_back(moved(object));
    program_.max_depth = part.max_depth;
    program_.any_order = part.any_order;
    ValueNode root;
    root.objects = program_.nodes[nodes_].objects;
    for (const std::uint32_t clause : root.objects)
      root.height = std::min(root.height, program_.objects[clause].height);
    if (root.height == kNone || root.height > program_.max_depth) return kNone;
    program_.nodes.push_back(std::move(root));
    return at(program_.nodes) - 1;
  }

  std::uint32_t add(LiteralText literal) {
    program_.literals.push_back(std::move(literal));
    return at(program_.literals) - 1;
  }
  Program& program() { return program_; }

 private:
  template <class T>
  static std::uint32_t at(const std::vector<T>& list) {
    return static_cast<std::uint32_t>(list.size());
  }
  static void shift(std::uint32_t& index, std::uint32_t by) {
    if (index != kNone) index += by;
  }
  static void shift(std::vector<std::uint32_t>& list, std::uint32_t by) {
    for (std::uint32_t& index : list) shift(index, by);
  }
  ValueNode moved(ValueNode node) const {
    shift(node.text, strings_);
    shift(node.number, numbers_);
    shift(node.arrays, arrays_);
    shift(node.objects, objects_);
    return node;
  }
  ArrayProgram moved(ArrayProgram array) const {
    shift(array.prefix, nodes_);
    shift(array.rest, nodes_);
    shift(array.witnesses, nodes_);
    return array;
  }
  ObjectProgram moved(ObjectProgram object) const {
    shift(object.nodes, nodes_);
    shift(object.witnesses, nodes_);
    return object;
  }

  Program program_;
  std::uint32_t nodes_ = 0, arrays_ = 0, objects_ = 0, strings_ = 0, numbers_ = 0;
};

Result<std::shared_ptr<const Grammar>> wrap(const WrappedForm& form) {
  Joined joined;
  const std::uint32_t tail = joined.add(LiteralText{.text = form.tail, .node = kNone, .next = {}, .may_end = true});
  std::vector<std::uint32_t> again, ends;
  for (const WrappedChoice& choice : form.choices) {
    const std::uint32_t node = joined.add(program_of(*choice.value));
    if (node == kNone) return refuse("'" + choice.before + "': the schema allows no object");
    ends.push_back(joined.add(LiteralText{.text = choice.after, .node = kNone, .next = {tail}}));
    const std::string first = form.head + choice.before;
    joined.program().entries.push_back(
        joined.add(LiteralText{.text = first.substr(form.written), .node = node, .next = {ends.back()}}));
    if (form.several)
      again.push_back(
          joined.add(LiteralText{.text = form.between + choice.before, .node = node, .next = {ends.back()}}));
  }
  for (const std::uint32_t end : ends) {
    auto& next = joined.program().literals[end].next;
    next.insert(next.end(), again.begin(), again.end());
  }
  return grammar_of(std::make_shared<const Program>(std::move(joined.program())));
}

}  // namespace

Result<std::shared_ptr<const Grammar>> wrapped_grammar(const WrappedForm& form) {
  if (form.choices.empty() || form.choices.size() > kMaxWrapped)
    return refuse("there must be from 1 to " + std::to_string(kMaxWrapped) + " functions to choose from");
  try {
    return wrap(form);
  } catch (const std::bad_alloc&) {
    return refuse("the functions' schemas need too much memory together");
  }
}

}  // namespace tollgate::local
