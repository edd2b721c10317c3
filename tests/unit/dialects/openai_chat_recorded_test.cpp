// openai.chat over every recorded exchange of its form.
#include <cstdio>
#include <random>

#include "billing/usage_reader.h"
#include "openai_chat_testing.h"

namespace tollgate::gateway {
namespace {

using namespace oai_test;

std::size_t each_chat(const std::function<void(const RecordedExchange&)>& see) {
  return each_exchange("openai-chat", "chat.completions", see) + each_exchange("ollama", "chat.completions", see);
}

bool answered(const RecordedExchange& one) { return one.status < 300 && !one.reply.empty(); }
bool is_stream(const RecordedExchange& one) {
  return one.framing == "payload_lines" || one.reply.starts_with("data:") ||
         one.reply.find("\ndata:") != std::string::npos;
}

Usage usage_of(const RecordedExchange& one, const std::string& bytes) {
  billing::UsageFlags flags;
  flags.additive_reasoning = one.provider == "xai";
  flags.hidden_reasoning = one.provider == "google";
  flags.x_groq = one.provider == "groq" || one.provider == "huggingface";
  billing::UsageReader reader;
  reader.reset(billing::UsageDialect::openai_chat, flags);
  if (is_stream(one)) {
    const auto frames = make_frame_reader(Framing::sse);
    frames->feed(bytes);
    for (Frame frame; frames->next(frame);) reader.event(frame.event, frame.data);
  } else {
    std::string padded;
    padded.reserve(bytes.size() + kJsonPadding);
    padded = bytes;
    reader.reply(padded);
  }
  return reader.usage();
}

bool is_plain_text(const Json& part) {
  return part.is_object() && part.size() == 2 && part.contains("text") && part.value("type", "") == "text";
}

void drop_empty_lists(Json& object, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (object.contains(name) && object[name].is_array() && object[name].empty()) object.erase(name);
}

void rename(Json& object, const char* from, const char* to) {
  if (!object.contains(from)) return;
  object[to] = object[from];
  object.erase(from);
}

// Spellings of one meaning that the writer does not keep apart: a lone text in a list, a mark on the message instead of
// its last part, a lone stop word, the two names of the output limit; lists without elements.
Json plainly(Json request) {
  for (Json& message : request["messages"]) {
    drop_empty_lists(message, {"annotations", "tool_calls", "content"});
    Json& content = message["content"];
    if (content.is_array() && content.size() == 1 && is_plain_text(content[0])) content = Json(content[0]["text"]);
    if (message.contains("cache_control") && content.is_string()) {
      Json part = Json::object();
      part["type"] = "text";
      part["text"] = content;
      part["cache_control"] = message["cache_control"];
      content = Json::array({part});
      message.erase("cache_control");
    }
  }
  if (request.contains("stop") && request["stop"].is_string()) request["stop"] = Json::array({request["stop"]});
  drop_empty_lists(request, {"tools"});
  rename(request, "max_tokens", "max_completion_tokens");
  return request;
}

TEST(OpenAiChatRecorded, RequestsReadAndWrittenMeanTheSame) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  Comparison comparison("requests",
                        {
                            {"stream", "false is the default"},
                            {"stream_options", "usage is always asked for"},
                            {"stream_options.include_usage", "usage is always asked for"},
                            {"functions", "written by its newer name"},
                            {"function_call", "written by its newer name"},
                            {"tools", "functions by their newer name"},
                            {"tool_choice", "function_call by its newer name"},
                            {"tools[].type", "\"function\" is the default"},
                            {"thinking", "switched on where an effort is asked of a vendor that has a switch"},
                            {"messages[].content[].image_url", "a bare URL becomes an object"},
                            {"messages[].content[].thinking[]", "pieces of one thought become one"},
                            {"messages[].content[].thinking[].text", "pieces of one thought become one"},
                        });
  std::size_t without = 0;
  each_chat([&](const RecordedExchange& one) {
    if (!one.request.is_object()) return static_cast<void>(++without);
    auto request = openai_chat().read_request(dump_json(one.request), {});
    ASSERT_TRUE(request) << one.id << " " << request.error().message;
    chat::Losses losses;
    const WriteContext context{
        .model = request->model, .stream = request->stream, .quirks = quirks_of(one.provider), .same_dialect = true};
    auto body = openai_chat().write_request(*request, context, losses);
    ASSERT_TRUE(body) << one.id;
    EXPECT_TRUE(losses.empty()) << one.id << " " << losses.names().front();
    comparison.compare(one.id, plainly(one.request), plainly(json(*body)));
  });
  std::printf("requests: %zu exchanges without one\n", without);
}

// What vendors spell differently in replies, in the words that the writer has.
void spell_message(Json& message) {
  drop_empty_lists(message, {"annotations", "tool_calls"});
  if (message.value("refusal", Json()) == "") message["refusal"] = nullptr;
  std::string text, thought, detailed;
  if (message["content"].is_array()) {  // Mistral
    for (const Json& part : message["content"]) {
      if (part["type"] == "text") text += part["text"].get<std::string>();
      if (part["type"] == "thinking")
        for (const Json& piece : part["thinking"]) thought += piece["text"].get<std::string>();
    }
    message["content"] = text;
  }
  if (message.contains("reasoning_details"))
    for (const Json& detail : message["reasoning_details"])
      for (const char* name : {"text", "summary"})
        if (detail.contains(name) && detail[name].is_string()) detailed += detail[name].get<std::string>();
  for (const char* name : {"reasoning", "reasoning_content"})
    if (message.contains(name) && message[name].is_string() && thought.empty()) thought = message[name];
  message.erase("reasoning");
  message.erase("reasoning_content");
  if (!thought.empty() || !detailed.empty()) message["reasoning_content"] = thought.empty() ? detailed : thought;
}

Json spelled(Json reply) {
  for (const char* name : {"service_tier", "system_fingerprint"})
    if (reply.value(name, Json()) == "") reply.erase(name);
  if (reply.value("id", "") == "") reply["id"] = "chatcmpl-made";
  if (!reply.contains("created")) reply["created"] = 0;
  if (!reply.contains("model")) reply["model"] = "";
  reply["object"] = "chat.completion";
  for (Json& choice : reply["choices"]) {
    if (choice.contains("message")) spell_message(choice["message"]);
    if (choice.value("finish_reason", Json()) == "") choice["finish_reason"] = nullptr;
    const Json logprobs = choice.value("logprobs", Json());
    if (logprobs.is_object() && logprobs == Json{{"content", nullptr}, {"refusal", nullptr}})
      choice["logprobs"] = nullptr;
  }
  return reply;
}

TEST(OpenAiChatRecorded, RepliesReadAndWrittenMeanTheSame) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  Comparison comparison("replies",
                        {
                            {"choices[].delta", "Perplexity repeats the message here"},
                            {"choices[].message", "two fixtures have none"},
                            {"choices[].message.audio", "an empty object of Snowflake's"},
                            {"choices[].message.function_call", "empty, or told as a tool's call"},
                            {"choices[].message.tool_calls", "function_call by its newer name"},
                            {"choices[].message.tool_calls[].custom", "an empty object of Snowflake's"},
                            {"choices[].message.tool_calls[].id", "made where the vendor gave none"},
                            {"choices[].message.tool_calls[].type", "\"function\" is the default"},
                            {"choices[].message.tool_calls[].extra_content", "a message's signature is its call's"},
                            {"choices[].message.extra_content", "a message's signature is its call's"},
                            {"choices[].message.extra_content.google.thought", "says no more than the signature"},
                            {"choices[].message.reasoning_details[].index", "counted anew"},
                            {"choices[].message.reasoning_details[].type", "a signature without a text"},
                            {"choices[].message.reasoning_details[].data", "a signature without a text"},
                            {"choices[].message.reasoning_details[].signature", "a signature without a text"},
                        });
  std::size_t unread = 0;
  each_chat([&](const RecordedExchange& one) {
    if (!answered(one) || is_stream(one)) return;
    auto reply = openai_chat().read_reply(one.reply);
    if (!reply) {
      ++unread;
      std::printf("  no reply: %s %s\n", one.id.c_str(), reply.error().message.substr(0, 100).c_str());
      return;
    }
    reply->usage = usage_of(one, one.reply);
    const Json recorded = json(one.reply);
    comparison.compare(one.id, spelled(recorded), spelled(json(openai_chat().write_reply(*reply, {.id = "made"}))));
  });
  EXPECT_EQ(unread, 3u);
}

// The usage that a caller of this form gets for what the ledger holds: the vendor's own totals, cached inside.
TEST(OpenAiChatRecorded, UsageWrittenFromTheBucketsHasTheVendorsTotals) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  std::size_t count = 0;
  each_chat([&](const RecordedExchange& one) {
    if (!answered(one) || !one.usage.is_object()) return;
    chat::Reply reply;
    reply.usage = usage_of(one, wire(one));
    if (!reply.usage.reported || !reply.usage.identity_ok) return;
    ++count;
    const Json written = json(openai_chat().write_reply(reply, {}))["usage"];
    const auto number = [&](const char* name) {
      return one.usage.contains(name) && one.usage[name].is_number() ? one.usage[name].get<std::int64_t>() : 0;
    };
    EXPECT_EQ(written["prompt_tokens"], number("prompt_tokens")) << one.id;
    const std::int64_t total = number("total_tokens");
    if (total > 0) EXPECT_EQ(written["total_tokens"], total) << one.id;
    EXPECT_EQ(written["total_tokens"],
              written["prompt_tokens"].get<std::int64_t>() + written["completion_tokens"].get<std::int64_t>())
        << one.id;
    const Json details = one.usage.value("prompt_tokens_details", Json());
    if (details.is_object() && details.value("cached_tokens", Json()).is_number_integer() &&
        details["cached_tokens"] <= number("prompt_tokens"))
      EXPECT_EQ(written["prompt_tokens_details"]["cached_tokens"], details["cached_tokens"]) << one.id;
  });
  std::printf("usage: %zu written from buckets\n", count);
  EXPECT_GT(count, 700u);
}

// ---- streams

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
