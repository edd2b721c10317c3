#include "gateway/dialects/rerank.h"

#include <algorithm>
#include <array>

#include "gateway/dialects/faults.h"

namespace tollgate::gateway {
namespace {

constexpr std::string_view kCohere = "cohere.rerank", kVoyage = "voyage.rerank", kJina = "jina.rerank";

// How the forms differ.
struct Words {
  std::string_view form, top, results;
  bool returns;     // knows return_documents
  bool truncates;   // knows truncation
  bool shortens;    // knows max_tokens_per_doc
  bool bare_texts;  // documents are strings only
};
constexpr std::array kWords{Words{kCohere, "top_n", "results", false, false, true, true},
                            Words{kVoyage, "top_k", "data", true, true, false, true},
                            Words{kJina, "top_n", "results", true, true, false, false}};

RerankDocument read_document(JsonValue value, Faults& faults) {
  if (const auto text = value.as_string()) return {.text = std::string(*text)};
  if (!value.is_object()) faults.add("documents", "must be strings or objects");
  return {.text = text_or_empty(value["text"]), .object = value.text()};
}

void read_member(const Words& words, std::string_view key, JsonValue value, RerankRequest& request, Faults& faults) {
  if (key == "model") {
    faults.text(key, value, request.model);
  } else if (key == "query") {
    faults.text(key, value, request.query);
  } else if (key == "documents") {
    if (!faults.array(key, value)) return;
    value.elements([&](JsonValue item) { request.documents.push_back(read_document(item, faults)); });
  } else if (key == words.top) {
    faults.integer(key, value, request.top_n);
  } else if (key == "return_documents") {
    faults.flag(key, value, request.return_documents);
  } else if (key == "max_tokens_per_doc" && words.shortens) {
    faults.integer(key, value, request.max_tokens_per_doc);
  } else if (key == "truncation" && words.truncates) {
    faults.flag(key, value, request.truncation);
  } else {
    keep_extra(request.extra, key, value);
  }
}

Result<RerankRequest> read_request(const Words& words, std::string_view body) {
  JsonReader reader;
  const auto root = reader.parse(body);
  if (!root) return root.error();
  if (!root->is_object()) return bad_request("body", "must be a JSON object");
  RerankRequest request{.form = words.form};
  Faults faults;
  root->members([&](std::string_view key, JsonValue value) { read_member(words, key, value, request, faults); });
  if (!(*root)["documents"].is_array()) faults.add("documents", "must be an array");
  if (faults.any()) return faults.take();
  return request;
}

void name_losses(const Words& words, const RerankRequest& request, chat::Losses& losses) {
  if (request.max_tokens_per_doc && !words.shortens) losses.add("max_tokens_per_doc");
  if (request.truncation == false && !words.truncates) losses.add("truncation");
  if (request.form == words.form) return;
  for (const auto& [name, value] : request.extra)
    if (value != "null") losses.add("extra." + name);
}

Result<std::string> write_request(const Words& words, const RerankRequest& request, std::string_view model,
                                  chat::Losses& losses) {
  const bool own = request.form == words.form;
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().member("model", model.empty() ? std::string_view(request.model) : model);
  writer.member("query", request.query).key("documents").begin_array();
  for (std::size_t i = 0; i < request.documents.size(); ++i) {
    const RerankDocument& document = request.documents[i];
    if (document.object.empty()) {
      writer.string(document.text);
    } else if (own || !words.bare_texts) {
      writer.raw(document.object);
    } else if (!document.text.empty()) {
      writer.string(document.text);
    } else {
      return bad_request(Place("documents", i).text(), "has no text; choose another model");
    }
  }
  writer.end_array();
  if (request.top_n) writer.member(words.top, *request.top_n);
  if (request.return_documents && (words.returns || own)) writer.member("return_documents", *request.return_documents);
  if (request.max_tokens_per_doc && words.shortens) writer.member("max_tokens_per_doc", *request.max_tokens_per_doc);
  if (request.truncation && words.truncates) writer.member("truncation", *request.truncation);
  name_losses(words, request, losses);
  if (own) write_extra(writer, request.extra);
  writer.end_object();
  return out;
}

void read_result(JsonValue item, RerankReply& reply) {
  RerankResult& result = reply.results.emplace_back();
  item.members([&](std::string_view key, JsonValue value) {
    if (key == "index") {
      result.index = static_cast<std::size_t>(std::max<std::int64_t>(0, value.as_int().value_or(0)));
    } else if (key == "relevance_score") {
      result.score = number_of(value);
    } else if (key == "document") {
      result.document = raw_of(value);
    } else {
      keep_extra(result.extra, key, value);
    }
  });
}

Result<RerankReply> read_reply(const Words& words, std::string_view body) {
  JsonReader reader;
  const auto root = reader.parse(body);
  if (!root) return root.error();
  if (!(*root)[words.results].is_array()) return bad_request(words.results, "must be an array");
  RerankReply reply{.form = words.form};
  root->members([&](std::string_view key, JsonValue value) {
    if (key == words.results) {
      value.elements([&](JsonValue item) { read_result(item, reply); });
    } else if (key == "id") {
      reply.id = text_or_empty(value);
    } else if (key == "model") {
      reply.model = text_or_empty(value);
    } else if (key == "meta") {
      keep_extra(reply.extra, "meta.api_version", value["api_version"]);
    } else if (key != "usage" && key != "object") {
      keep_extra(reply.extra, key, value);
    }
  });
  return reply;
}

// The document as this form shows it: Voyage a string, the others an object; from the request where none was sent.
void write_document(JsonWriter& writer, const Words& words, const RerankResult& result, const RerankRequest& asked) {
  JsonReader reader;
  std::string text;
  if (const auto sent = reader.parse(result.document.empty() ? "null" : result.document); sent && !sent->is_null()) {
    if (sent->is_object() && words.form != kVoyage) {
      writer.raw_member("document", result.document);
      return;
    }
    text = text_or_empty(sent->is_string() ? *sent : (*sent)["text"]);
  } else if (asked.return_documents == true && result.index < asked.documents.size()) {
    text = asked.documents[result.index].text;
  } else {
    return;
  }
  writer.key("document");
  if (words.form == kVoyage) {
    writer.string(text);
  } else {
    writer.begin_object().member("text", text).end_object();
  }
}

void write_usage(JsonWriter& writer, const Words& words, const RerankReply& reply, const Usage& usage) {
  const std::int64_t tokens = usage.input_side();
  if (words.form != kCohere) {
    writer.key("usage").begin_object();
    if (words.form == kJina) writer.member("prompt_tokens", tokens);
    writer.member("total_tokens", tokens).end_object();
    return;
  }
  writer.key("meta").begin_object().key("api_version");
  const auto is_version = [](const auto& member) { return member.first == "meta.api_version"; };
  const auto version = std::find_if(reply.extra.begin(), reply.extra.end(), is_version);
  writer.raw(reply.form == kCohere && version != reply.extra.end() ? version->second : R"({"version":"2"})");
  if (usage.reported) {
    writer.key("billed_units").begin_object();
    if (tokens > 0) writer.member("input_tokens", tokens);
    if (usage[Bucket::search_units] > 0) writer.member("search_units", usage[Bucket::search_units]);
    writer.end_object();
  }
  writer.end_object();
}

std::string write_reply(const Words& words, const RerankReply& reply, const RerankRequest& asked, const Usage& usage) {
  const bool own = reply.form == words.form;
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  if (words.form == kCohere) writer.member("id", reply.id);
  if (words.form != kCohere) writer.member("object", "list");
  if (words.form != kCohere) writer.member("model", reply.model.empty() ? asked.model : reply.model);
  if (words.form == kJina) writer.member_if("id", reply.id);
  writer.key(words.results).begin_array();
  for (const RerankResult& result : reply.results) {
    writer.begin_object().member("index", result.index);
    writer.raw_member("relevance_score", result.score.empty() ? "0" : std::string_view(result.score));
    write_document(writer, words, result, asked);
    if (own) write_extra(writer, result.extra);
    writer.end_object();
  }
  writer.end_array();
  write_usage(writer, words, reply, usage);
  for (const auto& [name, value] : reply.extra)
    if (own && !name.starts_with("meta.")) writer.raw_member(name, value);
  writer.end_object();
  return out;
}

// The functions of one row of kWords.
template <std::size_t kRow>
constexpr RerankForm form() {
  return {.name = kWords[kRow].form,
          .read_request = [](std::string_view body) { return read_request(kWords[kRow], body); },
          .write_request = [](const RerankRequest& request, std::string_view model,
                              chat::Losses& losses) { return write_request(kWords[kRow], request, model, losses); },
          .read_reply = [](std::string_view body) { return read_reply(kWords[kRow], body); },
          .write_reply = [](const RerankReply& reply, const RerankRequest& asked,
                            const Usage& usage) { return write_reply(kWords[kRow], reply, asked, usage); }};
}
constexpr std::array kForms{form<0>(), form<1>(), form<2>()};

}  // namespace

std::span<const RerankForm> rerank_forms() { return kForms; }

const RerankForm* find_rerank_form(std::string_view name) {
  for (const RerankForm& one : kForms)
    if (one.name == name) return &one;
  return nullptr;
}

}  // namespace tollgate::gateway
