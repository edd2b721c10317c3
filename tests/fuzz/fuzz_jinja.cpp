// Any text as a template, rendered with a rich context: an answer or an error, never a crash, in bounded time.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "local_backend/template/chat_template.h"

namespace {

constexpr std::string_view kContext = R"({
  "messages": [{"role": "system", "content": "Be <brief>."}, {"role": "user", "content": "Größe 😀\n"},
    {"role": "assistant", "content": null, "tool_calls": [{"id": "a1b2c3d4e", "type": "function",
      "function": {"name": "f", "arguments": {"x": [1, 2.5, true, null, {"y": "z"}]}}}]},
    {"role": "tool", "tool_call_id": "a1b2c3d4e", "name": "f", "content": [{"type": "text", "text": "ok"}]}],
  "tools": [{"type": "function", "function": {"name": "f", "description": "d",
    "parameters": {"type": "object", "properties": {"x": {"type": "array"}}, "required": ["x"]}}}],
  "add_generation_prompt": true, "bos_token": "<s>", "eos_token": "</s>", "i": 7, "j": -3, "f": 2.5, "n": null,
  "s": "Hello World", "u": "héllo ẞ 日本", "e": "", "l": [3, 1, 2], "x": [1, "two", 3.0, null, true, [4], {"k": "v"}],
  "d": {"b": 2, "a": 1, "items": "shadow", "1": [1]}})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tollgate::local::TemplateLimits limits;
  limits.max_source = 1 << 14;
  limits.max_output = 1 << 16;
  limits.max_steps = 100'000;
  limits.now_unix = 1722000000;
  const auto compiled = tollgate::local::ChatTemplate::compile({reinterpret_cast<const char*>(data), size}, limits);
  if (!compiled) return 0;
  const auto text = (*compiled)->render(kContext);
  if (text && text->size() > limits.max_output) __builtin_trap();
  if (!text && text.error().code != "chat_template_error") __builtin_trap();
  return 0;
}
