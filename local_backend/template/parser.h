// Recursive descent over the tokens of a template: Jinja's grammar, without what reaches other templates.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/template/lexer.h"
#include "local_backend/template/syntax.h"

namespace tollgate::local::jinja {

class Parser {
 public:
  Parser(std::vector<Token> tokens, int max_depth);
  Program run();

 private:
  // One level of nesting.
  class Level {
   public:
    explicit Level(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > 4 * parser_.max_depth_) parser_.wrong("expressions or blocks nest too deep");
    }
    ~Level() { --parser_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Parser& parser_;
  };
  using Ends = std::initializer_list<std::string_view>;
  enum class Ending : unsigned char { any, before_recursive, before_in };  // of a tuple without parentheses

  // The token stream.
  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token take();
  bool at_name(std::string_view name) const { return current().kind == Token::Kind::name && current().text == name; }
  bool at_sign(std::string_view sign) const { return current().kind == Token::Kind::sign && current().text == sign; }
  bool skip_name(std::string_view name);
  bool skip_sign(std::string_view sign);
  void expect_sign(std::string_view sign);
  std::string expect_name();
  [[noreturn]] void wrong(const std::string& what) const;
  std::string description() const;
  NameId id_of(const std::string& name);

  // Statements: parser.cpp.
  Body parse_body(Ends ends);
  Body parse_block(Ends ends);  // from the end of a tag up to one of `ends`, whose name becomes the current token
  Body parse_whole_block(std::string_view end);
  std::unique_ptr<Statement> parse_statement();
  void parse_set(Statement& out);
  void parse_for(Statement& out);
  void parse_if(Statement& out);
  void parse_with(Statement& out);
  void parse_macro(Statement& out);
  void parse_call_block(Statement& out);
  void parse_signature(Signature& out);
  void parse_callable_body(Statement& out, std::string_view end);
  Target parse_target(bool attributes, Ending ending);
  Target parse_one_target(bool attributes);

  // Expressions: parser_expressions.cpp.
  ExpressionPtr make(Expression::Type type) const;
  ExpressionPtr made(ExpressionPtr node) const;  // checks the height
  ExpressionPtr parse_expression();
  ExpressionPtr parse_tuple(bool conditional, Ending ending, bool parentheses);
  bool ends_tuple(Ending ending) const;
  ExpressionPtr parse_or();
  ExpressionPtr parse_and();
  ExpressionPtr parse_not();
  ExpressionPtr parse_comparison();
  ExpressionPtr parse_sum();
  ExpressionPtr parse_concat();
  ExpressionPtr parse_product();
  ExpressionPtr parse_power();
  ExpressionPtr parse_unary(bool filters);
  ExpressionPtr parse_primary();
  ExpressionPtr parse_constant();
  ExpressionPtr parse_list();
  ExpressionPtr parse_dict();

  // What follows a value: parser_postfix.cpp.
  ExpressionPtr parse_postfix(ExpressionPtr node);
  ExpressionPtr parse_filters(ExpressionPtr node);
  ExpressionPtr parse_filter(ExpressionPtr node);
  ExpressionPtr parse_test(ExpressionPtr node);
  ExpressionPtr parse_subscript(ExpressionPtr node);
  ExpressionPtr parse_call(ExpressionPtr node);
  CallArguments parse_arguments();
  std::string parse_dotted_name();

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int max_depth_;
  int depth_ = 0;
  std::map<std::string, NameId, std::less<>> ids_;
  Program program_;
  std::vector<Signature*> signatures_;  // of the macros around
};

}  // namespace tollgate::local::jinja
