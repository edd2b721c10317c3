// Embeddings and rerank over every recording of them.
#include <cmath>

#include "gateway/dialects/embeddings.h"
#include "gateway/dialects/rerank.h"
#include "recorded_rounds.h"

namespace tollgate::gateway {
namespace {

// The form of a recording; "" for what no form covers.
std::string form_of(const RecordedExchange& one) {
  if (one.protocol == "openai-embeddings") return "openai.embeddings";
  if (one.protocol == "embeddings") return "voyage.embeddings";
  if (one.protocol == "cohere" && one.endpoint == "embeddings") return "cohere.embed";
  if (one.endpoint == "embedContent")
    return one.request_url.ends_with(":batchEmbedContents") ? "gemini.batch_embed" : "gemini.embed";
  return "";
}

std::string rerank_form_of(const RecordedExchange& one) {
  if (one.endpoint != "rerank") return "";
  if (one.provider == "cohere") return "cohere.rerank";
  return one.provider == "voyage" ? "voyage.rerank" : "jina.rerank";
}

Usage usage_of(std::string_view form, const RecordedExchange& one) {
  using billing::UsageDialect;
  return reply_usage(form.starts_with("cohere")   ? UsageDialect::cohere
                     : form.starts_with("gemini") ? UsageDialect::gemini
                                                  : UsageDialect::openai_embeddings,
                     one.reply);
}

template <class See>
void each_embedding(See&& see) {
  for (const auto& [protocol, endpoint] : std::vector<std::pair<std::string, std::string>>{
           {"openai-embeddings", ""}, {"embeddings", ""}, {"cohere", "embeddings"}, {"gemini", "embedContent"}})
    each_exchange(protocol, endpoint, [&](const RecordedExchange& one) { see(*find_embed_form(form_of(one)), one); });
}

template <class See>
void each_rerank(See&& see) {
  for (const char* protocol : {"cohere", "rerank"})
    each_exchange(protocol, "rerank",
                  [&](const RecordedExchange& one) { see(*find_rerank_form(rerank_form_of(one)), one); });
}

class EmbeddingsRecorded : public testing::Test {
 protected:
  void SetUp() override {
    if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  }
};

TEST_F(EmbeddingsRecorded, RequestsAreReadAndWrittenAgain) {
  KnownDifferences known({});
  each_embedding([&](const EmbedForm& form, const RecordedExchange& one) {
    if (!one.request.is_object()) return;
    auto request = form.read_request(dump_json(one.request), "");
    ASSERT_TRUE(request) << one.id << " " << request.error().message;
    chat::Losses losses;
    auto body = form.write_request(*request, request->model, losses);
    ASSERT_TRUE(body) << one.id << " " << body.error().message;
    EXPECT_TRUE(losses.empty()) << one.id << " " << losses.names().front();
    // Gemini's and Vertex's single form has the model in its path.
    Json again = json_of(*body);
    if (form.name == "gemini.embed") again.erase("model");
    known.check(one.id, one.request, again);
  });
  known.report("embedding requests");
}

TEST_F(EmbeddingsRecorded, RepliesAreReadAndWrittenAgain) {
  KnownDifferences known({
      {"usage.*", "billing knows the tokens, not a vendor's further members"},
      {"usageMetadata.*", "billing knows the tokens, not a vendor's further members"},
      {"meta.billed_units.*", "billing knows the tokens, not a vendor's further members"},
      {"embeddings", "version 1 gives a list where no type was asked for"},
      {"response_type", "version 1 gives a list where no type was asked for"},
      {"model", "a vendor that leaves the model out gets the one that was asked for"},
      {"object", "a vendor that leaves it out gets it"},
  });
  std::size_t vectors = 0;
  each_embedding([&](const EmbedForm& form, const RecordedExchange& one) {
    if (one.status != 200 || !one.request.is_object()) return;
    auto request = form.read_request(dump_json(one.request), "");
    auto reply = form.read_reply(one.reply);
    ASSERT_TRUE(request && reply) << one.id << " " << (reply ? "" : reply.error().message);
    vectors += reply->vectors.size();
    // A vendor that answers in bytes without being asked for them is shown as it is.
    if (!reply->vectors.empty()) request->base64 = reply->vectors[0].base64;
    known.check(one.id, json_of(one.reply), json_of(form.write_reply(*reply, *request, usage_of(form.name, one))));
  });
  std::printf("%zu vectors\n", vectors);
  known.report("embedding replies");
}

// Numbers to bytes and back; bytes to numbers and back.
TEST_F(EmbeddingsRecorded, VectorsSurviveTheOtherEncoding) {
  std::size_t numbers = 0, bytes = 0;
  each_embedding([&](const EmbedForm& form, const RecordedExchange& one) {
    if (one.status != 200 || !one.request.is_object()) return;
    if (one.provider == "perplexity") return;  // its base64 holds int8
    const auto reply = form.read_reply(one.reply);
    if (!reply) return;
    for (const EmbedVector& vector : reply->vectors) {
      if (vector.type != "float") continue;
      if (vector.base64) {
        const EmbedVector back{.value = vector_as_numbers(vector)};
        EXPECT_EQ(vector_as_base64(back), vector.value) << one.id;
        ++bytes;
      } else {
        const EmbedVector back{.base64 = true, .value = vector_as_base64(vector)};
        SCOPED_TRACE(one.id);
        const Json was = json_of(vector.value), is = json_of(vector_as_numbers(back));
        ASSERT_EQ(was.size(), is.size()) << one.id;
        for (std::size_t i = 0; i < was.size(); ++i)
          ASSERT_EQ(static_cast<float>(was[i].get<double>()), static_cast<float>(is[i].get<double>())) << one.id;
        ++numbers;
      }
    }
  });
  std::printf("%zu vectors of numbers, %zu of bytes\n", numbers, bytes);
  EXPECT_GT(numbers, 0u);
  EXPECT_GT(bytes, 0u);
}

// Every request from its form into every other; what is said must be named as lost or come back.
TEST_F(EmbeddingsRecorded, RequestsMeanTheSameInEveryOtherForm) {
  std::map<std::string, std::array<std::size_t, 2>> pairs;
  each_embedding([&](const EmbedForm& form, const RecordedExchange& one) {
    if (!one.request.is_object()) return;
    const auto request = form.read_request(dump_json(one.request), "");
    ASSERT_TRUE(request);
    for (const EmbedForm& named : embed_forms()) {
      const EmbedForm& to = form_for(named, *request);
      chat::Losses losses;
      const auto body = to.write_request(*request, "target", losses);
      auto& counts = pairs[std::string(form.name) + " to " + std::string(to.name)];
      ++counts[body ? 0 : 1];
      if (!body) {
        EXPECT_NE(body.error().message.find("cannot be sent"), std::string::npos) << body.error().message;
        continue;
      }
      const auto again = to.read_request(*body, "");
      ASSERT_TRUE(again) << again.error().message << *body;
      ASSERT_EQ(again->inputs.size(), request->inputs.size());
      for (std::size_t i = 0; i < request->inputs.size(); ++i) {
        ASSERT_EQ(again->inputs[i].parts.size(), request->inputs[i].parts.size());
        EXPECT_EQ(again->inputs[i].parts[0].text, request->inputs[i].parts[0].text);
        EXPECT_EQ(again->inputs[i].parts[0].data, request->inputs[i].parts[0].data);
      }
      const auto lost = [&](std::string_view name) {
        return std::find(losses.names().begin(), losses.names().end(), name) != losses.names().end();
      };
      EXPECT_TRUE(again->dimensions == request->dimensions || lost("dimensions")) << one.id << " " << to.name;
      if (request->purpose != EmbedPurpose::unset)
        EXPECT_TRUE(again->purpose == request->purpose || lost("input_type")) << one.id << " " << to.name;
      if (!request->truncate.empty())
        EXPECT_TRUE(again->truncate == request->truncate || lost("truncate")) << one.id << " " << to.name;
    }
  });
  for (const auto& [pair, counts] : pairs)
    std::printf("%-44s %3zu written, %3zu refused\n", pair.c_str(), counts[0], counts[1]);
}

TEST_F(EmbeddingsRecorded, ErrorsAreUnderstood) {
  std::size_t count = 0;
  const auto check = [&](const RecordedExchange& one) {
    if (one.status < 400) return;
    ++count;
    const Error error = read_form_error(one.status, one.reply);
    EXPECT_FALSE(error.message.empty()) << one.id;
    EXPECT_NE(error.message.front(), '{') << one.id << " " << error.message;
    if (one.status == 401) EXPECT_EQ(error.kind, ErrorKind::auth);
    if (one.status == 404) EXPECT_EQ(error.kind, ErrorKind::retry_elsewhere);
    if (one.status == 501) EXPECT_EQ(error.kind, ErrorKind::retry_elsewhere);
    std::printf("%d %-22s %s\n", one.status, error.code.c_str(), error.message.substr(0, 80).c_str());
  };
  each_embedding([&](const EmbedForm&, const RecordedExchange& one) { check(one); });
  each_rerank([&](const RerankForm&, const RecordedExchange& one) { check(one); });
  EXPECT_GT(count, 10u);
}

TEST_F(EmbeddingsRecorded, RerankIsReadAndWrittenAgain) {
  KnownDifferences requests({});
  KnownDifferences replies({});
  each_rerank([&](const RerankForm& form, const RecordedExchange& one) {
    auto request = form.read_request(dump_json(one.request));
    ASSERT_TRUE(request) << one.id << " " << request.error().message;
    chat::Losses losses;
    auto body = form.write_request(*request, request->model, losses);
    ASSERT_TRUE(body) << one.id;
    EXPECT_TRUE(losses.empty()) << one.id;
    requests.check(one.id, one.request, json_of(*body));
    if (one.status != 200) return;
    auto reply = form.read_reply(one.reply);
    ASSERT_TRUE(reply) << one.id << " " << reply.error().message;
    replies.check(one.id, json_of(one.reply), json_of(form.write_reply(*reply, *request, usage_of(form.name, one))));
    for (const RerankForm& to : rerank_forms()) {
      const auto there = to.read_reply(to.write_reply(*reply, *request, usage_of(form.name, one)));
      ASSERT_TRUE(there) << to.name;
      ASSERT_EQ(there->results.size(), reply->results.size());
      for (std::size_t i = 0; i < reply->results.size(); ++i) {
        EXPECT_EQ(there->results[i].index, reply->results[i].index);
        EXPECT_EQ(there->results[i].score, reply->results[i].score);
      }
    }
  });
  requests.report("rerank requests");
  replies.report("rerank replies");
}

}  // namespace
}  // namespace tollgate::gateway
