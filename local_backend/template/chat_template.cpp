#include "local_backend/template/chat_template.h"

#include <algorithm>

#include "local_backend/template/interpreter.h"
#include "local_backend/template/json_text.h"
#include "local_backend/template/syntax.h"

namespace tollgate::local {
namespace {

using jinja::Fault;

// Recursion over values and nodes together, for each level that a template may nest.
constexpr int kLevelsPerDepth = 10;

Error error(std::string code, const Fault& fault, int line) {
  Error out;
  out.kind = ErrorKind::client_fault;
  out.status = 400;
  out.code = std::move(code);
  out.message = line > 0 ? "line " + std::to_string(line) + ": " + fault.message : fault.message;
  return out;
}

class CompiledTemplate final : public ChatTemplate {
 public:
  CompiledTemplate(jinja::Program program, const TemplateLimits& limits)
      : program_(std::move(program)), limits_(limits) {}

  Result<std::string> render(std::string_view context) const override {
    jinja::Arena arena(limits_.max_steps, 4 * limits_.max_output, kLevelsPerDepth * limits_.max_depth);
    jinja::Interpreter interpreter(program_, arena, {limits_.max_output, limits_.max_depth});
    try {
      return interpreter.run(outer_names(arena, context));
    } catch (const Fault& fault) {
      return error("chat_template_error", fault, fault.line == 0 ? interpreter.line() : fault.line);
    }
  }

  bool mentions(std::string_view name) const override { return program_.mentioned.contains(name); }

 private:
  // The functions, hidden by the context's own names where they are the same.
  jinja::ScopePtr outer_names(jinja::Arena& arena, std::string_view context) const {
    auto scope = std::make_shared<jinja::Scope>();
    const auto put = [&](std::string_view name, const jinja::Value& value) {
      const auto known = std::find(program_.names.begin(), program_.names.end(), name);
      if (known != program_.names.end()) scope->set(static_cast<int>(known - program_.names.begin()), value);
    };
    for (const auto& [name, function] : jinja::global_functions(arena, limits_.now_unix)) put(name, function);
    const jinja::Value values = jinja::value_from_json(arena, context);
    if (!values.is(jinja::Kind::dict)) jinja::fail("the context is no JSON object");
    for (const auto& [name, value] : values.as_dict().entries) put(name.bytes(), value);
    return scope;
  }

  const jinja::Program program_;
  const TemplateLimits limits_;
};

}  // namespace

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::compile(std::string_view source,
                                                                  const TemplateLimits& limits) {
  try {
    if (source.size() > limits.max_source) {
      jinja::fail("the template has more than " + std::to_string(limits.max_source) + " bytes", 1);
    }
    return std::shared_ptr<const ChatTemplate>(
        std::make_shared<CompiledTemplate>(jinja::parse(source, limits.max_depth), limits));
  } catch (const Fault& fault) {
    return error("bad_chat_template", fault, std::max(1, fault.line));
  }
}

}  // namespace tollgate::local
