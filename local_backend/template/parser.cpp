#include "local_backend/template/parser.h"

#include <algorithm>

namespace tollgate::local::jinja {

Parser::Parser(std::vector<Token> tokens, int max_depth) : tokens_(std::move(tokens)), max_depth_(max_depth) {
  for (const char* name : {"loop", "caller", "varargs", "kwargs"}) id_of(name);  // as the interpreter numbers them
}

Program Parser::run() {
  program_.body = parse_body({});
  return std::move(program_);
}

Token Parser::take() {
  Token token = current();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool Parser::skip_name(std::string_view name) {
  if (!at_name(name)) return false;
  take();
  return true;
}

bool Parser::skip_sign(std::string_view sign) {
  if (!at_sign(sign)) return false;
  take();
  return true;
}

void Parser::expect_sign(std::string_view sign) {
  if (!skip_sign(sign)) wrong("expected '" + std::string(sign) + "', got " + description());
}

std::string Parser::expect_name() {
  if (current().kind != Token::Kind::name) wrong("expected a name, got " + description());
  return take().text;
}

void Parser::wrong(const std::string& what) const { fail(what, current().line); }

std::string Parser::description() const {
  switch (current().kind) {
    case Token::Kind::data:
      return "text";
    case Token::Kind::block_begin:
      return "'{%'";
    case Token::Kind::block_end:
      return "'%}'";
    case Token::Kind::variable_begin:
      return "'{{'";
    case Token::Kind::variable_end:
      return "'}}'";
    case Token::Kind::text:
      return "a string";
    case Token::Kind::integer:
    case Token::Kind::real:
      return "a number";
    case Token::Kind::end:
      return "the end of the template";
    default:
      return "'" + current().text + "'";
  }
}

NameId Parser::id_of(const std::string& name) {
  const auto [at, added] = ids_.try_emplace(name, static_cast<NameId>(program_.names.size()));
  if (added) program_.names.push_back(name);
  return at->second;
}

// Up to a block that begins with one of `ends` (its name is then the current token), or the end of the template.
Body Parser::parse_body(Ends ends) {
  const Level level(*this);
  Body body;
  for (;;) {
    switch (current().kind) {
      case Token::Kind::data: {
        auto statement = std::make_unique<Statement>();
        statement->line = current().line;
        statement->text = take().text;
        body.push_back(std::move(statement));
        break;
      }
      case Token::Kind::variable_begin: {
        auto statement = std::make_unique<Statement>();
        statement->type = Statement::Type::print;
        statement->line = take().line;
        statement->expression = parse_tuple(true, Ending::any, false);
        if (current().kind != Token::Kind::variable_end) wrong("expected '}}', got " + description());
        take();
        body.push_back(std::move(statement));
        break;
      }
      case Token::Kind::block_begin: {
        take();
        if (std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return at_name(end); })) return body;
        body.push_back(parse_statement());
        if (current().kind != Token::Kind::block_end) wrong("expected '%}', got " + description());
        take();
        break;
      }
      default:
        if (ends.size() > 0) wrong("the template ends before '" + std::string(*(ends.end() - 1)) + "'");
        return body;
    }
  }
}

Body Parser::parse_block(Ends ends) {
  skip_sign(":");
  if (current().kind != Token::Kind::block_end) wrong("expected '%}', got " + description());
  take();
  return parse_body(ends);
}

Body Parser::parse_whole_block(std::string_view end) {
  Body body = parse_block({end});
  take();
  return body;
}

std::unique_ptr<Statement> Parser::parse_statement() {
  auto out = std::make_unique<Statement>();
  out->line = current().line;
  const std::string tag = expect_name();
  if (tag == "set") {
    parse_set(*out);
  } else if (tag == "for") {
    parse_for(*out);
  } else if (tag == "if") {
    parse_if(*out);
  } else if (tag == "with") {
    parse_with(*out);
  } else if (tag == "macro") {
    parse_macro(*out);
  } else if (tag == "call") {
    parse_call_block(*out);
  } else if (tag == "filter") {
    out->type = Statement::Type::filter_block;
    out->expression = parse_filter(nullptr);
    while (at_sign("|")) {
      take();
      out->expression = parse_filter(std::move(out->expression));
    }
    out->body = parse_whole_block("endfilter");
  } else if (tag == "generation") {
    out->type = Statement::Type::scope;
    out->body = parse_whole_block("endgeneration");
  } else if (tag == "break" || tag == "continue") {
    out->type = tag == "break" ? Statement::Type::leave : Statement::Type::next;
  } else if (tag == "print") {
    out->type = Statement::Type::print;
    out->expression = parse_expression();
  } else {
    fail("Encountered unknown tag '" + tag + "'.", out->line);
  }
  return out;
}

void Parser::parse_set(Statement& out) {
  out.target = parse_target(true, Ending::any);
  if (skip_sign("=")) {
    out.type = Statement::Type::set;
    out.expression = parse_tuple(true, Ending::any, false);
    return;
  }
  out.type = Statement::Type::set_block;
  while (skip_sign("|")) out.expression = parse_filter(std::move(out.expression));
  out.body = parse_whole_block("endset");
}

void Parser::parse_for(Statement& out) {
  out.type = Statement::Type::loop;
  out.target = parse_target(false, Ending::before_in);
  if (!skip_name("in")) wrong("expected 'in', got " + description());
  out.expression = parse_tuple(false, Ending::before_recursive, false);
  if (skip_name("if")) out.condition = parse_expression();
  out.recursive = skip_name("recursive");
  out.body = parse_block({"endfor", "else"});
  if (take().text == "else") out.otherwise = parse_whole_block("endfor");
}

void Parser::parse_if(Statement& out) {
  out.type = Statement::Type::branch;
  for (;;) {
    ExpressionPtr condition = parse_tuple(false, Ending::any, false);
    Body body = parse_block({"elif", "else", "endif"});
    out.branches.emplace_back(std::move(condition), std::move(body));
    const std::string tag = take().text;
    if (tag == "elif") continue;
    if (tag == "else") out.branches.emplace_back(nullptr, parse_whole_block("endif"));
    return;
  }
}

void Parser::parse_with(Statement& out) {
  out.type = Statement::Type::with;
  while (current().kind != Token::Kind::block_end) {
    if (!out.assignments.empty()) expect_sign(",");
    Target target = parse_target(false, Ending::any);
    expect_sign("=");
    out.assignments.emplace_back(std::move(target), parse_expression());
  }
  out.body = parse_whole_block("endwith");
}

void Parser::parse_signature(Signature& out) {
  expect_sign("(");
  while (!at_sign(")")) {
    if (!out.parameters.empty()) expect_sign(",");
    out.parameters.push_back(id_of(expect_name()));
    if (skip_sign("=")) {
      out.defaults.push_back(parse_expression());
    } else if (!out.defaults.empty()) {
      wrong("non-default argument follows default argument");
    }
  }
  expect_sign(")");
}

void Parser::parse_callable_body(Statement& out, std::string_view end) {
  signatures_.push_back(&out.signature);
  out.body = parse_whole_block(end);
  signatures_.pop_back();
}

void Parser::parse_macro(Statement& out) {
  out.type = Statement::Type::macro;
  out.name = id_of(expect_name());
  parse_signature(out.signature);
  parse_callable_body(out, "endmacro");
}

void Parser::parse_call_block(Statement& out) {
  out.type = Statement::Type::call_block;
  if (at_sign("(")) parse_signature(out.signature);
  out.expression = parse_expression();
  if (out.expression->type != Expression::Type::call) fail("expected call", out.line);
  parse_callable_body(out, "endcall");
}

Target Parser::parse_one_target(bool attributes) {
  const Level level(*this);
  Target out;
  if (skip_sign("(")) {
    out = parse_target(attributes, Ending::any);
    expect_sign(")");
    return out;
  }
  const std::string name = expect_name();
  for (const std::string_view constant : {"true", "false", "none", "True", "False", "None"}) {
    if (name == constant) wrong("can't assign to '" + name + "'");
  }
  out.name = id_of(name);
  if (attributes && skip_sign(".")) {
    out.type = Target::Type::attribute;
    out.attribute = expect_name();
  }
  return out;
}

Target Parser::parse_target(bool attributes, Ending ending) {
  Target first = parse_one_target(attributes);
  if (!at_sign(",")) return first;
  Target out;
  out.type = Target::Type::tuple;
  out.parts.push_back(std::move(first));
  while (skip_sign(",")) {
    if (ends_tuple(ending) || at_sign("=")) break;
    out.parts.push_back(parse_one_target(attributes));
  }
  return out;
}

Program parse(std::string_view source, int max_depth) { return Parser(tokenize(source), max_depth).run(); }

}  // namespace tollgate::local::jinja
