// Pieces of Cohere's chat that requests, replies and events share: finish reasons, documents, citations, log
// probabilities, usage, tool calls. Thread rule: pure functions.
#include <algorithm>
#include <array>

#include "gateway/dialects/cohere.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::cohere {
namespace {

using chat::Finish;

struct Word {
  std::string_view word;
  Finish finish;
};
// The first word of a finish is the one that is written.
constexpr std::array kWords{Word{"COMPLETE", Finish::stop},
                            Word{"STOP_SEQUENCE", Finish::stop_sequence},
                            Word{"MAX_TOKENS", Finish::length},
                            Word{"TOOL_CALL", Finish::tool_calls},
                            Word{"ERROR", Finish::error},
                            Word{"TIMEOUT", Finish::error},
                            Word{"ERROR_TOXIC", Finish::content_filter},
                            Word{"ERROR_LIMIT", Finish::context_length},
                            Word{"USER_CANCEL", Finish::other}};
// What is written for finishes that Cohere has no own word for (the last three rows belong to its version 1).
constexpr std::array kNearest{Word{"MAX_TOKENS", Finish::context_length}, Word{"ERROR", Finish::content_filter},
                              Word{"ERROR", Finish::malformed_call}};

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

// `text` cut to characters [begin, end).
std::string_view characters(std::string_view text, std::int64_t begin, std::int64_t end) {
  if (begin < 0 || end < begin) return {};
  std::size_t from = text.size(), to = text.size();
  std::int64_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!begins_character(text[i])) continue;
    if (count == begin) from = i;
    if (count == end) {
      to = i;
      break;
    }
    ++count;
  }
  return from > to ? std::string_view{} : text.substr(from, to - from);
}

// The members of a document's data that are neither text nor title.
std::string other_members(JsonValue data) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  data.members([&](std::string_view key, JsonValue value) {
    if (key != "text" && key != "title") writer.key(key).value(value);
  });
  writer.end_object();
  return out.size() > 2 ? out : std::string();
}

void read_data(JsonValue data, chat::Media& media, chat::Extra& extra) {
  if (const auto text = data.as_string()) {
    media.text = *text;
    keep_extra(extra, kData, data);
    return;
  }
  const auto text = data["text"].as_string();
  media.name = text_or_empty(data["title"]);
  media.context = text ? other_members(data) : std::string();
  media.text = text ? std::string(*text) : data.text();
  const bool plain = text && media.context.empty() && (!data["title"].present() || !media.name.empty());
  if (!plain) keep_extra(extra, kData, data);
}

// What a source says about itself, whichever way it is named there.
void read_source(JsonValue source, chat::Citation& out) {
  const JsonValue document = source["document"].present() ? source["document"] : source["tool_output"];
  out.title = text_or_empty(document["title"]);
  out.url = text_or_empty(document["url"]);
  for (const std::string_view name : {"text", "snippet", "content", "output"}) {
    if (!out.quote.empty()) break;
    out.quote = text_or_empty(document[name]);
  }
  if (out.title.empty()) out.title = text_or_empty(source["id"]);
}

}  // namespace

Finish finish_of(std::string_view word) {
  for (const Word& known : kWords)
    if (known.word == word) return known.finish;
  return word.empty() ? Finish::unset : Finish::other;
}

std::string_view word_of(Finish finish, std::string_view raw) {
  if (!raw.empty() && finish_of(raw) == finish)
    for (const Word& known : kWords)
      if (known.word == raw) return known.word;
  for (const Word& near : kNearest)
    if (near.finish == finish) return near.word;
  for (const Word& known : kWords)
    if (known.finish == finish && finish != Finish::other) return known.word;
  return "COMPLETE";
}

chat::Part read_document(JsonValue document) {
  chat::Part part;
  chat::Media& media = part.what.emplace<chat::Media>();
  media.kind = chat::Media::Kind::document;
  media.mime = "text/plain";
  if (const auto text = document.as_string()) {
    media.text = *text;
    return part;
  }
  document.members([&](std::string_view key, JsonValue value) {
    if (key == "data") {
      read_data(value, media, part.extra);
    } else {
      keep_extra(part.extra, key == "id" ? kDocumentId : key, value);
    }
  });
  return part;
}

chat::Part read_result_document(JsonValue document) {
  chat::Part part;
  const JsonValue data = document["data"];
  const JsonValue text = data.size() == 1 ? data["text"] : JsonValue{};
  auto& said = part.what.emplace<chat::Text>();
  if (const auto alone = (text.present() ? text : data.is_string() ? data : document).as_string()) {
    said.text = *alone;
  } else {
    said.text = data.text();
  }
  keep_extra(part.extra, kDocument, document);
  return part;
}

bool is_aside(JsonValue citation) {
  const auto type = citation["type"].as_string();
  return type && *type != "TEXT_CONTENT";
}

chat::Citation read_citation(JsonValue citation) {
  chat::Citation out;
  out.origin = kFamily;
  citation.members([&](std::string_view key, JsonValue value) {
    if (key == "start") {
      out.begin = value.as_int().value_or(-1);
    } else if (key == "end") {
      out.end = value.as_int().value_or(-1);
    } else if (key == "sources") {
      read_source(value.at(0), out);
    }
  });
  citation.append_to(out.raw);
  return out;
}

void write_citation(JsonWriter& writer, const chat::Citation& citation, std::string_view text, int content_index) {
  if (citation.origin == kFamily && !citation.raw.empty()) {
    writer.raw(citation.raw);
    return;
  }
  const bool placed = citation.begin >= 0 && citation.end >= citation.begin;
  const std::int64_t begin = placed ? citation.begin : 0;
  const std::int64_t end = placed ? citation.end : std::count_if(text.begin(), text.end(), begins_character);
  const std::string_view id = citation.url.empty() ? std::string_view(citation.title) : std::string_view(citation.url);
  writer.begin_object().member("start", begin).member("end", end).member("text", characters(text, begin, end));
  writer.key("sources").begin_array().begin_object().member("type", "document").member("id", id);
  writer.key("document").begin_object().member("id", id);
  writer.member_if("text", citation.quote).member_if("title", citation.title).member_if("url", citation.url);
  writer.end_object().end_object().end_array();
  writer.member("content_index", content_index).member("type", "TEXT_CONTENT").end_object();
}

void read_logprobs(JsonValue item, std::string& elements) {
  const JsonValue ids = item["token_ids"];
  std::string text = text_or_empty(item["text"]);
  std::size_t at = 0;
  item["logprobs"].elements([&](JsonValue value) {
    if (!elements.empty()) elements += ',';
    // All of an item's text stands in its first token: Cohere does not say where the others begin.
    JsonWriter writer(elements);
    writer.begin_object().member("token", text).key("logprob").value(value).key("bytes").null();
    writer.key("top_logprobs").begin_array().end_array();
    if (const JsonValue id = ids.at(at++); id.present()) writer.key("token_id").value(id);
    writer.end_object();
    text.clear();
  });
}

void write_logprobs(JsonWriter& writer, std::string_view array) {
  JsonReader reader;
  const auto parsed = reader.parse(array);
  writer.begin_array();
  std::string ids, values;
  const auto end_item = [&] {
    if (values.empty()) return;
    writer.raw_member("token_ids", "[" + ids + "]").raw_member("logprobs", "[" + values + "]").end_object();
    ids.clear(), values.clear();
  };
  if (parsed) {
    parsed->elements([&](JsonValue token) {
      // Tokens without text belong to the item before them.
      if (const auto text = token["token"].as_string().value_or(""); !text.empty() || values.empty()) {
        end_item();
        writer.begin_object().member("text", text);
      }
      if (const JsonValue id = token["token_id"]; id.is_number()) ids += (ids.empty() ? "" : ",") + id.number_text();
      const std::string value = token["logprob"].number_text();
      values += (values.empty() ? "" : ",") + (value.empty() ? "0" : value);
    });
  }
  end_item();
  writer.end_array();
}

void write_usage(JsonWriter& writer, const Usage& usage) {
  const std::int64_t input = usage.input_side();
  const std::int64_t output =
      usage[Bucket::output] + usage[Bucket::reasoning] + usage[Bucket::audio_output] + usage[Bucket::image_output];
  writer.begin_object().key("billed_units").begin_object();
  writer.member("input_tokens", input).member("output_tokens", output).end_object();
  writer.key("tokens").begin_object().member("input_tokens", input).member("output_tokens", output);
  if (usage[Bucket::reasoning] > 0) writer.member("reasoning_tokens", usage[Bucket::reasoning]);
  if (usage[Bucket::image_input] > 0) writer.member("image_tokens", usage[Bucket::image_input]);
  writer.end_object();
  writer.member("cached_tokens", usage[Bucket::cache_read] + usage[Bucket::audio_cache_read]).end_object();
}

void read_tool_call(JsonValue call, chat::Part& part) {
  chat::ToolCall& out = part.what.emplace<chat::ToolCall>();
  call.members([&](std::string_view key, JsonValue value) {
    if (key == "id") {
      out.id = text_or_empty(value);
    } else if (key == "function") {
      value.members([&](std::string_view name, JsonValue inner) {
        if (name == "name") out.name = text_or_empty(inner);
        if (name == "arguments") out.arguments = inner.is_object() ? inner.text() : text_or_empty(inner);
      });
    } else if (key != "type") {
      keep_extra(part.extra, key, value);
    }
  });
}

void write_tool_call(JsonWriter& writer, const chat::ToolCall& call, std::string_view arguments,
                     const chat::Extra& extra) {
  writer.begin_object().member("id", call.id).member("type", "function").key("function").begin_object();
  writer.member("name", call.name).member("arguments", arguments).end_object();
  write_extra(writer, extra);
  writer.end_object();
}

std::string call_arguments(const chat::ToolCall& call) {
  if (!call.custom) return call.arguments;
  std::string wrapped;
  JsonWriter(wrapped).begin_object().member("input", call.arguments).end_object();
  return wrapped;
}

}  // namespace tollgate::gateway::cohere
