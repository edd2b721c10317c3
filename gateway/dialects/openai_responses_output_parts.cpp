// Parts inside of the items of `output`: their deltas and their ends.
#include <array>
#include <utility>

#include "gateway/dialects/common.h"
#include "gateway/dialects/openai_responses_output.h"

namespace tollgate::gateway::responses {
namespace {

using Delta = chat::Event::Delta;

// What a client is told about a vendor-run tool at work: events when it begins and when it is done, and the event that
// gives a member of the item by itself.
struct Progress {
  std::string_view item, begins, works, whole, member, done;
};
constexpr std::array kProgress{
    Progress{"web_search_call", "response.web_search_call.in_progress", "response.web_search_call.searching", "", "",
             "response.web_search_call.completed"},
    Progress{"file_search_call", "response.file_search_call.in_progress", "response.file_search_call.searching", "", "",
             "response.file_search_call.completed"},
    Progress{"code_interpreter_call", "response.code_interpreter_call.in_progress", "",
             "response.code_interpreter_call_code.done", "code", "response.code_interpreter_call.completed"},
    Progress{"image_generation_call", "response.image_generation_call.in_progress",
             "response.image_generation_call.generating", "", "", "response.image_generation_call.completed"},
    Progress{"mcp_call", "response.mcp_call.in_progress", "", "response.mcp_call_arguments.done", "arguments",
             "response.mcp_call.completed"},
    Progress{"mcp_list_tools", "response.mcp_list_tools.in_progress", "", "", "", "response.mcp_list_tools.completed"}};

// The free text in {"input": "..."}; the arguments as they are when they hold no such thing.
std::string unwrapped(const std::string& arguments) {
  JsonReader reader;
  const auto parsed = reader.parse(arguments);
  if (!parsed || parsed->size() != 1) return arguments;
  std::string text = arguments;
  parsed->members([&](std::string_view, JsonValue value) {
    if (const auto input = value.as_string()) text = *input;
  });
  return text;
}

}  // namespace

void Output::delta(const chat::Event& event) {
  if (event.delta == Delta::logprobs) {
    if (event.text.empty()) return;
    new_logprobs_ += (new_logprobs_.empty() ? "" : ",") + event.text;
    return;
  }
  if (ignored_ || kind_ == Kind::none) return;
  switch (event.delta) {
    case Delta::text:
      if (!transcript_) add_text(event.text);
      break;
    case Delta::transcript:
      if (transcript_) add_text(event.text);
      break;
    case Delta::arguments:
      if (kind_ == Kind::call) add_arguments(event.text);
      break;
    case Delta::signature:
      if (kind_ == Kind::reasoning) {
        encrypted_ = pack_signature(Signed::thought, event.signature);
      } else {
        signature_ = event.signature;
        signs_ = kind_ == Kind::call ? Signed::call : Signed::text;
      }
      break;
    case Delta::redacted:
      if (kind_ == Kind::reasoning) encrypted_ = pack_signature(Signed::redacted, event.signature);
      break;
    case Delta::citation:
      if (content_ == Content::text) send_citation(event.citation, -1);
      break;
    case Delta::data:
      if (kind_ == Kind::image) text_ += event.text;
      break;
    case Delta::opaque:
      if (kind_ == Kind::opaque) opaque_ = event.text;
      break;
    case Delta::logprobs:
      break;
  }
}

void Output::end_part() {
  if (ignored_) return;
  if (kind_ == Kind::call) end_call();
  if (kind_ == Kind::reasoning) end_thought();
  if (kind_ == Kind::image || kind_ == Kind::opaque) send_progress(true);
  // A signed text is followed by its signature, so that nothing joins its item.
  if (!signature_.empty()) sealed_ = true;
  ignored_ = true;
}

void Output::add_text(std::string_view text) {
  if (text.empty()) return;
  if (kind_ == Kind::reasoning) {
    begin_thought();
    send_thought(text);
  } else if (kind_ == Kind::message) {
    send_text(text);
  }
  text_ += text;
}

void Output::send_text(std::string_view text) {
  const std::string fresh = std::exchange(new_logprobs_, {});
  if (!fresh.empty()) logprobs_ += (logprobs_.empty() ? "" : ",") + fresh;
  const bool refusal = content_ == Content::refusal;
  frames_.send(refusal ? "response.refusal.delta" : "response.output_text.delta", [&](JsonWriter& writer) {
    place(writer);
    writer.member("content_index", content_index_).member("delta", text);
    if (refusal) return;
    writer.key("logprobs").begin_array();
    if (!fresh.empty()) writer.raw(fresh);
    writer.end_array();
  });
}

// Citations that do not say where they stand wait until the text's length is known (-1: not yet).
void Output::send_citation(const chat::Citation& citation, std::int64_t length) {
  const bool complete = citation.origin == kName || citation.url.empty() || citation.end >= 0;
  if (!complete && length < 0) {
    citations_.push_back(citation);
    return;
  }
  std::string annotation;
  JsonWriter writer(annotation);
  write_annotation(writer, citation, length);
  frames_.send("response.output_text.annotation.added", [&](JsonWriter& frame) {
    place(frame);
    frame.member("content_index", content_index_).member("annotation_index", annotation_count_);
    frame.raw_member("annotation", annotation);
  });
  annotations_ += (annotation_count_++ > 0 ? "," : "") + annotation;
}

void Output::write_content(JsonWriter& writer) const {
  writer.begin_object();
  if (content_ == Content::refusal) {
    writer.member("type", "refusal").member("refusal", text_);
  } else {
    const auto array = [&](std::string_view name, const std::string& elements) {
      writer.key(name).begin_array();
      if (!elements.empty()) writer.raw(elements);
      writer.end_array();
    };
    writer.member("type", "output_text").member("text", text_);
    array("annotations", annotations_);
    array("logprobs", logprobs_);
  }
  write_extra(writer, content_extra_);
  writer.end_object();
}

// Of the open part of a message; late, because the rest of its logprobs may come with the end of the choice.
void Output::end_content() {
  if (content_ == Content::none) return;
  if (!new_logprobs_.empty()) logprobs_ += (logprobs_.empty() ? "" : ",") + std::exchange(new_logprobs_, {});
  const std::int64_t length = citations_.empty() ? 0 : count_characters(text_);
  for (const chat::Citation& citation : std::exchange(citations_, {})) send_citation(citation, length);
  const bool refusal = content_ == Content::refusal;
  frames_.send(refusal ? "response.refusal.done" : "response.output_text.done", [&](JsonWriter& writer) {
    place(writer);
    writer.member("content_index", content_index_).member(refusal ? "refusal" : "text", text_);
    if (refusal) return;
    writer.key("logprobs").begin_array();
    if (!logprobs_.empty()) writer.raw(logprobs_);
    writer.end_array();
  });
  std::string part;
  JsonWriter part_writer(part);
  write_content(part_writer);
  frames_.send("response.content_part.done", [&](JsonWriter& writer) {
    place(writer);
    writer.member("content_index", content_index_).raw_member("part", part);
  });
  contents_ += (content_index_++ > 0 ? "," : "") + part;
  content_ = Content::none;
}

// The text of a wrapped call is known only when its arguments are whole.
void Output::add_arguments(std::string_view piece) {
  if (piece.empty()) return;
  if (!wrapped_) send_arguments(piece);
  text_ += piece;
}

void Output::send_arguments(std::string_view piece) {
  frames_.send(custom_ ? "response.custom_tool_call_input.delta" : "response.function_call_arguments.delta",
               [&](JsonWriter& writer) {
                 place(writer);
                 writer.member("delta", piece);
               });
}

void Output::end_call() {
  if (wrapped_) {
    text_ = unwrapped(text_);
    if (!text_.empty()) send_arguments(text_);
  } else if (text_.empty() && !custom_ && !own_) {
    add_arguments("{}");
  }
  frames_.send(custom_ ? "response.custom_tool_call_input.done" : "response.function_call_arguments.done",
               [&](JsonWriter& writer) {
                 place(writer);
                 if (!custom_) writer.member("name", name_);
                 writer.member(custom_ ? "input" : "arguments", text_);
               });
}

void Output::begin_thought() {
  if (thought_begun_) return;
  thought_begun_ = true;
  frames_.send(summary_ ? "response.reasoning_summary_part.added" : "response.content_part.added",
               [&](JsonWriter& writer) {
                 place(writer);
                 writer.member(summary_ ? "summary_index" : "content_index", 0).key("part").begin_object();
                 writer.member("type", summary_ ? "summary_text" : "reasoning_text").member("text", "").end_object();
               });
}

void Output::send_thought(std::string_view text) {
  frames_.send(summary_ ? "response.reasoning_summary_text.delta" : "response.reasoning_text.delta",
               [&](JsonWriter& writer) {
                 place(writer);
                 writer.member(summary_ ? "summary_index" : "content_index", 0).member("delta", text);
               });
}

void Output::end_thought() {
  if (!thought_begun_) return;
  const std::string_view index = summary_ ? "summary_index" : "content_index";
  frames_.send(summary_ ? "response.reasoning_summary_text.done" : "response.reasoning_text.done",
               [&](JsonWriter& writer) {
                 place(writer);
                 writer.member(index, 0).member("text", text_);
               });
  frames_.send(summary_ ? "response.reasoning_summary_part.done" : "response.content_part.done",
               [&](JsonWriter& writer) {
                 place(writer);
                 writer.member(index, 0).key("part").begin_object();
                 writer.member("type", summary_ ? "summary_text" : "reasoning_text").member("text", text_).end_object();
               });
}

void Output::send_progress(bool ended) {
  for (const Progress& progress : kProgress) {
    if (progress.item != opaque_type_) continue;
    const auto fill = [&](JsonWriter& writer) { place(writer); };
    if (!ended) {
      frames_.send(progress.begins, fill);
      if (!progress.works.empty()) frames_.send(progress.works, fill);
      return;
    }
    JsonReader reader;
    const auto item = reader.parse(kind_ == Kind::opaque ? opaque_ : "{}");
    const bool failed = item && (*item)["status"].as_string() == "failed";
    if (item && !progress.whole.empty() && (*item)[progress.member].is_string())
      frames_.send(progress.whole, [&](JsonWriter& writer) {
        place(writer);
        writer.key(progress.member).value((*item)[progress.member]);
      });
    if (failed && progress.item.starts_with("mcp_")) {
      frames_.send("response." + std::string(progress.item) + ".failed", fill);
    } else {
      frames_.send(progress.done, fill);
    }
  }
}

}  // namespace tollgate::gateway::responses
