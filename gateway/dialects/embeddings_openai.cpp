// Embeddings as OpenAI and Voyage say them: {"input": ..., "model"} and a list of {"embedding", "index"}.
// Thread rule: pure functions.
#include <array>

#include "gateway/dialects/embeddings_forms.h"

namespace tollgate::gateway::embed {
namespace {

constexpr std::array kVoyageWords{PurposeWord{EmbedPurpose::query, "query"},
                                  PurposeWord{EmbedPurpose::document, "document"}};
// OpenAI has no such member; callers of its SDK add it for other vendors, in Cohere's or Voyage's words.
constexpr std::array kAddedWords{
    PurposeWord{EmbedPurpose::query, "query"},          PurposeWord{EmbedPurpose::document, "document"},
    PurposeWord{EmbedPurpose::query, "search_query"},   PurposeWord{EmbedPurpose::document, "search_document"},
    PurposeWord{EmbedPurpose::document, "passage"},     PurposeWord{EmbedPurpose::classification, "classification"},
    PurposeWord{EmbedPurpose::clustering, "clustering"}};

// The word that the caller used for the purpose.
constexpr std::string_view kInputType = "~input_type";

bool is_token_list(JsonValue value) { return value.is_array() && value.at(0).is_number(); }

void add_input(JsonValue value, EmbedRequest& request, Faults& faults) {
  EmbedInput& input = request.inputs.emplace_back();
  if (const auto text = value.as_string()) {
    input.parts.push_back(text_part(*text));
  } else if (is_token_list(value)) {
    input.parts.push_back({.kind = EmbedPart::Kind::tokens, .text = value.text()});
  } else {
    faults.add(Place("input", request.inputs.size() - 1), "must be a string or a list of token numbers");
  }
}

void read_input(JsonValue value, EmbedRequest& request, Faults& faults) {
  request.list = value.is_array() && !is_token_list(value);
  if (!request.list) return add_input(value, request, faults);
  value.elements([&](JsonValue item) { add_input(item, request, faults); });
}

// Members of one of the two forms; false = not known.
bool read_openai_member(std::string_view key, JsonValue value, EmbedRequest& request, Faults& faults) {
  if (key == "dimensions") {
    faults.integer(key, value, request.dimensions);
  } else if (key == "user") {
    faults.text(key, value, request.user);
  } else if (key == "input_type") {
    request.purpose = purpose_of(kAddedWords, value.as_string().value_or(""));
    if (request.purpose == EmbedPurpose::unset) return false;
    keep_extra(request.extra, kInputType, value);
  } else {
    return false;
  }
  return true;
}

bool read_voyage_member(std::string_view key, JsonValue value, EmbedRequest& request, Faults& faults) {
  if (key == "output_dimension") {
    faults.integer(key, value, request.dimensions);
  } else if (key == "input_type") {
    request.purpose = purpose_of(kVoyageWords, value.as_string().value_or(""));
    return request.purpose != EmbedPurpose::unset;
  } else if (key == "truncation") {
    std::optional<bool> truncate;
    faults.flag(key, value, truncate);
    if (truncate) request.truncate = *truncate ? "end" : "none";
  } else if (key == "output_dtype") {
    if (const auto type = value.as_string()) request.types.emplace_back(*type);
  } else {
    return false;
  }
  return true;
}

using ReadMember = bool (*)(std::string_view, JsonValue, EmbedRequest&, Faults&);

Result<EmbedRequest> read_either(std::string_view body, std::string_view model, std::string_view form,
                                 ReadMember read_member) {
  JsonReader reader;
  const auto root = reader.parse(body);
  if (!root) return root.error();
  EmbedRequest request{.form = form};
  Faults faults;
  root->members([&](std::string_view key, JsonValue value) {
    if (key == "input") {
      read_input(value, request, faults);
    } else if (key == "model") {
      faults.text(key, value, request.model);
    } else if (key == "encoding_format") {
      std::string format;
      faults.text(key, value, format);
      request.base64 = format == "base64";
      if (!request.base64 && format != "float") keep_extra(request.extra, key, value);
    } else if (!read_member(key, value, request, faults)) {
      keep_extra(request.extra, key, value);
    }
  });
  if (request.inputs.empty()) faults.add("input", "must hold at least one input");
  if (faults.any()) return faults.take();
  if (!model.empty()) request.model = model;
  return request;
}

Result<EmbedRequest> read_openai(std::string_view body, std::string_view model) {
  return read_either(body, model, kOpenai, read_openai_member);
}
Result<EmbedRequest> read_voyage(std::string_view body, std::string_view model) {
  return read_either(body, model, kVoyage, read_voyage_member);
}

void write_input(JsonWriter& writer, const EmbedRequest& request) {
  const auto one = [&](const EmbedInput& input) {
    const EmbedPart& part = input.parts.front();
    part.kind == EmbedPart::Kind::tokens ? writer.raw(part.text) : writer.string(part.text);
  };
  writer.key("input");
  if (!request.list && request.inputs.size() == 1) return one(request.inputs.front());
  writer.begin_array();
  for (const EmbedInput& input : request.inputs) one(input);
  writer.end_array();
}

void write_request_extra(JsonWriter& writer, const EmbedRequest& request, std::string_view form, chat::Losses& losses) {
  if (request.form == form) {
    write_extra(writer, request.extra);
  } else {
    lose_extra(request, losses);
    for (const EmbedInput& input : request.inputs)
      if (!input.title.empty()) losses.add("title");
    if (request.max_tokens) losses.add("max_tokens");
  }
}

// Fails for an input that is neither a text nor, where the form takes them, tokens.
Result<void> check_inputs(const EmbedRequest& request, bool tokens, std::string_view form) {
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    const auto& parts = request.inputs[i].parts;
    if (parts.size() != 1) return refused_input(i, "an input of several parts", form);
    if (parts[0].kind == EmbedPart::Kind::image) return refused_input(i, "an image", form);
    if (parts[0].kind == EmbedPart::Kind::tokens && !tokens) return refused_input(i, "a list of tokens", form);
  }
  return {};
}

Result<std::string> write_openai(const EmbedRequest& request, std::string_view model, chat::Losses& losses) {
  if (auto checked = check_inputs(request, true, kOpenai); !checked) return checked.error();
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().member("model", model.empty() ? std::string_view(request.model) : model);
  write_input(writer, request);
  if (request.dimensions) writer.member("dimensions", *request.dimensions);
  if (request.base64) writer.member("encoding_format", "base64");
  writer.member_if("user", request.user);
  if (wants_other_types(request)) losses.add("embedding_types");
  for (const auto& [name, value] : request.extra)
    if (request.form == kOpenai && name == kInputType) writer.raw_member("input_type", value);
  if (request.form != kOpenai && request.purpose != EmbedPurpose::unset) losses.add("input_type");
  if (!request.truncate.empty()) losses.add("truncate");
  write_request_extra(writer, request, kOpenai, losses);
  writer.end_object();
  return out;
}

Result<std::string> write_voyage(const EmbedRequest& request, std::string_view model, chat::Losses& losses) {
  if (auto checked = check_inputs(request, false, kVoyage); !checked) return checked.error();
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().member("model", model.empty() ? std::string_view(request.model) : model);
  write_input(writer, request);
  const std::string_view word = word_of(kVoyageWords, request.purpose);
  writer.member_if("input_type", word);
  if (word.empty() && request.purpose != EmbedPurpose::unset) losses.add("input_type");
  if (request.dimensions) writer.member("output_dimension", *request.dimensions);
  if (!request.types.empty()) writer.member("output_dtype", request.types.front());
  if (request.types.size() > 1) losses.add("embedding_types");
  if (request.base64) writer.member("encoding_format", "base64");
  if (!request.truncate.empty()) writer.member("truncation", request.truncate != "none");
  if (request.truncate == "start") losses.add("truncate");
  if (!request.user.empty()) losses.add("user");
  write_request_extra(writer, request, kVoyage, losses);
  writer.end_object();
  return out;
}

void read_vector(JsonValue item, EmbedReply& reply) {
  EmbedVector& vector = reply.vectors.emplace_back();
  vector.index = reply.vectors.size() - 1;
  item.members([&](std::string_view key, JsonValue value) {
    if (key == "embedding") {
      vector.base64 = value.is_string();
      vector.value = vector.base64 ? text_or_empty(value) : value.text();
    } else if (key == "index") {
      vector.index = static_cast<std::size_t>(std::max<std::int64_t>(0, value.as_int().value_or(0)));
    } else if (key != "object") {
      keep_extra(vector.extra, key, value);
    }
  });
}

Result<EmbedReply> read_list(std::string_view body, std::string_view form) {
  JsonReader reader;
  const auto root = reader.parse(body);
  if (!root) return root.error();
  if (!(*root)["data"].is_array()) return bad_request("data", "must be an array");
  EmbedReply reply{.form = form};
  root->members([&](std::string_view key, JsonValue value) {
    if (key == "data") {
      value.elements([&](JsonValue item) { read_vector(item, reply); });
    } else if (key == "model") {
      reply.model = text_or_empty(value);
    } else if (key != "object" && key != "usage") {
      keep_extra(reply.extra, key, value);
    }
  });
  return reply;
}

Result<EmbedReply> read_openai_reply(std::string_view body) { return read_list(body, kOpenai); }
Result<EmbedReply> read_voyage_reply(std::string_view body) { return read_list(body, kVoyage); }

// The first type that the reply has: these forms give one.
std::string_view only_type(const EmbedReply& reply) {
  for (const EmbedVector& vector : reply.vectors)
    if (vector.type == "float") return vector.type;
  return reply.vectors.empty() ? std::string_view("float") : std::string_view(reply.vectors.front().type);
}

void write_list(JsonWriter& writer, const EmbedReply& reply, const EmbedRequest& asked, bool own) {
  writer.member("object", "list").key("data").begin_array();
  const std::string_view wanted = asked.types.empty() ? std::string_view("float") : std::string_view(asked.types[0]);
  auto vectors = in_order(reply, wanted);
  if (vectors.empty()) vectors = in_order(reply, only_type(reply));
  for (const EmbedVector* vector : vectors) {
    writer.begin_object().member("object", "embedding").member("index", vector->index).key("embedding");
    write_value(writer, *vector, asked.base64);
    if (own) write_extra(writer, vector->extra);
    writer.end_object();
  }
  writer.end_array();
  writer.member("model", reply.model.empty() ? asked.model : reply.model);
}

std::string write_openai_reply(const EmbedReply& reply, const EmbedRequest& asked, const Usage& usage) {
  std::string out;
  JsonWriter writer(out);
  const std::int64_t tokens = usage.input_side();
  writer.begin_object();
  write_list(writer, reply, asked, reply.form == kOpenai);
  writer.key("usage").begin_object().member("prompt_tokens", tokens).member("total_tokens", tokens).end_object();
  if (reply.form == kOpenai) write_extra(writer, reply.extra);
  writer.end_object();
  return out;
}

std::string write_voyage_reply(const EmbedReply& reply, const EmbedRequest& asked, const Usage& usage) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  write_list(writer, reply, asked, reply.form == kVoyage);
  writer.key("usage").begin_object().member("total_tokens", usage.input_side()).end_object();
  if (reply.form == kVoyage) write_extra(writer, reply.extra);
  writer.end_object();
  return out;
}

}  // namespace

const EmbedForm kOpenaiForm{kOpenai, read_openai, write_openai, read_openai_reply, write_openai_reply};
const EmbedForm kVoyageForm{kVoyage, read_voyage, write_voyage, read_voyage_reply, write_voyage_reply};

}  // namespace tollgate::gateway::embed
