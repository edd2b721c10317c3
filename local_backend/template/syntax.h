// A parsed template. Immutable once parsed; shared by all renderings.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "local_backend/template/operations.h"
#include "local_backend/template/value.h"

namespace tollgate::local::jinja {

using NameId = int;  // index into Program::names

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr star, double_star;
};

struct Expression {
  enum class Type : unsigned char {
    constant,  // value
    name,      // name
    list,
    tuple,        // parts
    dict,         // parts: key, value, key, value
    conditional,  // parts: condition, then, [else]
    all,
    any,         // parts joined by and, or
    negation,    // not parts[0]
    comparison,  // parts[0] comparisons[0] parts[1] comparisons[1] parts[2]...
    arithmetic,  // parts[0] operators[0] parts[1] operators[1]..., from left to right
    minus,
    plus,       // parts[0]
    concat,     // parts
    attribute,  // parts[0].text
    item,       // parts[0][parts[1]]
    slice,      // parts[0][parts[1]:parts[2]:parts[3]], each may be null
    call,       // parts[0](arguments)
    filter,     // parts[0]|text(arguments); parts[0] is null in filter blocks
    test,       // parts[0] is text(arguments)
  };
  enum class Comparison : unsigned char { equal, not_equal, less, less_equal, greater, greater_equal, in, not_in };

  Type type = Type::constant;
  int line = 0;
  int height = 1;
  Value value;
  NameId name = 0;
  std::string text;
  std::vector<ExpressionPtr> parts;
  std::vector<Comparison> comparisons;
  std::vector<Operator> operators;
  CallArguments arguments;
};

struct Target {
  enum class Type : unsigned char { name, attribute, tuple } type = Type::name;
  NameId name = 0;
  std::string attribute;
  std::vector<Target> parts;
};

struct Statement;
using Body = std::vector<std::unique_ptr<Statement>>;

// A macro or the body of a call block.
struct Signature {
  std::vector<NameId> parameters;
  std::vector<ExpressionPtr> defaults;                                     // of the last parameters
  bool takes_caller = false, takes_varargs = false, takes_kwargs = false;  // the body speaks of them
};

struct Statement {
  enum class Type : unsigned char {
    data,          // text
    print,         // expression
    set,           // target = expression
    set_block,     // target = body, through the filters of expression if there is one
    branch,        // branches, in order; the last may have no condition
    loop,          // target in expression, `condition`, body, otherwise, recursive
    macro,         // name, signature, body
    call_block,    // expression called with a caller of signature and body
    filter_block,  // body through the filters of expression
    with,          // assignments, body
    scope,         // body in a scope of its own
    leave,         // break
    next,          // continue
  };
  Type type = Type::data;
  int line = 0;
  std::string text;
  NameId name = 0;
  Target target;
  ExpressionPtr expression, condition;
  Body body, otherwise;
  bool recursive = false;
  Signature signature;
  std::vector<std::pair<ExpressionPtr, Body>> branches;
  std::vector<std::pair<Target, ExpressionPtr>> assignments;
};

struct Program {
  std::vector<std::string> names;
  std::set<std::string, std::less<>> mentioned;  // names that some expression reads
  Body body;
};

// Throws Fault. `max_depth` bounds the nesting of expressions and blocks.
Program parse(std::string_view source, int max_depth);

}  // namespace tollgate::local::jinja
