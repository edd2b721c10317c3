// Requests as the Gemini API spells them: read, and written again in the same dialect.
#include <gtest/gtest.h>

#include "gemini_testing.h"
#include "json_compare.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

Request read(const std::string& body, std::string_view model = "gemini-3-flash") {
  auto request = gemini().read_request(body, {.model = model});
  EXPECT_TRUE(request) << (request ? "" : request.error().message) << "\n" << body;
  return request ? std::move(*request) : Request();
}

Json write_same(const Request& request, Quirks quirks = {}) {
  Losses losses;
  const auto body =
      gemini().write_request(request, {.model = request.model, .quirks = quirks, .same_dialect = true}, losses);
  EXPECT_TRUE(losses.empty());
  return body ? parsed(*body) : Json();
}

void expect_same(const std::string& left, const Json& right) {
  for (const JsonDifference& one : compare_json(parsed(left), right))
    ADD_FAILURE() << one.path << "\n  expected: " << one.left << "\n  written:  " << one.right;
}

void expect_kept(const std::string& body) { expect_same(body, write_same(read(body))); }

TEST(GeminiRequest, TakesBothSpellings) {
  const std::string camel = R"({"systemInstruction":{"parts":[{"text":"be brief"}]},"contents":[
    {"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}},
      {"fileData":{"mimeType":"application/pdf","fileUri":"gs://b/a.pdf"}}]},
    {"role":"model","parts":[{"functionCall":{"name":"f","args":{"a_b":1}},"thoughtSignature":"c2ln"}]},
    {"role":"user","parts":[{"functionResponse":{"name":"f","response":{"output":"x"}}}]}],
    "tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object"}}]}],
    "toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}},
    "generationConfig":{"topP":0.5,"maxOutputTokens":5,"stopSequences":["a"],"responseMimeType":"application/json",
      "thinkingConfig":{"includeThoughts":true,"thinkingBudget":7}},
    "safetySettings":[{"category":"A","threshold":"B"}]})";
  const std::string snake = R"({"system_instruction":{"parts":[{"text":"be brief"}]},"contents":[
    {"role":"user","parts":[{"inline_data":{"mime_type":"image/png","data":"AAAA"}},
      {"file_data":{"mime_type":"application/pdf","file_uri":"gs://b/a.pdf"}}]},
    {"role":"model","parts":[{"function_call":{"name":"f","args":{"a_b":1}},"thought_signature":"c2ln"}]},
    {"role":"user","parts":[{"function_response":{"name":"f","response":{"output":"x"}}}]}],
    "tools":[{"function_declarations":[{"name":"f","parameters_json_schema":{"type":"object"}}]}],
    "tool_config":{"function_calling_config":{"mode":"ANY","allowed_function_names":["f"]}},
    "generation_config":{"top_p":0.5,"max_output_tokens":5,"stop_sequences":["a"],"response_mime_type":"application/json",
      "thinking_config":{"include_thoughts":true,"thinking_budget":7}},
    "safety_settings":[{"category":"A","threshold":"B"}]})";
  expect_same(camel, write_same(read(camel)));
  expect_same(camel, write_same(read(snake)));
}

TEST(GeminiRequest, ReadsEveryKindOfPart) {
  const Request request = read(R"({"contents":[{"role":"user","parts":[
      {"text":"hi"},
      {"inlineData":{"mimeType":"audio/mp3","data":"AAAA"}},
      {"inlineData":{"mimeType":"application/pdf","data":"JVBE","displayName":"a.pdf"}},
      {"fileData":{"fileUri":"https://youtu.be/xyz"},"videoMetadata":{"fps":2}},
      {"fileData":{"mimeType":"image/png","fileUri":"https://generativelanguage.googleapis.com/v1beta/files/x1"},
       "mediaResolution":{"level":"MEDIA_RESOLUTION_LOW"}}]},
    {"role":"model","parts":[
      {"text":"let me see","thought":true,"thoughtSignature":"c2ln"},
      {"executableCode":{"language":"PYTHON","code":"1"}},
      {"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"1"}},
      {"text":"one","thoughtSignature":"dHdv"},
      {"functionCall":{"id":"c1","name":"f","args":{"x":[1,2.5]}},"thoughtSignature":"Y2Fs"}]},
    {"role":"user","parts":[{"functionResponse":{"id":"c1","name":"f","response":{"temperature":21},
      "scheduling":"SILENT"}}]}]})");
  ASSERT_EQ(request.messages.size(), 3u);
  const auto& user = request.messages[0].parts;
  EXPECT_EQ(user[0].get<Text>()->text, "hi");
  EXPECT_EQ(user[1].get<Media>()->kind, Media::Kind::audio);
  EXPECT_EQ(user[2].get<Media>()->kind, Media::Kind::document);
  EXPECT_EQ(user[2].get<Media>()->name, "a.pdf");
  EXPECT_EQ(user[3].get<Media>()->kind, Media::Kind::video);
  EXPECT_EQ(user[3].get<Media>()->url, "https://youtu.be/xyz");
  EXPECT_EQ(user[3].extra[0].first, "videoMetadata");
  EXPECT_EQ(user[4].get<Media>()->file_id, "https://generativelanguage.googleapis.com/v1beta/files/x1");
  EXPECT_EQ(user[4].get<Media>()->detail, "low");
  const auto& model = request.messages[1].parts;
  EXPECT_EQ(request.messages[1].role, Role::assistant);
  EXPECT_EQ(model[0].get<Thinking>()->text, "let me see");
  EXPECT_EQ(model[0].get<Thinking>()->signature.origin, "google");
  EXPECT_EQ(model[1].get<Opaque>()->type, "executableCode");
  EXPECT_EQ(model[2].get<Opaque>()->type, "codeExecutionResult");
  EXPECT_EQ(model[3].get<Text>()->signature.value, "dHdv");
  EXPECT_EQ(model[4].get<ToolCall>()->arguments, R"({"x":[1,2.5]})");
  EXPECT_EQ(model[4].get<ToolCall>()->signature.value, "Y2Fs");
  const auto* result = request.messages[2].parts[0].get<ToolResult>();
  EXPECT_EQ(result->json, R"({"temperature":21})");
  EXPECT_EQ(result->call_id, "c1");
}

TEST(GeminiRequest, KeepsWhatItDoesNotKnow) {
  expect_kept(R"({"contents":[{"role":"user","parts":[{"text":"a","partMetadata":{"k":1}},
      {"inlineData":{"mimeType":"video/mp4","data":"AAAA","future":1},"videoMetadata":{"startOffset":"1s"}},
      {"newThing":{"a":1}},{"text":"b","thought":false}],"note":"x"},
      {"parts":[{"functionCall":{"name":"f","args":{},"willContinue":false},"thoughtSignature":"c2ln"}],"role":"model"},
      {"role":"function","parts":[{"functionResponse":{"name":"f","response":{"a":1,"b":2},"willContinue":true}}]},
      {"parts":[{"text":"no role"}]}],
    "systemInstruction":{"role":"user","parts":[{"text":"s"}]},
    "tools":[{"googleSearch":{"excludeDomains":["x.y"]},"functionDeclarations":[{"name":"f","description":"",
        "behavior":"BLOCKING","parameters":{"type":"OBJECT","properties":{"a":{"type":"STRING","nullable":true}}}}]},
      {"functionDeclarations":[{"name":"g"}]},{"googleMaps":{"enableWidget":true}}],
    "toolConfig":{"functionCallingConfig":{"mode":"VALIDATED","streamFunctionCallArguments":true},
      "retrievalConfig":{"languageCode":"de"}},
    "generationConfig":{"responseMimeType":"text/x.enum","responseSchema":{"type":"STRING","enum":["a"]},
      "speechConfig":{"languageCode":"de"},"mediaResolution":"MEDIA_RESOLUTION_LOW","audioTimestamp":true,
      "thinkingConfig":{"thinkingLevel":"HIGH","future":1},"responseModalities":["TEXT","IMAGE"]},
    "cachedContent":"cachedContents/1","labels":{"team":"a"},"serviceTier":"flex","store":false,"future":[1]})");
}

TEST(GeminiRequest, ReadsSettings) {
  const Request request = read(R"({"contents":[],"generationConfig":{"temperature":0.70,"topP":0.9,"topK":40,
    "candidateCount":2,"maxOutputTokens":100,"stopSequences":["END"],"presencePenalty":-1.5,"frequencyPenalty":1,
    "seed":7,"responseLogprobs":true,"logprobs":3,"responseMimeType":"application/json",
    "responseJsonSchema":{"type":"object"},"thinkingConfig":{"thinkingBudget":2048,"includeThoughts":true},
    "responseModalities":["TEXT","AUDIO"]},"serviceTier":"priority","store":true,"labels":{"a":"b"}})");
  EXPECT_EQ(request.temperature, "0.7");
  EXPECT_EQ(request.top_p, "0.9");
  EXPECT_EQ(request.top_k, "40");
  EXPECT_EQ(request.n, 2);
  EXPECT_EQ(request.max_output_tokens, 100);
  EXPECT_EQ(request.stop, std::vector<std::string>{"END"});
  EXPECT_EQ(request.presence_penalty, "-1.5");
  EXPECT_EQ(request.frequency_penalty, "1");
  EXPECT_EQ(request.seed, 7);
  EXPECT_EQ(request.logprobs, true);
  EXPECT_EQ(request.top_logprobs, 3);
  EXPECT_EQ(request.format.kind, ResponseFormat::Kind::json_schema);
  EXPECT_EQ(request.reasoning.budget, 2048);
  EXPECT_EQ(request.reasoning.mode, Reasoning::Mode::on);
  EXPECT_EQ(request.reasoning.include, true);
  EXPECT_EQ(request.modalities, (std::vector<std::string>{"text", "audio"}));
  EXPECT_EQ(request.service_tier, "priority");
  EXPECT_EQ(request.store, true);
  EXPECT_EQ(request.metadata, R"({"a":"b"})");
  const auto thinking = [](const std::string& config) {
    return read(R"({"contents":[],"generationConfig":{"thinkingConfig":)" + config + "}}").reasoning;
  };
  EXPECT_EQ(thinking(R"({"thinkingBudget":0})").mode, Reasoning::Mode::off);
  EXPECT_EQ(thinking(R"({"thinkingBudget":-1})").mode, Reasoning::Mode::adaptive);
  EXPECT_EQ(thinking(R"({"thinkingLevel":"LOW"})").effort, "low");
}

TEST(GeminiRequest, ReadsTheChoiceOfTools) {
  const auto choice = [](const std::string& config) {
    return read(R"({"contents":[],"toolConfig":{"functionCallingConfig":)" + config + "}}").tool_choice;
  };
  using Mode = ToolChoice::Mode;
  EXPECT_EQ(choice(R"({"mode":"AUTO"})").mode, Mode::automatic);
  EXPECT_EQ(choice(R"({"mode":"VALIDATED"})").mode, Mode::automatic);
  EXPECT_EQ(choice(R"({"mode":"NONE"})").mode, Mode::none);
  EXPECT_EQ(choice(R"({"mode":"ANY"})").mode, Mode::required);
  EXPECT_EQ(choice(R"({"mode":"ANY","allowedFunctionNames":["f"]})").mode, Mode::named);
  EXPECT_EQ(choice(R"({"mode":"ANY","allowedFunctionNames":["f"]})").name, "f");
  EXPECT_EQ(choice(R"({"mode":"ANY","allowedFunctionNames":["f","g"]})").allowed.size(), 2u);
  const auto kind = [](const std::string& tool) {
    return read(R"({"contents":[],"tools":[)" + tool + "]}").tools[0].kind;
  };
  EXPECT_EQ(kind(R"({"googleSearch":{}})"), Tool::Kind::web_search);
  EXPECT_EQ(kind(R"({"googleSearchRetrieval":{}})"), Tool::Kind::web_search);
  EXPECT_EQ(kind(R"({"urlContext":{}})"), Tool::Kind::web_fetch);
  EXPECT_EQ(kind(R"({"code_execution":{}})"), Tool::Kind::code_execution);
  EXPECT_EQ(kind(R"({"fileSearch":{}})"), Tool::Kind::file_search);
  EXPECT_EQ(kind(R"({"computerUse":{}})"), Tool::Kind::computer);
  EXPECT_EQ(kind(R"({"mcpServers":[]})"), Tool::Kind::mcp);
  EXPECT_EQ(kind(R"({"googleMaps":{}})"), Tool::Kind::other);
}

TEST(GeminiRequest, MakesIdsAndMatchesResultsByName) {
  const std::string body = R"({"contents":[
    {"role":"model","parts":[{"functionCall":{"name":"f","args":{"n":1}}},{"functionCall":{"name":"g"}},
      {"functionCall":{"name":"f","args":{"n":2}}},{"functionCall":{"id":"call_2","name":"f"}}]},
    {"role":"user","parts":[{"functionResponse":{"name":"f","response":{"output":"first"}}},
      {"functionResponse":{"name":"f","response":{"output":"second"}}},
      {"functionResponse":{"id":"call_2","name":"f","response":{"output":"third"}}},
      {"functionResponse":{"name":"g","response":{"output":"g"}}},
      {"functionResponse":{"name":"never","response":{"output":"?"}}}]}]})";
  const Request request = read(body);
  std::vector<std::string> calls, results;
  for (const Part& part : request.messages[0].parts) calls.push_back(part.get<ToolCall>()->id);
  for (const Part& part : request.messages[1].parts) results.push_back(part.get<ToolResult>()->call_id);
  EXPECT_EQ(calls, (std::vector<std::string>{"call_1", "call_3", "call_4", "call_2"}));
  EXPECT_EQ(results, (std::vector<std::string>{"call_1", "call_4", "call_2", "call_3", "call_5"}));
  EXPECT_EQ(name_of_call(request.messages, "call_3"), "g");
  EXPECT_FALSE(write_same(request)["contents"][0]["parts"][0]["functionCall"].contains("id"));
}

TEST(GeminiRequest, ReadsWordsOutOfResults) {
  const auto result = [](const std::string& response) {
    const std::string body =
        R"({"contents":[{"role":"user","parts":[{"functionResponse":{"name":"f","response":)" + response + "}}]}]}";
    expect_kept(body);
    return *read(body).messages[0].parts[0].get<ToolResult>();
  };
  EXPECT_EQ(joined_text(result(R"({"output":"21"})").content), "21");
  EXPECT_EQ(joined_text(result(R"({"result":"21"})").content), "21");
  EXPECT_EQ(joined_text(result(R"({"error":"no"})").content), "no");
  EXPECT_TRUE(result(R"({"error":"no"})").is_error);
  EXPECT_TRUE(result(R"({"error":{"code":1}})").is_error);
  EXPECT_EQ(result(R"({"output":{"a":1}})").json, R"({"output":{"a":1}})");
  EXPECT_EQ(result(R"({"a":"x","b":1})").json, R"({"a":"x","b":1})");
  const std::string media = R"({"contents":[{"role":"user","parts":[{"functionResponse":{"name":"f",
    "response":{"a":1},"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}}]}]})";
  expect_kept(media);
  const Request with_media = read(media);
  const auto& content = with_media.messages[0].parts[0].get<ToolResult>()->content;
  ASSERT_EQ(content.size(), 2u);
  EXPECT_EQ(content[0].get<Text>()->text, R"({"a":1})");
  EXPECT_EQ(content[1].get<Media>()->data, "AAAA");
}

TEST(GeminiRequest, TurnsItsSchemasIntoJsonSchema) {
  const auto schema = [](const std::string& own) {
    return parsed(read(R"({"contents":[],"tools":[{"functionDeclarations":[{"name":"f","parameters":)" + own + "}]}]}")
                      .tools[0]
                      .parameters);
  };
  EXPECT_EQ(schema(R"({"type":"OBJECT","properties":{"type":{"type":"STRING","format":"enum","enum":["a","b"]},
      "n":{"type":"INTEGER","nullable":true,"minimum":1},"l":{"type":"ARRAY","items":{"type":"NUMBER"},"minItems":"2",
      "max_items":"05"}},"required":["type"],"propertyOrdering":["type","n"]})"),
            parsed(R"({"type":"object","properties":{"type":{"type":"string","enum":["a","b"]},
      "n":{"type":["integer","null"],"minimum":1},"l":{"type":"array","items":{"type":"number"},"minItems":2,
      "maxItems":5}},"required":["type"]})"));
  EXPECT_EQ(schema(R"({"any_of":[{"type":"STRING"},{"ref":"#/defs/T"}],"nullable":true,"example":1,
      "defs":{"T":{"type":"BOOLEAN"}}})"),
            parsed(R"({"anyOf":[{"type":"string"},{"$ref":"#/$defs/T"},{"type":"null"}],"examples":[1],
      "$defs":{"T":{"type":"boolean"}}})"));
  EXPECT_EQ(schema(R"({"type":"STRING","enum":["x"],"nullable":true})"),
            parsed(R"({"type":["string","null"],"enum":["x",null]})"));
  EXPECT_EQ(
      schema(R"({"type":"object","additional_properties":false,"$defs":{"a":{"type":"string"}},"x-y":{"k_k":1}})"),
      parsed(R"({"type":"object","additionalProperties":false,"$defs":{"a":{"type":"string"}},"x-y":{"k_k":1}})"));
}

TEST(GeminiRequest, NamesThePlaceOfAFault) {
  const auto fault = [](const std::string& body) {
    const auto request = gemini().read_request(body, {});
    EXPECT_FALSE(request) << body;
    if (request) return std::string();
    EXPECT_EQ(request.error().status, 400);
    EXPECT_EQ(request.error().kind, ErrorKind::client_fault);
    return request.error().message;
  };
  EXPECT_EQ(fault("[]"), "body: must be an object");
  EXPECT_TRUE(fault("{").starts_with("body: is no valid JSON"));
  EXPECT_EQ(fault("{}"), "contents: is missing");
  EXPECT_EQ(fault(R"({"contents":"hi"})"), "contents: must be an array");
  EXPECT_EQ(fault(R"({"contents":[1]})"), "contents[0]: must be an object");
  EXPECT_EQ(fault(R"({"contents":[{"role":"assistant"}]})"), "contents[0].role: must be user or model");
  EXPECT_EQ(fault(R"({"contents":[{"parts":"hi"}]})"), "contents[0].parts: must be an array");
  EXPECT_EQ(fault(R"({"contents":[{},{"parts":[{},{"text":1}]}]})"), "contents[1].parts[1].text: must be a string");
  EXPECT_EQ(fault(R"({"contents":[{"parts":[{"functionCall":{"args":[]}}]}]})"),
            "contents[0].parts[0].functionCall.args: must be an object");
  EXPECT_EQ(fault(R"({"contents":[{"parts":[{"inlineData":{"data":1}}]}]})"),
            "contents[0].parts[0].inlineData.data: must be a string");
  EXPECT_EQ(fault(R"({"contents":[],"generationConfig":{"temperature":"hot"}})"),
            "generationConfig.temperature: must be a number");
  EXPECT_EQ(fault(R"({"contents":[],"generationConfig":{"stop_sequences":[1]}})"),
            "generationConfig.stopSequences: must hold strings");
  EXPECT_EQ(fault(R"({"contents":[],"tools":[{"functionDeclarations":[{"name":7}]}]})"),
            "tools[0].functionDeclarations[0].name: must be a string");
  EXPECT_EQ(fault(R"({"contents":[],"toolConfig":{"functionCallingConfig":{"mode":1}}})"),
            "toolConfig.functionCallingConfig.mode: must be a string");
}

TEST(GeminiRequest, NullIsAbsent) {
  expect_same(R"({"contents":[{"role":"user","parts":[{"text":"a"}]}]})",
              write_same(read(R"({"contents":[{"role":"user","parts":[{"text":"a","thought":null}]}],"tools":null,
      "toolConfig":null,"generationConfig":{"temperature":null,"thinkingConfig":null},"safetySettings":null})")));
}

TEST(GeminiCount, ReadsAndWritesBothForms) {
  Losses losses;
  const auto flat =
      read_gemini_count_request(R"({"contents":[{"role":"user","parts":[{"text":"a"}]}]})", {.model = "m"});
  ASSERT_TRUE(flat);
  EXPECT_EQ(flat->messages.size(), 1u);
  const auto wrapped = read_gemini_count_request(
      R"({"generate_content_request":{"model":"models/gemini-x","contents":[{"parts":[{"text":"a"}],"role":"user"}]}})",
      {});
  ASSERT_TRUE(wrapped);
  EXPECT_EQ(wrapped->model, "gemini-x");
  const auto body = write_gemini_count_request(*flat, {.model = "gemini-3-flash"}, losses);
  expect_same(R"({"generateContentRequest":{"model":"models/gemini-3-flash",
      "contents":[{"role":"user","parts":[{"text":"a"}]}]}})",
              parsed(*body));
  Quirks vertex;
  vertex.vertex_labels = true;
  expect_same(R"({"contents":[{"role":"user","parts":[{"text":"a"}]}]})",
              parsed(*write_gemini_count_request(*flat, {.model = "m", .quirks = vertex}, losses)));
  EXPECT_EQ(read_gemini_count_reply(R"({"totalTokens":31,"cachedContentTokenCount":4})")->cached, 4);
  EXPECT_EQ(write_gemini_count_reply({.total = 31}), R"({"totalTokens":31})");
  EXPECT_FALSE(read_gemini_count_reply(R"({"totalTokens":"many"})"));
  EXPECT_EQ(read_gemini_count_reply(R"({"error":{"code":404,"message":"no","status":"NOT_FOUND"}})").error().status,
            404);
  EXPECT_EQ(read_gemini_count_request(R"({"generateContentRequest":{"contents":7}})", {}).error().message,
            "generateContentRequest.contents: must be an array");
}

}  // namespace
}  // namespace tollgate::gateway
