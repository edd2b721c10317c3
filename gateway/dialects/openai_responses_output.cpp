// Items of `output`: which part belongs to which, and how they begin and end.
#include "gateway/dialects/openai_responses_output.h"

#include <algorithm>

#include "gateway/dialects/common.h"

namespace tollgate::gateway::responses {
namespace {

const chat::RawJson* item_id(const chat::Part& head, bool own, std::string_view name) {
  return own ? find_extra(head.extra, name) : nullptr;
}

}  // namespace

std::string Output::made_id(std::string_view prefix) const {
  std::string id(prefix);
  return quoted(id.append(base_).append("_").append(std::to_string(index_)));
}

// Where in the output an event belongs.
void Output::place(JsonWriter& writer) const { writer.raw_member("item_id", id_).member("output_index", index_); }

// Neighbouring texts and refusals are one message, unless their reader saw two.
bool Output::joins(const chat::Part& head) const {
  if (kind_ != Kind::message || sealed_) return false;
  const chat::RawJson* id = item_id(head, own_, "item.id");
  return !id || *id == id_;
}

void Output::begin_part(const chat::Part& head) {
  ignored_ = transcript_ = false;
  if (head.get<chat::Text>()) return begin_content(head, Content::text);
  if (head.get<chat::Refusal>()) return begin_content(head, Content::refusal);
  if (const auto* call = head.get<chat::ToolCall>()) return begin_call(head, *call);
  if (const auto* thinking = head.get<chat::Thinking>()) return begin_reasoning(head, *thinking);
  if (const auto* media = head.get<chat::Media>()) {
    if (media->kind == chat::Media::Kind::image) return begin_image(head);
    // Audio has no item of its own; its words are given.
    transcript_ = true;
    return begin_content(chat::Part{.what = chat::Text{}}, Content::text);
  }
  const auto* opaque = head.get<chat::Opaque>();
  ignored_ = !opaque || opaque->dialect != kName;
  if (!ignored_) begin_opaque(*opaque);
}

void Output::open_item(Kind kind, std::string_view prefix, const chat::RawJson* known_id) {
  close_item("completed");
  kind_ = kind;
  id_ = known_id ? *known_id : made_id(prefix);
  extra_.clear();
  contents_.clear();
  text_.clear();
  encrypted_.clear();
  content_index_ = 0;
  thought_begun_ = sealed_ = false;
}

void Output::send_added() {
  frames_.send("response.output_item.added", [&](JsonWriter& writer) {
    writer.member("output_index", index_).key("item");
    write_item(writer, "in_progress", false);
  });
}

void Output::begin_content(const chat::Part& head, Content content) {
  if (joins(head)) {
    end_content();
  } else {
    open_item(Kind::message, "msg_", item_id(head, own_, "item.id"));
    if (own_)
      for (const auto& [name, value] : head.extra)
        if (name.starts_with(kItemPrefix) && name != "item.id")
          extra_.emplace_back(name.substr(kItemPrefix.size()), value);
    send_added();
  }
  content_ = content;
  text_.clear();
  annotations_.clear();
  logprobs_.clear();
  citations_.clear();
  content_extra_.clear();
  annotation_count_ = 0;
  if (own_)
    for (const auto& member : head.extra)
      if (!member.first.starts_with(kItemPrefix)) content_extra_.push_back(member);
  frames_.send("response.content_part.added", [&](JsonWriter& writer) {
    place(writer);
    writer.member("content_index", content_index_).key("part");
    write_content(writer);
  });
}

// The item's further members; its id stands by itself.
void Output::take_extra(const chat::Part& head) {
  if (!own_) return;
  for (const auto& member : head.extra)
    if (member.first != "id") extra_.push_back(member);
}

// A client that declared a free-text tool gets free text, though the vendor knew it as a function of one argument.
bool Output::is_custom(const chat::ToolCall& call) const {
  if (call.custom || !request_) return call.custom;
  return std::any_of(request_->tools.begin(), request_->tools.end(), [&](const chat::Tool& tool) {
    return tool.kind == chat::Tool::Kind::custom && tool.name == call.name;
  });
}

void Output::begin_call(const chat::Part& head, const chat::ToolCall& call) {
  const bool custom = is_custom(call);
  open_item(Kind::call, custom ? "ctc_" : "fc_", item_id(head, own_, "id"));
  custom_ = custom;
  wrapped_ = custom && !call.custom;
  name_ = call.name;
  call_id_ = call.id.empty() ? "call_" + base_ + "_" + std::to_string(index_) : call.id;
  take_extra(head);
  send_added();
}

void Output::begin_reasoning(const chat::Part& head, const chat::Thinking& thinking) {
  const std::string known =
      thinking.id.empty() || (!own_ && !thinking.id.starts_with("rs_")) ? "" : quoted(thinking.id);
  open_item(Kind::reasoning, "rs_", known.empty() ? nullptr : &known);
  take_extra(head);
  summary_ = thinking.summary || (!own_ && shows_summaries());
  send_added();
}

void Output::begin_image(const chat::Part& head) {
  open_item(Kind::image, "ig_", item_id(head, own_, "id"));
  take_extra(head);
  send_added();
  opaque_type_ = "image_generation_call";
  send_progress(false);
}

void Output::begin_opaque(const chat::Opaque& opaque) {
  JsonReader reader;
  std::string id;
  if (const auto parsed = reader.parse(opaque.json); parsed && (*parsed)["id"].is_string()) id = (*parsed)["id"].text();
  open_item(Kind::opaque, "item_", id.empty() ? nullptr : &id);
  opaque_ = opaque.json;
  opaque_type_ = opaque.type;
  // A stream's reader may learn the item only when it is done.
  if (opaque_.empty()) opaque_ = R"({"type":)" + quoted(opaque.type) + R"(,"id":)" + id_ + "}";
  send_added();
  send_progress(false);
}

void Output::write_status(JsonWriter& writer, std::string_view status) const {
  const chat::RawJson* known = own_ ? find_extra(extra_, "~status") : nullptr;
  if (own_ && !known) return;
  if (status == "completed" && known) {
    writer.raw_member("status", *known);
  } else {
    writer.member("status", status);
  }
}

// `whole`: as it is when it is done, else as it begins.
void Output::write_item(JsonWriter& writer, std::string_view status, bool whole) const {
  if (kind_ == Kind::opaque) {
    writer.raw(opaque_);
    return;
  }
  writer.begin_object().raw_member("id", id_);
  if (kind_ == Kind::message) {
    writer.member("type", "message").member("role", "assistant").key("content").begin_array();
    if (whole && !contents_.empty()) writer.raw(contents_);
    writer.end_array();
  } else if (kind_ == Kind::call) {
    writer.member("type", custom_ ? "custom_tool_call" : "function_call");
    writer.member("call_id", call_id_).member("name", name_);
    writer.member(custom_ ? "input" : "arguments", whole ? std::string_view(text_) : std::string_view());
  } else if (kind_ == Kind::image) {
    writer.member("type", "image_generation_call").key("result");
    whole ? writer.string(text_) : writer.null();
  } else {
    write_reasoning(writer, whole);
  }
  if (kind_ != Kind::reasoning || own_) write_status(writer, status);
  if (own_ && (whole || kind_ != Kind::reasoning)) write_extra(writer, extra_);
  writer.end_object();
}

void Output::write_reasoning(JsonWriter& writer, bool whole) const {
  const auto texts = [&](std::string_view name, std::string_view type, bool filled) {
    writer.key(name).begin_array();
    if (filled) writer.begin_object().member("type", type).member("text", text_).end_object();
    writer.end_array();
  };
  writer.member("type", "reasoning");
  const bool text = whole && !text_.empty();
  const chat::RawJson* several = own_ && whole ? find_extra(extra_, "~summary") : nullptr;
  if (several) {
    writer.raw_member("summary", *several);
  } else if (!own_ || !find_extra(extra_, "summary")) {
    texts("summary", "summary_text", text && summary_);
  }
  if (!summary_ || (own_ && find_extra(extra_, "~content"))) texts("content", "reasoning_text", text && !summary_);
  if (whole) writer.member_if("encrypted_content", encrypted_);
}

void Output::close_item(std::string_view status) {
  if (kind_ == Kind::none) return;
  if (kind_ == Kind::message) end_content();
  std::string item;
  JsonWriter writer(item);
  write_item(writer, status, true);
  if (!items_.empty()) items_ += ',';
  items_ += item;
  frames_.send("response.output_item.done",
               [&](JsonWriter& frame) { frame.member("output_index", index_).raw_member("item", item); });
  ++index_;
  kind_ = Kind::none;
  if (!signature_.empty()) close_signature();
}

// The signature of a call or text: an item of its own behind it.
void Output::close_signature() {
  const std::string packed = pack_signature(signs_, signature_);
  signature_ = {};
  open_item(Kind::reasoning, "rs_", nullptr);
  summary_ = true;
  const bool own = std::exchange(own_, false);
  encrypted_ = packed;
  send_added();
  close_item("completed");
  own_ = own;
}

}  // namespace tollgate::gateway::responses
