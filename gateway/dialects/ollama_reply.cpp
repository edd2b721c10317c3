// Replies of Ollama's chat that are no streams, and its errors. Thread rule: pure functions.
#include <array>

#include "gateway/dialects/common.h"
#include "gateway/dialects/ollama.h"

namespace tollgate::gateway::ollama {
namespace {

using chat::Part;

void read_message(JsonValue message, std::string_view seed, chat::Choice& choice) {
  std::string thinking, content;
  JsonValue images, calls;
  message.members([&](std::string_view key, JsonValue value) {
    if (key == "content") {
      content = text_or_empty(value);
    } else if (key == "thinking") {
      thinking = text_or_empty(value);
    } else if (key == "images") {
      images = value;
    } else if (key == "tool_calls") {
      calls = value;
    } else if (key != "role") {
      keep_extra(choice.extra, "message." + std::string(key), value);
    }
  });
  if (!thinking.empty()) choice.parts.push_back({.what = chat::Thinking{.text = std::move(thinking)}});
  if (!content.empty()) choice.parts.push_back({.what = chat::Text{.text = std::move(content)}});
  images.elements([&](JsonValue image) { choice.parts.push_back(read_image(image)); });
  std::size_t index = 0;
  calls.elements([&](JsonValue call) { choice.parts.push_back(read_tool_call(call, seed, index++)); });
}

bool has_calls(const chat::Choice& choice) {
  for (const Part& part : choice.parts)
    if (part.get<chat::ToolCall>()) return true;
  return false;
}

void write_message(JsonWriter& writer, const chat::Choice& choice, bool own) {
  std::string content, thinking;
  std::vector<std::string_view> images;
  std::vector<const chat::ToolCall*> calls;
  for (const Part& part : choice.parts) {
    if (const auto* text = part.get<chat::Text>()) content += text->text;
    if (const auto* refusal = part.get<chat::Refusal>()) content += refusal->text;
    if (const auto* thought = part.get<chat::Thinking>()) thinking += thought->text;
    if (const auto* call = part.get<chat::ToolCall>()) calls.push_back(call);
    const auto* media = part.get<chat::Media>();
    if (media && media->kind == chat::Media::Kind::image && !media->data.empty()) images.push_back(media->data);
  }
  writer.begin_object().member("role", "assistant").member("content", content).member_if("thinking", thinking);
  if (!images.empty()) {
    writer.key("images").begin_array();
    for (const std::string_view image : images) writer.string(image);
    writer.end_array();
  }
  if (!calls.empty()) {
    writer.key("tool_calls").begin_array();
    for (std::size_t i = 0; i < calls.size(); ++i) write_tool_call(writer, *calls[i], static_cast<int>(i));
    writer.end_array();
  }
  constexpr std::string_view kPrefix = "message.";
  for (const auto& [name, value] : choice.extra)
    if (own && name.starts_with(kPrefix)) writer.raw_member(std::string_view(name).substr(kPrefix.size()), value);
  writer.end_object();
}

// The first that fits. Some words belong to what the loaded model or machine cannot do: another target may.
constexpr std::array kRules{
    ErrorRule{0, "context length", ErrorKind::client_fault, "context_length_exceeded"},
    ErrorRule{0, "context window", ErrorKind::client_fault, "context_length_exceeded"},
    ErrorRule{0, "does not support", ErrorKind::retry_elsewhere, "unsupported_by_model"},
    ErrorRule{0, "system memory", ErrorKind::retry_elsewhere, "out_of_memory"},
    ErrorRule{0, "out of memory", ErrorKind::retry_elsewhere, "out_of_memory"},
    ErrorRule{0, "server busy", ErrorKind::retry_elsewhere, "overloaded"},
    ErrorRule{404, "model", ErrorKind::retry_elsewhere, "model_not_found"},
    ErrorRule{404, "", ErrorKind::retry_elsewhere, "not_found"},
    ErrorRule{401, "", ErrorKind::auth, "invalid_api_key"},
    ErrorRule{402, "", ErrorKind::retry_elsewhere, "quota_exceeded"},
    ErrorRule{403, "", ErrorKind::auth, "permission_denied"},
    ErrorRule{429, "usage limit", ErrorKind::retry_elsewhere, "quota_exceeded"},
    ErrorRule{429, "", ErrorKind::limited, "rate_limited"},
    ErrorRule{500, "runner", ErrorKind::retry_elsewhere, "model_failed"},
    ErrorRule{503, "", ErrorKind::retry_elsewhere, "overloaded"},
};

}  // namespace

Result<chat::Reply> read_reply(std::string_view body) {
  thread_local JsonReader reader;  // keeps its memory; what it read is used up before the next body
  const auto root = reader.parse(body);
  if (!root) return root.error();
  const JsonValue message = (*root)["message"];
  if (!message.is_object()) return bad_request("message", "must be an object");
  chat::Reply reply;
  reply.dialect = kName;
  chat::Choice& choice = reply.choices.emplace_back();
  const auto time = (*root)["created_at"].as_string().value_or("");
  read_message(message, time, choice);
  root->members([&](std::string_view key, JsonValue value) {
    if (key == "model") {
      reply.model = text_or_empty(value);
    } else if (key == "done_reason") {
      choice.finish_raw = text_or_empty(value);
    } else if (key == "logprobs" && value.is_array()) {
      choice.logprobs = value.text();
    } else if (key != "message" && key != "done" && key != "prompt_eval_count" && key != "eval_count") {
      keep_extra(choice.extra, key, value);
    }
  });
  reply.created = seconds_of(time);
  choice.finish = finish_of(choice.finish_raw, has_calls(choice));
  return reply;
}

std::string write_reply(const chat::Reply& reply, const StreamOptions& options) {
  std::string out;
  out.reserve(1024);
  JsonWriter writer(out);
  const chat::Choice none;
  const chat::Choice& choice = reply.choices.empty() ? none : reply.choices.front();
  const bool own = reply.dialect == kName;
  bool timed = false;
  writer.begin_object().member("model", options.model.empty() ? reply.model : options.model);
  for (const auto& [name, value] : choice.extra) {
    if (!own || name.starts_with("message.")) continue;
    writer.raw_member(name, value);
    timed = timed || name == "created_at";
  }
  if (!timed) writer.member("created_at", time_of(reply.created > 0 ? reply.created : options.created));
  writer.key("message");
  write_message(writer, choice, own);
  writer.member("done", true).member("done_reason", word_of(choice.finish, choice.finish_raw));
  write_usage(writer, reply.usage);
  if (choice.logprobs.size() > 2) writer.raw_member("logprobs", choice.logprobs);
  writer.end_object();
  return out;
}

Error read_error(int status, std::string_view body) {
  Error error{.kind = status >= 500 ? ErrorKind::retry_same : ErrorKind::client_fault,
              .status = status,
              .code = status >= 500 ? "server_error" : "invalid_request"};
  JsonReader reader;
  if (const auto root = reader.parse(body); root && root->is_object()) {
    const JsonValue said = (*root)["error"];
    error.message = text_or_empty(said.is_string() ? said : said["message"]);
  }
  if (error.message.empty()) error.message = std::string(body.substr(0, 500));
  if (error.message.empty()) error.message = "Ollama answered with status " + std::to_string(status);
  judge_error(kRules, error);
  return error;
}

std::string write_error(const Error& error) {
  std::string out;
  JsonWriter(out).begin_object().member("error", error.message).end_object();
  return out;
}

}  // namespace tollgate::gateway::ollama
