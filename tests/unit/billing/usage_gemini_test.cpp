// UsageReader: Gemini's replies, streams, interactions and embeddings, and Vertex's traffic types.
#include <gtest/gtest.h>

#include "price_test_data.h"

namespace tollgate::billing {
namespace {

using test::padded;
using enum Bucket;

UsageReader reader_of(std::string_view body, std::string_view model = {}) {
  UsageReader reader;
  reader.reset(UsageDialect::gemini, {}, model);
  reader.reply(padded(body));
  return reader;
}

Usage metadata(std::string_view usage) {
  return reader_of(R"({"candidates":[],"usageMetadata":)" + std::string(usage) + "}").usage();
}

TEST(UsageGemini, ThoughtsAndToolsStandBesideCachedTokensInside) {
  UsageReader reader = reader_of(R"({"candidates":[{"content":{"parts":[{"text":"hi"}]},"finishReason":"STOP"}],
    "usageMetadata":{"promptTokenCount":1000,"cachedContentTokenCount":300,"candidatesTokenCount":50,
    "thoughtsTokenCount":20,"toolUsePromptTokenCount":400,"totalTokenCount":1470,"serviceTier":"STANDARD"},
    "modelVersion":"gemini-2.5-flash","responseId":"r1"})");
  const Usage& u = reader.usage();
  EXPECT_TRUE(u.reported);
  EXPECT_TRUE(u.identity_ok);
  EXPECT_EQ(u[input], 1'100);
  EXPECT_EQ(u[cache_read], 300);
  EXPECT_EQ(u[output], 50);
  EXPECT_EQ(u[reasoning], 20);
  EXPECT_EQ(u.served_tier, "standard");
  EXPECT_EQ(reader.served_model(), "gemini-2.5-flash");
  EXPECT_EQ(reader.provider_request_id(), "r1");
  EXPECT_FALSE(metadata(R"({"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":16})").identity_ok);
}

TEST(UsageGemini, MediaLieInThePromptAndInItsCachedPart) {
  const Usage u = metadata(R"({"promptTokenCount":3284,"cachedContentTokenCount":2917,"candidatesTokenCount":84,
    "totalTokenCount":3368,
    "cacheTokensDetails":[{"modality":"VIDEO","tokenCount":2570},{"modality":"TEXT","tokenCount":62},
                          {"modality":"AUDIO","tokenCount":285}],
    "promptTokensDetails":[{"modality":"TEXT","tokenCount":70},{"modality":"VIDEO","tokenCount":2893},
                           {"modality":"AUDIO","tokenCount":321}],
    "candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":60},{"modality":"AUDIO","tokenCount":4}]})");
  EXPECT_TRUE(u.identity_ok);
  EXPECT_EQ(u[audio_cache_read], 285);
  EXPECT_EQ(u[audio_input], 36);
  EXPECT_EQ(u[video_input], 323);
  EXPECT_EQ(u[cache_read], 62 + 2'570);
  EXPECT_EQ(u[input], 8);
  EXPECT_EQ(u[image_output], 60);
  EXPECT_EQ(u[audio_output], 4);
  EXPECT_EQ(u[output], 20);
  EXPECT_EQ(u.input_side(), 3'284);
}

TEST(UsageGemini, ModalitiesAsNumbersAndDocumentsAsImages) {
  const Usage u = metadata(R"({"promptTokenCount":600,"totalTokenCount":600,"cachedContentTokenCount":258,
    "cacheTokensDetails":[{"modality":2,"tokenCount":258}],
    "promptTokensDetails":[{"modality":1,"tokenCount":42},{"modality":"DOCUMENT","tokenCount":300},
                           {"modality":2,"tokenCount":258}],"trafficType":1})");
  EXPECT_EQ(u[image_cache_read], 258);
  EXPECT_EQ(u[image_input], 300);
  EXPECT_EQ(u[input], 42);
  EXPECT_EQ(u.served_tier, "on_demand");
}

TEST(UsageGemini, ContradictionsAreCutAndFlagged) {
  const Usage u = metadata(R"({"promptTokenCount":10,"cachedContentTokenCount":30,"candidatesTokenCount":-4,
    "promptTokensDetails":[{"modality":"AUDIO","tokenCount":99}],"totalTokenCount":10})");
  EXPECT_FALSE(u.identity_ok);
  EXPECT_EQ(u.input_side(), 10);
  for (const std::int64_t count : u.counts) EXPECT_GE(count, 0);
}

TEST(UsageGemini, TrafficTypesAreTiers) {
  const auto tier = [](std::string_view traffic) {
    return metadata(R"({"promptTokenCount":1,"totalTokenCount":1,"trafficType":)" + std::string(traffic) + "}")
        .served_tier;
  };
  EXPECT_EQ(tier(R"("PROVISIONED_THROUGHPUT")"), "provisioned");
  EXPECT_EQ(tier(R"("ON_DEMAND_FLEX")"), "flex");
  EXPECT_EQ(tier(R"("ON_DEMAND_PRIORITY")"), "priority");
  EXPECT_EQ(tier(R"("ON_DEMAND")"), "on_demand");
  EXPECT_EQ(tier("2"), "provisioned");
  EXPECT_EQ(tier("null"), "");
}

TEST(UsageGemini, EveryChunkRepeatsTheUsageAndTheLastIsTrue) {
  UsageReader reader;
  reader.reset(UsageDialect::gemini, {});
  reader.event("", R"({"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"index":0}],
    "usageMetadata":{"promptTokenCount":95,"totalTokenCount":95},"modelVersion":"gemini-3-pro","responseId":"a"})");
  EXPECT_FALSE(reader.saw_content());
  reader.event("", R"({"candidates":[{"content":{"parts":[{"text":"usageMetadata \"}"}],"role":"model"},"index":0}],
    "usageMetadata":{"promptTokenCount":95,"candidatesTokenCount":23,"totalTokenCount":186,"thoughtsTokenCount":68}})");
  EXPECT_TRUE(reader.saw_content());
  EXPECT_FALSE(reader.saw_terminal());
  EXPECT_EQ(reader.usage()[output], 23);
  reader.event("", R"({"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"QUFB"}]},"finishReason":"STOP",
    "index":0}],"usageMetadata":{"promptTokenCount":189,"candidatesTokenCount":29,"totalTokenCount":218}})");
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_EQ(reader.usage()[input], 189);
  EXPECT_EQ(reader.usage()[output], 29);
  EXPECT_EQ(reader.usage()[reasoning], 0) << "a field that the last report lacks is 0";
  EXPECT_TRUE(reader.usage().raw.starts_with(R"({"promptTokenCount":189)"));
}

TEST(UsageGemini, ContentOfEveryKind) {
  const auto content = [](std::string_view part) {
    UsageReader reader;
    reader.reset(UsageDialect::gemini, {});
    reader.event("", R"({"candidates":[{"content":{"parts":[)" + std::string(part) + "]}}]}");
    return reader.saw_content();
  };
  EXPECT_TRUE(content(R"({"text":"a"})"));
  EXPECT_TRUE(content(R"({"text":"a","thought":true})"));
  EXPECT_TRUE(content(R"({"functionCall":{"name":"f","args":{}}})"));
  EXPECT_TRUE(content(R"({"inlineData":{"mimeType":"image/png","data":"AA"}})"));
  EXPECT_TRUE(content(R"({"executableCode":{"code":"1"}})"));
  EXPECT_FALSE(content(R"({"text":""})"));
  EXPECT_FALSE(content(R"({"thoughtSignature":"AAAA"})"));
  EXPECT_FALSE(content(R"({"thought":true})"));
}

TEST(UsageGemini, TheEndOfAPieceOfCodeIsNotTheEnd) {
  UsageReader reader;
  reader.reset(UsageDialect::gemini, {});
  reader.event("",
               R"({"candidates":[{"content":{"parts":[{"executableCode":{"code":"1+1"}}]},"finishReason":"STOP"}]})");
  EXPECT_FALSE(reader.saw_terminal());
  reader.event("", R"({"candidates":[{"content":{"parts":[{"text":"2"}]},"finishReason":"STOP"}]})");
  EXPECT_TRUE(reader.saw_terminal());
}

TEST(UsageGemini, EveryCandidateMustEnd) {
  UsageReader reader;
  reader.reset(UsageDialect::gemini, {});
  reader.event("", R"({"candidates":[{"content":{"parts":[{"text":"a"}]},"index":0}]})");
  reader.event("", R"({"candidates":[{"content":{"parts":[{"text":"b"}]},"index":1}]})");
  reader.event("", R"({"candidates":[{"finishReason":"STOP","index":1}]})");
  EXPECT_FALSE(reader.saw_terminal());
  reader.event("", R"({"candidates":[{"finishReason":"STOP","index":0}]})");
  EXPECT_TRUE(reader.saw_terminal());
  // Arguments may name anything.
  reader.reset(UsageDialect::gemini, {});
  reader.event("", R"({"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":
    {"index":7,"finishReason":"STOP","usageMetadata":{"promptTokenCount":9}}}}]}}]})");
  EXPECT_FALSE(reader.saw_terminal());
  EXPECT_FALSE(reader.usage().reported);
}

TEST(UsageGemini, BlockedPromptsEndTheStream) {
  UsageReader reader;
  reader.reset(UsageDialect::gemini, {});
  reader.event(
      "", R"({"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":7,"totalTokenCount":7}})");
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_FALSE(reader.saw_content());
  EXPECT_EQ(reader.usage()[input], 7);
}

TEST(UsageGemini, ErrorsSpeakByTheirStatus) {
  UsageReader reader = reader_of(R"({"error":{"code":404,"message":"no","status":"NOT_FOUND"}})");
  EXPECT_TRUE(reader.saw_error());
  EXPECT_EQ(reader.error_code(), "NOT_FOUND");
  EXPECT_FALSE(reader.usage().reported);
  UsageReader list = reader_of(R"([{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}])");
  EXPECT_EQ(list.error_code(), "UNAVAILABLE");
}

TEST(UsageGemini, SearchesByQueryOrByPrompt) {
  constexpr std::string_view kChunk = R"({"candidates":[{"content":{"parts":[{"text":"x"}]},
    "groundingMetadata":{"webSearchQueries":["bitcoin","ether","bitcoin",""]}}],"usageMetadata":{"promptTokenCount":1,
    "totalTokenCount":1}})";
  EXPECT_EQ(reader_of(kChunk, "gemini-3-flash-preview").usage()[web_search], 2);
  EXPECT_EQ(reader_of(kChunk, "gemini-flash-latest").usage()[web_search], 2);
  EXPECT_EQ(reader_of(kChunk, "gemini-2.5-flash").usage()[web_search], 1);
  UsageReader reader;
  reader.reset(UsageDialect::gemini, {}, "models/gemini-3-pro");
  reader.event("", kChunk);
  reader.event("", kChunk);
  EXPECT_EQ(reader.usage()[web_search], 2) << "every chunk tells them again";
  EXPECT_EQ(reader_of(R"({"candidates":[{"groundingMetadata":{}}],"usageMetadata":{"promptTokenCount":1}})")
                .usage()[web_search],
            0);
}

TEST(UsageGemini, ListsOfChunksAreStreams) {
  UsageReader reader =
      reader_of(R"([{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":4,
    "candidatesTokenCount":1,"totalTokenCount":5}},
    {"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":9,"totalTokenCount":13}}])");
  EXPECT_EQ(reader.usage()[output], 9);
  EXPECT_TRUE(reader.saw_content());
  EXPECT_TRUE(reader.saw_terminal());
}

TEST(UsageGemini, EmbeddingsCountsAndCaches) {
  EXPECT_EQ(reader_of(R"({"embeddings":[{"values":[0.1]}],"usageMetadata":{"promptTokenCount":4,
    "promptTokenDetails":[{"modality":"AUDIO","tokenCount":3}]}})")
                .usage()[audio_input],
            3);
  EXPECT_FALSE(reader_of(R"({"embedding":{"values":[0.1]}})").usage().reported);
  EXPECT_FALSE(
      reader_of(R"({"totalTokens":4,"promptTokensDetails":[{"modality":"TEXT","tokenCount":4}]})").usage().reported);
  const Usage made = reader_of(R"({"name":"cachedContents/x","usageMetadata":{"totalTokenCount":9609}})").usage();
  EXPECT_EQ(made[input], 9'609);
  EXPECT_TRUE(made.identity_ok);
  const Usage old = reader_of(R"({"predictions":[{}],"metadata":{"billableCharacterCount":29}})").usage();
  EXPECT_TRUE(old.reported);
  EXPECT_EQ(old[characters], 29);
}

TEST(UsageGemini, Interactions) {
  UsageReader reader;
  reader.reset(UsageDialect::gemini, {});
  reader.event("interaction.created",
               R"({"event_type":"interaction.created","interaction":{"id":"v1","model":"gemini-3"}})");
  reader.event("step.delta",
               R"({"delta":{"signature":"AAA","type":"thought_signature"},"event_type":"step.delta","index":0})");
  EXPECT_FALSE(reader.saw_content());
  reader.event("step.delta", R"({"delta":{"text":"hello","type":"text"},"event_type":"step.delta","index":1})");
  EXPECT_TRUE(reader.saw_content());
  EXPECT_FALSE(reader.saw_terminal());
  reader.event("", R"({"event_type":"interaction.completed","interaction":{"id":"v1","service_tier":"standard","usage":{
    "grounding_tool_count":[{"count":2,"type":"google_search"}],"input_tokens_by_modality":[{"modality":"text","tokens":8}],
    "total_cached_tokens":2,"total_input_tokens":8,"total_output_tokens":3,"total_thought_tokens":41,"total_tokens":57,
    "total_tool_use_tokens":5}}})");
  EXPECT_TRUE(reader.saw_terminal());
  const Usage& u = reader.usage();
  EXPECT_TRUE(u.identity_ok);
  EXPECT_EQ(u[input], 11);
  EXPECT_EQ(u[cache_read], 2);
  EXPECT_EQ(u[output], 3);
  EXPECT_EQ(u[reasoning], 41);
  EXPECT_EQ(u[web_search], 2);
  EXPECT_EQ(u.served_tier, "standard");
  EXPECT_EQ(reader.served_model(), "gemini-3");
}

}  // namespace
}  // namespace tollgate::billing
