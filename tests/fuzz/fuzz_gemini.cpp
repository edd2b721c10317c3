// Requests, replies, errors and streams of the dialect "gemini.generate" from any bytes: no crash, valid JSON out, a
// second round that changes nothing, and streams that are the same for every split. The first byte chooses which; for
// streams the next three cut it.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "core/json.h"
#include "gateway/dialects/gemini.h"

namespace {

using namespace tollgate;
using namespace tollgate::gateway;
using Kind = chat::Event::Kind;

void demand(bool holds, const char* rule, std::string_view detail) {
  if (holds) return;
  std::fprintf(stderr, "%s\n%.*s\n", rule, static_cast<int>(detail.size()), detail.data());
  std::abort();
}

bool is_json(std::string_view text) { return JsonReader().parse(text).has_value(); }

void request_round(std::string_view body) {
  const auto request = gemini().read_request(body, {});
  if (!request) return demand(request.error().status == 400, "a bad request is not 400", request.error().message);
  for (const bool same : {false, true}) {
    for (const std::string_view model : {"gemini-2.5-flash", "gemini-3-flash"}) {
      chat::Losses losses;
      const WriteContext context{.model = model, .same_dialect = same};
      const auto once = gemini().write_request(*request, context, losses);
      demand(once && is_json(*once), "no JSON was written", body);
      const auto again = gemini().read_request(*once, {});
      demand(again.has_value(), "what was written cannot be read", *once);
      if (!same) continue;
      const auto twice = gemini().write_request(*again, context, losses);
      demand(twice && *twice == *once, "a second round changes the request", *once);
    }
  }
  chat::Losses losses;
  const auto count = write_gemini_count_request(*request, {.model = "m"}, losses);
  demand(count && read_gemini_count_request(*count, {}), "a request to count cannot be read", *count);
}

void reply_round(std::string_view body) {
  const auto reply = gemini().read_reply(body);
  if (!reply) return;
  const std::string once = gemini().write_reply(*reply, {});
  demand(is_json(once), "no JSON was written", once);
  const auto again = gemini().read_reply(once);
  demand(again.has_value(), "what was written cannot be read", once);
  demand(gemini().write_reply(*again, {}) == once, "a second round changes the reply", once);
}

chat::Events events_of(Framing framing, std::string_view stream, std::string_view cuts) {
  const auto frames = make_frame_reader(framing, 1u << 16);
  const auto reader = gemini().event_reader();
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

void expect_order(const chat::Events& events) {
  struct State {
    int parts = 0;
    bool open = false, ended = false;
  };
  std::map<int, State> choices;
  bool started = false, over = false;
  for (const chat::Event& event : events) {
    State& state = choices[event.choice];
    demand(!over, "an event behind the end", "");
    if (event.kind == Kind::start) demand(!std::exchange(started, true), "two starts", "");
    if (event.kind == Kind::part_begin)
      demand(started && !std::exchange(state.open, true) && event.part == state.parts++, "a part out of order", "");
    const bool of_part = event.kind == Kind::delta && event.delta != chat::Event::Delta::logprobs;
    if (of_part) demand(state.open && event.part == state.parts - 1, "a delta outside of its part", "");
    if (event.kind == Kind::part_end) demand(std::exchange(state.open, false), "a part ends twice", "");
    if (event.kind == Kind::choice_end)
      demand(started && !state.open && !std::exchange(state.ended, true), "a choice ends out of order", "");
    over = event.kind == Kind::end || event.kind == Kind::error;
  }
  for (const auto& [index, state] : choices) demand(!state.open, "a part was left open", "");
}

std::string written(const chat::Events& events, bool array) {
  const auto writer = gemini().event_writer({.id = "i", .json_array = array});
  std::string out;
  for (const chat::Event& event : events) writer->write(event, out);
  return out;
}

void event_round(std::string_view stream, std::string_view cuts) {
  const bool array = stream.starts_with('[');
  const Framing framing = array ? Framing::json_array : Framing::sse;
  const chat::Events whole = events_of(framing, stream, {});
  expect_order(whole);
  const std::string bytes = written(whole, array);
  demand(bytes == written(events_of(framing, stream, cuts), array), "a split changes the events", stream);
  const chat::Events again = events_of(framing, bytes, {});
  expect_order(again);
  chat::Fold first, second;
  for (const chat::Event& event : whole) first.add(event);
  for (const chat::Event& event : again) second.add(event);
  demand(first.ended() == second.ended(), "what was written ends in another way", bytes);
  demand((first.error() == nullptr) == (second.error() == nullptr), "what was written fails in another way", bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  switch (input[0]) {
    case 'r':
      request_round(input.substr(4));
      break;
    case 'a':
      reply_round(input.substr(4));
      break;
    case 'e':
      demand(!gemini().read_error(400 + data[1], input.substr(4)).message.empty(), "an error without words", input);
      break;
    default:
      event_round(input.substr(4), input.substr(1, 3));
  }
  return 0;
}
