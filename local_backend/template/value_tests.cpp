// `is ...`: what a template can ask of a value.
#include <algorithm>
#include <utility>

#include "local_backend/template/filters.h"
#include "local_backend/template/methods.h"
#include "local_backend/template/operations.h"

namespace tollgate::local::jinja {
namespace {

template <bool (*kTest)(const Value&)>
bool plain(Arena&, const Value& input, Arguments& arguments) {
  Parameters("test", arguments).done();
  return kTest(input);
}

bool is_defined(const Value& v) { return !v.is(Kind::undefined); }
bool is_undefined(const Value& v) { return v.is(Kind::undefined); }
bool is_none(const Value& v) { return v.is(Kind::none); }
bool is_boolean(const Value& v) { return v.is(Kind::boolean); }
bool is_true(const Value& v) { return v.is(Kind::boolean) && v.as_boolean(); }
bool is_false(const Value& v) { return v.is(Kind::boolean) && !v.as_boolean(); }
bool is_integer(const Value& v) { return v.is(Kind::integer); }
bool is_float(const Value& v) { return v.is(Kind::real); }
bool is_number(const Value& v) { return v.is_number(); }
bool is_string(const Value& v) { return v.is(Kind::text); }
bool is_mapping(const Value& v) { return v.is(Kind::dict); }
bool is_callable(const Value& v) { return v.is(Kind::callable) || v.is(Kind::undefined); }
bool is_escaped(const Value& v) { return v.is(Kind::text) && v.as_text().markup; }

bool is_sequence(const Value& v) {
  if (!v.is(Kind::list)) return v.is(Kind::text) || v.is(Kind::dict) || v.is(Kind::undefined);
  const Sequence sequence = v.as_list().sequence;
  return sequence == Sequence::list || sequence == Sequence::tuple || sequence == Sequence::range;
}

template <bool kUpper>
bool is_case(Arena& arena, const Value& input, Arguments& arguments) {
  const Value text = Value::text(to_text(arena, input));
  return text_method(kUpper ? "isupper" : "islower")(arena, text, arguments).as_boolean();
}

template <bool kOdd>
bool is_parity(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("test", arguments).done();
  const Value rest = arithmetic(arena, Operator::mod, input, Value::integer(2));
  return equal(arena, rest, Value::integer(kOdd ? 1 : 0));
}

bool divisible_by(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("divisibleby", arguments);
  const Value number = parameters.require("num");
  parameters.done();
  return equal(arena, arithmetic(arena, Operator::mod, input, number), Value::integer(0));
}

bool same_as(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("sameas", arguments);
  const Value other = parameters.require("other");
  parameters.done();
  if (input.kind() != other.kind()) return false;
  if (input.is(Kind::none) || input.is_number()) return equal(arena, input, other);
  return input.identity() == other.identity();
}

bool is_in(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("in", arguments);
  const Value container = parameters.require("seq");
  parameters.done();
  return contains(arena, container, input);
}

bool names_filter(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("filter", arguments).done();
  return find_filter(to_text(arena, input)) != nullptr;
}

bool names_test(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("test", arguments).done();
  return find_test(to_text(arena, input)) != nullptr;
}

template <bool kEqual>
bool equality(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("eq", arguments);
  const Value other = parameters.require("other");
  parameters.done();
  return equal(arena, input, other) == kEqual;
}

template <Order kOrder>
bool ordered(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("compare", arguments);
  const Value other = parameters.require("other");
  parameters.done();
  return compare(arena, kOrder, input, other);
}

constexpr std::pair<std::string_view, Test> kTests[] = {
    {"!=", equality<false>},
    {"<", ordered<Order::less>},
    {"<=", ordered<Order::less_equal>},
    {"==", equality<true>},
    {">", ordered<Order::greater>},
    {">=", ordered<Order::greater_equal>},
    {"boolean", plain<is_boolean>},
    {"callable", plain<is_callable>},
    {"defined", plain<is_defined>},
    {"divisibleby", divisible_by},
    {"eq", equality<true>},
    {"equalto", equality<true>},
    {"escaped", plain<is_escaped>},
    {"even", is_parity<false>},
    {"false", plain<is_false>},
    {"filter", names_filter},
    {"float", plain<is_float>},
    {"ge", ordered<Order::greater_equal>},
    {"greaterthan", ordered<Order::greater>},
    {"gt", ordered<Order::greater>},
    {"in", is_in},
    {"integer", plain<is_integer>},
    {"iterable", plain<is_iterable>},
    {"le", ordered<Order::less_equal>},
    {"lessthan", ordered<Order::less>},
    {"lower", is_case<false>},
    {"lt", ordered<Order::less>},
    {"mapping", plain<is_mapping>},
    {"ne", equality<false>},
    {"none", plain<is_none>},
    {"number", plain<is_number>},
    {"odd", is_parity<true>},
    {"sameas", same_as},
    {"sequence", plain<is_sequence>},
    {"string", plain<is_string>},
    {"test", names_test},
    {"true", plain<is_true>},
    {"undefined", plain<is_undefined>},
    {"upper", is_case<true>},
};

}  // namespace

Test find_test(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kTests), std::end(kTests), [&](const auto& t) { return t.first == name; });
  return found == std::end(kTests) ? nullptr : found->second;
}

}  // namespace tollgate::local::jinja
