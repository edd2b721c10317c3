#include "gateway/local/forced_call.h"

#include <algorithm>

namespace tollgate::gateway {
namespace {

using Mode = chat::ToolChoice::Mode;

Error refuse(std::string message) {
  return Error{
      .kind = ErrorKind::client_fault, .status = 400, .code = "unsupported_tool_choice", .message = std::move(message)};
}

std::string why_not(const LoadedModel& model) {
  if (!model.takes_tools) return "this local model's template knows no tools";
  if (model.tool_format == local::ToolFormat::qwen_xml)
    return "this local model writes arguments as XML, which no grammar holds to a schema: tool_choice must be auto or "
           "none";
  return "how this local model writes calls is not known: tool_choice must be auto or none";
}

// For a lone function all that stands before the arguments is known, so that the prompt can hold it: control tokens are
// themselves there, and a model's own way to begin the arguments is left to it with the blank before them.
void begin_lone_call(const LoadedModel& model, const local::CallSpelling& spelling, const std::string& name,
                     ForcedCall& call) {
  const std::string before = call.form.head + call.form.choices[0].before;
  call.form.written = before.find_last_not_of(' ') + 1;
  std::string middle = spelling.middle;
  middle.resize(middle.find_last_not_of(' ') + 1);
  call.header = spelling.head + spelling.open + model.guard->guard(name) + middle;
  call.begun += before.substr(0, call.form.written);
}

}  // namespace

bool may_call(const chat::ToolChoice& choice, std::string_view name) {
  if (choice.mode == Mode::named) return choice.name == name;
  return choice.allowed.empty() || std::ranges::find(choice.allowed, name) != choice.allowed.end();
}

Result<std::optional<ForcedCall>> forced_call(const LoadedModel& model, const chat::Request& request) {
  const chat::ToolChoice& choice = request.tool_choice;
  if (choice.mode != Mode::required && choice.mode != Mode::named) return std::optional<ForcedCall>();
  if (!model.spelling || !model.takes_tools) return refuse(why_not(model));
  const local::CallSpelling& spelling = *model.spelling;
  ForcedCall call;
  call.mark = call.begun = spelling.mark;
  call.form.head = spelling.head;
  call.form.between = spelling.between;
  call.form.tail = spelling.tail;
  call.form.several = spelling.several && choice.mode == Mode::required && choice.parallel.value_or(true);
  std::string name_in_call;
  for (const chat::Tool& tool : request.tools) {
    if (!may_call(choice, tool.name)) continue;
    const auto name = local::spelled_name(spelling, tool.name);
    if (!name) return refuse("'" + tool.name + "': this local model cannot write such a name in a call");
    call.form.choices.push_back({spelling.open + *name + spelling.middle, nullptr, spelling.close});
    call.tools.push_back(&tool);
    name_in_call = *name;
  }
  if (call.tools.empty())
    return refuse(choice.mode == Mode::named ? "tool_choice names '" + choice.name + "', which is not among the tools"
                                             : "tool_choice asks for a call, and there is no tool to call");
  if (call.tools.size() == 1) begin_lone_call(model, spelling, name_in_call, call);
  return std::optional<ForcedCall>(std::move(call));
}

Result<std::shared_ptr<const local::Grammar>> grammar_of(const ForcedCall& call, local::GrammarCache& grammars) {
  local::WrappedForm form = call.form;
  for (std::size_t i = 0; i < form.choices.size(); ++i) {
    const chat::Tool& tool = *call.tools[i];
    constexpr std::string_view kNoArguments = R"({"type":"object","properties":{},"additionalProperties":false})";
    auto schema = grammars.get(tool.parameters.empty() ? kNoArguments : std::string_view(tool.parameters));
    if (!schema && tool.strict.value_or(false)) {
      schema.error().message = "tool '" + tool.name + "': " + schema.error().message;
      return std::move(schema).error();
    }
    form.choices[i].value = schema ? *std::move(schema) : local::Grammar::any_object();
  }
  return local::wrapped_grammar(form);
}

}  // namespace tollgate::gateway
