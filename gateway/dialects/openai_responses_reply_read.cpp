// A Response object into the meaning.
#include <string>

#include "gateway/dialects/common.h"
#include "gateway/dialects/openai_responses_content.h"
#include "gateway/dialects/openai_responses_reply.h"

namespace tollgate::gateway::responses {
namespace {

Error bad_reply(std::string_view problem) {
  return Error{.kind = ErrorKind::retry_elsewhere,
               .status = 502,
               .code = "bad_upstream_reply",
               .message = "the vendor's reply is no Response object: " + std::string(problem)};
}

// What the object says beside its output.
struct Head {
  JsonValue output, usage;
  std::string_view status, reason;
};

Head read_head(JsonValue response, chat::Reply& reply) {
  Head head;
  response.members([&](std::string_view key, JsonValue value) {
    if (key == "id") {
      reply.id = text_or_empty(value);
    } else if (key == "model") {
      reply.model = text_or_empty(value);
    } else if (key == "created_at") {
      reply.created = created_of(value);
    } else if (key == "service_tier") {
      reply.service_tier = text_or_empty(value);
    } else if (key == "status") {
      head.status = value.as_string().value_or("");
    } else if (key == "incomplete_details") {
      head.reason = value["reason"].as_string().value_or("");
    } else if (key == "output") {
      head.output = value;
    } else if (key != "object" && key != "usage") {
      keep_extra(reply.extra, key, value);
    }
  });
  reply.dialect = kName;
  return head;
}

}  // namespace

// Some vendors give a fraction of a second too.
std::int64_t created_of(JsonValue value) {
  if (const auto whole = value.as_int()) return *whole;
  const std::string text = value.number_text();
  std::int64_t seconds = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || seconds > 1'000'000'000'000) break;
    seconds = seconds * 10 + (c - '0');
  }
  return seconds;
}

void read_reply_head(JsonValue response, chat::Reply& reply) { read_head(response, reply); }

// A part of a message item carries the item's members beside its own, so they have a prefix.
void name_parts(Item& item) {
  bool first = true;
  for (chat::Part& part : item.parts) {
    if (part.get<chat::Opaque>() && !item.message) continue;
    chat::Extra extra;
    const std::string prefix(item.message ? kItemPrefix : "");
    if (!item.id.empty() && !part.get<chat::Thinking>()) extra.emplace_back(prefix + "id", quoted(item.id));
    if (first)
      for (const auto& [name, value] : item.extra) extra.emplace_back(prefix + name, value);
    first = false;
    part.extra.insert(part.extra.begin(), extra.begin(), extra.end());
  }
}

void set_finish(chat::Choice& choice, std::string_view status, std::string_view reason, bool calls, bool refused) {
  using chat::Finish;
  choice.finish_raw = status == "incomplete" && !reason.empty() ? reason : status;
  if (status == "failed") {
    choice.finish = Finish::error;
  } else if (status == "in_progress" || status == "queued") {
    choice.finish = Finish::unset;
  } else if (status == "cancelled") {
    choice.finish = Finish::other;
  } else if (status == "incomplete" && reason == "content_filter") {
    choice.finish = Finish::content_filter;
  } else if (status == "incomplete") {
    choice.finish = reason.empty() || reason == "max_output_tokens" ? Finish::length : Finish::other;
  } else if (calls) {
    choice.finish = Finish::tool_calls;
  } else {
    choice.finish = refused ? Finish::refusal : Finish::stop;
  }
}

Result<chat::Reply> read_reply(std::string_view body) {
  thread_local JsonReader reader;
  const auto parsed = reader.parse(body);
  if (!parsed) return bad_reply("it is not valid JSON");
  chat::Reply reply;
  const Head head = read_head(*parsed, reply);
  if (!head.output.is_array()) return bad_reply("it has no output array");
  chat::Choice& choice = reply.choices.emplace_back();
  Result<void> outcome;
  bool calls = false, refused = false;
  std::size_t index = 0;
  head.output.elements([&](JsonValue value) {
    if (!outcome) return;
    Item item;
    outcome = read_item(value, {"output", index++}, item);
    if (!outcome) return;
    append_elements(choice.logprobs, item.logprobs);
    name_parts(item);
    for (chat::Part& part : item.parts) {
      calls = calls || part.get<chat::ToolCall>();
      refused = refused || part.get<chat::Refusal>();
      choice.parts.push_back(std::move(part));
    }
  });
  if (!outcome) return bad_reply(outcome.error().message);
  set_finish(choice, head.status, head.reason, calls, refused);
  return reply;
}

}  // namespace tollgate::gateway::responses
