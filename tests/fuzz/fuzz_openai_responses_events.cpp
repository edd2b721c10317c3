// Any bytes as a stream: the first ones choose where it is cut, and every cut must give the same events, in an order
// that writers rely on. What the writer makes of them must be frames of valid JSON that read back to the same reply.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gateway/dialects/dialect.h"

namespace {

using namespace tollgate;
using Kind = chat::Event::Kind;

void require(bool holds) {
  if (!holds) std::abort();
}

chat::Events run(std::string_view stream, std::string_view cuts) {
  chat::Events events;
  const auto frames = make_frame_reader(Framing::sse);
  const auto reader = gateway::openai_responses().event_reader();
  std::size_t cut = 0;
  while (!stream.empty()) {
    const std::size_t step =
        cuts.empty() ? stream.size() : 1 + static_cast<std::uint8_t>(cuts[cut++ % cuts.size()]) % 40;
    const std::string chunk(stream.substr(0, step));
    frames->feed(chunk);
    Frame frame;
    while (frames->next(frame)) reader->read(frame.event, frame.data, events);
    stream.remove_prefix(chunk.size());
  }
  reader->finish(events);
  return events;
}

bool same(const chat::Event& a, const chat::Event& b) {
  return a.kind == b.kind && a.delta == b.delta && a.part == b.part && a.text == b.text &&
         a.signature.value == b.signature.value && a.citation.raw == b.citation.raw &&
         a.error.message == b.error.message && a.part_head.what.index() == b.part_head.what.index();
}

// start, { part_begin, delta*, part_end }*, choice_end, end; an error ends it anywhere.
void check_order(const chat::Events& events) {
  bool open = false, started = false, over = false;
  int parts = 0;
  for (const chat::Event& event : events) {
    require(!over);
    over = event.kind == Kind::end || event.kind == Kind::error;
    if (event.kind == Kind::ping || event.kind == Kind::error) continue;
    require(started == (event.kind != Kind::start));
    started = true;
    if (event.kind == Kind::part_begin) {
      require(!open && event.part == parts++);
      open = true;
    } else if (event.kind == Kind::part_end) {
      require(open);
      open = false;
    } else if (event.kind == Kind::delta) {
      require(open && event.part == parts - 1);
    } else if (event.kind == Kind::choice_end || event.kind == Kind::end) {
      require(!open);
    }
  }
}

// Without ids, which are made anew where a vendor gave none.
chat::Reply folded(const chat::Events& events) {
  chat::Fold fold;
  for (const chat::Event& event : events) fold.add(event);
  chat::Reply reply = fold.reply();
  reply.id.clear();
  reply.dialect.clear();
  reply.created = 1;
  for (chat::Choice& choice : reply.choices) {
    for (chat::Part& part : choice.parts) {
      part.extra.clear();
      if (auto* thinking = part.get<chat::Thinking>()) thinking->id.clear();
    }
  }
  return reply;
}

void check_writer(const chat::Events& events) {
  const auto& dialect = gateway::openai_responses();
  const auto writer = dialect.event_writer({.id = "1", .created = 1});
  std::string out;
  for (const chat::Event& event : events) writer->write(event, out);
  const chat::Events again = run(out, {});
  if (events.empty() || events.back().kind != Kind::end) return;
  require(!again.empty() && again.back().kind == Kind::end);
  require(dialect.write_reply(folded(events), {}) == dialect.write_reply(folded(again), {}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t cut_bytes = std::min<std::size_t>(4, size);
  const std::string_view stream = input.substr(cut_bytes);
  const chat::Events whole = run(stream, {}), split = run(stream, input.substr(0, cut_bytes));
  require(whole.size() == split.size() && std::equal(whole.begin(), whole.end(), split.begin(), same));
  check_order(whole);
  check_writer(whole);
  return 0;
}
