// Embeddings as Gemini says them: embedContent for one input, batchEmbedContents for several.
// Thread rule: pure functions.
#include <array>

#include "gateway/dialects/embeddings_forms.h"

namespace tollgate::gateway::embed {
namespace {

constexpr std::array kWords{PurposeWord{EmbedPurpose::query, "RETRIEVAL_QUERY"},
                            PurposeWord{EmbedPurpose::document, "RETRIEVAL_DOCUMENT"},
                            PurposeWord{EmbedPurpose::similarity, "SEMANTIC_SIMILARITY"},
                            PurposeWord{EmbedPurpose::classification, "CLASSIFICATION"},
                            PurposeWord{EmbedPurpose::clustering, "CLUSTERING"},
                            PurposeWord{EmbedPurpose::question_answering, "QUESTION_ANSWERING"},
                            PurposeWord{EmbedPurpose::fact_verification, "FACT_VERIFICATION"},
                            PurposeWord{EmbedPurpose::code_query, "CODE_RETRIEVAL_QUERY"}};

bool is_own(const EmbedRequest& request) { return request.form == kGemini || request.form == kGeminiBatch; }
bool is_own(const EmbedReply& reply) { return reply.form == kGemini || reply.form == kGeminiBatch; }

// "models/gemini-embedding-001" -> "gemini-embedding-001"
std::string_view bare(std::string_view model) {
  constexpr std::string_view kPrefix = "models/";
  return model.starts_with(kPrefix) ? model.substr(kPrefix.size()) : model;
}

void read_part(JsonValue part, EmbedInput& input, Faults& faults) {
  const JsonValue inline_data = part["inlineData"].present() ? part["inlineData"] : part["inline_data"];
  const JsonValue file = part["fileData"].present() ? part["fileData"] : part["file_data"];
  if (const auto text = part["text"].as_string()) {
    input.parts.push_back(text_part(*text));
  } else if (inline_data.present()) {
    const JsonValue mime = inline_data["mimeType"].present() ? inline_data["mimeType"] : inline_data["mime_type"];
    input.parts.push_back(
        {.kind = EmbedPart::Kind::image, .mime = text_or_empty(mime), .data = text_or_empty(inline_data["data"])});
  } else if (file.present()) {
    const JsonValue mime = file["mimeType"].present() ? file["mimeType"] : file["mime_type"];
    const JsonValue uri = file["fileUri"].present() ? file["fileUri"] : file["file_uri"];
    input.parts.push_back({.kind = EmbedPart::Kind::image, .mime = text_or_empty(mime), .url = text_or_empty(uri)});
  } else {
    faults.add("content.parts", "must hold text, inlineData or fileData");
  }
}

// One request, or one of a batch: what all of them share goes to `request`, what differs from the first stays with the
// input.
void read_one(JsonValue root, EmbedRequest& request, Faults& faults) {
  const bool first = request.inputs.empty();
  EmbedInput input;
  EmbedPurpose purpose = EmbedPurpose::unset;
  std::optional<std::int64_t> dimensions;
  JsonValue task, size;
  root.members([&](std::string_view key, JsonValue value) {
    if (key == "content") {
      value["parts"].elements([&](JsonValue part) { read_part(part, input, faults); });
      keep_extra(input.extra, "role", value["role"]);
    } else if (key == "model") {
      request.model = bare(value.as_string().value_or(""));
    } else if (key == "taskType" || key == "task_type") {
      task = value;
      purpose = purpose_of(kWords, value.as_string().value_or(""));
      if (purpose == EmbedPurpose::unset) keep_extra(input.extra, "taskType", value);
    } else if (key == "title") {
      faults.text(key, value, input.title);
    } else if (key == "outputDimensionality" || key == "output_dimensionality") {
      size = value;
      faults.integer(key, value, dimensions);
    } else {
      keep_extra(input.extra, key, value);
    }
  });
  if (input.parts.empty()) faults.add("content", "must hold at least one part");
  if (first) {
    request.purpose = purpose;
    request.dimensions = dimensions;
  } else {
    if (purpose != request.purpose && purpose != EmbedPurpose::unset) keep_extra(input.extra, "taskType", task);
    if (dimensions != request.dimensions && dimensions) keep_extra(input.extra, "outputDimensionality", size);
  }
  request.inputs.push_back(std::move(input));
}

Result<EmbedRequest> finished(EmbedRequest request, Faults& faults, std::string_view model) {
  if (request.inputs.empty()) faults.add("requests", "must hold at least one request");
  if (faults.any()) return faults.take();
  if (!model.empty()) request.model = bare(model);
  return request;
}

Result<EmbedRequest> read_single(std::string_view body, std::string_view model) {
  JsonReader reader;
  const auto root = reader.parse(body);
  if (!root) return root.error();
  EmbedRequest request{.list = false, .form = kGemini};
  Faults faults;
  read_one(*root, request, faults);
  return finished(std::move(request), faults, model);
}

Result<EmbedRequest> read_batch(std::string_view body, std::string_view model) {
  JsonReader reader;
  const auto root = reader.parse(body);
  if (!root) return root.error();
  EmbedRequest request{.form = kGeminiBatch};
  Faults faults;
  root->members([&](std::string_view key, JsonValue value) {
    if (key == "requests") {
      value.elements([&](JsonValue item) { read_one(item, request, faults); });
    } else {
      keep_extra(request.extra, key, value);
    }
  });
  return finished(std::move(request), faults, model);
}

void write_part(JsonWriter& writer, const EmbedPart& part) {
  writer.begin_object();
  if (part.kind == EmbedPart::Kind::text) {
    writer.member("text", part.text);
  } else if (!part.data.empty()) {
    const std::string_view mime = part.mime.empty() ? std::string_view("image/png") : std::string_view(part.mime);
    writer.key("inlineData").begin_object().member("mimeType", mime).member("data", part.data).end_object();
  } else {
    writer.key("fileData").begin_object().member_if("mimeType", part.mime).member("fileUri", part.url).end_object();
  }
  writer.end_object();
}

bool has(const chat::Extra& extra, std::string_view name) {
  for (const auto& member : extra)
    if (member.first == name) return true;
  return false;
}

// The members of one request.
void write_one(JsonWriter& writer, const EmbedRequest& request, const EmbedInput& input) {
  static const chat::Extra kNone;
  const chat::Extra& own = is_own(request) ? input.extra : kNone;
  writer.key("content").begin_object();
  for (const auto& [name, value] : own)
    if (name == "role") writer.raw_member(name, value);
  writer.key("parts").begin_array();
  for (const EmbedPart& part : input.parts) write_part(writer, part);
  writer.end_array().end_object();
  if (!has(own, "taskType")) writer.member_if("taskType", word_of(kWords, request.purpose));
  writer.member_if("title", input.title);
  if (request.dimensions && !has(own, "outputDimensionality"))
    writer.member("outputDimensionality", *request.dimensions);
  for (const auto& [name, value] : own)
    if (name != "role") writer.raw_member(name, value);
}

Result<void> check(const EmbedRequest& request, std::string_view form, chat::Losses& losses) {
  for (std::size_t i = 0; i < request.inputs.size(); ++i)
    for (const EmbedPart& part : request.inputs[i].parts)
      if (part.kind == EmbedPart::Kind::tokens) return refused_input(i, "a list of tokens", form);
  if (wants_other_types(request)) losses.add("embedding_types");
  if (!request.truncate.empty()) losses.add("truncate");
  if (!request.user.empty()) losses.add("user");
  if (request.max_tokens) losses.add("max_tokens");
  if (request.purpose != EmbedPurpose::unset && word_of(kWords, request.purpose).empty()) losses.add("input_type");
  if (!is_own(request)) lose_extra(request, losses);
  return {};
}

Result<std::string> write_single(const EmbedRequest& request, std::string_view, chat::Losses& losses) {
  if (request.inputs.size() != 1)
    return bad_request("input", "embedContent takes one input; several go to batchEmbedContents");
  if (auto checked = check(request, kGemini, losses); !checked) return checked.error();
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  write_one(writer, request, request.inputs.front());
  if (request.form == kGemini) write_extra(writer, request.extra);
  writer.end_object();
  return out;
}

Result<std::string> write_batch(const EmbedRequest& request, std::string_view model, chat::Losses& losses) {
  if (auto checked = check(request, kGeminiBatch, losses); !checked) return checked.error();
  const std::string name = "models/" + std::string(bare(model.empty() ? std::string_view(request.model) : model));
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("requests").begin_array();
  for (const EmbedInput& input : request.inputs) {
    writer.begin_object().member("model", name);
    write_one(writer, request, input);
    writer.end_object();
  }
  writer.end_array();
  if (request.form == kGeminiBatch) write_extra(writer, request.extra);
  writer.end_object();
  return out;
}

void read_vector(JsonValue item, EmbedReply& reply) {
  EmbedVector& vector = reply.vectors.emplace_back();
  vector.index = reply.vectors.size() - 1;
  item.members([&](std::string_view key, JsonValue value) {
    if (key == "values") {
      vector.value = value.text();
    } else {
      keep_extra(vector.extra, key, value);
    }
  });
}

Result<EmbedReply> read_reply(std::string_view body, std::string_view form) {
  JsonReader reader;
  const auto root = reader.parse(body);
  if (!root) return root.error();
  if (!(*root)["embedding"].is_object() && !(*root)["embeddings"].is_array())
    return bad_request("embeddings", "must be an array");
  EmbedReply reply{.form = form};
  root->members([&](std::string_view key, JsonValue value) {
    if (key == "embedding") {
      read_vector(value, reply);
    } else if (key == "embeddings") {
      value.elements([&](JsonValue item) { read_vector(item, reply); });
    } else if (key != "usageMetadata") {
      keep_extra(reply.extra, key, value);
    }
  });
  return reply;
}

Result<EmbedReply> read_single_reply(std::string_view body) { return read_reply(body, kGemini); }
Result<EmbedReply> read_batch_reply(std::string_view body) { return read_reply(body, kGeminiBatch); }

std::string write_reply(const EmbedReply& reply, const Usage& usage, bool batch) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key(batch ? "embeddings" : "embedding");
  if (batch) writer.begin_array();
  auto vectors = in_order(reply, "float");
  if (!batch && vectors.size() > 1) vectors.resize(1);
  for (const EmbedVector* vector : vectors) {
    writer.begin_object().key("values");
    write_value(writer, *vector, false);
    if (is_own(reply)) write_extra(writer, vector->extra);
    writer.end_object();
  }
  if (!batch && vectors.empty()) writer.begin_object().key("values").begin_array().end_array().end_object();
  if (batch) writer.end_array();
  if (usage.reported) {
    writer.key("usageMetadata").begin_object().member("promptTokenCount", usage.input_side());
    writer.member("totalTokenCount", usage.input_side()).end_object();
  }
  if (is_own(reply)) write_extra(writer, reply.extra);
  writer.end_object();
  return out;
}

std::string write_single_reply(const EmbedReply& reply, const EmbedRequest&, const Usage& usage) {
  return write_reply(reply, usage, false);
}
std::string write_batch_reply(const EmbedReply& reply, const EmbedRequest&, const Usage& usage) {
  return write_reply(reply, usage, true);
}

}  // namespace

const EmbedForm kGeminiForm{kGemini, read_single, write_single, read_single_reply, write_single_reply};
const EmbedForm kGeminiBatchForm{kGeminiBatch, read_batch, write_batch, read_batch_reply, write_batch_reply};

}  // namespace tollgate::gateway::embed
