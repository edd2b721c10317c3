#include "gateway/dialects/cohere_messages.h"

#include <algorithm>

#include "gateway/dialects/cohere.h"
#include "gateway/dialects/common.h"
#include "gateway/dialects/faults.h"

namespace tollgate::gateway::cohere {
namespace {

using chat::Media;
using chat::Message;
using chat::Part;
using chat::Role;

bool is_document(const Part& part) {
  const auto* media = part.get<Media>();
  return media && media->kind == Media::Kind::document && !media->text.empty();
}

const std::string* find_extra(const chat::Extra& extra, std::string_view name) {
  for (const auto& [key, value] : extra)
    if (key == name) return &value;
  return nullptr;
}

class MessagesWriter {
 public:
  MessagesWriter(JsonWriter& writer, const chat::Request& request, bool same_dialect, chat::Losses& losses)
      : writer_(writer), request_(request), same_(same_dialect), losses_(losses) {}

  MessageOutcome write() {
    writer_.key("messages").begin_array();
    for (index_ = 0; index_ < request_.messages.size(); ++index_) write_message(request_.messages[index_]);
    flush_images();
    if (!user_written_ && !documents_.empty()) write_titles();
    writer_.end_array();
    return write_documents();
  }

 private:
  void write_message(const Message& message) {
    switch (message.role) {
      case Role::system:
      case Role::developer:
        begin("system");
        write_content(message.parts, false);
        return end(message);
      case Role::user:
        return write_user(message);
      case Role::assistant:
        flush_images();
        return write_assistant(message);
    }
  }

  void begin(std::string_view role) { writer_.begin_object().member("role", role); }
  void end(const Message& message) {
    if (same_) write_extra(writer_, message.extra);
    writer_.end_object();
  }

  // Whether a later message of the user has words or images.
  bool asks_later() const {
    for (std::size_t i = index_ + 1; i < request_.messages.size(); ++i) {
      const Message& later = request_.messages[i];
      const auto asks = [this](const Part& part) { return speaks(part); };
      if (later.role == Role::user && std::any_of(later.parts.begin(), later.parts.end(), asks)) return true;
    }
    return false;
  }

  // Nothing but documents, which an answer follows: said as text, so that the answer has its turn.
  void write_document_turn(const Message& message) {
    std::string text;
    for (const Part& part : message.parts) {
      const Media& media = *part.get<Media>();
      for (const std::string* piece : {&media.name, &media.context, &media.text})
        if (!piece->empty()) text.append(text.empty() ? "" : "\n").append(*piece);
      if (media.citations) losses_.add(chat::Field::document_citations);
    }
    writer_.begin_object().member("role", "user").member("content", text).end_object();
    user_written_ = true;
  }

  void write_user(const Message& message) {
    bool content = message.parts.empty();
    const bool documents = !content && std::all_of(message.parts.begin(), message.parts.end(), is_document);
    if (documents && asks_later()) return write_document_turn(message);
    for (const Part& part : message.parts) {
      if (const auto* result = part.get<chat::ToolResult>()) {
        write_result(message, *result);
      } else if (is_document(part)) {
        documents_.push_back(&part);
      } else {
        content = content || speaks(part);
      }
    }
    if (!content) return;
    user_written_ = true;
    begin("user");
    write_content(message.parts, true);
    end(message);
  }

  // Whether the part has a place among a message's contents.
  bool speaks(const Part& part) const {
    if (part.get<chat::Text>() || part.get<chat::Refusal>()) return true;
    if (const auto* media = part.get<Media>())
      return media->kind == Media::Kind::image && (!media->data.empty() || !media->url.empty());
    if (const auto* opaque = part.get<chat::Opaque>()) return same_ && opaque->dialect == kName;
    if (const auto* thinking = part.get<chat::Thinking>()) return !thinking->text.empty();
    return false;
  }

  // A lone text as a string, everything else as an array. `images` that waited are put in front.
  void write_content(const std::vector<Part>& parts, bool with_images) {
    writer_.key("content");
    const auto spoken = [this](const Part& part) { return speaks(part) && !is_plan(part); };
    const auto count = std::count_if(parts.begin(), parts.end(), spoken);
    const bool images = with_images && !images_.empty();
    const auto first = std::find_if(parts.begin(), parts.end(), spoken);
    if (count == 0 && !images) {
      writer_.string("");
    } else if (count == 1 && !images && first->get<chat::Text>() && (!same_ || first->extra.empty())) {
      writer_.string(first->get<chat::Text>()->text);
    } else {
      writer_.begin_array();
      if (images) write_images();
      for (const Part& part : parts)
        if (spoken(part)) write_part(part);
      writer_.end_array();
    }
  }

  void write_part(const Part& part) {
    if (const auto* opaque = part.get<chat::Opaque>()) {
      writer_.raw(opaque->json);
      return;
    }
    if (const std::string* was = same_ ? find_extra(part.extra, kDocument) : nullptr) {
      writer_.begin_object().member("type", "document").raw_member("document", *was).end_object();
      return;
    }
    writer_.begin_object();
    if (const auto* text = part.get<chat::Text>()) {
      writer_.member("type", "text").member("text", text->text);
    } else if (const auto* refusal = part.get<chat::Refusal>()) {
      writer_.member("type", "text").member("text", refusal->text);
    } else if (const auto* thinking = part.get<chat::Thinking>()) {
      writer_.member("type", "thinking").member("thinking", thinking->text);
    } else if (const auto* media = part.get<Media>()) {
      write_image(*media);
    }
    if (same_) write_extra(writer_, part.extra);
    writer_.end_object();
  }

  void write_image(const Media& image) {
    writer_.member("type", "image_url").key("image_url").begin_object();
    const std::string_view mime = image.mime.empty() ? std::string_view("image/png") : std::string_view(image.mime);
    writer_.member("url", image.data.empty() ? image.url : make_data_url(mime, image.data));
    writer_.member_if("detail", image.detail == "original" ? std::string_view("high") : image.detail).end_object();
  }

  void write_images() {
    for (const Part* image : images_) write_part(*image);
    images_.clear();
  }

  // Images of tools' results, when no message of the user comes that could take them.
  void flush_images() {
    if (images_.empty()) return;
    begin("user");
    writer_.key("content").begin_array();
    write_images();
    writer_.end_array().end_object();
    user_written_ = true;
  }

  void write_result(const Message& message, const chat::ToolResult& result) {
    begin("tool");
    writer_.member("tool_call_id", result.call_id).key("content");
    const auto said = [this](const Part& part) { return is_document(part) || (speaks(part) && !part.get<Media>()); };
    const auto count = std::count_if(result.content.begin(), result.content.end(), said);
    const auto first = std::find_if(result.content.begin(), result.content.end(), said);
    for (const Part& part : result.content) {
      if (const auto* media = part.get<Media>(); media && speaks(part)) {
        images_.push_back(&part);
      } else if (media && !is_document(part)) {
        losses_.add(Place("messages", index_, "tool_result.media").text());
      }
    }
    if (!result.json.empty()) {
      writer_.string(result.is_error ? "Error: " + result.json : result.json);
    } else if (count == 0) {
      writer_.string(images_.empty() ? "" : "(the images follow)");
    } else if (count == 1 && first->get<chat::Text>() && (!same_ || first->extra.empty())) {
      writer_.string((result.is_error ? "Error: " : "") + first->get<chat::Text>()->text);
    } else {
      writer_.begin_array();
      if (result.is_error) writer_.begin_object().member("type", "text").member("text", "Error:").end_object();
      for (const Part& part : result.content)
        if (said(part)) write_result_part(part);
      writer_.end_array();
    }
    end(message);
  }

  void write_result_part(const Part& part) {
    if (!is_document(part)) return write_part(part);
    writer_.begin_object().member("type", "document").key("document");
    write_document(part);
    writer_.end_object();
  }

  void write_document(const Part& part) {
    const Media& media = *part.get<Media>();
    writer_.begin_object();
    const std::string* id = same_ ? find_extra(part.extra, kDocumentId) : nullptr;
    const std::string* data = same_ ? find_extra(part.extra, kData) : nullptr;
    if (id) writer_.raw_member("id", *id);
    if (data) {
      writer_.raw_member("data", *data);
    } else {
      writer_.key("data").begin_object().member_if("title", media.name).member("text", media.text);
      writer_.member_if("context", media.context).end_object();
    }
    if (same_) write_extra(writer_, part.extra);
    writer_.end_object();
  }

  // A plan is told beside the calls that it led to; without any, another vendor's summary is thinking like any other.
  bool is_plan(const Part& part) const {
    const auto* thinking = part.get<chat::Thinking>();
    return thinking && thinking->summary && (calls_ || same_);
  }

  void write_assistant(const Message& message) {
    std::string plan;
    bool content = false;
    const auto is_call = [](const Part& part) { return part.get<chat::ToolCall>() != nullptr; };
    calls_ = std::any_of(message.parts.begin(), message.parts.end(), is_call);
    for (const Part& part : message.parts) {
      const auto* thinking = part.get<chat::Thinking>();
      if (thinking && thinking->text.empty()) losses_.add(chat::Field::thinking_history);
      if (is_plan(part) && !thinking->text.empty()) plan.append(plan.empty() ? "" : "\n").append(thinking->text);
      content = content || (speaks(part) && !is_plan(part));
    }
    begin("assistant");
    if (content || (!calls_ && plan.empty())) write_content(message.parts, false);
    writer_.member_if("tool_plan", plan);
    if (calls_) write_calls(message);
    write_citations(message);
    end(message);
  }

  void write_calls(const Message& message) {
    writer_.key("tool_calls").begin_array();
    for (const Part& part : message.parts)
      if (const auto* call = part.get<chat::ToolCall>())
        write_tool_call(writer_, *call, call_arguments(*call), same_ ? part.extra : chat::Extra{});
    writer_.end_array();
  }

  // Cohere's own only: what another vendor cited means nothing here.
  void write_citations(const Message& message) {
    bool open = false;
    for (const Part& part : message.parts) {
      const auto* text = part.get<chat::Text>();
      if (!text) continue;
      for (const chat::Citation& citation : text->citations) {
        if (citation.origin != kFamily || citation.raw.empty()) continue;
        if (!open) writer_.key("citations").begin_array();
        open = true;
        writer_.raw(citation.raw);
      }
    }
    if (open) writer_.end_array();
  }

  // A request needs a question; where there are but documents, their titles stand for it.
  void write_titles() {
    std::string titles;
    for (const Part* part : documents_) {
      const std::string& name = part->get<Media>()->name;
      titles.append(titles.empty() ? "" : ", ").append(name.empty() ? "document" : name);
    }
    writer_.begin_object().member("role", "user").member("content", titles).end_object();
  }

  MessageOutcome write_documents() {
    if (documents_.empty()) return {};
    bool cited = false;
    writer_.key("documents").begin_array();
    for (const Part* part : documents_) {
      write_document(*part);
      cited = cited || part->get<Media>()->citations;
    }
    writer_.end_array();
    return {.documents = true, .cited = cited};
  }

  JsonWriter& writer_;
  const chat::Request& request_;
  const bool same_;
  chat::Losses& losses_;
  std::size_t index_ = 0;
  std::vector<const Part*> documents_, images_;
  bool user_written_ = false, calls_ = false;
};

}  // namespace

MessageOutcome write_messages(JsonWriter& writer, const chat::Request& request, bool same_dialect,
                              chat::Losses& losses) {
  return MessagesWriter(writer, request, same_dialect, losses).write();
}

}  // namespace tollgate::gateway::cohere
