// Rerank by small fixtures: each form and every way across.
#include "gateway/dialects/rerank.h"

#include "recorded_rounds.h"

namespace tollgate::gateway {
namespace {

const RerankForm& form(std::string_view name) { return *find_rerank_form(name); }

RerankRequest read(std::string_view name, const std::string& body) {
  auto request = form(name).read_request(body);
  EXPECT_TRUE(request) << request.error().message;
  return request ? *request : RerankRequest{};
}

std::pair<Json, std::vector<std::string>> across(std::string_view from, const std::string& body, std::string_view to) {
  chat::Losses losses;
  auto written = form(to).write_request(read(from, body), "target", losses);
  EXPECT_TRUE(written) << written.error().message;
  return {json_of(written ? *written : "null"), losses.names()};
}

constexpr const char* kCohere =
    R"({"model":"m","query":"q","documents":["a","b"],"top_n":1,"max_tokens_per_doc":9,"priority":2})";

TEST(Rerank, RequestsGoEveryWay) {
  const auto [voyage, lost] = across("cohere.rerank", kCohere, "voyage.rerank");
  EXPECT_EQ(voyage, json_of(R"({"model":"target","query":"q","documents":["a","b"],"top_k":1})"));
  EXPECT_EQ(lost, (std::vector<std::string>{"max_tokens_per_doc", "extra.priority"}));
  const std::string from_voyage =
      R"({"model":"m","query":"q","documents":["a"],"top_k":2,"truncation":false,"return_documents":true})";
  const auto [cohere, also_lost] = across("voyage.rerank", from_voyage, "cohere.rerank");
  EXPECT_EQ(cohere, json_of(R"({"model":"target","query":"q","documents":["a"],"top_n":2})"));
  EXPECT_EQ(also_lost, std::vector<std::string>{"truncation"});
  const auto [jina, none_lost] = across("voyage.rerank", from_voyage, "jina.rerank");
  EXPECT_EQ(jina, json_of(R"({"model":"target","query":"q","documents":["a"],"top_n":2,"return_documents":true,
                              "truncation":false})"));
  EXPECT_TRUE(none_lost.empty());
}

TEST(Rerank, ObjectsAsDocuments) {
  const std::string body = R"({"model":"m","query":"q","documents":[{"text":"a","x":1},"b"]})";
  EXPECT_EQ(across("jina.rerank", body, "cohere.rerank").first["documents"], json_of(R"(["a","b"])"));
  EXPECT_EQ(across("jina.rerank", body, "jina.rerank").first["documents"], json_of(R"([{"text":"a","x":1},"b"])"));
  chat::Losses losses;
  const RerankRequest images = read("jina.rerank", R"({"query":"q","documents":[{"image":"https://x"}]})");
  EXPECT_FALSE(form("cohere.rerank").write_request(images, "t", losses));
  EXPECT_TRUE(form("jina.rerank").write_request(images, "t", losses));
}

TEST(Rerank, DocumentsAreShownWhereTheCallerWantsThem) {
  const auto reply = form("cohere.rerank").read_reply(R"({"id":"i","results":[{"index":1,"relevance_score":0.75},
                                        {"index":0,"relevance_score":-2}],"meta":{"api_version":{"version":"2"}}})");
  ASSERT_TRUE(reply);
  const std::string body = R"({"model":"m","query":"q","documents":["a","b"],"return_documents":true})";
  Usage usage;
  usage.reported = true;
  usage[Bucket::input] = 7;
  usage[Bucket::search_units] = 1;
  EXPECT_EQ(json_of(form("jina.rerank").write_reply(*reply, read("jina.rerank", body), usage)),
            json_of(R"({"object":"list","model":"m","id":"i","results":[
              {"index":1,"relevance_score":0.75,"document":{"text":"b"}},
              {"index":0,"relevance_score":-2,"document":{"text":"a"}}],"usage":{"prompt_tokens":7,"total_tokens":7}})"));
  EXPECT_EQ(json_of(form("voyage.rerank").write_reply(*reply, read("voyage.rerank", body), usage)),
            json_of(R"({"object":"list","model":"m","data":[
              {"index":1,"relevance_score":0.75,"document":"b"},
              {"index":0,"relevance_score":-2,"document":"a"}],"usage":{"total_tokens":7}})"));
  const RerankRequest bare = read("cohere.rerank", R"({"model":"m","query":"q","documents":["a","b"]})");
  EXPECT_EQ(json_of(form("cohere.rerank").write_reply(*reply, bare, usage)),
            json_of(R"({"id":"i","results":[{"index":1,"relevance_score":0.75},{"index":0,"relevance_score":-2}],
              "meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":7,"search_units":1}}})"));
}

TEST(Rerank, DocumentsThatWereSentAreKept) {
  const auto reply =
      form("voyage.rerank").read_reply(R"({"data":[{"index":5,"relevance_score":1,"document":"sent"}],"model":"v"})");
  ASSERT_TRUE(reply);
  const RerankRequest asked =
      read("jina.rerank", R"({"model":"m","query":"q","documents":[],"return_documents":true})");
  const Json written = json_of(form("jina.rerank").write_reply(*reply, asked, {}));
  EXPECT_EQ(written["results"][0]["document"]["text"], "sent");
}

TEST(Rerank, Faults) {
  for (const RerankForm& one : rerank_forms()) {
    EXPECT_FALSE(one.read_request("nonsense"));
    EXPECT_EQ(one.read_request(R"({"query":"q"})").error().message, "documents: must be an array");
    EXPECT_EQ(one.read_request(R"({"query":7,"documents":[]})").error().message, "query: must be a string");
    EXPECT_FALSE(one.read_reply("{}"));
  }
  EXPECT_EQ(find_rerank_form("nobody.rerank"), nullptr);
}

}  // namespace
}  // namespace tollgate::gateway
