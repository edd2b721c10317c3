// The first bytes choose where the stream is cut; every cut must give the events of the whole stream, in the order that
// is promised, and what the writer makes of them must spell the same texts.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "gateway/dialects/dialect.h"

namespace {

using namespace tollgate;
using namespace tollgate::gateway;
using chat::Event;

constexpr std::size_t kCutBytes = 4;

void need(bool holds) {
  if (!holds) std::abort();
}

chat::Events run(std::string_view stream, std::string_view cuts) {
  const auto frames = make_frame_reader(openai_chat().framing());
  const auto reader = openai_chat().event_reader();
  chat::Events out;
  std::size_t cut = 0;
  while (!stream.empty()) {
    const std::size_t step =
        cuts.empty() ? stream.size() : 1 + static_cast<std::uint8_t>(cuts[cut++ % cuts.size()]) % 60;
    const std::string chunk(stream.substr(0, step));
    frames->feed(chunk);
    for (Frame frame; frames->next(frame);) reader->read(frame.event, frame.data, out);
    stream.remove_prefix(chunk.size());
  }
  reader->finish(out);
  return out;
}

std::string spelled(const chat::Events& events) {
  std::string out;
  for (const Event& event : events) {
    out += static_cast<char>('a' + static_cast<int>(event.kind));
    out += static_cast<char>('a' + static_cast<int>(event.delta));
    out += std::to_string(event.choice) + "." + std::to_string(event.part) + event.text + event.signature.value +
           event.choice_tail.finish_raw + event.error.message + "\n";
    if (const auto* call = event.part_head.get<chat::ToolCall>()) out += call->id + call->name;
  }
  return out;
}

void check_order(const chat::Events& events) {
  struct Choice {
    int parts = 0;
    bool open = false, over = false;
  };
  std::map<int, Choice> choices;
  bool started = false, over = false;
  for (const Event& event : events) {
    need(!over && (started || event.kind == Event::Kind::start));
    Choice& choice = choices[event.choice];
    switch (event.kind) {
      case Event::Kind::start:
        need(!started);
        started = true;
        break;
      case Event::Kind::part_begin:
        need(!choice.open && !choice.over && event.part == choice.parts++);
        choice.open = true;
        break;
      case Event::Kind::delta:
        need(choice.open && event.part == choice.parts - 1);
        break;
      case Event::Kind::part_end:
        need(choice.open && event.part == choice.parts - 1);
        choice.open = false;
        break;
      case Event::Kind::choice_end:
        need(!choice.open && !choice.over);
        choice.over = true;
        break;
      case Event::Kind::end:
      case Event::Kind::error:
        over = true;
        break;
      case Event::Kind::usage:
      case Event::Kind::ping:
        break;
    }
  }
}

std::string texts(const chat::Events& events) {
  chat::Fold fold;
  for (const Event& event : events) fold.add(event);
  std::string out;
  for (const chat::Choice& choice : fold.reply().choices)
    if (const std::string text = chat::joined_text(choice.parts); !text.empty())
      out += std::to_string(choice.index) + text + "\n";
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t cuts = std::min(kCutBytes, size);
  const chat::Events whole = run(input.substr(cuts), {});
  check_order(whole);
  need(spelled(whole) == spelled(run(input.substr(cuts), input.substr(0, cuts))));
  std::string again;
  const auto writer = openai_chat().event_writer({.id = "x"});
  for (const Event& event : whole) writer->write(event, again);
  const chat::Events second = run(again, {});
  check_order(second);
  if (!whole.empty() && whole.back().kind == Event::Kind::end) need(texts(whole) == texts(second));
  return 0;
}
