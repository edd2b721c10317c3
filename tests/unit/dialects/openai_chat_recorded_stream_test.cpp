// Streams of openai.chat over every recorded exchange of its form.
#include <cstdio>
#include <random>

#include "openai_chat_recorded.h"
#include "openai_chat_testing.h"

namespace tollgate::gateway {
namespace {

using namespace oai_test;

struct Streams {
  std::size_t count = 0, ended = 0, cut = 0, failed = 0;
};

// A plain reading of the frames, apart from the code under test: texts and arguments of each choice.
Json plain_fold(const std::string& bytes) {
  Json out = Json::object();
  const auto reader = make_frame_reader(Framing::sse);
  reader->feed(bytes);
  for (Frame frame; reader->next(frame);) {
    const auto chunk = parse_json_dom(std::string(frame.data));
    if (!chunk || !chunk->is_object() || !chunk->contains("choices")) continue;
    for (const Json& choice : (*chunk)["choices"]) {
      if (!choice.contains("delta")) continue;
      Json& into = out[std::to_string(choice.value("index", 0))];
      if (!into.is_object()) into = Json::object();
      const auto add = [&](const char* name, const Json& text) {
        if (text.is_string()) into[name] = into.value(name, "") + text.get<std::string>();
      };
      const Json& delta = choice["delta"];
      if (delta.contains("content")) add("text", delta["content"]);
      if (delta.contains("refusal")) add("refusal", delta["refusal"]);
      for (const Json& part : delta.value("content", Json()).is_array() ? delta["content"] : Json::array()) {
        if (part.value("type", "") == "text") add("text", part["text"]);
        if (part.value("type", "") == "thinking")
          for (const Json& piece : part["thinking"]) add("thinking", piece["text"]);
      }
      const Json details = delta.value("reasoning_details", Json::array());
      std::string detailed;
      for (const Json& one : details.is_array() ? details : Json::array())
        for (const char* name : {"text", "summary"})
          if (one.contains(name) && one[name].is_string()) detailed += one[name].get<std::string>();
      if (!detailed.empty()) {
        add("thinking", detailed);
      } else {
        const Json content = delta.value("reasoning_content", Json());
        add("thinking", content.is_string() && content != "" ? content : delta.value("reasoning", Json()));
      }
      if (!delta.contains("tool_calls") || !delta["tool_calls"].is_array()) continue;
      for (const Json& call : delta["tool_calls"])
        if (call.contains("function")) add("arguments", call["function"].value("arguments", Json()));
    }
  }
  return out;
}

Json plain_reply(const chat::Reply& reply) {
  Json out = Json::object();
  for (const chat::Choice& choice : reply.choices) {
    Json& into = out[std::to_string(choice.index)] = Json::object();
    const auto add = [&](const char* name, const std::string& text) {
      if (!text.empty()) into[name] = into.value(name, "") + text;
    };
    for (const chat::Part& part : choice.parts) {
      if (const auto* text = part.get<chat::Text>()) add("text", text->text);
      if (const auto* refusal = part.get<chat::Refusal>()) add("refusal", refusal->text);
      if (const auto* thinking = part.get<chat::Thinking>()) add("thinking", thinking->text);
      if (const auto* call = part.get<chat::ToolCall>()) add("arguments", call->arguments);
    }
  }
  return out;
}

// Empty texts say nothing; calls that overlap come out one after another.
Json without_empty(Json folded) {
  Json out = Json::object();
  for (const auto& [index, choice] : folded.items()) {
    for (const auto& [name, text] : choice.items()) {
      std::string all = text.get<std::string>();
      if (std::string(name) == "arguments") std::sort(all.begin(), all.end());
      if (!all.empty()) out[index][name] = all;
    }
  }
  return out;
}

template <class See>
void each_stream(See&& see) {
  each_chat([&](const RecordedExchange& one) {
    if (answered(one) && is_stream(one)) see(one, wire(one));
  });
}

TEST(OpenAiChatRecorded, StreamsSpellWhatTheirFramesSay) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  Streams streams;
  each_stream([&](const RecordedExchange& one, const std::string& bytes) {
    ++streams.count;
    const chat::Events all = events(bytes);
    expect_order(one.id, all);
    const chat::Fold folded = fold(all);
    (folded.error() ? streams.failed : folded.ended() ? streams.ended : streams.cut)++;
    expect_same(one.id, without_empty(plain_fold(bytes)), without_empty(plain_reply(folded.reply())));
    if (!folded.ended()) std::printf("  no end: %s\n", one.id.c_str());
  });
  std::printf("streams: %zu, ended %zu, cut %zu, failed %zu\n", streams.count, streams.ended, streams.cut,
              streams.failed);
  EXPECT_GT(streams.count, 450u);
}

TEST(OpenAiChatRecorded, StreamsWrittenAgainSpellTheSame) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::size_t count = 0;
  each_stream([&](const RecordedExchange& one, const std::string& bytes) {
    chat::Events first = events(bytes);
    if (!fold(first).ended()) return;
    ++count;
    chat::Event usage{.kind = chat::Event::Kind::usage};
    usage.usage = usage_of(one, bytes);
    first.insert(first.end() - 1, usage);
    const std::string again = frames(first, {.id = "made", .created = 7});
    const chat::Events second = events(again);
    expect_order(one.id, second);
    chat::Reply before = fold(first).reply(), after = fold(second).reply();
    before.usage = after.usage = {};
    if (before.id.empty()) before.id = "chatcmpl-made";
    if (before.created == 0) before.created = 7;
    expect_same(one.id, meaning(before), meaning(after));
    const Usage told = usage_of({.reply = "data:"}, again);
    EXPECT_EQ(told.reported, usage.usage.reported) << one.id;
    EXPECT_EQ(told.raw, usage.usage.raw) << one.id;
  });
  std::printf("streams: %zu written again\n", count);
  EXPECT_GT(count, 450u);
}

TEST(OpenAiChatRecorded, StreamsCutAnywhereGiveTheSameEvents) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::size_t count = 0;
  each_stream([&](const RecordedExchange& one, const std::string& bytes) {
    const std::string whole = text_of_events(events(bytes));
    EXPECT_EQ(whole, text_of_events(events(bytes, [] { return std::size_t{1}; }))) << one.id;
    for (unsigned seed = 1; seed <= 3; ++seed) {
      std::mt19937 random(seed * 7919 + static_cast<unsigned>(count));
      EXPECT_EQ(whole, text_of_events(events(bytes, [&] { return std::size_t{1} + random() % (40u << seed); })))
          << one.id << " seed " << seed;
    }
    ++count;
  });
  std::printf("streams: %zu cut at every byte and in three random ways\n", count);
}

// What one vendor said twice, whole and as a stream, ends the same way and has the same parts.
TEST(OpenAiChatRecorded, StreamsAndWholeRepliesOfOneAnswerAgree) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::map<std::string, std::vector<std::pair<std::string, chat::Reply>>> whole;
  const auto key = [](const RecordedExchange& one, const chat::Reply& reply) {
    Json said = without_empty(plain_reply(reply));
    for (Json& choice : said) choice.erase("thinking");
    std::string name = one.provider + dump_json(said);
    for (const chat::Choice& choice : reply.choices) {
      name += " " + choice.finish_raw;
      for (const chat::Part& part : choice.parts)
        if (const auto* call = part.get<chat::ToolCall>()) name += " " + call->name;
    }
    return name;
  };
  each_chat([&](const RecordedExchange& one) {
    if (!answered(one) || is_stream(one)) return;
    if (auto reply = openai_chat().read_reply(one.reply)) {
      std::string name = key(one, *reply);
      whole[std::move(name)].emplace_back(one.id, std::move(*reply));
    }
  });
  const auto shape = [](const chat::Reply& reply) {
    std::string out;
    for (const chat::Choice& choice : reply.choices) {
      for (const chat::Part& part : choice.parts)
        if (!part.get<chat::Thinking>()) out += std::to_string(part.what.index());
      out += " " + std::to_string(static_cast<int>(choice.finish)) + ";";
    }
    return out;
  };
  std::size_t twins = 0;
  each_stream([&](const RecordedExchange& one, const std::string& bytes) {
    const chat::Fold folded = fold(events(bytes));
    if (!folded.ended()) return;
    const auto same = whole.find(key(one, folded.reply()));
    if (same == whole.end()) return;
    ++twins;
    for (const auto& [id, reply] : same->second)
      EXPECT_EQ(shape(reply), shape(folded.reply())) << one.id << " as a whole: " << id;
  });
  std::printf("twins: %zu streams\n", twins);
  EXPECT_GT(twins, 80u);
}

TEST(OpenAiChatRecorded, RepliesUnfoldedAndWrittenAsStreamsSpellTheSame) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::size_t count = 0;
  each_chat([&](const RecordedExchange& one) {
    if (!answered(one) || is_stream(one)) return;
    auto reply = openai_chat().read_reply(one.reply);
    if (!reply) return;
    const bool whole = std::all_of(reply->choices.begin(), reply->choices.end(),
                                   [](const chat::Choice& choice) { return choice.finish != chat::Finish::unset; });
    if (!whole) return;
    ++count;
    const chat::Fold again = fold(events(frames(chat::unfold(*reply), {.id = "made", .created = 7})));
    EXPECT_TRUE(again.ended()) << one.id;
    expect_same(one.id, plain_reply(*reply), plain_reply(again.reply()));
    ASSERT_EQ(again.reply().choices.size(), reply->choices.size()) << one.id;
    for (std::size_t i = 0; i < reply->choices.size(); ++i)
      EXPECT_EQ(again.reply().choices[i].finish, reply->choices[i].finish) << one.id;
  });
  std::printf("replies: %zu unfolded\n", count);
  EXPECT_GT(count, 800u);
}

TEST(OpenAiChatRecorded, ErrorsAreUnderstood) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::map<std::string, std::size_t> seen;
  each_chat([&](const RecordedExchange& one) {
    if (one.status < 400) return;
    const Error error = openai_chat().read_error(one.status, one.reply);
    EXPECT_FALSE(error.message.empty()) << one.id;
    EXPECT_FALSE(error.code.empty()) << one.id;
    const bool is_auth = one.status == 401 || one.status == 403;
    if (is_auth) EXPECT_EQ(error.kind, ErrorKind::auth) << one.id << " " << error.message;
    if (one.status == 404) EXPECT_EQ(error.kind, ErrorKind::retry_elsewhere) << one.id << " " << error.message;
    if (one.status == 429) EXPECT_EQ(error.kind, ErrorKind::limited) << one.id << " " << error.message;
    if (one.status >= 500) EXPECT_EQ(error.kind, ErrorKind::retry_same) << one.id << " " << error.message;
    ++seen[std::to_string(one.status) + " kind " + std::to_string(static_cast<int>(error.kind)) + " " + error.code];
  });
  for (const auto& [what, count] : seen) std::printf("  %3zu %s\n", count, what.c_str());
  if (have_exchanges()) EXPECT_FALSE(seen.empty());
}

}  // namespace
}  // namespace tollgate::gateway
