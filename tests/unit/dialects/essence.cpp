#include "essence.h"

#include <algorithm>

namespace tollgate {
namespace {

using namespace chat;

// What all tables carry or map, and no loss names.
class Kept {
 public:
  Kept(const std::vector<const FieldTable*>& tables, const Losses& losses) : tables_(tables), losses_(losses) {}
  bool operator()(Field field) const {
    for (const FieldTable* table : tables_)
      if (table->carry(field) == Carry::dropped) return false;
    const std::string name(field_name(field));
    return std::none_of(losses_.names().begin(), losses_.names().end(),
                        [&](const std::string& lost) { return lost == name || lost.find(name) != std::string::npos; });
  }
  bool exactly(Field field) const {
    for (const FieldTable* table : tables_)
      if (table->carry(field) != Carry::carried) return false;
    return (*this)(field);
  }
  bool any_loss(std::string_view word) const {
    return std::any_of(losses_.names().begin(), losses_.names().end(),
                       [&](const std::string& lost) { return lost.find(word) != std::string::npos; });
  }

 private:
  const std::vector<const FieldTable*>& tables_;
  const Losses& losses_;
};

// Arguments compare as values where they are JSON, else as text; no arguments are an empty object. Dialects that take
// objects only put broken text and free text into one.
Json value_of(const std::string& text) {
  if (text.empty()) return Json::object();
  auto parsed = parse_json_dom(text);
  if (!parsed) return Json(text);
  for (const char* name : {"input", "arguments"})
    if (parsed->is_object() && parsed->size() == 1 && parsed->contains(name) && (*parsed)[name].is_string())
      return (*parsed)[name];
  return *parsed;
}

// The text without white space: how its pieces are joined is each dialect's own business.
std::string trimmed(std::string text) {
  std::erase_if(text, [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; });
  return text;
}

bool media_kept(const Media& media, const Kept& kept) {
  switch (media.kind) {
    case Media::Kind::image:
      return kept(!media.data.empty()  ? Field::images_data
                  : !media.url.empty() ? Field::images_url
                                       : Field::images_file);
    case Media::Kind::document:
      return kept(!media.data.empty()   ? Field::documents_data
                  : !media.url.empty()  ? Field::documents_url
                  : !media.text.empty() ? Field::documents_text
                                        : Field::documents_file);
    case Media::Kind::audio:
      return kept(Field::audio_input);
    case Media::Kind::video:
      return kept(Field::video_input);
  }
  return false;
}

void add_result(Json& turn, const ToolResult& result, const Kept& kept) {
  if (!kept(Field::tool_results)) return;
  std::string text = trimmed(joined_text(result.content));
  if (!result.json.empty()) text = dump_json(value_of(result.json));
  // {"result": "text"} and the like are how objects-only dialects say a text.
  if (auto object = parse_json_dom(text); object && object->is_object() && object->size() == 1) {
    const Json& only = object->begin().value();
    text = only.is_string() ? trimmed(only.get<std::string>()) : dump_json(only);
  } else if (object) {
    text = dump_json(*object);
  }
  constexpr std::string_view kFailed = "Error:";  // how a dialect without a mark says that a call failed
  turn["results"].push_back(text.starts_with(kFailed) ? text.substr(kFailed.size()) : text);
}

void add_part(Json& turn, const Part& part, const Kept& kept) {
  if (const auto* text = part.get<Text>()) {
    const std::string said = trimmed(text->text);
    if (!said.empty()) turn["text"].push_back(said);
  } else if (const auto* refusal = part.get<Refusal>()) {
    if (!trimmed(refusal->text).empty()) turn["text"].push_back(trimmed(refusal->text));
  } else if (const auto* media = part.get<Media>()) {
    if (media_kept(*media, kept) && !kept.any_loss("image") && !kept.any_loss("document") && !kept.any_loss("file"))
      turn["media"].push_back(static_cast<int>(media->kind));
  } else if (const auto* call = part.get<ToolCall>()) {
    Json one = Json::object();
    one["name"] = call->name;
    one["arguments"] = value_of(call->arguments);
    turn["calls"].push_back(one);
  } else if (const auto* result = part.get<ToolResult>()) {
    add_result(turn, *result, kept);
  }
}

bool said_nothing(const Json& turn) { return turn.size() == 1; }

Json tools_of(const Request& request, const Kept& kept) {
  Json tools = Json::array();
  for (const Tool& tool : request.tools) {
    if (tool.kind != Tool::Kind::function || !kept(Field::tools)) continue;
    Json one = Json::object();
    one["name"] = tool.name;
    one["description"] = trimmed(tool.description);
    tools.push_back(one);
  }
  return tools;
}

void add_settings(Json& out, const Request& request, const Kept& kept) {
  const auto text = [&](Field field, const std::string& value) {
    if (!value.empty() && kept.exactly(field)) out[std::string(field_name(field))] = value_of(value);
  };
  const auto number = [&](Field field, const std::optional<std::int64_t>& value) {
    if (value && kept.exactly(field)) out[std::string(field_name(field))] = *value;
  };
  number(Field::max_output_tokens, request.max_output_tokens);
  text(Field::temperature, request.temperature);
  text(Field::top_p, request.top_p);
  text(Field::top_k, request.top_k);
  text(Field::frequency_penalty, request.frequency_penalty);
  text(Field::presence_penalty, request.presence_penalty);
  number(Field::seed, request.seed);
  if (request.n.value_or(1) != 1) number(Field::n, request.n);
  if (!request.stop.empty() && kept.exactly(Field::stop)) out["stop"] = request.stop;
  if (request.format.kind == ResponseFormat::Kind::json_schema && kept.exactly(Field::json_schema))
    out["json_schema"] = true;
  const auto mode = request.tool_choice.mode;
  if (mode == ToolChoice::Mode::required && kept.exactly(Field::tool_choice_required)) out["tool_choice"] = "required";
  if (mode == ToolChoice::Mode::named && kept.exactly(Field::tool_choice_named))
    out["tool_choice"] = request.tool_choice.name;
}

bool same_turn(const Json& turns, const char* role) { return !turns.empty() && turns.back()["role"] == role; }

}  // namespace

Json essence_of(const Request& request, const std::vector<const FieldTable*>& tables, const Losses& losses) {
  const Kept kept(tables, losses);
  Json out = Json::object();
  Json system = Json::array(), turns = Json::array();
  for (const Message& message : request.messages) {
    if (message.role == Role::system || message.role == Role::developer) {
      for (const Part& part : message.parts)
        if (const auto* text = part.get<Text>(); text && !trimmed(text->text).empty())
          system.push_back(trimmed(text->text));
      continue;
    }
    const char* role = message.role == Role::user ? "user" : "assistant";
    Json turn = Json::object();
    turn["role"] = role;
    if (same_turn(turns, role)) {
      turn = turns.back();
      turns.erase(turns.size() - 1);
    }
    for (const Part& part : message.parts) add_part(turn, part, kept);
    if (!said_nothing(turn)) turns.push_back(turn);
  }
  // One text or several pieces of it say the same.
  for (Json& turn : turns) {
    if (!turn.contains("text")) continue;
    std::string all;
    for (const Json& piece : turn["text"]) all += piece.get<std::string>() + "\n";
    turn["text"] = trimmed(all);
  }
  std::string instructions;
  for (const Json& piece : system) instructions += piece.get<std::string>() + "\n";
  out["system"] = trimmed(instructions);
  out["turns"] = turns;
  out["tools"] = tools_of(request, kept);
  out["settings"] = Json::object();
  add_settings(out["settings"], request, kept);
  return out;
}

namespace {

// Vendors tell fewer ways to end than there are; these are the classes every caller can act on.
std::string finish_class(Finish finish) {
  switch (finish) {
    case Finish::stop:
    case Finish::stop_sequence:
    case Finish::pause:
    case Finish::other:
      return "stop";
    case Finish::length:
    case Finish::context_length:
      return "length";
    case Finish::tool_calls:
      return "tool_calls";
    case Finish::content_filter:
    case Finish::refusal:
      return "filtered";
    case Finish::malformed_call:
    case Finish::error:
      return "error";
    case Finish::unset:  // a whole reply that does not say how it ended
      break;
  }
  return "stop";
}

}  // namespace

Json essence_of(const Reply& reply, const std::vector<const FieldTable*>& tables) {
  const Losses none;
  const Kept kept(tables, none);
  Json out = Json::array();
  for (const Choice& choice : reply.choices) {
    if (!out.empty() && !kept(Field::reply_choices)) break;
    Json one = Json::object();
    std::string text, thinking;
    for (const Part& part : choice.parts) {
      if (const auto* said = part.get<Text>()) text += said->text;
      if (const auto* refusal = part.get<Refusal>()) text += refusal->text;
      if (const auto* thought = part.get<Thinking>()) thinking += thought->text;
      if (const auto* call = part.get<ToolCall>()) {
        Json made = Json::object();
        made["name"] = call->name;
        made["arguments"] = value_of(call->arguments);
        one["calls"].push_back(made);
      }
    }
    one["text"] = trimmed(text);
    if (kept(Field::reply_thinking)) one["thinking"] = trimmed(thinking);
    const bool asks = one.contains("calls") && (choice.finish == Finish::stop || choice.finish == Finish::unset);
    one["finish"] = finish_class(asks ? Finish::tool_calls : choice.finish);
    out.push_back(one);
  }
  return out;
}

}  // namespace tollgate
