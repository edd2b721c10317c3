// Embeddings as Cohere says them: texts, images or mixed inputs, and vectors by type. Thread rule: pure functions.
#include <algorithm>
#include <array>

#include "gateway/dialects/embeddings_forms.h"

namespace tollgate::gateway::embed {
namespace {

constexpr std::array kWords{
    PurposeWord{EmbedPurpose::query, "search_query"}, PurposeWord{EmbedPurpose::document, "search_document"},
    PurposeWord{EmbedPurpose::classification, "classification"}, PurposeWord{EmbedPurpose::clustering, "clustering"},
    PurposeWord{EmbedPurpose::image, "image"}};

EmbedInput read_content(JsonValue item) {
  EmbedInput input;
  item["content"].elements([&](JsonValue part) {
    if (part["type"].as_string() == "image_url") {
      input.parts.push_back(image_part(part["image_url"]["url"].as_string().value_or("")));
    } else {
      input.parts.push_back(text_part(part["text"].as_string().value_or("")));
    }
  });
  return input;
}

void read_types(JsonValue value, EmbedRequest& request) {
  value.elements([&](JsonValue item) {
    const auto type = item.as_string().value_or("");
    if (type == "base64") request.base64 = true;
    if (type != "base64" && !type.empty()) request.types.emplace_back(type);
  });
}

void read_member(std::string_view key, JsonValue value, EmbedRequest& request, Faults& faults) {
  if (key == "model") {
    faults.text(key, value, request.model);
  } else if (key == "texts" || key == "images") {
    if (!faults.array(key, value)) return;
    value.elements([&](JsonValue item) {
      const auto text = item.as_string();
      if (!text) return faults.add(key, "must be an array of strings");
      request.inputs.push_back({.parts = {key == "texts" ? text_part(*text) : image_part(*text)}});
    });
  } else if (key == "inputs") {
    if (!faults.array(key, value)) return;
    value.elements([&](JsonValue item) { request.inputs.push_back(read_content(item)); });
  } else if (key == "input_type") {
    request.purpose = purpose_of(kWords, value.as_string().value_or(""));
    if (request.purpose == EmbedPurpose::unset) keep_extra(request.extra, key, value);
  } else if (key == "embedding_types") {
    read_types(value, request);
  } else if (key == "output_dimension") {
    faults.integer(key, value, request.dimensions);
  } else if (key == "max_tokens") {
    faults.integer(key, value, request.max_tokens);
  } else if (key == "truncate") {
    faults.text(key, value, request.truncate);
    for (char& c : request.truncate) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  } else {
    keep_extra(request.extra, key, value);
  }
}

Result<EmbedRequest> read_request(std::string_view body, std::string_view model) {
  JsonReader reader;
  const auto root = reader.parse(body);
  if (!root) return root.error();
  EmbedRequest request{.form = kCohere};
  Faults faults;
  root->members([&](std::string_view key, JsonValue value) { read_member(key, value, request, faults); });
  if (request.inputs.empty()) faults.add("texts", "must hold at least one text");
  if (faults.any()) return faults.take();
  if (!model.empty()) request.model = model;
  return request;
}

bool is_lone_image(const EmbedInput& input) {
  return input.parts.size() == 1 && input.parts[0].kind == EmbedPart::Kind::image;
}

std::string url_of(const EmbedPart& image) {
  const std::string_view mime = image.mime.empty() ? std::string_view("image/png") : std::string_view(image.mime);
  return image.data.empty() ? image.url : make_data_url(mime, image.data);
}

void write_mixed(JsonWriter& writer, const EmbedRequest& request) {
  writer.key("inputs").begin_array();
  for (const EmbedInput& input : request.inputs) {
    writer.begin_object().key("content").begin_array();
    for (const EmbedPart& part : input.parts) {
      writer.begin_object();
      if (part.kind == EmbedPart::Kind::image) {
        writer.member("type", "image_url").key("image_url").begin_object().member("url", url_of(part)).end_object();
      } else {
        writer.member("type", "text").member("text", part.text);
      }
      writer.end_object();
    }
    writer.end_array().end_object();
  }
  writer.end_array();
}

void write_inputs(JsonWriter& writer, const EmbedRequest& request) {
  const auto& inputs = request.inputs;
  if (std::all_of(inputs.begin(), inputs.end(), [](const EmbedInput& input) { return lone_text(input); })) {
    writer.key("texts").begin_array();
    for (const EmbedInput& input : inputs) writer.string(*lone_text(input));
    writer.end_array();
  } else if (std::all_of(inputs.begin(), inputs.end(), is_lone_image)) {
    writer.key("images").begin_array();
    for (const EmbedInput& input : inputs) writer.string(url_of(input.parts[0]));
    writer.end_array();
  } else {
    write_mixed(writer, request);
  }
}

// Cohere wants a purpose; most vectors that are made without one are put into a store.
void write_purpose(JsonWriter& writer, const EmbedRequest& request, chat::Losses& losses) {
  std::string_view word = word_of(kWords, request.purpose);
  if (word.empty() && request.form == kCohere) return;
  if (word.empty() && request.purpose != EmbedPurpose::unset) losses.add("input_type");
  const bool images = std::all_of(request.inputs.begin(), request.inputs.end(), is_lone_image);
  if (word.empty()) word = images ? "image" : "search_document";
  writer.member("input_type", word);
}

void write_types(JsonWriter& writer, const EmbedRequest& request) {
  const bool own = request.form == kCohere;
  if (own && request.types.empty() && !request.base64) return;
  writer.key("embedding_types").begin_array();
  for (const std::string& type : request.types) writer.string(type);
  // Another form's base64 is made of numbers here: not every model can.
  if (own && request.base64) writer.string("base64");
  if (!own && request.types.empty()) writer.string("float");
  writer.end_array();
}

Result<std::string> write_request(const EmbedRequest& request, std::string_view model, chat::Losses& losses) {
  for (std::size_t i = 0; i < request.inputs.size(); ++i)
    for (const EmbedPart& part : request.inputs[i].parts)
      if (part.kind == EmbedPart::Kind::tokens) return refused_input(i, "a list of tokens", kCohere);
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().member("model", model.empty() ? std::string_view(request.model) : model);
  write_inputs(writer, request);
  write_purpose(writer, request, losses);
  write_types(writer, request);
  if (request.dimensions) writer.member("output_dimension", *request.dimensions);
  if (request.max_tokens) writer.member("max_tokens", *request.max_tokens);
  std::string truncate = request.truncate;
  for (char& c : truncate) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
  writer.member_if("truncate", truncate);
  if (!request.user.empty()) losses.add("user");
  for (const EmbedInput& input : request.inputs)
    if (!input.title.empty()) losses.add("title");
  if (request.form == kCohere) {
    write_extra(writer, request.extra);
  } else {
    lose_extra(request, losses);
  }
  writer.end_object();
  return out;
}

void read_vectors(JsonValue list, std::string_view type, EmbedReply& reply) {
  std::size_t index = 0;
  list.elements([&](JsonValue item) {
    EmbedVector& vector = reply.vectors.emplace_back();
    vector.index = index++;
    vector.base64 = item.is_string();
    vector.type = type == "base64" ? std::string_view("float") : type;
    vector.value = vector.base64 ? text_or_empty(item) : item.text();
  });
}

Result<EmbedReply> read_reply(std::string_view body) {
  JsonReader reader;
  const auto root = reader.parse(body);
  if (!root) return root.error();
  const JsonValue embeddings = (*root)["embeddings"];
  if (!embeddings.is_object() && !embeddings.is_array())
    return bad_request("embeddings", "must be an object or an array");
  EmbedReply reply{.form = kCohere};
  root->members([&](std::string_view key, JsonValue value) {
    if (key == "embeddings") {
      if (value.is_array()) return read_vectors(value, "float", reply);
      value.members([&](std::string_view type, JsonValue list) { read_vectors(list, type, reply); });
    } else if (key == "id") {
      reply.id = text_or_empty(value);
    } else if (key == "meta") {
      keep_extra(reply.extra, "meta.api_version", value["api_version"]);
      keep_extra(reply.extra, "meta.warnings", value["warnings"]);
    } else if (key != "response_type" && key != "texts") {
      keep_extra(reply.extra, key, value);
    }
  });
  return reply;
}

void write_vectors(JsonWriter& writer, std::string_view name, const std::vector<const EmbedVector*>& vectors) {
  if (vectors.empty()) return;
  writer.key(name).begin_array();
  for (const EmbedVector* vector : vectors) write_value(writer, *vector, name == "base64");
  writer.end_array();
}

void write_meta(JsonWriter& writer, const EmbedReply& reply, const Usage& usage) {
  constexpr std::string_view kMeta = "meta.";
  writer.key("meta").begin_object();
  bool version = false;
  for (const auto& [name, value] : reply.extra) {
    if (reply.form != kCohere || !name.starts_with(kMeta)) continue;
    writer.raw_member(std::string_view(name).substr(kMeta.size()), value);
    version = version || name == "meta.api_version";
  }
  if (!version) writer.key("api_version").begin_object().member("version", "2").end_object();
  writer.key("billed_units").begin_object().member("input_tokens", usage.input_side() - usage[Bucket::image_input]);
  if (usage[Bucket::image_input] > 0) writer.member("image_tokens", usage[Bucket::image_input]);
  if (usage[Bucket::images] > 0) writer.member("images", usage[Bucket::images]);
  writer.end_object().end_object();
}

std::string write_reply(const EmbedReply& reply, const EmbedRequest& asked, const Usage& usage) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().member("id", reply.id).key("embeddings").begin_object();
  std::vector<std::string> types = asked.types;
  if (types.empty() && !asked.base64) types.emplace_back("float");
  for (const std::string& type : types) write_vectors(writer, type, in_order(reply, type));
  if (asked.base64) write_vectors(writer, "base64", in_order(reply, "float"));
  writer.end_object().key("texts").begin_array();
  for (const EmbedInput& input : asked.inputs)
    if (const std::string* text = lone_text(input)) writer.string(*text);
  writer.end_array();
  write_meta(writer, reply, usage);
  writer.member("response_type", "embeddings_by_type");
  for (const auto& [name, value] : reply.extra)
    if (reply.form == kCohere && !name.starts_with("meta.")) writer.raw_member(name, value);
  writer.end_object();
  return out;
}

}  // namespace

const EmbedForm kCohereForm{kCohere, read_request, write_request, read_reply, write_reply};

}  // namespace tollgate::gateway::embed
