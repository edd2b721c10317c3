// What the echo vendor says, per surface. Token counts are a stated rule, not a tokenizer: one token per four bytes,
// rounded up.
#include "core/json.h"
#include "core/sse.h"
#include "gateway/echo.h"

namespace tollgate::gateway {
namespace {

constexpr std::size_t kMaxEchoBytes = 4096;
constexpr std::size_t kPieces = 4;  // a streamed answer comes in about this many deltas

std::string quoted(std::string_view text) {
  std::string out = "\"";
  json_escape(out, text);
  return out + '"';
}

std::size_t tokens_of(std::string_view text) { return (text.size() + 3) / 4; }

// Text of a message's content: a string, or the text parts of a list.
std::string content_text(JsonValue content) {
  if (auto text = content.as_string()) return std::string(*text);
  std::string out;
  content.each_element(
      [](void* context, JsonValue part) {
        auto text = part.is_string() ? part.as_string() : part["text"].as_string();
        if (text) *static_cast<std::string*>(context) += *text;
        return true;
      },
      &out);
  return out;
}

std::string last_text(JsonValue root) {
  for (std::string_view list : {"messages", "input"}) {
    const JsonValue items = root[list];
    if (!items.is_array() || items.size() == 0) continue;
    const JsonValue last = items.at(items.size() - 1);
    return last.is_string() ? std::string(*last.as_string()) : content_text(last["content"]);
  }
  for (std::string_view single : {"input", "prompt"})
    if (auto text = root[single].as_string()) return std::string(*text);
  return {};
}

// UTF-8 safe: never cuts inside a character.
std::string_view cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  return text.substr(0, limit);
}

std::string numbers(std::string_view in_name, std::size_t in, std::string_view out_name, std::size_t out, bool total) {
  std::string text = "{\"" + std::string(in_name) + "\":" + std::to_string(in) + ",\"" + std::string(out_name) +
                     "\":" + std::to_string(out);
  if (total) text += ",\"total_tokens\":" + std::to_string(in + out);
  return text + '}';
}

template <class Emit>
void in_pieces(std::string_view text, Emit emit) {
  const std::size_t step = std::max<std::size_t>(1, text.size() / kPieces);
  while (!text.empty()) {
    std::string_view piece = cut(text, std::min(step, text.size()));
    if (piece.empty()) piece = text;
    emit(piece);
    text.remove_prefix(piece.size());
  }
}

struct Turn {
  std::string model, text;
  std::size_t in = 0, out = 0;
  bool stream = false, usage_asked = false;
};

EchoReply openai_chat(const Turn& turn, bool legacy) {
  const std::string usage = numbers("prompt_tokens", turn.in, "completion_tokens", turn.out, true);
  const std::string head = R"({"id":"echo-1","created":0,"model":)" + quoted(turn.model) + R"(,"object":)";
  if (!turn.stream) {
    const std::string choice = legacy ? R"("text":)" + quoted(turn.text)
                                      : R"("message":{"role":"assistant","content":)" + quoted(turn.text) + '}';
    return {.body = head + (legacy ? "\"text_completion\"" : "\"chat.completion\"") + R"(,"choices":[{"index":0,)" +
                    choice + R"(,"finish_reason":"stop"}],"usage":)" + usage + '}'};
  }
  EchoReply reply{.stream = true, .body = {}};
  const std::string chunk = head + (legacy ? "\"text_completion\"" : "\"chat.completion.chunk\"") + R"(,"choices":[)";
  auto event = [&](const std::string& choice, const char* finish) {
    write_sse_event(reply.body, "", chunk + R"({"index":0,)" + choice + R"(,"finish_reason":)" + finish + "}]}");
  };
  if (!legacy) event(R"("delta":{"role":"assistant","content":""})", "null");
  in_pieces(turn.text, [&](std::string_view piece) {
    event(legacy ? R"("text":)" + quoted(piece) : R"("delta":{"content":)" + quoted(piece) + '}', "null");
  });
  event(legacy ? R"("text":"")" : R"("delta":{})", "\"stop\"");
  if (turn.usage_asked) write_sse_event(reply.body, "", chunk + R"(],"usage":)" + usage + '}');
  write_sse_event(reply.body, "", "[DONE]");
  return reply;
}

EchoReply openai_responses(const Turn& turn) {
  const std::string usage = numbers("input_tokens", turn.in, "output_tokens", turn.out, true);
  const std::string item =
      R"({"id":"msg_echo_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","annotations":[],"text":)" +
      quoted(turn.text) + "}]}";
  auto response = [&](bool done) {
    return R"({"id":"resp_echo_1","object":"response","created_at":0,"status":")" +
           std::string(done ? "completed" : "in_progress") + R"(","model":)" + quoted(turn.model) + R"(,"output":[)" +
           (done ? item : "") + R"(],"usage":)" + (done ? usage : "null") + '}';
  };
  if (!turn.stream) return {.body = response(true)};
  EchoReply reply{.stream = true, .body = {}};
  int sequence = 0;
  auto event = [&](std::string_view type, const std::string& rest) {
    write_sse_event(
        reply.body, type,
        R"({"type":")" + std::string(type) + R"(","sequence_number":)" + std::to_string(sequence++) + ',' + rest + '}');
  };
  event("response.created", R"("response":)" + response(false));
  in_pieces(turn.text, [&](std::string_view piece) {
    event("response.output_text.delta",
          R"("item_id":"msg_echo_1","output_index":0,"content_index":0,"delta":)" + quoted(piece));
  });
  event("response.output_item.done", R"("output_index":0,"item":)" + item);
  event("response.completed", R"("response":)" + response(true));
  return reply;
}

EchoReply anthropic_messages(const Turn& turn) {
  auto message = [&](const std::string& content, std::size_t out, const char* stop) {
    return R"({"id":"msg_echo_1","type":"message","role":"assistant","model":)" + quoted(turn.model) +
           R"(,"content":[)" + content + R"(],"stop_reason":)" + stop + R"(,"stop_sequence":null,"usage":)" +
           numbers("input_tokens", turn.in, "output_tokens", out, false) + '}';
  };
  if (!turn.stream)
    return {.body = message(R"({"type":"text","text":)" + quoted(turn.text) + '}', turn.out, "\"end_turn\"")};
  EchoReply reply{.stream = true, .body = {}};
  auto event = [&](std::string_view type, const std::string& rest) {
    write_sse_event(reply.body, type, R"({"type":")" + std::string(type) + '"' + rest + '}');
  };
  event("message_start", R"(,"message":)" + message("", 1, "null"));
  event("content_block_start", R"(,"index":0,"content_block":{"type":"text","text":""})");
  in_pieces(turn.text, [&](std::string_view piece) {
    event("content_block_delta", R"(,"index":0,"delta":{"type":"text_delta","text":)" + quoted(piece) + '}');
  });
  event("content_block_stop", R"(,"index":0)");
  event("message_delta", R"(,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":)" +
                             std::to_string(turn.out) + '}');
  event("message_stop", "");
  return reply;
}

EchoReply openai_embeddings(const Turn& turn) {
  return {.body = R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.0]}],"model":)" +
                  quoted(turn.model) + R"(,"usage":{"prompt_tokens":)" + std::to_string(turn.in) +
                  R"(,"total_tokens":)" + std::to_string(turn.in) + "}}"};
}

}  // namespace

EchoReply echo_reply(std::string_view path, std::string_view request) {
  JsonReader reader;
  auto root = reader.parse(request);
  if (!root)
    return {
        .status = 400,
        .body =
            R"({"error":{"message":"the body is not JSON","type":"invalid_request_error","param":null,"code":"bad_json"}})"};
  const std::string text = last_text(*root);
  Turn turn;
  turn.model = (*root)["model"].as_string().value_or("echo");
  turn.text = "echo: " + std::string(cut(text, kMaxEchoBytes));
  turn.in = std::max<std::size_t>(1, tokens_of(text));
  turn.out = tokens_of(turn.text);
  turn.stream = (*root)["stream"].as_bool().value_or(false);
  turn.usage_asked = (*root)["stream_options"]["include_usage"].as_bool().value_or(false);
  if (path.ends_with("/embeddings")) return openai_embeddings(turn);
  if (path.ends_with("/messages")) return anthropic_messages(turn);
  if (path.ends_with("/responses")) return openai_responses(turn);
  return openai_chat(turn, !path.ends_with("/chat/completions"));
}

}  // namespace tollgate::gateway
