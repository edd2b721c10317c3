// Embeddings by small fixtures: each form, every way across, both encodings of vectors.
#include "gateway/dialects/embeddings.h"

#include "recorded_rounds.h"

namespace tollgate::gateway {
namespace {

const EmbedForm& form(std::string_view name) { return *find_embed_form(name); }

EmbedRequest read(std::string_view name, const std::string& body) {
  auto request = form(name).read_request(body, "");
  EXPECT_TRUE(request) << request.error().message;
  return request ? *request : EmbedRequest{};
}

// `body` of one form as another says it, and what was lost on the way.
std::pair<Json, std::vector<std::string>> across(std::string_view from, const std::string& body, std::string_view to) {
  chat::Losses losses;
  auto written = form(to).write_request(read(from, body), "target", losses);
  EXPECT_TRUE(written) << written.error().message;
  return {json_of(written ? *written : "null"), losses.names()};
}

Usage tokens(std::int64_t count) {
  Usage usage;
  usage.reported = true;
  usage[Bucket::input] = count;
  return usage;
}

constexpr const char* kOpenai =
    R"({"model":"m","input":["a","b"],"dimensions":256,"encoding_format":"base64","user":"u"})";

TEST(Embeddings, FormsAreFoundByName) {
  EXPECT_EQ(embed_forms().size(), 5u);
  for (const EmbedForm& one : embed_forms()) EXPECT_EQ(find_embed_form(one.name)->name, one.name);
  EXPECT_EQ(find_embed_form("nobody.embed"), nullptr);
}

TEST(Embeddings, OneCallWithManyInputsIsABatchForGemini) {
  const EmbedRequest request = read("openai.embeddings", kOpenai);
  EXPECT_EQ(form_for(form("gemini.embed"), request).name, "gemini.batch_embed");
  EXPECT_EQ(form_for(form("cohere.embed"), request).name, "cohere.embed");
  const auto [body, lost] = across("openai.embeddings", kOpenai, "gemini.batch_embed");
  EXPECT_EQ(body, json_of(R"({"requests":[
    {"model":"models/target","content":{"parts":[{"text":"a"}]},"outputDimensionality":256},
    {"model":"models/target","content":{"parts":[{"text":"b"}]},"outputDimensionality":256}]})"));
  EXPECT_EQ(lost, std::vector<std::string>{"user"});
  chat::Losses losses;
  EXPECT_FALSE(form("gemini.embed").write_request(request, "t", losses));
  const EmbedRequest one = read("openai.embeddings", R"({"model":"m","input":"a"})");
  EXPECT_EQ(form_for(form("gemini.embed"), one).name, "gemini.embed");
}

TEST(Embeddings, OpenaiToCohereAndVoyage) {
  const auto [cohere, lost] = across("openai.embeddings", kOpenai, "cohere.embed");
  EXPECT_EQ(cohere, json_of(R"({"model":"target","texts":["a","b"],"input_type":"search_document",
                                "embedding_types":["float"],"output_dimension":256})"));
  EXPECT_EQ(lost, std::vector<std::string>{"user"});
  const auto [voyage, also_lost] = across("openai.embeddings", kOpenai, "voyage.embeddings");
  EXPECT_EQ(voyage, json_of(R"({"model":"target","input":["a","b"],"output_dimension":256,
                                "encoding_format":"base64"})"));
  EXPECT_EQ(also_lost, std::vector<std::string>{"user"});
}

TEST(Embeddings, PurposesAreTranslated) {
  const std::string added = R"({"model":"m","input":"a","input_type":"search_query"})";
  EXPECT_EQ(across("openai.embeddings", added, "cohere.embed").first["input_type"], "search_query");
  EXPECT_EQ(across("openai.embeddings", added, "voyage.embeddings").first["input_type"], "query");
  EXPECT_EQ(across("openai.embeddings", added, "gemini.embed").first["taskType"], "RETRIEVAL_QUERY");
  EXPECT_EQ(across("openai.embeddings", added, "openai.embeddings").first["input_type"], "search_query");
  const std::string similar = R"({"content":{"parts":[{"text":"a"}]},"taskType":"SEMANTIC_SIMILARITY"})";
  for (const char* to : {"openai.embeddings", "cohere.embed", "voyage.embeddings"})
    EXPECT_EQ(across("gemini.embed", similar, to).second, std::vector<std::string>{"input_type"}) << to;
}

TEST(Embeddings, TokensGoToOpenaiOnly) {
  const EmbedRequest list = read("openai.embeddings", R"({"model":"m","input":[[1,2],[3]]})");
  ASSERT_EQ(list.inputs.size(), 2u);
  const EmbedRequest lone = read("openai.embeddings", R"({"model":"m","input":[1,2]})");
  ASSERT_EQ(lone.inputs.size(), 1u);
  chat::Losses losses;
  EXPECT_EQ(json_of(*form("openai.embeddings").write_request(lone, "m", losses))["input"], json_of("[1,2]"));
  for (const char* to : {"cohere.embed", "voyage.embeddings", "gemini.batch_embed"}) {
    const auto refused = form(to).write_request(list, "t", losses);
    ASSERT_FALSE(refused) << to;
    EXPECT_EQ(refused.error().kind, ErrorKind::client_fault);
    EXPECT_NE(refused.error().message.find("input[0]: a list of tokens"), std::string::npos);
  }
}

TEST(Embeddings, ImagesAndMixedInputs) {
  const std::string images = R"({"model":"m","images":["data:image/png;base64,AAAA"],"input_type":"image"})";
  const auto [gemini, lost] = across("cohere.embed", images, "gemini.embed");
  EXPECT_EQ(gemini["content"]["parts"][0]["inlineData"], json_of(R"({"mimeType":"image/png","data":"AAAA"})"));
  const std::string mixed = R"({"model":"m","inputs":[{"content":[{"type":"text","text":"a"},
    {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}],"input_type":"search_document"})";
  EXPECT_EQ(across("cohere.embed", mixed, "gemini.embed").first["content"]["parts"].size(), 2u);
  Json expected = json_of(mixed);
  expected["model"] = "target";
  EXPECT_EQ(across("cohere.embed", mixed, "cohere.embed").first, expected);
  chat::Losses losses;
  EXPECT_FALSE(form("openai.embeddings").write_request(read("cohere.embed", images), "t", losses));
  EXPECT_FALSE(form("voyage.embeddings").write_request(read("cohere.embed", mixed), "t", losses));
}

TEST(Embeddings, RequestsOfABatchThatDifferKeepWhatIsTheirs) {
  const std::string body = R"({"requests":[
    {"model":"models/target","content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY","title":"T"},
    {"model":"models/target","content":{"parts":[{"text":"b"}]},"taskType":"CLUSTERING","outputDimensionality":9}]})";
  EXPECT_EQ(across("gemini.batch_embed", body, "gemini.batch_embed").first, json_of(body));
  const auto lost = across("gemini.batch_embed", body, "openai.embeddings").second;
  EXPECT_EQ(lost, (std::vector<std::string>{"input_type", "extra.input.taskType", "extra.input.outputDimensionality",
                                            "title"}));
}

TEST(Embeddings, LossesAreNamed) {
  const std::string body = R"({"model":"m","texts":["a"],"embedding_types":["float","int8"],"truncate":"START",
                               "max_tokens":5,"priority":1,"input_type":"classification"})";
  EXPECT_EQ(across("cohere.embed", body, "openai.embeddings").second,
            (std::vector<std::string>{"embedding_types", "input_type", "truncate", "extra.priority", "max_tokens"}));
  EXPECT_EQ(across("cohere.embed", body, "voyage.embeddings").second,
            (std::vector<std::string>{"input_type", "embedding_types", "truncate", "extra.priority", "max_tokens"}));
}

TEST(Embeddings, VectorsChangeTheirEncoding) {
  const EmbedVector numbers{.value = "[1,-0.5,0.25]"};
  EXPECT_EQ(vector_as_base64(numbers), "AACAPwAAAL8AAIA+");
  const EmbedVector bytes{.base64 = true, .value = "AACAPwAAAL8AAIA+"};
  EXPECT_EQ(vector_as_numbers(bytes), "[1,-0.5,0.25]");
  EXPECT_EQ(vector_as_numbers({.type = "int8", .base64 = true, .value = "AYD/"}), "[1,-128,-1]");
  EXPECT_EQ(vector_as_numbers({.type = "uint8", .base64 = true, .value = "AYD/"}), "[1,128,255]");
  EXPECT_EQ(vector_as_base64({.type = "int8", .value = "[1,-128,-1]"}), "AYD/");
  EXPECT_EQ(vector_as_numbers({.base64 = true, .value = "AAAA"}), "");  // no whole number of floats
  EXPECT_EQ(vector_as_numbers({.base64 = true, .value = "%%"}), "");
  EXPECT_EQ(vector_as_numbers({.base64 = true, .value = "AADAfw=="}), "[0]");  // not a number
  for (const char* odd : {"{}", "", "[", "[1", "[1,]", "[\"1\"]", "[[1]]", "[1]x"})
    EXPECT_EQ(vector_as_base64({.value = odd}), "") << odd;
  EXPECT_EQ(vector_as_base64({.value = "[]"}), "");
  EXPECT_EQ(vector_as_base64({.type = "int8", .value = "[1e300]"}), "/w==");
}

TEST(Embeddings, RepliesGoEveryWay) {
  const std::pair<const char*, const char*> kReplies[] = {
      {"openai.embeddings", R"({"object":"list","data":[{"object":"embedding","index":1,"embedding":[2,0.5]},
          {"object":"embedding","index":0,"embedding":[1,0.25]}],"model":"v","usage":{"prompt_tokens":3,"total_tokens":3}})"},
      {"voyage.embeddings", R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPwAAgD4="},
          {"object":"embedding","index":1,"embedding":"AAAAQAAAAD8="}],"model":"v","usage":{"total_tokens":3}})"},
      {"cohere.embed", R"({"id":"i","embeddings":{"float":[[1,0.25],[2,0.5]]},"texts":["a","b"],
          "meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":3}},"response_type":"embeddings_by_type"})"},
      {"gemini.batch_embed", R"({"embeddings":[{"values":[1,0.25]},{"values":[2,0.5]}],
          "usageMetadata":{"promptTokenCount":3}})"},
  };
  for (const auto& [from, body] : kReplies) {
    const auto reply = form(from).read_reply(body);
    ASSERT_TRUE(reply) << from;
    for (const bool base64 : {false, true}) {
      EmbedRequest asked = read("openai.embeddings", R"({"model":"asked","input":["a","b"]})");
      asked.base64 = base64;
      const Json openai = json_of(form("openai.embeddings").write_reply(*reply, asked, tokens(3)));
      ASSERT_EQ(openai["data"].size(), 2u) << from;
      EXPECT_EQ(openai["data"][1]["index"], 1);
      EXPECT_EQ(openai["data"][1]["embedding"], base64 ? Json("AAAAQAAAAD8=") : json_of("[2,0.5]")) << from;
      EXPECT_EQ(openai["usage"], json_of(R"({"prompt_tokens":3,"total_tokens":3})"));
    }
    const EmbedRequest asked = read("cohere.embed", R"({"texts":["a","b"],"embedding_types":["float","base64"]})");
    const Json cohere = json_of(form("cohere.embed").write_reply(*reply, asked, tokens(3)));
    EXPECT_EQ(cohere["embeddings"], json_of(R"({"float":[[1,0.25],[2,0.5]],"base64":["AACAPwAAgD4=","AAAAQAAAAD8="]})"))
        << from;
    EXPECT_EQ(cohere["texts"], json_of(R"(["a","b"])"));
    EXPECT_EQ(cohere["meta"]["billed_units"]["input_tokens"], 3);
    const Json gemini = json_of(form("gemini.batch_embed").write_reply(*reply, asked, tokens(3)));
    EXPECT_EQ(gemini["embeddings"][0]["values"], json_of("[1,0.25]")) << from;
    const Json single = json_of(form("gemini.embed").write_reply(*reply, asked, {}));
    EXPECT_EQ(single, json_of(R"({"embedding":{"values":[1,0.25]}})")) << from;
    const Json voyage = json_of(form("voyage.embeddings").write_reply(*reply, asked, tokens(3)));
    EXPECT_EQ(voyage["usage"], json_of(R"({"total_tokens":3})"));
  }
}

TEST(Embeddings, TypesOfCohereComeBackByType) {
  const auto reply = form("cohere.embed").read_reply(R"({"embeddings":{"int8":[[1,-2]],"float":[[0.5,0.25]]}})");
  ASSERT_TRUE(reply);
  const EmbedRequest asked = read("cohere.embed", R"({"texts":["a"],"embedding_types":["int8","float"]})");
  EXPECT_EQ(json_of(form("cohere.embed").write_reply(*reply, asked, {}))["embeddings"],
            json_of(R"({"int8":[[1,-2]],"float":[[0.5,0.25]]})"));
}

TEST(Embeddings, FaultsNameTheirPlace) {
  EXPECT_EQ(form("openai.embeddings").read_request(R"({"model":"m"})", "").error().message,
            "input: must hold at least one input");
  EXPECT_EQ(form("openai.embeddings").read_request(R"({"model":"m","input":[{}]})", "").error().message,
            "input[0]: must be a string or a list of token numbers");
  EXPECT_EQ(form("cohere.embed").read_request(R"({"texts":[1]})", "").error().message,
            "texts: must be an array of strings");
  EXPECT_EQ(form("gemini.embed").read_request(R"({"content":{"parts":[{}]}})", "").error().message,
            "content.parts: must hold text, inlineData or fileData");
  for (const EmbedForm& one : embed_forms()) {
    EXPECT_FALSE(one.read_request("nonsense", ""));
    EXPECT_FALSE(one.read_request("[]", ""));
    EXPECT_FALSE(one.read_reply("{}"));
  }
}

TEST(Embeddings, ErrorsOfEveryFormAreUnderstood) {
  EXPECT_EQ(read_form_error(429, R"({"detail":"slow down"})").kind, ErrorKind::limited);
  EXPECT_EQ(read_form_error(400, R"({"error":{"message":"bad"}})").message, "bad");
  EXPECT_EQ(read_form_error(404, R"({"error":"no such model"})").kind, ErrorKind::retry_elsewhere);
  EXPECT_EQ(read_form_error(502, "").message, "the vendor answered with status 502");
}

}  // namespace
}  // namespace tollgate::gateway
