#include "gateway/local/prompt.h"

#include <algorithm>
#include <charconv>
#include <random>

#include "core/json_write.h"
#include "gateway/local/forced_call.h"

namespace tollgate::gateway {
namespace {

constexpr std::int64_t kMostAnswers = 16;
constexpr std::int64_t kMostLogprobs = 20;

Error refuse(std::string code, std::string message) {
  return Error{.kind = ErrorKind::client_fault, .status = 400, .code = std::move(code), .message = std::move(message)};
}

// Turns messages into the objects that templates know: system, user, assistant and tool.
class Messages {
 public:
  Messages(const LoadedModel& model, const chat::Request& request, JsonWriter& writer)
      : model_(model), request_(request), writer_(writer) {}

  Result<void> write() {
    for (const chat::Message& message : request_.messages)
      if (auto written = write_message(message); !written) return written;
    return {};
  }

 private:
  std::string safe(std::string_view text) const { return model_.guard->guard(text); }

  Result<void> write_message(const chat::Message& message) {
    std::string text, thoughts;
    std::vector<const chat::ToolCall*> calls;
    std::size_t results = 0;
    for (const chat::Part& part : message.parts) {
      if (const auto* said = part.get<chat::Text>()) {
        text += said->text;
      } else if (const auto* refused = part.get<chat::Refusal>()) {
        text += refused->text;
      } else if (const auto* thought = part.get<chat::Thinking>()) {
        thoughts += thought->text;
      } else if (const auto* call = part.get<chat::ToolCall>()) {
        calls.push_back(call);
      } else if (const auto* result = part.get<chat::ToolResult>()) {
        if (auto written = write_result(*result); !written) return written;
        ++results;
      } else {
        return refuse("unsupported_content", "local models take text; this message holds something else");
      }
    }
    if (results > 0 && results == message.parts.size()) return {};
    const bool assistant = message.role == chat::Role::assistant;
    writer_.begin_object();
    writer_.member("role", assistant ? "assistant" : message.role == chat::Role::user ? "user" : "system");
    writer_.member("content", safe(text));
    if (!thoughts.empty()) writer_.member("reasoning_content", safe(thoughts));
    if (!calls.empty()) write_calls(calls);
    writer_.end_object();
    return {};
  }

  void write_calls(const std::vector<const chat::ToolCall*>& calls) {
    writer_.key("tool_calls").begin_array();
    for (const chat::ToolCall* call : calls) {
      writer_.begin_object().member("id", safe(call->id)).member("type", "function").key("function").begin_object();
      writer_.member("name", safe(call->name)).key("arguments");
      const std::string arguments = safe(call->arguments.empty() ? "{}" : call->arguments);
      auto parsed = reader_.parse(arguments);
      const bool object = model_.arguments == local::ArgumentForm::object && parsed && parsed->is_object();
      object ? void(writer_.raw(parsed->text())) : void(writer_.string(arguments));
      writer_.end_object().end_object();
    }
    writer_.end_array();
  }

  Result<void> write_result(const chat::ToolResult& result) {
    std::string text = result.json;
    for (const chat::Part& part : result.content) {
      const auto* said = part.get<chat::Text>();
      if (!said) return refuse("unsupported_content", "local models take text as a tool's result");
      text += said->text;
    }
    const std::string_view name =
        result.name.empty() ? chat::name_of_call(request_.messages, result.call_id) : std::string_view(result.name);
    writer_.begin_object().member("role", "tool").member("tool_call_id", safe(result.call_id));
    if (!name.empty()) writer_.member("name", safe(name));
    writer_.member("content", safe(text)).end_object();
    return {};
  }

  const LoadedModel& model_;
  const chat::Request& request_;
  JsonWriter& writer_;
  JsonReader reader_;
};

bool wants_tools(const chat::Request& request) {
  return !request.tools.empty() && request.tool_choice.mode != chat::ToolChoice::Mode::none;
}

Result<void> write_tools(const LoadedModel& model, const chat::Request& request, JsonWriter& writer) {
  if (!model.takes_tools) return refuse("unsupported_tools", "this local model's template knows no tools");
  writer.key("tools").begin_array();
  for (const chat::Tool& tool : request.tools) {
    if (request.tool_choice.mode != chat::ToolChoice::Mode::named && !may_call(request.tool_choice, tool.name))
      continue;
    if (tool.kind != chat::Tool::Kind::function)
      return refuse("unsupported_tools", "local models take function tools only");
    writer.begin_object().member("type", "function").key("function").begin_object();
    writer.member("name", model.guard->guard(tool.name));
    if (!tool.description.empty()) writer.member("description", model.guard->guard(tool.description));
    const std::string parameters = tool.parameters.empty() ? R"({"type":"object","properties":{}})" : tool.parameters;
    writer.key("parameters").raw(model.guard->guard(parameters)).end_object().end_object();
  }
  writer.end_array();
  return {};
}

// The model's own switch for thoughts, where its template has one.
void write_thinking(const LoadedModel& model, const chat::Reasoning& reasoning, JsonWriter& writer) {
  using Mode = chat::Reasoning::Mode;
  const bool off = reasoning.mode == Mode::off || reasoning.effort == "none";
  const bool on = reasoning.mode == Mode::on || reasoning.mode == Mode::adaptive || !reasoning.effort.empty();
  if (!off && !on) return;
  for (const char* name : {"enable_thinking", "thinking"})
    if (model.chat_template->mentions(name)) writer.key(std::string_view(name)).boolean(!off);
  if (!off && !reasoning.effort.empty() && model.chat_template->mentions("reasoning_effort"))
    writer.member("reasoning_effort", reasoning.effort);
}

std::string token_text(const local::Tokenizer& tokenizer, std::optional<local::Token> token) {
  return token ? std::string(tokenizer.bytes(*token, true)) : std::string();
}

// Without a template: the texts, one below the other.
Result<std::string> plain_prompt(const LoadedModel& model, const chat::Request& request) {
  std::string text;
  for (const chat::Message& message : request.messages) text += chat::joined_text(message.parts) + "\n";
  return model.guard->guard(text);
}

float number_or(const chat::Number& text, float otherwise) {
  float value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// `params`: what the model's makers advise; the request has the last word.
Result<void> set_sampling(const chat::Request& request, local::SamplingParams& params) {
  params.temperature = number_or(request.temperature, params.temperature);
  params.top_p = number_or(request.top_p, params.top_p);
  params.min_p = number_or(request.min_p, params.min_p);
  constexpr float kMostTopK = 1e6f;  // more than any vocabulary
  params.top_k =
      static_cast<int>(std::clamp(number_or(request.top_k, static_cast<float>(params.top_k)), 0.0f, kMostTopK));
  params.repetition_penalty = number_or(request.repetition_penalty, params.repetition_penalty);
  params.presence_penalty = number_or(request.presence_penalty, params.presence_penalty);
  params.frequency_penalty = number_or(request.frequency_penalty, params.frequency_penalty);
  if (!(params.temperature >= 0 && params.top_p >= 0 && params.min_p >= 0 && params.repetition_penalty > 0))
    return refuse("invalid_request", "temperature, top_p and min_p must not be negative, repetition_penalty above 0");
  params.seed = request.seed ? static_cast<std::uint64_t>(*request.seed) : std::random_device{}();
  if (request.logprobs.value_or(false)) {
    const std::int64_t top = request.top_logprobs.value_or(0);
    if (top < 0 || top > kMostLogprobs) return refuse("invalid_request", "top_logprobs must be from 0 to 20");
    params.logprobs = static_cast<int>(top);
  }
  JsonReader reader;
  const auto bias = request.logit_bias.empty() ? Result<JsonValue>(JsonValue()) : reader.parse(request.logit_bias);
  if (!bias) return refuse("invalid_request", "logit_bias is no JSON object");
  bias->members([&params](std::string_view name, JsonValue value) {
    local::Token token = -1;
    std::from_chars(name.data(), name.data() + name.size(), token);
    params.logit_bias.emplace_back(token, number_or(value.number_text(), 0.0f));
  });
  return {};
}

// The prompt as the template writes it, callers' texts guarded, and the beginning of a call that must be made.
struct Rendered {
  std::string text;
  bool starts_thinking = false;
  std::optional<ForcedCall> call;
};

Result<Rendered> render(const LoadedModel& model, const chat::Request& request) {
  auto call = forced_call(model, request);
  if (!call) return std::move(call).error();
  Result<std::string> text = std::string();
  if (model.chat_template) {
    auto context = template_context(model, request);
    if (!context) return std::move(context).error();
    text = model.chat_template->render(*context);
  } else {
    text = plain_prompt(model, request);
  }
  if (!text) return std::move(text).error();
  Rendered out{.text = *std::move(text), .starts_thinking = false, .call = *std::move(call)};
  const std::size_t opened = out.text.rfind("<think>"), closed = out.text.rfind("</think>");
  out.starts_thinking = model.thinks && opened != std::string::npos && (closed == std::string::npos || closed < opened);
  if (!out.call) return out;
  if (std::exchange(out.starts_thinking, false)) out.text += "\n</think>\n\n";
  if (!out.text.ends_with(out.call->mark)) out.text += out.call->mark;
  out.text += out.call->header;
  return out;
}

Result<std::shared_ptr<const local::Grammar>> grammar_of(const chat::ResponseFormat& format,
                                                         local::GrammarCache& grammars) {
  using Kind = chat::ResponseFormat::Kind;
  if (format.kind == Kind::json_object) return local::Grammar::any_object();
  if (format.kind == Kind::json_schema && !format.schema.empty()) return grammars.get(format.schema);
  return std::shared_ptr<const local::Grammar>();
}

}  // namespace

Result<std::string> template_context(const LoadedModel& model, const chat::Request& request) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("messages").begin_array();
  if (auto written = Messages(model, request, writer).write(); !written) return std::move(written).error();
  writer.end_array();
  if (wants_tools(request))
    if (auto written = write_tools(model, request, writer); !written) return std::move(written).error();
  write_thinking(model, request.reasoning, writer);
  const local::Tokenizer& tokenizer = model.engine->tokenizer();
  writer.member("bos_token", token_text(tokenizer, tokenizer.bos))
      .member("eos_token", token_text(tokenizer, tokenizer.eos));
  writer.key("add_generation_prompt").boolean(true).end_object();
  return out;
}

Result<std::vector<local::Token>> prompt_tokens(const LoadedModel& model, const chat::Request& request) {
  const auto rendered = render(model, request);
  if (!rendered) return rendered.error();
  return local::encode_guarded(model.engine->tokenizer(), rendered->text);
}

bool must_compile(const chat::Request& request, const local::GrammarCache& grammars) {
  using Mode = chat::ToolChoice::Mode;
  const bool forced = request.tool_choice.mode == Mode::required || request.tool_choice.mode == Mode::named;
  const auto unknown = [&](const chat::Tool& tool) { return !grammars.has(tool.parameters); };
  if (forced) return std::ranges::any_of(request.tools, unknown);
  return request.format.kind == chat::ResponseFormat::Kind::json_schema && !grammars.has(request.format.schema);
}

Result<LocalPrompt> make_prompt(const LoadedModel& model, const chat::Request& request, local::GrammarCache& grammars) {
  LocalPrompt prompt;
  if (request.n.value_or(1) < 1 || request.n.value_or(1) > kMostAnswers)
    return refuse("invalid_request", "n must be from 1 to 16");
  prompt.answers = static_cast<std::uint32_t>(request.n.value_or(1));
  const auto rendered = render(model, request);
  if (!rendered) return rendered.error();
  prompt.starts_thinking = rendered->starts_thinking;
  if (rendered->call) prompt.begun = rendered->call->begun;
  local::AnswerRequest& answer = prompt.answer;
  answer.prompt = local::encode_guarded(model.engine->tokenizer(), rendered->text);
  if (answer.prompt.size() >= model.engine->context())
    return refuse("context_length_exceeded", "the prompt has " + std::to_string(answer.prompt.size()) +
                                                 " tokens; this local model's context holds " +
                                                 std::to_string(model.engine->context()));
  answer.sampling = model.engine->advised_sampling();
  if (auto set = set_sampling(request, answer.sampling); !set) return std::move(set).error();
  if (request.max_output_tokens && *request.max_output_tokens < 1)
    return refuse("invalid_request", "the answer's length must be at least one token");
  answer.max_new_tokens = static_cast<std::size_t>(request.max_output_tokens.value_or(0));
  answer.stops = request.stop;
  std::erase(answer.stops, std::string());
  answer.show_special = wants_tools(request);
  answer.salt = model.row.prefix_salt;
  auto grammar = rendered->call ? grammar_of(*rendered->call, grammars) : grammar_of(request.format, grammars);
  if (!grammar) return std::move(grammar).error();
  answer.grammar = *std::move(grammar);
  if (answer.grammar) (void)model.engine->trie();  // made here at its first use: it takes a while
  return prompt;
}

}  // namespace tollgate::gateway
