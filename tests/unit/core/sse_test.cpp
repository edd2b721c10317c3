#include "core/sse.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace tollgate {
namespace {

struct Seen {
  std::string event;
  std::string data;
  bool has_data = false;
  bool operator==(const Seen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << "{" << seen.event << "|" << seen.data << "|" << seen.has_data << "}";
}

struct Outcome {
  std::vector<Seen> events;
  std::vector<std::size_t> ends;  // in the whole stream
  std::size_t partial = 0;
  bool overflowed = false;
};

// Feeds `stream` cut at `cuts`; every chunk lies in memory of its own that dies with it.
Outcome run(const std::string& stream, const std::vector<std::size_t>& cuts, std::size_t limit = 8u << 20) {
  Outcome out;
  SseScanner scanner(limit);
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : stream.size();
    const std::vector<char> chunk(stream.begin() + static_cast<std::ptrdiff_t>(begin),
                                  stream.begin() + static_cast<std::ptrdiff_t>(end));
    scanner.feed(std::string_view(chunk.data(), chunk.size()));
    SseEvent event;
    while (scanner.next(event)) {
      out.events.push_back({std::string(event.event), std::string(event.data), event.has_data});
      out.ends.push_back(begin + event.end);
      EXPECT_EQ(scanner.partial_bytes(), 0u);
    }
    begin = end;
  }
  out.partial = scanner.partial_bytes();
  out.overflowed = scanner.overflowed();
  return out;
}

std::vector<Seen> events(const std::string& stream) { return run(stream, {}).events; }

using List = std::vector<Seen>;

TEST(SseScanner, ReadsTheUsualForms) {
  EXPECT_EQ(events("data: a\n\ndata: b\n\n"), (List{{"", "a", true}, {"", "b", true}}));
  EXPECT_EQ(events("event: x\ndata: {\"a\":1}\n\n"), (List{{"x", "{\"a\":1}", true}}));
  EXPECT_EQ(events("data: a\r\n\r\ndata: b\r\rdata: c\n\r\n"),
            (List{{"", "a", true}, {"", "b", true}, {"", "c", true}}));
  EXPECT_EQ(events("data: 1\ndata\ndata:\ndata:  2\n\n"), (List{{"", "1\n\n\n 2", true}}));
  EXPECT_EQ(events("data\n\n"), (List{{"", "", true}}));
  EXPECT_EQ(events("data:no space\n\n"), (List{{"", "no space", true}}));
}

TEST(SseScanner, CommentsAndOtherFieldsDispatchNothing) {
  EXPECT_EQ(events(": OPENROUTER PROCESSING\n\ndata: a\n\n"), (List{{"", "", false}, {"", "a", true}}));
  EXPECT_EQ(events(":c\ndata: a\n:d\nid: 7\nretry: 1\nother: x\n\n"), (List{{"", "a", true}}));
  EXPECT_EQ(events("event: ping\n\ndata: a\n\n"), (List{{"ping", "", false}, {"", "a", true}}));
  EXPECT_EQ(events("event: a\nevent: b\ndata: x\n\n"), (List{{"b", "x", true}}));
  EXPECT_EQ(events("datas: a\nDATA: b\n data: c\n\n"), (List{{"", "", false}}));
}

TEST(SseScanner, BlankLinesBetweenEventsAreNone) {
  const Outcome r = run("\n\r\n\rdata: a\n\n\n\n", {});
  EXPECT_EQ(r.events, (List{{"", "a", true}}));
  EXPECT_EQ(r.ends, (std::vector<std::size_t>{13}));
  EXPECT_EQ(r.partial, 0u);
}

TEST(SseScanner, ByteOrderMarkOnlyAtTheStart) {
  EXPECT_EQ(events("\xEF\xBB\xBF"
                   "data: a\n\n\xEF\xBB\xBF"
                   "data: b\n\n"),
            (List{{"", "a", true}, {"", "", false}}));
  EXPECT_EQ(events("\xEF\xBB\xBF\n\ndata: a\n\n"), (List{{"", "a", true}}));
}

TEST(SseScanner, NulAndBrokenUtf8PassUnchanged) {
  const std::string data("a\0b\xff\xc3", 5);
  EXPECT_EQ(events("data: " + data + "\n\n"), (List{{"", data, true}}));
}

TEST(SseScanner, AnUnfinishedEventIsPartial) {
  const Outcome r = run("data: a\n\ndata: b\n", {});
  EXPECT_EQ(r.events.size(), 1u);
  EXPECT_EQ(r.partial, 8u);
  EXPECT_EQ(run("data: a\n\ndata: b\n", {11, 12}).partial, 8u);
  EXPECT_EQ(run("data: a\r\n\r\n", {10}).partial, 0u) << "the LF of a cut CRLF begins no event";
}

TEST(SseScanner, DataStaysValidUntilTheNextCall) {
  SseScanner scanner;
  const std::string first = "event: a_name_longer_than_a_small_string\ndata: {\"x\":";
  const std::string second = "1}\n\ndata: z\n\n";
  SseEvent event;
  scanner.feed(first);
  EXPECT_FALSE(scanner.next(event));
  EXPECT_FALSE(scanner.next(event));
  EXPECT_EQ(scanner.partial_bytes(), first.size());
  scanner.feed(second);
  ASSERT_TRUE(scanner.next(event));
  EXPECT_EQ(event.event, "a_name_longer_than_a_small_string");
  EXPECT_EQ(event.data, "{\"x\":1}");
  EXPECT_EQ(event.end, 4u);
  ASSERT_TRUE(scanner.next(event));
  EXPECT_EQ(event.event, "");
  EXPECT_GE(event.data.data(), second.data());  // not copied
  EXPECT_LT(event.data.data(), second.data() + second.size());
}

TEST(SseScanner, HugeEventsAreCutAndFramingGoesOn) {
  const std::string long_line = "data: " + std::string(1000, 'x') + "\n\ndata: ok\n\n";
  std::string many_lines;
  for (int i = 0; i < 100; ++i) many_lines += "data: 123456789\n";
  many_lines += "\ndata: ok\n\n";
  for (const std::string& stream : {long_line, many_lines}) {
    const Outcome whole = run(stream, {}, 100);
    EXPECT_TRUE(whole.overflowed);
    ASSERT_EQ(whole.events.size(), 2u);
    EXPECT_LE(whole.events[0].data.size(), 100u);
    EXPECT_EQ(whole.events[1], (Seen{"", "ok", true}));
    EXPECT_FALSE(run(stream, {}, 5000).overflowed);
    for (std::size_t cut = 0; cut <= stream.size(); ++cut)
      EXPECT_EQ(run(stream, {cut}, 100).events, whole.events) << cut;
  }
}

const char* const kMixed =
    "\xEF\xBB\xBF: hi\r\n\r\nevent: message_start\r\ndata: {\"a\":\"\xE6\xBC\xA2\"}\r\n\r\n"
    "data: one\ndata: two\n\n\n:\n\nevent: e\r\rdata: cr\rdata\r\rid: 1\ndata:x\n\r\ndata: [DONE]\n\n";

// The ends of a split run equal those of the whole one, but for the LF of a CRLF that was cut.
void expect_same(const std::string& stream, const Outcome& whole, const std::vector<std::size_t>& cuts) {
  const Outcome split = run(stream, cuts);
  ASSERT_EQ(split.events, whole.events);
  EXPECT_EQ(split.partial, whole.partial);
  for (std::size_t i = 0; i < whole.ends.size(); ++i) {
    const std::size_t end = split.ends[i];
    const bool cut_crlf = end + 1 == whole.ends[i] && stream[end] == '\n' && stream[end - 1] == '\r' &&
                          std::find(cuts.begin(), cuts.end(), end) != cuts.end();
    EXPECT_TRUE(end == whole.ends[i] || cut_crlf) << end << " " << whole.ends[i];
  }
}

TEST(SseScanner, AnyTwoCutsGiveTheSameEvents) {
  const std::string stream = kMixed;
  const Outcome whole = run(stream, {});
  ASSERT_EQ(whole.events.size(), 8u);
  for (std::size_t a = 0; a <= stream.size(); ++a)
    for (std::size_t b = a; b <= stream.size(); ++b) expect_same(stream, whole, {a, b});
}

TEST(SseScanner, RandomStreamsInRandomCuts) {
  std::mt19937 random(9);
  const std::vector<std::string> pieces = {"data: ", "data", "event:",    ":", "\n",           "\n\n",         "\r\n",
                                           "\r",     "x",    "{\"k\":1}", " ", "\xEF\xBB\xBF", "\xE6\xBC\xA2", "id: 3"};
  for (int round = 0; round < 3000; ++round) {
    std::string stream;
    for (unsigned i = random() % 40; i > 0; --i) stream += pieces[random() % pieces.size()];
    const Outcome whole = run(stream, {});
    std::vector<std::size_t> cuts;
    for (std::size_t at = 0; at < stream.size(); at += random() % 5) cuts.push_back(at);
    expect_same(stream, whole, cuts);
  }
}

// The rules of the standard, written down as naively as possible.
std::vector<Seen> naive(std::string stream) {
  if (stream.starts_with("\xEF\xBB\xBF")) stream.erase(0, 3);
  std::vector<Seen> out;
  Seen current;
  bool any = false;
  std::string line;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    if (stream[i] != '\n' && stream[i] != '\r') {
      line += stream[i];
      continue;
    }
    if (stream[i] == '\r' && i + 1 < stream.size() && stream[i + 1] == '\n') ++i;
    if (line.empty()) {
      if (any) out.push_back(current);
      current = {};
      any = false;
      continue;
    }
    any = true;
    const std::size_t colon = line.find(':');
    const std::string name = line.substr(0, colon);
    std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(" ")) value.erase(0, 1);
    if (name == "data") {
      current.data += (current.has_data ? "\n" : "") + value;
      current.has_data = true;
    }
    if (name == "event") current.event = value;
    line.clear();
  }
  return out;
}

TEST(SseScanner, AgreesWithTheNaiveReading) {
  EXPECT_EQ(events(kMixed), naive(kMixed));
  std::mt19937 random(10);
  const std::vector<std::string> pieces = {"data:", "data: y", "event", "event: n", ": c",
                                           "\n",    "\r\n",    "\r",    "ab",       "\n\n"};
  for (int round = 0; round < 5000; ++round) {
    std::string stream;
    for (unsigned i = random() % 30; i > 0; --i) stream += pieces[random() % pieces.size()];
    ASSERT_EQ(events(stream), naive(stream)) << stream;
  }
}

TEST(SseWriter, WritesWhatTheScannerReads) {
  std::string out;
  write_sse_event(out, "", "a");
  write_sse_event(out, "e", "l1\nl2\r\nl3\rl4");
  write_sse_comment(out, "hello");
  write_sse_event(out, "", "");
  EXPECT_EQ(out, "data: a\n\nevent: e\ndata: l1\ndata: l2\ndata: l3\ndata: l4\n\n: hello\n\ndata: \n\n");
  EXPECT_EQ(events(out), (List{{"", "a", true}, {"e", "l1\nl2\nl3\nl4", true}, {"", "", false}, {"", "", true}}));
}

TEST(SseWriter, NamesAndCommentsCannotSmuggleLines) {
  std::string out;
  write_sse_event(out, "e\ndata: evil", "a");
  write_sse_comment(out, "c\n\ndata: evil");
  EXPECT_EQ(events(out), (List{{"e", "a", true}, {"", "", false}}));
}

}  // namespace
}  // namespace tollgate
