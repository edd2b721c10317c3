// Every recorded Messages stream: read, written again, cut at any place.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <random>

#include "anthropic_testing.h"
#include "billing/usage_reader.h"
#include "exchange_corpus.h"
#include "json_compare.h"

namespace tollgate::gateway {
namespace {

struct Recorded {
  std::string id, bytes;
  Framing framing = Framing::sse;
};

// Fixtures that hold payloads only get their framing back.
std::string framed(const std::string& lines) {
  if (!lines.starts_with('{')) return lines;
  std::string out;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    const std::string line = lines.substr(at, end - at);
    if (!line.empty()) out += "event: " + parsed(line).value("type", "") + "\ndata: " + line + "\n\n";
    at = end + 1;
  }
  return out;
}

void each_stream(const std::function<void(const Recorded&)>& see) {
  const auto take = [&](Framing framing) {
    return [&see, framing](const RecordedExchange& one) {
      if (!one.stream || one.status != 200) return;
      if (framing == Framing::aws_chunk && !one.request.contains("anthropic_version")) return;
      see({.id = one.id, .bytes = framing == Framing::sse ? framed(one.reply) : one.reply, .framing = framing});
    };
  };
  each_exchange("anthropic-messages", "messages", take(Framing::sse));
  each_exchange("anthropic-vertex", "", take(Framing::sse));
  each_exchange("bedrock-invoke", "invoke-stream", take(Framing::aws_chunk));
}

// Streams that do not spell one whole message.
bool is_broken(const std::string& id) {
  return id == "anthropic-messages-fb6951182696";  // two messages glued together
}

Usage usage_of(const Recorded& one) {
  billing::UsageReader reader;
  reader.reset(billing::UsageDialect::anthropic_messages, {});
  const auto frames = make_frame_reader(one.framing);
  frames->feed(one.bytes);
  Frame frame;
  while (!reader.saw_terminal() && frames->next(frame)) reader.event(frame.event, frame.data);
  return reader.usage();
}

// Usage goes before the end, where the gateway puts it.
chat::Events with_usage(chat::Events events, const Usage& usage) {
  chat::Event event{.kind = chat::Event::Kind::usage};
  event.usage = usage;
  if (usage.reported && !events.empty() && events.back().kind == chat::Event::Kind::end)
    events.insert(events.end() - 1, event);
  return events;
}

// Members of usage that are written for callers in one form only, and what says nothing.
bool says_nothing(const JsonDifference& one) {
  if (!one.path.starts_with("usage.")) return false;
  const std::string name = one.path.substr(6);
  const bool told_more = one.left == "(absent)" && (one.right == "0" || name == "cache_creation");
  // Writes that grew after they were split by lifetime.
  if (name.starts_with("cache_creation.")) return true;
  const bool nothing = one.right == "(absent)" && (one.left == "0" || one.left == "\"not_available\"" ||
                                                   one.left.find("\":0") != std::string::npos);
  return told_more || nothing || name == "iterations";
}

void compare_messages(const std::string& id, const Json& said, const Json& again, std::map<std::string, int>& known) {
  // With iterations of several models the sum of all is told.
  const bool summed = said.contains("usage") && said["usage"].contains("iterations");
  for (const JsonDifference& one : compare_json(said, again, 100)) {
    const bool sum = summed && (one.path == "usage.input_tokens" || one.path == "usage.output_tokens");
    const bool no_citations = one.path.ends_with(".citations") && one.left == "[]";
    // Callers would be refused with an empty text in their next turn.
    const bool no_text = one.left == R"({"type":"text","text":""})" && one.right == "(absent)";
    // What the vendor's start says of usage, the end of our stream says; money and routes are OpenRouter's own.
    const bool at_start_only = one.path == "usage.service_tier" || one.path == "usage.inference_geo" ||
                               one.path == "usage.speed" || one.path == "usage.cost" ||
                               one.path == "usage.cost_details" || one.path == "usage.is_byok";
    if (says_nothing(one) || at_start_only || sum || no_citations || no_text) {
      ++known[general_path(one.path)];
      continue;
    }
    ADD_FAILURE() << id << " " << one.path << ": " << one.left << " became " << one.right;
  }
}

TEST(AnthropicStreams, SpellWhatTheyHold) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::size_t streams = 0, cut = 0;
  std::map<std::string, int> known;
  each_stream([&](const Recorded& one) {
    const chat::Events events = read_stream(one.bytes, one.framing);
    const chat::Fold fold = folded(events);
    if (is_broken(one.id)) {
      EXPECT_TRUE(fold.error()) << one.id;
      return;
    }
    EXPECT_FALSE(fold.error()) << one.id << ": " << fold.error()->message;
    const auto frames = payloads(one.bytes, one.framing);
    const bool whole = !frames.empty() && frames.back().value("type", "") == "message_stop";
    EXPECT_EQ(fold.ended(), whole) << one.id;
    chat::Reply reply = fold.reply();
    reply.usage = usage_of(one);
    compare_messages(one.id, message_of(frames), parsed(anthropic().write_reply(reply, {})), known);
    ++streams;
    cut += !whole;
  });
  std::printf("%zu streams, %zu of them cut\n", streams, cut);
  for (const auto& [path, times] : known) std::printf("  %5d x %s\n", times, path.c_str());
  EXPECT_GT(streams, 150u);
}

TEST(AnthropicStreams, AreWrittenAgainAsTheyWere) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::size_t streams = 0;
  std::map<std::string, int> known;
  each_stream([&](const Recorded& one) {
    if (is_broken(one.id)) return;
    const Usage usage = usage_of(one);
    const chat::Events events = with_usage(read_stream(one.bytes, one.framing), usage);
    const std::string written = write_stream(events, {});
    const chat::Events again = with_usage(read_stream(written, Framing::sse), usage);
    const chat::Fold first = folded(events), second = folded(again);
    ASSERT_EQ(first.ended(), second.ended()) << one.id;
    EXPECT_EQ(first.reply().id, second.reply().id);
    if (!first.ended()) return;
    EXPECT_EQ(first.reply().usage.counts, second.reply().usage.counts);
    EXPECT_EQ(anthropic().write_reply(first.reply(), {}), anthropic().write_reply(second.reply(), {})) << one.id;
    compare_messages(one.id, message_of(payloads(one.bytes, one.framing)), message_of(payloads(written, Framing::sse)),
                     known);
    ++streams;
  });
  std::printf("%zu streams written again\n", streams);
  EXPECT_GT(streams, 150u);
}

TEST(AnthropicStreams, AreTheSameHoweverTheyAreCut) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::mt19937 random(20261121);
  std::size_t streams = 0, bytes = 0;
  each_stream([&](const Recorded& one) {
    const auto whole = shown(read_stream(one.bytes, one.framing));
    EXPECT_EQ(shown(read_stream(one.bytes, one.framing, {1})), whole) << one.id;
    std::vector<std::size_t> cuts(7);
    for (std::size_t& cut : cuts) cut = 1 + random() % 300;
    EXPECT_EQ(shown(read_stream(one.bytes, one.framing, cuts)), whole) << one.id;
    ++streams;
    bytes += one.bytes.size();
  });
  std::printf("%zu streams, %zu bytes, cut three ways\n", streams, bytes);
}

// The same reply, once whole and once as a stream.
TEST(AnthropicStreams, SayWhatTheWholeReplySays) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::string whole, stream;
  each_exchange("anthropic-messages", "messages", [&](const RecordedExchange& one) {
    if (one.id == "anthropic-messages-fa5fea14fb89") whole = one.reply;
    if (one.id == "anthropic-messages-f84fdbd1dad3") stream = framed(one.reply);
  });
  if (whole.empty() || stream.empty()) GTEST_SKIP() << "these two are not among the recordings";
  const auto reply = anthropic().read_reply(whole);
  ASSERT_TRUE(reply);
  const chat::Fold fold = folded(read_stream(stream, Framing::sse));
  EXPECT_EQ(anthropic().write_reply(*reply, {}), anthropic().write_reply(fold.reply(), {}));
}

}  // namespace
}  // namespace tollgate::gateway
