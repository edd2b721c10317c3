// What must hold for any bytes given to a dialect: no crash, valid JSON out, further rounds that change nothing, and
// streams that are the same for every split. For fuzzers; a broken rule aborts.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "core/json.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway {

[[noreturn]] inline void broken(const char* rule, std::string_view detail) {
  std::fprintf(stderr, "%s\n%.*s\n", rule, static_cast<int>(detail.size()), detail.data());
  std::abort();
}

inline void expect_json(const std::string& text) {
  JsonReader reader;
  if (!reader.parse(text)) broken("no JSON was written", text);
}

// `body` read and written again; aborts when what this dialect wrote cannot be read.
inline std::string rewritten(const Dialect& dialect, const std::string& body) {
  auto request = dialect.read_request(body, {});
  if (!request) broken("what was written cannot be read", body);
  chat::Losses losses;
  const auto written = dialect.write_request(
      *request, {.model = request->model, .stream = request->stream, .same_dialect = true}, losses);
  if (!written) broken("what was written cannot be written again", body);
  return *written;
}

inline void request_round(const Dialect& dialect, std::string_view body) {
  const auto request = dialect.read_request(body, {});
  if (!request) {
    if (request.error().status != 400) broken("a bad request is not 400", request.error().message);
    return;
  }
  for (const bool same : {false, true}) {
    chat::Losses losses;
    const WriteContext context{.model = request->model, .stream = request->stream, .same_dialect = same};
    const auto once = dialect.write_request(*request, context, losses);
    if (!once) continue;
    expect_json(*once);
    // The first round sorts out members that stood twice and numbers such as -0.
    const std::string twice = rewritten(dialect, *once);
    if (rewritten(dialect, twice) != twice) broken("a further round changes the request", twice);
  }
}

inline std::string rewritten_reply(const Dialect& dialect, const std::string& body) {
  const auto reply = dialect.read_reply(body);
  if (!reply) broken("what was written cannot be read", body);
  return dialect.write_reply(*reply, {});
}

inline void reply_round(const Dialect& dialect, std::string_view body) {
  const auto reply = dialect.read_reply(body);
  if (!reply) return;
  const std::string once = dialect.write_reply(*reply, {});
  expect_json(once);
  const std::string twice = rewritten_reply(dialect, once);
  if (rewritten_reply(dialect, twice) != twice) broken("a further round changes the reply", twice);
}

// The order that every reader keeps (core/chat_event.h).
inline void expect_order(const chat::Events& events) {
  using Kind = chat::Event::Kind;
  bool started = false, open = false, over = false;
  int parts = 0;
  for (const chat::Event& event : events) {
    if (over) broken("an event behind the end", "");
    if (event.kind == Kind::start && std::exchange(started, true)) broken("two starts", "");
    if (event.kind == Kind::part_begin && (!started || std::exchange(open, true) || event.part != parts++))
      broken("a part begins out of order", "");
    const bool of_part = event.kind == Kind::delta && event.delta != chat::Event::Delta::logprobs;
    if (of_part && (!open || event.part != parts - 1)) broken("a delta outside of its part", "");
    if (event.kind == Kind::part_end && !std::exchange(open, false)) broken("a part ends twice", "");
    if (event.kind == Kind::choice_end && (!started || open)) broken("a choice ends out of order", "");
    over = event.kind == Kind::end || event.kind == Kind::error;
  }
  if (open) broken("a part was left open", "");
}

inline chat::Events events_of(const Dialect& dialect, std::string_view stream, std::string_view cuts) {
  const auto frames = make_frame_reader(dialect.framing(), 1u << 16);
  const auto reader = dialect.event_reader();
  chat::Events events;
  for (std::size_t cut = 0; !stream.empty(); ++cut) {
    const std::size_t step = cuts.empty() ? stream.size() : 1 + static_cast<std::uint8_t>(cuts[cut % cuts.size()]) % 40;
    const std::string piece(stream.substr(0, step));
    stream.remove_prefix(piece.size());
    frames->feed(piece);
    Frame frame;
    while (frames->next(frame)) reader->read(frame.event, frame.data, events);
  }
  reader->finish(events);
  return events;
}

inline std::string written(const Dialect& dialect, const chat::Events& events) {
  const auto writer = dialect.event_writer({.id = "i", .created = 1});
  std::string out;
  for (const chat::Event& event : events) writer->write(event, out);
  return out;
}

inline void event_round(const Dialect& dialect, std::string_view stream, std::string_view cuts) {
  const chat::Events whole = events_of(dialect, stream, {});
  expect_order(whole);
  const std::string bytes = written(dialect, whole);
  if (bytes != written(dialect, events_of(dialect, stream, cuts))) broken("a split changes the events", stream);
  const chat::Events again = events_of(dialect, bytes, {});
  expect_order(again);
  chat::Fold first, second;
  for (const chat::Event& event : whole) first.add(event);
  for (const chat::Event& event : again) second.add(event);
  if (first.ended() != second.ended() || (first.error() == nullptr) != (second.error() == nullptr))
    broken("what was written ends in another way", bytes);
  const std::string twice = written(dialect, again);
  if (written(dialect, events_of(dialect, twice, {})) != twice) broken("a further round changes the stream", twice);
}

// The first byte chooses what the rest is; for streams the next three cut it.
inline void fuzz_dialect(const Dialect& dialect, const std::uint8_t* data, std::size_t size) {
  if (size < 4) return;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  switch (input[0]) {
    case 'r':
      return request_round(dialect, input.substr(4));
    case 'a':
      return reply_round(dialect, input.substr(4));
    case 'e':
      if (dialect.read_error(400 + data[1], input.substr(4)).message.empty()) broken("an error without words", input);
      return;
    default:
      return event_round(dialect, input.substr(4), input.substr(1, 3));
  }
}

}  // namespace tollgate::gateway
