// Prints what the dialects write, for checks against the vendors' own schemas (tests/integration/openapi_test.py): each
// recorded chat translated into every other dialect, one JSON line per request, reply and stream frame.
//
//   translate_dump [EVERY]    takes every EVERY-th exchange, all of them by default
//
// Line: {"id", "from", "to", "what": "request" | "reply" | "event", "body"}.
#include <array>
#include <cstdio>
#include <cstdlib>

#include "core/json_write.h"
#include "exchange_corpus.h"
#include "gateway/dialects/translate.h"

namespace tollgate::gateway {
namespace {

struct Source {
  const char *protocol, *endpoint, *dialect;
};
constexpr std::array kSources{
    Source{"openai-chat", "chat.completions", "openai.chat"},
    Source{"openai-responses", "responses", "openai.responses"},
    Source{"anthropic-messages", "messages", "anthropic.messages"},
    Source{"gemini", "generateContent", "gemini.generate"},
    Source{"gemini", "streamGenerateContent", "gemini.generate"},
    Source{"bedrock-converse", "converse", "bedrock.converse"},
    Source{"bedrock-converse", "converse-stream", "bedrock.converse"},
    Source{"cohere", "chat", "cohere.chat"},
    Source{"ollama", "ollama.chat", "ollama.chat"},
};
constexpr std::array kTargets{"openai.chat",      "openai.responses", "anthropic.messages", "gemini.generate",
                              "bedrock.converse", "cohere.chat",      "ollama.chat"};
constexpr std::size_t kCallerDialects = 4;  // the first targets: callers read replies in these

void print(const std::string& id, const Dialect& from, const Dialect& to, const char* what, std::string_view body) {
  std::string line;
  JsonWriter(line)
      .begin_object()
      .member("id", id)
      .member("from", from.name())
      .member("to", to.name())
      .member("what", what)
      .raw_member("body", body)
      .end_object();
  std::puts(line.c_str());
}

void dump_request(const Dialect& from, const RecordedExchange& one) {
  if (!one.request.is_object()) return;
  const std::string model = one.model.empty() ? "model-x" : one.model;
  auto request = from.read_request(dump_json(one.request), {.model = model, .stream = one.stream});
  if (!request) return;
  for (const char* name : kTargets) {
    const Dialect& to = *find_dialect(name);
    if (&to == &from) continue;
    chat::Losses losses;
    auto body =
        translate_request(from, *request, to, {.model = "model-x", .stream = one.stream}, Fidelity::warn, losses);
    if (body) print(one.id, from, to, "request", *body);
  }
}

std::optional<chat::Reply> reply_of(const Dialect& from, const RecordedExchange& one) {
  if (one.status >= 300 || one.reply.empty()) return {};
  if (!one.stream) {
    auto reply = from.read_reply(one.reply);
    return reply && !reply->choices.empty() ? std::optional(std::move(*reply)) : std::nullopt;
  }
  auto frames = make_frame_reader(from.framing());
  auto reader = from.event_reader();
  chat::Events events;
  frames->feed(one.reply);
  Frame frame;
  while (frames->next(frame)) reader->read(frame.event, frame.data, events);
  reader->finish(events);
  chat::Fold fold;
  for (const chat::Event& event : events) fold.add(event);
  return fold.reply().choices.empty() ? std::nullopt : std::optional(fold.reply());
}

void dump_reply(const Dialect& from, const RecordedExchange& one) {
  auto reply = reply_of(from, one);
  if (!reply) return;
  reply->usage.reported = true;
  reply->usage[Bucket::input] = 5;
  reply->usage[Bucket::output] = 7;
  const StreamOptions options{.id = "0190", .created = 1};
  for (std::size_t i = 0; i < kCallerDialects; ++i) {
    const Dialect& to = *find_dialect(kTargets[i]);
    if (&to == &from) continue;
    print(one.id, from, to, "reply", to.write_reply(*reply, options));
    std::string bytes;
    const auto writer = to.event_writer(options);
    for (const chat::Event& event : chat::unfold(*reply)) writer->write(event, bytes);
    auto frames = make_frame_reader(to.framing());
    frames->feed(bytes);
    Frame frame;
    while (frames->next(frame))
      if (frame.data != "[DONE]") print(one.id, from, to, "event", frame.data);
  }
}

void run(std::size_t every) {
  std::size_t count = 0;
  for (const Source& source : kSources) {
    const Dialect& from = *find_dialect(source.dialect);
    each_exchange(source.protocol, source.endpoint, [&](const RecordedExchange& one) {
      if (count++ % every != 0) return;
      dump_request(from, one);
      dump_reply(from, one);
    });
  }
}

}  // namespace
}  // namespace tollgate::gateway

int main(int argc, char** argv) {
  const int every = argc > 1 ? std::atoi(argv[1]) : 1;
  tollgate::gateway::run(every > 0 ? static_cast<std::size_t>(every) : 1);
  return 0;
}
