// UsageReader: Cohere, Ollama, pictures and sound, the rarer quirks of OpenAI's imitators, and replies of unknown form.
#include <gtest/gtest.h>

#include "price_test_data.h"

namespace tollgate::billing {
namespace {

using test::padded;
using enum Bucket;

UsageReader reader_of(UsageDialect dialect, std::string_view body, UsageFlags flags = {}) {
  UsageReader reader;
  reader.reset(dialect, flags);
  reader.reply(padded(body));
  return reader;
}

UsageReader streamed(UsageDialect dialect, std::initializer_list<std::pair<const char*, const char*>> events) {
  UsageReader reader;
  reader.reset(dialect, {});
  for (const auto& [name, data] : events) reader.event(name, data);
  return reader;
}

TEST(UsageCohere, BillsWhatIsBilled) {
  UsageReader chat =
      reader_of(UsageDialect::cohere, R"({"id":"c1","message":{"role":"assistant"},"finish_reason":"COMPLETE",
    "usage":{"billed_units":{"input_tokens":100,"output_tokens":25},"tokens":{"input_tokens":566,"output_tokens":29},
    "cached_tokens":480}})");
  EXPECT_EQ(chat.usage()[input], 100);
  EXPECT_EQ(chat.usage()[output], 25);
  EXPECT_EQ(chat.usage()[cache_read], 0) << "no price for it: what is billed leaves it out";
  EXPECT_TRUE(chat.usage().identity_ok);
  EXPECT_EQ(chat.provider_request_id(), "c1");
  const auto meta = [](std::string_view billed) {
    return reader_of(UsageDialect::cohere, R"({"id":"x","meta":{"billed_units":)" + std::string(billed) + "}}").usage();
  };
  EXPECT_EQ(meta(R"({"search_units":2})")[search_units], 2);
  EXPECT_EQ(meta(R"({"images":3})")[images], 3);
  EXPECT_EQ(meta(R"({"input_tokens":7,"image_tokens":40})")[image_input], 40);
  EXPECT_EQ(meta(R"({"input_tokens":7,"image_tokens":40})")[input], 7);
  EXPECT_FALSE(meta(R"({"classifications":4})").identity_ok) << "billed by a unit without a bucket";
  EXPECT_FALSE(reader_of(UsageDialect::cohere, R"({"meta":{"api_version":{"version":"1"}}})").usage().reported);
}

TEST(UsageCohere, MoreBilledThanCountedIsAContradiction) {
  EXPECT_FALSE(
      reader_of(UsageDialect::cohere, R"({"usage":{"billed_units":{"input_tokens":100},"tokens":{"input_tokens":99}}})")
          .usage()
          .identity_ok);
  EXPECT_TRUE(
      reader_of(UsageDialect::cohere, R"({"usage":{"billed_units":{"input_tokens":522},"tokens":{"input_tokens":501,
    "image_tokens":518}}})")
          .usage()
          .identity_ok);
}

TEST(UsageCohere, StreamsOfBothVersions) {
  UsageReader v2 =
      streamed(UsageDialect::cohere,
               {{"message-start",
                 R"({"delta":{"message":{"role":"assistant","tool_plan":""}},"id":"s1","type":"message-start"})"},
                {"content-start",
                 R"({"delta":{"message":{"content":{"text":"","type":"text"}}},"index":0,"type":"content-start"})"}});
  EXPECT_FALSE(v2.saw_content());
  v2.event("", R"({"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"The"}}}})");
  EXPECT_TRUE(v2.saw_content());
  EXPECT_FALSE(v2.saw_terminal());
  v2.event("message-end", R"({"delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":11,
    "output_tokens":2},"tokens":{"input_tokens":506,"output_tokens":5}}},"type":"message-end"})");
  EXPECT_TRUE(v2.saw_terminal());
  EXPECT_EQ(v2.usage()[input], 11);
  EXPECT_EQ(v2.provider_request_id(), "s1");
  UsageReader v1 = streamed(UsageDialect::cohere,
                            {{"", R"({"is_finished":false,"event_type":"stream-start","generation_id":"g1"})"},
                             {"", R"({"is_finished":false,"event_type":"text-generation","text":"Plan"})"},
                             {"", R"({"is_finished":true,"event_type":"stream-end","response":{"text":"Plan","meta":
                                {"billed_units":{"input_tokens":949,"output_tokens":81}}},"finish_reason":"COMPLETE"})"}});
  EXPECT_TRUE(v1.saw_content());
  EXPECT_TRUE(v1.saw_terminal());
  EXPECT_EQ(v1.usage()[output], 81);
}

TEST(UsageCohere, Errors) {
  UsageReader gone = reader_of(UsageDialect::cohere, R"({"id":"e","message":"model not found"})");
  EXPECT_TRUE(gone.saw_error());
  UsageReader large =
      reader_of(UsageDialect::cohere, R"({"error_type":"TOO_MANY_TOKENS","id":"e","message":"too many"})");
  EXPECT_EQ(large.error_code(), "TOO_MANY_TOKENS");
  EXPECT_TRUE(streamed(UsageDialect::cohere,
                       {{"message-end", R"({"delta":{"error":"oops","finish_reason":"ERROR"},"type":"message-end"})"}})
                  .saw_error());
}

TEST(UsageOllama, TheLastObjectCounts) {
  UsageReader chat = streamed(UsageDialect::ollama,
                              {{"", R"({"model":"phi3","message":{"role":"assistant","content":""},"done":false})"}});
  EXPECT_FALSE(chat.saw_content());
  chat.event("", R"({"model":"phi3","message":{"role":"assistant","content":"","thinking":"hm"},"done":false})");
  EXPECT_TRUE(chat.saw_content());
  chat.event("", R"({"model":"phi3","message":{"role":"assistant","content":""},"done_reason":"stop","done":true,
    "prompt_eval_count":10,"eval_count":239,"eval_duration":2381751000})");
  EXPECT_TRUE(chat.saw_terminal());
  EXPECT_EQ(chat.usage()[input], 10);
  EXPECT_EQ(chat.usage()[output], 239);
  EXPECT_EQ(chat.usage().raw, R"({"prompt_eval_count":10,"eval_count":239})");
  EXPECT_EQ(chat.served_model(), "phi3");
  UsageReader cached = reader_of(UsageDialect::ollama, R"({"model":"m","response":"x","done":true,"eval_count":38})");
  EXPECT_TRUE(cached.usage().reported);
  EXPECT_EQ(cached.usage()[input], 0);
  EXPECT_FALSE(reader_of(UsageDialect::ollama, R"({"model":"m","response":"x","done":true})").usage().reported);
  EXPECT_TRUE(reader_of(UsageDialect::ollama, R"({"error":"model 'x' not found"})").saw_error());
  EXPECT_TRUE(streamed(UsageDialect::ollama,
                       {{"", R"({"message":{"content":"","tool_calls":[{"function":{}}]},"done":false})"}})
                  .saw_content());
}

TEST(UsageMedia, PicturesByTokensOrByThePiece) {
  const auto pictures = [](std::string_view body) { return reader_of(UsageDialect::openai_images, body).usage(); };
  const Usage tokens =
      pictures(R"({"created":1,"data":[{"b64_json":"AA"}],"usage":{"input_tokens":14,"output_tokens":272,
    "input_tokens_details":{"text_tokens":14,"image_tokens":0},"total_tokens":286}})");
  EXPECT_EQ(tokens[image_output], 272);
  EXPECT_EQ(tokens[output], 0);
  EXPECT_EQ(tokens[images], 0);
  const Usage pieces = pictures(R"({"created":1,"data":[{"url":"https://a/[}"},{"url":"b"}]})");
  EXPECT_TRUE(pieces.reported);
  EXPECT_EQ(pieces[images], 2);
  EXPECT_FALSE(pictures(R"({"created":1,"data":[]})").reported);
  UsageReader stream =
      streamed(UsageDialect::openai_images,
               {{"image_generation.partial_image", R"({"type":"image_generation.partial_image","b64_json":"AA"})"}});
  EXPECT_TRUE(stream.saw_content());
  stream.event(
      "",
      R"({"type":"image_generation.completed","b64_json":"AA","usage":{"input_tokens":5,"output_tokens":9,"total_tokens":14}})");
  EXPECT_TRUE(stream.saw_terminal());
  EXPECT_EQ(stream.usage()[image_output], 9);
}

TEST(UsageMedia, SoundByTokensOrByItsLength) {
  const auto sound = [](std::string_view body) { return reader_of(UsageDialect::openai_audio, body).usage(); };
  EXPECT_EQ(sound(R"({"text":"x","usage":{"type":"duration","seconds":7}})")[audio_milliseconds], 7'000);
  EXPECT_EQ(sound(R"({"text":"x","usage":{"cost":0.0006,"seconds":6}})")[audio_milliseconds], 6'000);
  EXPECT_EQ(sound(R"({"text":"x","duration":8.4701})")[audio_milliseconds], 8'471);
  EXPECT_TRUE(sound(R"({"text":"x","duration":"8.5"})").reported);
  const Usage tokens = sound(R"({"text":"x","usage":{"type":"tokens","total_tokens":19,"input_tokens":14,
    "input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":5}})");
  EXPECT_EQ(tokens[audio_input], 10);
  EXPECT_EQ(tokens[input], 4);
  EXPECT_EQ(tokens[output], 5);
  UsageReader speech = streamed(
      UsageDialect::openai_audio,
      {{"", R"({"type":"speech.audio.delta","audio":"AA"})"},
       {"", R"({"type":"speech.audio.done","usage":{"input_tokens":3,"output_tokens":90,"total_tokens":93}})"}});
  EXPECT_TRUE(speech.saw_content());
  EXPECT_EQ(speech.usage()[audio_output], 90);
}

TEST(UsageOpenAi, RealtimeCachedMedia) {
  const Usage u =
      reader_of(UsageDialect::openai_responses, R"({"usage":{"total_tokens":253,"input_tokens":132,"output_tokens":121,
    "input_token_details":{"text_tokens":119,"audio_tokens":13,"image_tokens":0,"cached_tokens":70,
    "cached_tokens_details":{"text_tokens":64,"audio_tokens":6}},
    "output_token_details":{"text_tokens":30,"audio_tokens":91}}})")
          .usage();
  EXPECT_TRUE(u.identity_ok);
  EXPECT_EQ(u[audio_cache_read], 6);
  EXPECT_EQ(u[audio_input], 7);
  EXPECT_EQ(u[cache_read], 64);
  EXPECT_EQ(u[input], 55);
  EXPECT_EQ(u[audio_output], 91);
}

TEST(UsageOpenAi, DeepResearchBillsApart) {
  const Usage u =
      reader_of(UsageDialect::openai_chat, R"({"usage":{"prompt_tokens":33,"completion_tokens":7163,"total_tokens":7196,
    "citation_tokens":20016,"num_search_queries":18,"reasoning_tokens":73997}})")
          .usage();
  EXPECT_TRUE(u.identity_ok);
  EXPECT_EQ(u[input], 33);
  EXPECT_EQ(u[output], 7'163);
  EXPECT_EQ(u[reasoning], 73'997);
  EXPECT_EQ(u[citation], 20'016);
  EXPECT_EQ(u[web_search], 18);
  EXPECT_EQ(u.input_side(), 33) << "sources are no part of the prompt";
  EXPECT_EQ(reader_of(UsageDialect::openai_chat, R"({"usage":{"prompt_tokens":1,"num_search_queries":2}})")
                .usage()[web_search],
            0);
}

TEST(UsageOpenAi, QuirksByFlag) {
  constexpr std::string_view kVercel = R"({"usage":{"prompt_tokens":223,"completion_tokens":25,"total_tokens":248,
    "completion_tokens_details":{"reasoning_tokens":266}}})";
  const Usage apart = reader_of(UsageDialect::openai_chat, kVercel, {.apart_reasoning = true}).usage();
  EXPECT_TRUE(apart.identity_ok);
  EXPECT_EQ(apart[reasoning], 266);
  EXPECT_EQ(apart[output], 25);
  EXPECT_FALSE(reader_of(UsageDialect::openai_chat, kVercel).usage().identity_ok);
  UsageReader timed;
  timed.reset(UsageDialect::openai_chat, usage_flags_from({"timings"}));
  timed.event("", R"({"model":"m","choices":[{"delta":{"content":"x"}}]})");
  timed.event(
      "",
      R"({"model":"m","choices":[{"delta":{},"finish_reason":"stop"}],"timings":{"prompt_n":24,"cache_n":1000,"predicted_n":64}})");
  EXPECT_EQ(timed.usage()[input], 24);
  EXPECT_EQ(timed.usage()[cache_read], 1'000);
  EXPECT_EQ(timed.usage()[output], 64);
  const Usage video =
      reader_of(UsageDialect::openai_chat, R"({"usage":{"prompt_tokens":100,"completion_tokens":1,"total_tokens":101,
    "prompt_tokens_details":{"video_tokens":60}}})")
          .usage();
  EXPECT_EQ(video[video_input], 60);
  EXPECT_EQ(video[input], 40);
  EXPECT_EQ(reader_of(UsageDialect::openai_embeddings, R"({"usage":{"total_tokens":43}})").usage()[input], 43);
}

TEST(UsageDetect, RepliesByTheirMembers) {
  const auto outputs = [](std::string_view body) {
    const Usage u = find_usage(body);
    return u.reported ? u[output] : -1;
  };
  EXPECT_EQ(outputs(R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}})"), 2);
  EXPECT_EQ(outputs(R"({"object":"response","usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}})"), 2);
  EXPECT_EQ(outputs(R"({"type":"message","usage":{"input_tokens":1,"output_tokens":2}})"), 2);
  EXPECT_EQ(outputs(R"({"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3}})"), 2);
  EXPECT_EQ(outputs(R"([{"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3}}])"), 2);
  EXPECT_EQ(outputs(R"({"output":{},"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}})"), 2);
  EXPECT_EQ(outputs(R"({"text":"x","meta":{"billed_units":{"input_tokens":1,"output_tokens":2}}})"), 2);
  EXPECT_EQ(outputs(R"({"usage":{"billed_units":{"input_tokens":1,"output_tokens":2}}})"), 2);
  EXPECT_EQ(outputs(R"({"done":true,"prompt_eval_count":1,"eval_count":2})"), 2);
  EXPECT_EQ(outputs(R"({"inputTextTokenCount":1,"results":[{"tokenCount":2}]})"), 2);
  EXPECT_EQ(find_usage(R"({"results":[],"meta":{"billed_units":{"search_units":2}}})")[search_units], 2);
  EXPECT_EQ(find_usage(R"({"data":[],"object":"list","usage":{"total_tokens":9}})")[input], 9);
  EXPECT_EQ(find_usage(R"({"pages":[],"model":"ocr","usage_info":{"pages_processed":4,"doc_size_bytes":9}})")[pages],
            4);
  EXPECT_EQ(find_usage(R"({"created":1,"data":[{"url":"x"}]})")[images], 1);
  EXPECT_EQ(find_usage(R"({"text":"x","duration":2.5})")[audio_milliseconds], 2'500);
  for (const char* none : {"", "null", "{}", "[]", "{\"usage\":null}", R"({"data":[{"id":"m"}],"object":"list"})",
                           R"({"totalTokens":3})", R"({"message":"usage"})", R"({"error":{"code":"x"}})", "not json"})
    EXPECT_FALSE(find_usage(none).reported) << none;
}

TEST(UsageDetect, StreamsKeepTheFormOfTheirFirstEvent) {
  UsageReader reader;
  reader.reset(UsageDialect::detect, {});
  reader.event("message_start",
               R"({"type":"message_start","message":{"id":"m","model":"c","usage":{"input_tokens":5}}})");
  EXPECT_FALSE(reader.saw_content());
  reader.event("content_block_delta", R"({"type":"content_block_delta","delta":{"type":"text_delta","text":"x"}})");
  EXPECT_TRUE(reader.saw_content());
  reader.event("message_delta", R"({"type":"message_delta","usage":{"output_tokens":7}})");
  reader.event("message_stop", R"({"type":"message_stop"})");
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_EQ(reader.usage()[input], 5);
  EXPECT_EQ(reader.usage()[output], 7);
}

TEST(UsageDetect, UnknownEventsCountAsAnAnswer) {
  UsageReader reader;
  reader.reset(UsageDialect::detect, {});
  reader.event("", "{}");
  EXPECT_FALSE(reader.saw_content());
  reader.event("output", R"({"chunk":"abc"})");
  EXPECT_TRUE(reader.saw_content());
  reader.event("", R"({"chunk":"d","error":{"code":"overloaded"}})");
  EXPECT_TRUE(reader.saw_error());
  EXPECT_EQ(reader.error_code(), "overloaded");
  EXPECT_FALSE(reader.usage().reported);
  reader.event("", "[DONE]");
  EXPECT_TRUE(reader.saw_terminal());
}

}  // namespace
}  // namespace tollgate::billing
