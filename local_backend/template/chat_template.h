// Chat templates: the Jinja text that a model file carries, compiled once and rendered with the messages of a request.
// The language is the subset that models' templates use, sandboxed: no access beyond the given data, every step, depth
// and output byte counted. Semantics follow Jinja2 with trim_blocks and lstrip_blocks on, as transformers renders
// templates. Thread rule: immutable after compile; render() may run on any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tollgate::local {

struct TemplateLimits {
  std::size_t max_source = 256u << 10;  // bytes of the template
  std::size_t max_output = 4u << 20;    // bytes rendered
  std::uint64_t max_steps = 5'000'000;  // nodes evaluated
  int max_depth = 100;                  // nesting of expressions, blocks and macro calls
  std::int64_t now_unix = 0;            // what strftime_now() tells; 0 = the wall clock
};

class ChatTemplate {
 public:
  // Errors: status 400, code "bad_chat_template", message "line N: what is wrong".
  static Result<std::shared_ptr<const ChatTemplate>> compile(std::string_view source,
                                                             const TemplateLimits& limits = {});
  virtual ~ChatTemplate() = default;

  // `context` is one JSON object: messages, tools, documents, add_generation_prompt, bos_token, eos_token, and what
  // else the caller wants to be seen by the template. Errors: status 400, code "chat_template_error": the template's
  // own raise_exception() text, an undefined operation with its line, or a limit.
  virtual Result<std::string> render(std::string_view context) const = 0;
  // Whether the template looks at `name` at its top level ("tools", "enable_thinking"): tells what the model can do.
  virtual bool mentions(std::string_view name) const = 0;
};

}  // namespace tollgate::local
