#include "local_backend/template/messages.h"

#include <string>
#include <string_view>

namespace tollgate::local {
namespace {

// One call and its result; the id is one that Mistral's templates take.
std::string conversation(std::string_view arguments) {
  return R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "", "tool_calls":
    [{"id": "call12345", "type": "function", "function": {"name": "f", "arguments": )" +
         std::string(arguments) + R"(}}]},
    {"role": "tool", "tool_call_id": "call12345", "name": "f", "content": "b"}, {"role": "assistant", "content": "c"},
    {"role": "user", "content": "d"}],
    "tools": [{"type": "function", "function": {"name": "f", "description": "g", "parameters":
    {"type": "object", "properties": {"probed": {"type": "string", "description": "h"}}, "required": []}}}],
    "bos_token": "", "eos_token": "", "add_generation_prompt": true, "functions": "", "datetime": ""})";
}

enum class Outcome : unsigned char { failed, mangled, good };

// Mangled: Python's quotes around the key, or JSON inside of a JSON string.
Outcome rendered(const ChatTemplate& chat_template, std::string_view arguments) {
  const auto text = chat_template.render(conversation(arguments));
  if (!text) return Outcome::failed;
  const bool mangled = text->find("{'probed'") != std::string::npos || text->find(R"(\"probed\")") != std::string::npos;
  return mangled ? Outcome::mangled : Outcome::good;
}

}  // namespace

ArgumentForm argument_form(const ChatTemplate& chat_template) {
  const Outcome object = rendered(chat_template, R"({"probed": "v"})");
  if (object == Outcome::good) return ArgumentForm::object;
  const Outcome text = rendered(chat_template, R"("{\"probed\": \"v\"}")");
  return text == Outcome::good || (text == Outcome::mangled && object == Outcome::failed) ? ArgumentForm::text
                                                                                          : ArgumentForm::object;
}

}  // namespace tollgate::local
