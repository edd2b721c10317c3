// Requests of Ollama's chat, written. Thread rule: pure functions.
#include <algorithm>

#include "gateway/dialects/common.h"
#include "gateway/dialects/faults.h"
#include "gateway/dialects/ollama.h"

namespace tollgate::gateway::ollama {
namespace {

using chat::Field;
using chat::Media;
using chat::Message;
using chat::Part;
using chat::Role;

constexpr std::string_view kInFunction = "function.";

void append_paragraph(std::string& to, std::string_view text) { to.append(to.empty() ? "" : "\n").append(text); }

// What a list of parts comes to in a message: one text, one thought, images.
struct Content {
  std::string text, thinking;
  std::vector<std::string_view> images;
};

class RequestWriter {
 public:
  RequestWriter(const chat::Request& request, const WriteContext& context, chat::Losses& losses, std::string& out)
      : request_(request), same_(context.same_dialect), losses_(losses), writer_(out) {
    writer_.begin_object();
    writer_.member("model", context.model.empty() ? std::string_view(request.model) : context.model);
    writer_.key("messages").begin_array();
    for (const Message& message : request.messages) write_message(message);
    writer_.end_array();
    write_tools();
    write_format();
    write_think();
    writer_.member("stream", context.stream);
    write_options();
    if (request.logprobs) writer_.member("logprobs", *request.logprobs);
    if (request.top_logprobs) writer_.member("top_logprobs", *request.top_logprobs);
    write_own_extra(request.extra, kOptionPrefix, false);
    writer_.end_object();
  }

 private:
  // Of `extra`, the members whose names begin with `prefix` (without it), or the others.
  bool write_own_extra(const chat::Extra& extra, std::string_view prefix, bool inside) {
    bool any = false;
    for (const auto& [name, value] : extra) {
      if (!same_ || name.starts_with(prefix) != inside) continue;
      writer_.raw_member(inside ? std::string_view(name).substr(prefix.size()) : name, value);
      any = true;
    }
    return any;
  }

  Content content_of(const std::vector<Part>& parts) const {
    Content out;
    for (const Part& part : parts) {
      if (const auto* text = part.get<chat::Text>()) {
        append_paragraph(out.text, text->text);
      } else if (const auto* refusal = part.get<chat::Refusal>()) {
        append_paragraph(out.text, refusal->text);
      } else if (const auto* thinking = part.get<chat::Thinking>()) {
        if (thinking->text.empty()) losses_.add(Field::thinking_history);
        if (!thinking->text.empty()) append_paragraph(out.thinking, thinking->text);
      } else if (const auto* media = part.get<Media>()) {
        if (media->kind == Media::Kind::image && !media->data.empty()) out.images.push_back(media->data);
        if (media->kind == Media::Kind::document && !media->text.empty()) append_document(out.text, *media);
      }
    }
    return out;
  }

  static void append_document(std::string& to, const Media& document) {
    if (!document.name.empty()) append_paragraph(to, document.name + ":");
    if (!document.context.empty()) append_paragraph(to, document.context);
    append_paragraph(to, document.text);
  }

  void begin(std::string_view role, std::string_view content) {
    writer_.begin_object().member("role", role).member("content", content);
  }
  void write_images(const Content& content) {
    if (content.images.empty()) return;
    writer_.key("images").begin_array();
    for (const std::string_view image : content.images) writer_.string(image);
    writer_.end_array();
  }
  void end(const Message& message) {
    if (same_) write_extra(writer_, message.extra);
    writer_.end_object();
  }

  void write_message(const Message& message) {
    bool results = false;
    if (message.role == Role::user) {
      for (const Part& part : message.parts) {
        const auto* result = part.get<chat::ToolResult>();
        if (result) write_result(message, *result, part.extra);
        results = results || result;
      }
    }
    const Content content = content_of(message.parts);
    const bool empty = content.text.empty() && content.images.empty();
    if (results && empty) return;
    begin(message.role == Role::assistant ? "assistant" : message.role == Role::user ? "user" : "system", content.text);
    writer_.member_if("thinking", content.thinking);
    write_images(content);
    if (message.role == Role::assistant) write_calls(message);
    end(message);
  }

  void write_calls(const Message& message) {
    bool open = false;
    for (const Part& part : message.parts) {
      const auto* call = part.get<chat::ToolCall>();
      if (!call) continue;
      if (!open) writer_.key("tool_calls").begin_array();
      open = true;
      if (!write_tool_call(writer_, *call, -1))
        losses_.add(
            Place("messages", static_cast<std::size_t>(&message - request_.messages.data()), "tool_calls.arguments")
                .text());
    }
    if (open) writer_.end_array();
  }

  void write_result(const Message& message, const chat::ToolResult& result, const chat::Extra& extra) {
    Content content = content_of(result.content);
    if (!result.json.empty()) content.text = result.json;
    begin("tool", result.is_error ? "Error: " + content.text : content.text);
    std::string_view name = result.name;
    if (name.empty() && !same_) name = chat::name_of_call(request_.messages, result.call_id);
    writer_.member_if("tool_name", name);
    const bool found = same_ && !extra.empty() && extra[0].first == kFound;
    if (!found && !result.call_id.starts_with(kMadeId)) writer_.member_if("tool_call_id", result.call_id);
    write_images(content);
    end(message);
  }

  bool offered(const chat::Tool& tool) const {
    const auto& allowed = request_.tool_choice.allowed;
    return tool.kind == chat::Tool::Kind::function &&
           (allowed.empty() || std::find(allowed.begin(), allowed.end(), tool.name) != allowed.end());
  }

  // A model that is shown no tools calls none.
  void write_tools() {
    if (request_.tool_choice.mode == chat::ToolChoice::Mode::none) return;
    bool open = false;
    for (const chat::Tool& tool : request_.tools) {
      if (!offered(tool)) continue;
      if (!open) writer_.key("tools").begin_array();
      open = true;
      writer_.begin_object().member("type", "function").key("function").begin_object();
      writer_.member("name", tool.name).member_if("description", tool.description);
      if (!tool.parameters.empty()) {
        writer_.raw_member("parameters", tool.parameters);
      } else if (!same_) {
        writer_.raw_member("parameters", R"({"type":"object","properties":{}})");
      }
      write_own_extra(tool.extra, kInFunction, true);
      writer_.end_object();
      write_own_extra(tool.extra, kInFunction, false);
      writer_.end_object();
    }
    if (open) writer_.end_array();
  }

  void write_format() {
    using Kind = chat::ResponseFormat::Kind;
    const chat::ResponseFormat& format = request_.format;
    if (format.kind == Kind::json_schema && !format.schema.empty()) {
      writer_.raw_member("format", format.schema);
    } else if (format.kind == Kind::json_object || format.kind == Kind::json_schema) {
      writer_.member("format", "json");
    }
  }

  void write_think() {
    using Mode = chat::Reasoning::Mode;
    const chat::Reasoning& reasoning = request_.reasoning;
    std::string_view word = reasoning.effort;
    if (word.empty() && reasoning.budget) word = effort_for_budget(*reasoning.budget);
    if (word == "minimal") word = "low";
    if (word == "xhigh") word = "high";
    if (reasoning.mode == Mode::off || word == "none") {
      writer_.member("think", false);
    } else if (!word.empty()) {
      writer_.member("think", word);
    } else if (reasoning.mode != Mode::unset) {
      writer_.member("think", true);
    }
  }

  void write_options() {
    const chat::Request& r = request_;
    std::string options;
    JsonWriter inner(options);
    const auto number = [&](std::string_view name, const chat::Number& value) { inner.raw_member_if(name, value); };
    inner.begin_object();
    if (r.max_output_tokens) inner.member("num_predict", *r.max_output_tokens);
    number("temperature", r.temperature), number("top_p", r.top_p), number("top_k", r.top_k);
    number("min_p", r.min_p), number("frequency_penalty", r.frequency_penalty);
    number("presence_penalty", r.presence_penalty), number("repeat_penalty", r.repetition_penalty);
    if (r.seed) inner.member("seed", *r.seed);
    if (!r.stop.empty()) {
      inner.key("stop").begin_array();
      for (const std::string& text : r.stop) inner.string(text);
      inner.end_array();
    }
    for (const auto& [name, value] : r.extra)
      if (same_ && name.starts_with(kOptionPrefix))
        inner.raw_member(std::string_view(name).substr(kOptionPrefix.size()), value);
    inner.end_object();
    if (options.size() > 2) writer_.raw_member("options", options);
  }

  const chat::Request& request_;
  const bool same_;
  chat::Losses& losses_;
  JsonWriter writer_;
};

}  // namespace

Result<std::string> write_request(const chat::Request& request, const WriteContext& context, chat::Losses& losses) {
  std::string out;
  out.reserve(2048);
  RequestWriter(request, context, losses, out);
  return out;
}

}  // namespace tollgate::gateway::ollama
