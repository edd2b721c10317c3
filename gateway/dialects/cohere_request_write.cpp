// Requests of Cohere's chat, written: everything but the messages. Thread rule: pure functions.
#include <algorithm>
#include <array>
#include <charconv>

#include "gateway/dialects/cohere.h"
#include "gateway/dialects/cohere_messages.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::cohere {
namespace {

using chat::Field;

constexpr std::size_t kMostStops = 5;

double value_of(std::string_view number) {
  double out = 0;
  std::from_chars(number.data(), number.data() + number.size(), out);
  return out;
}

// A number of the request and the bounds that Cohere sets. `tight` ones are so close to the wider world's that nothing
// is lost by them.
struct Bounded {
  std::string_view name;
  chat::Number chat::Request::* number;
  std::string_view least, most;
  bool tight;
  Field field;
};
constexpr std::array kBounded{
    Bounded{"temperature", &chat::Request::temperature, "0", "1", false, Field::temperature},
    Bounded{"p", &chat::Request::top_p, "0.01", "0.99", true, Field::top_p},
    Bounded{"k", &chat::Request::top_k, "0", "500", false, Field::top_k},
    Bounded{"frequency_penalty", &chat::Request::frequency_penalty, "0", "1", false, Field::frequency_penalty},
    Bounded{"presence_penalty", &chat::Request::presence_penalty, "0", "1", false, Field::presence_penalty},
};

class RequestWriter {
 public:
  RequestWriter(const chat::Request& request, const WriteContext& context, chat::Losses& losses, std::string& out)
      : request_(request), context_(context), losses_(losses), writer_(out) {}

  void write() {
    writer_.begin_object();
    writer_.member("model", context_.model.empty() ? std::string_view(request_.model) : context_.model);
    writer_.member("stream", context_.stream);
    const MessageOutcome seen = write_messages(writer_, request_, context_.same_dialect, losses_);
    const bool tools = write_tools();
    if (seen.documents) write_citation_options(seen.cited);
    write_format(tools || seen.documents);
    write_sampling();
    write_thinking();
    if (context_.same_dialect) write_extra(writer_, request_.extra);
    writer_.end_object();
  }

 private:
  bool offered(const chat::Tool& tool) const {
    using Mode = chat::ToolChoice::Mode;
    const chat::ToolChoice& choice = request_.tool_choice;
    if (tool.kind != chat::Tool::Kind::function) return false;
    if (choice.mode == Mode::named && tool.name != choice.name) return false;
    return choice.allowed.empty() ||
           std::find(choice.allowed.begin(), choice.allowed.end(), tool.name) != choice.allowed.end();
  }

  bool write_tools() {
    using Mode = chat::ToolChoice::Mode;
    std::size_t count = 0, strict = 0, loose = 0;
    for (const chat::Tool& tool : request_.tools) {
      if (!offered(tool)) continue;
      if (count++ == 0) writer_.key("tools").begin_array();
      write_tool(tool);
      strict += tool.strict == true;
      loose += tool.strict == false;
    }
    if (count == 0) return false;
    writer_.end_array();
    if (strict == count) writer_.member("strict_tools", true);
    if (loose == count && context_.same_dialect) writer_.member("strict_tools", false);
    if (strict > 0 && strict < count) losses_.add("tools[].strict");
    const Mode mode = request_.tool_choice.mode;
    if (mode == Mode::none) writer_.member("tool_choice", "NONE");
    if (mode == Mode::required || mode == Mode::named) writer_.member("tool_choice", "REQUIRED");
    return true;
  }

  void write_tool(const chat::Tool& tool) {
    constexpr std::string_view kInFunction = "function.";
    writer_.begin_object().member("type", "function").key("function").begin_object();
    writer_.member("name", tool.name).member_if("description", tool.description);
    if (!tool.parameters.empty()) {
      writer_.raw_member("parameters", tool.parameters);
    } else if (!context_.same_dialect) {
      writer_.raw_member("parameters", R"({"type":"object","properties":{}})");
    }
    const auto extras = [&](bool inside) {
      if (!context_.same_dialect) return;
      for (const auto& [name, value] : tool.extra)
        if (name.starts_with(kInFunction) == inside)
          writer_.raw_member(inside ? std::string_view(name).substr(kInFunction.size()) : name, value);
    };
    extras(true);
    writer_.end_object();
    extras(false);
    writer_.end_object();
  }

  // Cohere cites unless told not to.
  void write_citation_options(bool cited) {
    const auto& extra = request_.extra;
    const auto is_it = [](const auto& member) { return member.first == "citation_options"; };
    if (context_.same_dialect && (cited || std::any_of(extra.begin(), extra.end(), is_it))) return;
    writer_.key("citation_options").begin_object().member("mode", cited ? "ACCURATE" : "OFF").end_object();
  }

  void write_format(bool refused) {
    using Kind = chat::ResponseFormat::Kind;
    const chat::ResponseFormat& format = request_.format;
    if (format.kind == Kind::unset) return;
    // Cohere refuses it beside tools and documents; where they are its own caller's, that caller is told so.
    if (refused && !context_.same_dialect && format.kind != Kind::text) {
      losses_.add(format.kind == Kind::json_schema ? Field::json_schema : Field::json_object);
      return;
    }
    writer_.key("response_format").begin_object();
    writer_.member("type", format.kind == Kind::text ? "text" : "json_object");
    if (format.kind == Kind::json_schema) writer_.raw_member_if("json_schema", format.schema);
    writer_.end_object();
  }

  void write_sampling() {
    const chat::Request& r = request_;
    if (r.max_output_tokens) writer_.member("max_tokens", *r.max_output_tokens);
    for (const Bounded& one : kBounded) write_bounded(one);
    if (r.seed && *r.seed >= 0) writer_.member("seed", *r.seed);
    if (r.seed && *r.seed < 0) losses_.add(Field::seed);
    if (!r.stop.empty()) {
      writer_.key("stop_sequences").begin_array();
      for (std::size_t i = 0; i < std::min(r.stop.size(), kMostStops); ++i) writer_.string(r.stop[i]);
      writer_.end_array();
      if (r.stop.size() > kMostStops) losses_.add(Field::stop);
    }
    if (r.logprobs) writer_.member("logprobs", *r.logprobs);
  }

  void write_bounded(const Bounded& one) {
    const chat::Number& number = request_.*one.number;
    if (number.empty()) return;
    const double asked = value_of(number);
    const bool below = asked<value_of(one.least), above = asked> value_of(one.most);
    if ((!below && !above) || context_.same_dialect) {
      writer_.raw_member(one.name, number);
      return;
    }
    if (!one.tight) losses_.add(one.field);
    writer_.raw_member(one.name, below ? one.least : one.most);
  }

  void write_thinking() {
    using Mode = chat::Reasoning::Mode;
    const chat::Reasoning& reasoning = request_.reasoning;
    auto budget = reasoning.budget;
    if (!budget && !reasoning.effort.empty()) budget = budget_for_effort(reasoning.effort, request_.max_output_tokens);
    if (!budget && !reasoning.effort.empty()) losses_.add(Field::reasoning_effort);
    if (reasoning.mode == Mode::unset && !budget) return;
    const bool off = reasoning.mode == Mode::off || budget == 0;
    writer_.key("thinking").begin_object().member("type", off ? "disabled" : "enabled");
    if (!off && budget && *budget > 0) writer_.member("token_budget", *budget);
    writer_.end_object();
  }

  const chat::Request& request_;
  const WriteContext& context_;
  chat::Losses& losses_;
  JsonWriter writer_;
};

}  // namespace

Result<std::string> write_request(const chat::Request& request, const WriteContext& context, chat::Losses& losses) {
  std::string out;
  out.reserve(2048);
  RequestWriter(request, context, losses, out).write();
  return out;
}

}  // namespace tollgate::gateway::cohere
