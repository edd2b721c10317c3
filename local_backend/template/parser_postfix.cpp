// What follows a value: subscripts, calls, filters, tests.
#include "local_backend/template/parser.h"

namespace tollgate::local::jinja {

using Type = Expression::Type;

ExpressionPtr Parser::parse_postfix(ExpressionPtr node) {
  for (;;) {
    if (at_sign(".") || at_sign("[")) {
      node = parse_subscript(std::move(node));
    } else if (at_sign("(")) {
      node = parse_call(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionPtr Parser::parse_filters(ExpressionPtr node) {
  for (;;) {
    if (skip_sign("|")) {
      node = parse_filter(std::move(node));
    } else if (at_name("is")) {
      node = parse_test(std::move(node));
    } else if (at_sign("(")) {
      node = parse_call(std::move(node));
    } else {
      return node;
    }
  }
}

std::string Parser::parse_dotted_name() {
  std::string name = expect_name();
  while (skip_sign(".")) name += "." + expect_name();
  return name;
}

ExpressionPtr Parser::parse_filter(ExpressionPtr node) {
  ExpressionPtr out = make(Type::filter);
  out->parts.push_back(std::move(node));
  out->text = parse_dotted_name();
  if (at_sign("(")) out->arguments = parse_arguments();
  return made(std::move(out));
}

ExpressionPtr Parser::parse_test(ExpressionPtr node) {
  ExpressionPtr out = make(Type::test);
  take();
  const bool negated = skip_name("not");
  out->parts.push_back(std::move(node));
  out->text = parse_dotted_name();
  const Token::Kind kind = current().kind;
  const bool is_operand = kind == Token::Kind::text || kind == Token::Kind::integer || kind == Token::Kind::real ||
                          at_sign("[") || at_sign("{") ||
                          (kind == Token::Kind::name && !at_name("else") && !at_name("or") && !at_name("and"));
  if (at_sign("(")) {
    out->arguments = parse_arguments();
  } else if (is_operand) {
    if (at_name("is")) wrong("You cannot chain multiple tests with is");
    const Level level(*this);
    out->arguments.positional.push_back(parse_postfix(parse_primary()));
  }
  out = made(std::move(out));
  if (!negated) return out;
  ExpressionPtr outer = make(Type::negation);
  outer->parts.push_back(std::move(out));
  return made(std::move(outer));
}

ExpressionPtr Parser::parse_subscript(ExpressionPtr node) {
  if (at_sign(".")) {
    ExpressionPtr out = make(Type::attribute);
    take();
    out->parts.push_back(std::move(node));
    if (current().kind == Token::Kind::integer) {
      out->type = Type::item;
      out->parts.push_back(parse_constant());
    } else {
      if (current().kind != Token::Kind::name) wrong("expected name or number");
      out->text = take().text;
    }
    return made(std::move(out));
  }
  ExpressionPtr out = make(Type::item);
  expect_sign("[");
  out->parts.push_back(std::move(node));
  ExpressionPtr keys = make(Type::tuple);
  while (!at_sign("]")) {
    if (!keys->parts.empty()) expect_sign(",");
    ExpressionPtr bounds[3];
    int colons = 0;
    if (!at_sign(":")) bounds[0] = parse_expression();
    while (colons < 2 && skip_sign(":")) {
      ++colons;
      if (!at_sign(":") && !at_sign("]") && !at_sign(",")) bounds[colons] = parse_expression();
    }
    if (colons == 0) {
      keys->parts.push_back(std::move(bounds[0]));
      continue;
    }
    out->type = Type::slice;
    for (ExpressionPtr& bound : bounds) out->parts.push_back(std::move(bound));
    if (!keys->parts.empty() || !at_sign("]")) wrong("slices of several dimensions are not supported");
  }
  expect_sign("]");
  if (out->type == Type::slice) return made(std::move(out));
  out->parts.push_back(keys->parts.size() == 1 ? std::move(keys->parts[0]) : made(std::move(keys)));
  return made(std::move(out));
}

ExpressionPtr Parser::parse_call(ExpressionPtr node) {
  ExpressionPtr out = make(Type::call);
  out->parts.push_back(std::move(node));
  out->arguments = parse_arguments();
  return made(std::move(out));
}

CallArguments Parser::parse_arguments() {
  CallArguments out;
  const auto ensure = [&](bool right) {
    if (!right) wrong("invalid syntax for function call expression");
  };
  expect_sign("(");
  for (bool first = true; !at_sign(")"); first = false) {
    if (!first) expect_sign(",");
    if (at_sign(")")) break;
    if (skip_sign("*")) {
      ensure(!out.star && !out.double_star);
      out.star = parse_expression();
    } else if (skip_sign("**")) {
      ensure(!out.double_star);
      out.double_star = parse_expression();
    } else if (current().kind == Token::Kind::name && ahead().kind == Token::Kind::sign && ahead().text == "=") {
      ensure(!out.double_star);
      std::string name = take().text;
      take();
      out.named.emplace_back(std::move(name), parse_expression());
    } else {
      ensure(!out.star && !out.double_star && out.named.empty());
      out.positional.push_back(parse_expression());
    }
  }
  expect_sign(")");
  return out;
}

}  // namespace tollgate::local::jinja
