// Whole replies of the dialect openai.chat, both ways. Thread rule: see openai_chat.h.
#include <algorithm>

#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

using chat::Choice;
using chat::Reply;

// ---- reading

// Perplexity lists its sources beside the choices; they belong to the answer's text.
void cite_sources(JsonValue results, JsonValue citations, Reply& reply) {
  if (reply.choices.empty()) return;
  auto& parts = reply.choices.front().parts;
  const auto text =
      std::find_if(parts.begin(), parts.end(), [](const auto& part) { return part.template get<chat::Text>(); });
  if (text == parts.end()) return;
  auto& cited = text->template get<chat::Text>()->citations;
  read_sources(results, citations, cited);
}

void settle_finish(Choice& choice, JsonValue stop_reason) {
  choice.finish = read_finish(choice.finish_raw);
  if (choice.finish == chat::Finish::stop && has_calls(choice.parts)) choice.finish = chat::Finish::tool_calls;
  // vLLM: the stop string itself, or the number of a token.
  if (choice.finish == chat::Finish::stop && stop_reason.is_string()) {
    choice.finish = chat::Finish::stop_sequence;
    choice.stop_sequence = text_or_empty(stop_reason);
  }
}

Choice read_choice(JsonValue value, std::string_view seed, Trouble& trouble) {
  Choice choice;
  JsonValue message, delta, stop_reason;
  value.members([&](std::string_view key, JsonValue inner) {
    if (key == "message") {
      message = inner;
    } else if (key == "index") {
      choice.index = static_cast<int>(inner.as_int().value_or(0));
    } else if (key == "finish_reason") {
      choice.finish_raw = text_or_empty(inner);
    } else if (key == "logprobs") {
      read_logprobs(inner, choice.logprobs, choice.extra);
    } else if (key == "delta") {
      delta = inner;  // Perplexity repeats the message here
    } else {
      if (key == "stop_reason") stop_reason = inner;
      keep(choice.extra, key, inner);
    }
  });
  Members members;
  read_members(message.is_object() ? message : delta, true, members, choice.extra);
  read_assistant(members, std::string(seed) + "/" + std::to_string(choice.index), true, choice.parts, trouble);
  if (members.content.as_string() == "") choice.extra.emplace_back("~content", "true");
  settle_finish(choice, stop_reason);
  return choice;
}

// ---- writing

class ReplyWriter {
 public:
  ReplyWriter(std::string& out, const Reply& reply, const StreamOptions& options)
      : writer_(out), reply_(reply), options_(options), own_(reply.dialect == kName) {}

  void write() {
    writer_.begin_object().member("id", reply_id(reply_, options_)).member("object", "chat.completion");
    writer_.member("created", reply_.created ? reply_.created : options_.created);
    writer_.member("model", options_.model.empty() ? reply_.model : options_.model);
    writer_.key("choices").begin_array();
    for (const Choice& choice : reply_.choices) write_choice(choice);
    writer_.end_array();
    if (reply_.usage.reported) {
      writer_.key("usage");
      // The vendor's own object says more than the buckets do.
      own_ && !reply_.usage.raw.empty() ? void(writer_.raw(reply_.usage.raw)) : write_usage(writer_, reply_.usage);
    }
    writer_.member_if("service_tier", openai_tier(reply_.service_tier));
    writer_.member_if("system_fingerprint", reply_.system_fingerprint);
    if (own_) write_own(writer_, reply_.extra);
    writer_.end_object();
  }

 private:
  void write_choice(const Choice& choice) {
    writer_.begin_object().member("index", choice.index).key("message");
    write_message(choice);
    write_logprobs(writer_, choice.logprobs, choice.extra, own_);
    // A whole reply has ended, said or not: clients take no null here.
    const chat::Finish finish = choice.finish == chat::Finish::unset ? chat::Finish::stop : choice.finish;
    const std::string_view word =
        own_ ? std::string_view(choice.finish_raw) : finish_word(finish, has_calls(choice.parts));
    writer_.key("finish_reason");
    word.empty() ? writer_.null() : writer_.string(word);
    if (!own_) writer_.member_if("stop_reason", choice.stop_sequence);
    if (own_) write_own(writer_, choice.extra);
    writer_.end_object();
  }

  void write_message(const Choice& choice) {
    std::string text, refusal, thoughts;
    bool any_text = false, detailed = false;
    for (const chat::Part& part : choice.parts) {
      if (const auto* said = part.get<chat::Text>()) {
        text += said->text;
        any_text = true;
      } else if (const auto* refused = part.get<chat::Refusal>()) {
        refusal += refused->text;
      } else if (const auto* thinking = part.get<chat::Thinking>()) {
        thoughts += thinking->text;
        detailed = detailed || needs_details(*thinking);
      }
    }
    writer_.begin_object().member("role", "assistant").key("content");
    const bool elsewhere = has_calls(choice.parts) || !refusal.empty() || has_audio(choice);
    !any_text && (own_ ? !said_nothing(choice) : elsewhere) ? writer_.null() : writer_.string(text);
    writer_.key("refusal");
    refusal.empty() ? writer_.null() : writer_.string(refusal);
    writer_.member_if("reasoning_content", thoughts);
    if (detailed) write_all_details(choice);
    write_annotations(choice);
    write_media(choice);
    write_calls(choice);
    write_text_signature(choice);
    if (own_) write_under(writer_, choice.extra, "message");
    writer_.end_object();
  }

  // The vendor wrote an empty text beside its calls.
  static bool said_nothing(const Choice& choice) { return !kept(choice.extra, "~content").empty(); }

  static bool has_audio(const Choice& choice) {
    return std::any_of(choice.parts.begin(), choice.parts.end(), [](const chat::Part& part) {
      const auto* media = part.get<chat::Media>();
      return media && media->kind == chat::Media::Kind::audio;
    });
  }

  void write_all_details(const Choice& choice) {
    std::int64_t index = 0;
    writer_.key("reasoning_details").begin_array();
    for (const chat::Part& part : choice.parts)
      if (const auto* thinking = part.get<chat::Thinking>()) write_details(writer_, *thinking, index, true);
    writer_.end_array();
  }

  // What is kept in `extra` as the vendor's own list is not told twice.
  bool tells(const chat::Citation& citation) const { return !(own_ && citation.raw.empty()); }

  void write_annotations(const Choice& choice) {
    const auto cites = [&](const chat::Part& part) {
      const auto* text = part.get<chat::Text>();
      return text && std::any_of(text->citations.begin(), text->citations.end(),
                                 [&](const chat::Citation& one) { return tells(one); });
    };
    if (std::none_of(choice.parts.begin(), choice.parts.end(), cites)) return;
    writer_.key("annotations").begin_array();
    std::int64_t offset = 0;
    for (const chat::Part& part : choice.parts) {
      const auto* text = part.get<chat::Text>();
      if (!text) continue;
      const std::int64_t length = characters(text->text);
      for (const chat::Citation& citation : text->citations)
        if (tells(citation)) write_annotation(writer_, citation, offset, length);
      offset += length;
    }
    writer_.end_array();
  }

  void write_media(const Choice& choice) {
    bool open = false;
    for (const chat::Part& part : choice.parts) {
      const auto* media = part.get<chat::Media>();
      if (!media || media->kind != chat::Media::Kind::image) continue;
      if (!open) writer_.key("images").begin_array();
      open = true;
      writer_.begin_object().member("type", "image_url").key("image_url").begin_object();
      writer_.member("url", image_location(*media)).end_object();
      if (own_) write_own(writer_, part.extra);
      writer_.end_object();
    }
    if (open) writer_.end_array();
    for (const chat::Part& part : choice.parts) {
      const auto* media = part.get<chat::Media>();
      if (!media || media->kind != chat::Media::Kind::audio) continue;
      writer_.key("audio").begin_object().member("id", media->id.empty() ? "audio" : media->id);
      writer_.member("data", media->data).member("transcript", media->transcript);
      if (own_) write_under(writer_, part.extra, "audio");
      if (kept(part.extra, "audio.expires_at").empty() || !own_) writer_.member("expires_at", 0);
      writer_.end_object();
      return;
    }
  }

  void write_calls(const Choice& choice) {
    bool open = false;
    for (const chat::Part& part : choice.parts) {
      const auto* call = part.get<chat::ToolCall>();
      if (!call) continue;
      if (!open) writer_.key("tool_calls").begin_array();
      open = true;
      const std::string_view outer = call->custom ? "custom" : "function";
      writer_.begin_object().member("id", call->id).member("type", outer);
      if (own_) writer_.raw_member_if("index", kept(part.extra, "~index"));
      writer_.key(outer).begin_object();
      writer_.member("name", call->name);
      const bool none = call->arguments.empty() && !own_ && !call->custom;
      writer_.member(call->custom ? "input" : "arguments", none ? "{}" : call->arguments);
      if (own_) write_under(writer_, part.extra, outer);
      writer_.end_object();
      write_google_signature(writer_, call->signature);
      if (own_) write_own(writer_, part.extra);
      writer_.end_object();
    }
    if (open) writer_.end_array();
  }

  void write_text_signature(const Choice& choice) {
    for (const chat::Part& part : choice.parts)
      if (const auto* text = part.get<chat::Text>(); text && !text->signature.empty())
        return write_google_signature(writer_, text->signature);
  }

  JsonWriter writer_;
  const Reply& reply_;
  const StreamOptions& options_;
  bool own_;
};

}  // namespace

void read_sources(JsonValue results, JsonValue citations, std::vector<chat::Citation>& out) {
  results.elements([&](JsonValue result) {
    chat::Citation one{.origin = std::string(kName)};
    one.url = text_or_empty(result["url"]);
    one.title = text_or_empty(result["title"]);
    one.quote = text_or_empty(result["snippet"]);
    out.push_back(std::move(one));
  });
  if (results.size() > 0) return;
  citations.elements([&](JsonValue url) {
    if (const auto text = url.as_string()) out.push_back({.url = std::string(*text), .origin = std::string(kName)});
  });
}

Result<Reply> read_reply(std::string_view body) {
  const auto root = parse(body);
  if (!root) return root.error();
  if (is_error(*root)) return read_error(0, *root);
  Reply reply;
  reply.dialect = kName;
  JsonValue choices, results, citations;
  root->members([&](std::string_view key, JsonValue value) {
    if (key == "choices") {
      choices = value;
    } else if (key == "id") {
      reply.id = text_or_empty(value);
    } else if (key == "model") {
      reply.model = text_or_empty(value);
    } else if (key == "created") {
      reply.created = value.as_int().value_or(0);
    } else if (key == "service_tier") {
      reply.service_tier = text_or_empty(value);
    } else if (key == "system_fingerprint") {
      reply.system_fingerprint = text_or_empty(value);
    } else if (key != "object" && key != "usage") {
      if (key == "search_results") results = value;
      if (key == "citations") citations = value;
      keep(reply.extra, key, value);
    }
  });
  if (!choices.is_array()) return bad_request("choices", "must be an array");
  Trouble trouble;
  const std::string seed = reply.id + "@" + std::to_string(reply.created);
  choices.elements([&](JsonValue choice) { reply.choices.push_back(read_choice(choice, seed, trouble)); });
  cite_sources(results, citations, reply);
  if (trouble.any()) return trouble.error();
  return reply;
}

std::string write_reply(const Reply& reply, const StreamOptions& options) {
  std::string out;
  out.reserve(1024);
  ReplyWriter(out, reply, options).write();
  return out;
}

}  // namespace tollgate::gateway::oai
