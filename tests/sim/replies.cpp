#include "tests/sim/replies.h"

#include <fmt/core.h>

#include "core/sse.h"

namespace tollgate::sim {
namespace {

std::string usage_of(Dialect dialect, const Bill& bill) {
  const std::int64_t in = bill.input + bill.cache_read;
  switch (dialect) {
    case Dialect::chat:
      return fmt::format(
          R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{}}}}})",
          in, bill.output, in + bill.output, bill.cache_read);
    case Dialect::responses:
      return fmt::format(
          R"({{"input_tokens":{},"input_tokens_details":{{"cached_tokens":{}}},"output_tokens":{},"output_tokens_details":{{"reasoning_tokens":0}},"total_tokens":{}}})",
          in, bill.cache_read, bill.output, in + bill.output);
    case Dialect::messages:
      break;
  }
  return fmt::format(
      R"({{"input_tokens":{},"cache_creation_input_tokens":0,"cache_read_input_tokens":{},"output_tokens":{}}})",
      bill.input, bill.cache_read, bill.output);
}

void add(Reply& reply, std::string_view name, const std::string& data) {
  write_sse_event(reply.events.emplace_back(), name, data);
}

std::string text_of(const Reply& reply, int piece, Rng& rng) {
  return fmt::format("{}/{} {}", reply.id, piece, std::string(static_cast<std::size_t>(rng.between(0, 300)), 'x'));
}

void chat_stream(const ReplyOrder& order, int pieces, Rng& rng, Reply& reply) {
  const std::string head = fmt::format(
      R"({{"id":"{}","object":"chat.completion.chunk","created":1,"model":"{}","choices":[)", reply.id, order.model);
  add(reply, "", head + R"({"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})");
  reply.content_at = reply.events.size();
  for (int i = 0; i < pieces; ++i)
    add(reply, "",
        fmt::format(R"({}{{"index":0,"delta":{{"content":"{}"}},"finish_reason":null}}]}})", head,
                    text_of(reply, i, rng)));
  add(reply, "", head + R"({"index":0,"delta":{},"finish_reason":"stop"}]})");
  reply.has_usage = order.with_usage && order.usage_asked;
  if (reply.has_usage) {
    reply.usage_only_at = reply.events.size();
    add(reply, "", fmt::format(R"({}],"usage":{}}})", head, usage_of(Dialect::chat, reply.bill)));
  }
  add(reply, "", "[DONE]");
}

void messages_stream(const ReplyOrder& order, int pieces, Rng& rng, Reply& reply) {
  Bill begun = reply.bill;
  begun.output = 1;
  const std::string usage = order.with_usage ? R"(,"usage":)" + usage_of(Dialect::messages, begun) : "";
  add(reply, "message_start",
      fmt::format(
          R"({{"type":"message_start","message":{{"id":"{}","type":"message","role":"assistant","model":"{}","content":[],"stop_reason":null{}}}}})",
          reply.id, order.model, usage));
  add(reply, "content_block_start",
      R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})");
  add(reply, "ping", R"({"type":"ping"})");
  reply.content_at = reply.events.size();
  for (int i = 0; i < pieces; ++i)
    add(reply, "content_block_delta",
        fmt::format(R"({{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{}"}}}})",
                    text_of(reply, i, rng)));
  add(reply, "content_block_stop", R"({"type":"content_block_stop","index":0})");
  const std::string last = order.with_usage ? fmt::format(R"(,"usage":{{"output_tokens":{}}})", reply.bill.output) : "";
  add(reply, "message_delta",
      R"({"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null})" + last + "}");
  add(reply, "message_stop", R"({"type":"message_stop"})");
}

void responses_stream(const ReplyOrder& order, int pieces, Rng& rng, Reply& reply) {
  const auto response = [&](const char* status, const std::string& usage) {
    return fmt::format(
        R"("response":{{"id":"{}","object":"response","status":"{}","model":"{}","output":[],"usage":{}}})", reply.id,
        status, order.model, usage);
  };
  add(reply, "response.created", R"({"type":"response.created",)" + response("in_progress", "null") + "}");
  reply.content_at = reply.events.size();
  for (int i = 0; i < pieces; ++i)
    add(reply, "response.output_text.delta",
        fmt::format(
            R"({{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"{}"}})",
            text_of(reply, i, rng)));
  const std::string usage = order.with_usage ? usage_of(Dialect::responses, reply.bill) : "null";
  add(reply, "response.completed", R"({"type":"response.completed",)" + response("completed", usage) + "}");
}

std::string plain_body(const ReplyOrder& order, int pieces, Rng& rng, const Reply& reply) {
  std::string text;
  for (int i = 0; i < pieces; ++i) text += text_of(reply, i, rng);
  const std::string usage = order.with_usage ? R"(,"usage":)" + usage_of(order.dialect, reply.bill) : "";
  const std::string head = fmt::format(R"({{"id":"{}","model":"{}",)", reply.id, order.model);
  switch (order.dialect) {
    case Dialect::chat:
      return head + R"("object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":")" +
             text + R"("},"finish_reason":"stop"}])" + usage + "}";
    case Dialect::messages:
      return head + R"("type":"message","role":"assistant","content":[{"type":"text","text":")" + text +
             R"("}],"stop_reason":"end_turn")" + usage + "}";
    case Dialect::responses:
      break;
  }
  return head +
         R"("object":"response","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":")" +
         text + R"("}]}])" + usage + "}";
}

}  // namespace

Reply make_reply(const ReplyOrder& order, Rng& rng) {
  Reply reply{.id = order.id, .has_usage = order.with_usage};
  reply.bill = {.input = rng.between(1, 50'000), .cache_read = rng.between(0, 20'000), .output = rng.between(1, 9'000)};
  const int pieces = static_cast<int>(rng.between(1, 12));
  if (!order.stream) {
    reply.body = plain_body(order, pieces, rng, reply);
  } else if (order.dialect == Dialect::chat) {
    chat_stream(order, pieces, rng, reply);
  } else if (order.dialect == Dialect::messages) {
    messages_stream(order, pieces, rng, reply);
  } else {
    responses_stream(order, pieces, rng, reply);
  }
  return reply;
}

std::string error_event_of(Dialect dialect) {
  std::string out;
  if (dialect == Dialect::chat) {
    write_sse_event(out, "", R"({"error":{"message":"overloaded","type":"server_error","code":"overloaded"}})");
  } else if (dialect == Dialect::messages) {
    write_sse_event(out, "error", R"({"type":"error","error":{"type":"overloaded_error","message":"overloaded"}})");
  } else {
    write_sse_event(out, "error", R"({"type":"error","code":"server_error","message":"overloaded","param":null})");
  }
  return out;
}

std::string error_body_of(Dialect dialect, int status) {
  if (dialect == Dialect::messages)
    return fmt::format(R"({{"type":"error","error":{{"type":"api_error","message":"status {}"}}}})", status);
  return fmt::format(R"({{"error":{{"message":"status {}","type":"server_error","param":null,"code":null}}}})", status);
}

}  // namespace tollgate::sim
