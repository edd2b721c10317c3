// Expressions, from the loosest binding to the tightest.
#include <algorithm>

#include "local_backend/template/parser.h"

namespace tollgate::local::jinja {

using Type = Expression::Type;

ExpressionPtr Parser::make(Type type) const {
  auto node = std::make_unique<Expression>();
  node->type = type;
  node->line = current().line;
  return node;
}

ExpressionPtr Parser::made(ExpressionPtr node) const {
  const auto count = [&](const ExpressionPtr& part) {
    if (part) node->height = std::max(node->height, part->height + 1);
  };
  for (const ExpressionPtr& part : node->parts) count(part);
  for (const ExpressionPtr& part : node->arguments.positional) count(part);
  for (const auto& [name, part] : node->arguments.named) count(part);
  count(node->arguments.star);
  count(node->arguments.double_star);
  if (node->height > 4 * max_depth_) fail("expressions nest too deep", node->line);
  return node;
}

ExpressionPtr Parser::parse_expression() {
  const Level level(*this);
  ExpressionPtr node = parse_or();
  while (at_name("if")) {
    ExpressionPtr outer = make(Type::conditional);
    take();
    outer->parts.push_back(parse_or());
    outer->parts.push_back(std::move(node));
    if (skip_name("else")) outer->parts.push_back(parse_expression());
    node = made(std::move(outer));
  }
  return node;
}

bool Parser::ends_tuple(Ending ending) const {
  const Token::Kind kind = current().kind;
  if (kind == Token::Kind::variable_end || kind == Token::Kind::block_end || at_sign(")")) return true;
  return (ending == Ending::before_recursive && at_name("recursive")) || (ending == Ending::before_in && at_name("in"));
}

ExpressionPtr Parser::parse_tuple(bool conditional, Ending ending, bool parentheses) {
  ExpressionPtr tuple = make(Type::tuple);
  bool is_tuple = false;
  for (;;) {
    if (!tuple->parts.empty()) expect_sign(",");
    if (ends_tuple(ending)) break;
    tuple->parts.push_back(conditional ? parse_expression() : parse_or());
    if (!at_sign(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return made(std::move(tuple));
  if (!tuple->parts.empty()) return std::move(tuple->parts[0]);
  if (!parentheses) wrong("Expected an expression, got " + description());
  return tuple;
}

ExpressionPtr Parser::parse_or() {
  const Level level(*this);
  ExpressionPtr first = parse_and();
  if (!at_name("or")) return first;
  ExpressionPtr node = make(Type::any);
  node->parts.push_back(std::move(first));
  while (skip_name("or")) node->parts.push_back(parse_and());
  return made(std::move(node));
}

ExpressionPtr Parser::parse_and() {
  ExpressionPtr first = parse_not();
  if (!at_name("and")) return first;
  ExpressionPtr node = make(Type::all);
  node->parts.push_back(std::move(first));
  while (skip_name("and")) node->parts.push_back(parse_not());
  return made(std::move(node));
}

ExpressionPtr Parser::parse_not() {
  if (!at_name("not")) return parse_comparison();
  const Level level(*this);
  ExpressionPtr node = make(Type::negation);
  take();
  node->parts.push_back(parse_not());
  return made(std::move(node));
}

ExpressionPtr Parser::parse_comparison() {
  using Comparison = Expression::Comparison;
  static constexpr std::pair<std::string_view, Comparison> kSigns[] = {
      {"==", Comparison::equal},      {"!=", Comparison::not_equal}, {"<", Comparison::less},
      {"<=", Comparison::less_equal}, {">", Comparison::greater},    {">=", Comparison::greater_equal}};
  ExpressionPtr first = parse_sum();
  ExpressionPtr node;
  for (;;) {
    const auto* sign =
        std::find_if(std::begin(kSigns), std::end(kSigns), [&](const auto& each) { return at_sign(each.first); });
    const bool not_in = at_name("not") && ahead().kind == Token::Kind::name && ahead().text == "in";
    if (sign == std::end(kSigns) && !at_name("in") && !not_in) break;
    if (!node) {
      node = make(Type::comparison);
      node->parts.push_back(std::move(first));
    }
    node->comparisons.push_back(sign != std::end(kSigns) ? sign->second : not_in ? Comparison::not_in : Comparison::in);
    take();
    if (not_in) take();
    node->parts.push_back(parse_sum());
  }
  return node ? made(std::move(node)) : std::move(first);
}

ExpressionPtr Parser::parse_sum() {
  ExpressionPtr first = parse_concat();
  if (!at_sign("+") && !at_sign("-")) return first;
  ExpressionPtr node = make(Type::arithmetic);
  node->parts.push_back(std::move(first));
  while (at_sign("+") || at_sign("-")) {
    node->operators.push_back(take().text == "+" ? Operator::add : Operator::sub);
    node->parts.push_back(parse_concat());
  }
  return made(std::move(node));
}

ExpressionPtr Parser::parse_concat() {
  ExpressionPtr first = parse_product();
  if (!at_sign("~")) return first;
  ExpressionPtr node = make(Type::concat);
  node->parts.push_back(std::move(first));
  while (skip_sign("~")) node->parts.push_back(parse_product());
  return made(std::move(node));
}

ExpressionPtr Parser::parse_product() {
  static constexpr std::pair<std::string_view, Operator> kSigns[] = {
      {"*", Operator::mul}, {"/", Operator::div}, {"//", Operator::floordiv}, {"%", Operator::mod}};
  ExpressionPtr first = parse_power();
  ExpressionPtr node;
  for (;;) {
    const auto* sign =
        std::find_if(std::begin(kSigns), std::end(kSigns), [&](const auto& each) { return at_sign(each.first); });
    if (sign == std::end(kSigns)) break;
    if (!node) {
      node = make(Type::arithmetic);
      node->parts.push_back(std::move(first));
    }
    take();
    node->operators.push_back(sign->second);
    node->parts.push_back(parse_power());
  }
  return node ? made(std::move(node)) : std::move(first);
}

ExpressionPtr Parser::parse_power() {
  ExpressionPtr first = parse_unary(true);
  if (!at_sign("**")) return first;
  ExpressionPtr node = make(Type::arithmetic);
  node->parts.push_back(std::move(first));
  while (skip_sign("**")) {
    node->operators.push_back(Operator::pow);
    node->parts.push_back(parse_unary(true));
  }
  return made(std::move(node));
}

ExpressionPtr Parser::parse_unary(bool filters) {
  const Level level(*this);
  ExpressionPtr node;
  if (at_sign("-") || at_sign("+")) {
    node = make(at_sign("-") ? Type::minus : Type::plus);
    take();
    node->parts.push_back(parse_unary(false));
    node = made(std::move(node));
  } else {
    node = parse_primary();
  }
  node = parse_postfix(std::move(node));
  return filters ? parse_filters(std::move(node)) : std::move(node);
}

ExpressionPtr Parser::parse_primary() {
  if (current().kind == Token::Kind::name) {
    const std::string& name = current().text;
    if (name == "true" || name == "True" || name == "false" || name == "False" || name == "none" || name == "None") {
      return parse_constant();
    }
    for (Signature* signature : signatures_) {
      signature->takes_caller = signature->takes_caller || name == "caller";
      signature->takes_varargs = signature->takes_varargs || name == "varargs";
      signature->takes_kwargs = signature->takes_kwargs || name == "kwargs";
    }
    ExpressionPtr node = make(Type::name);
    node->name = id_of(name);
    program_.mentioned.insert(name);
    take();
    return node;
  }
  if (current().kind == Token::Kind::sign) {
    if (skip_sign("(")) {
      ExpressionPtr node = parse_tuple(true, Ending::any, true);
      expect_sign(")");
      return node;
    }
    if (at_sign("[")) return parse_list();
    if (at_sign("{")) return parse_dict();
  }
  return parse_constant();
}

ExpressionPtr Parser::parse_constant() {
  ExpressionPtr node = make(Type::constant);
  const Token& token = current();
  if (token.kind == Token::Kind::text) {
    std::string text;
    while (current().kind == Token::Kind::text) text += take().text;
    node->value = Value::text(std::move(text));
    return node;
  }
  if (token.kind == Token::Kind::integer) {
    node->value = Value::integer(token.integer);
  } else if (token.kind == Token::Kind::real) {
    node->value = Value::real(token.real);
  } else if (token.kind == Token::Kind::name) {
    const bool none = token.text == "none" || token.text == "None";
    node->value = none ? Value::none() : Value::boolean(token.text == "true" || token.text == "True");
  } else {
    wrong("unexpected " + description());
  }
  take();
  return node;
}

ExpressionPtr Parser::parse_list() {
  ExpressionPtr node = make(Type::list);
  expect_sign("[");
  while (!at_sign("]")) {
    if (!node->parts.empty()) expect_sign(",");
    if (at_sign("]")) break;
    node->parts.push_back(parse_expression());
  }
  expect_sign("]");
  return made(std::move(node));
}

ExpressionPtr Parser::parse_dict() {
  ExpressionPtr node = make(Type::dict);
  expect_sign("{");
  while (!at_sign("}")) {
    if (!node->parts.empty()) expect_sign(",");
    if (at_sign("}")) break;
    node->parts.push_back(parse_expression());
    expect_sign(":");
    node->parts.push_back(parse_expression());
  }
  expect_sign("}");
  return made(std::move(node));
}

}  // namespace tollgate::local::jinja
