// Requests of the Gemini API and Vertex AI: contents. Thread rule: pure.
#include <algorithm>
#include <array>

#include "gateway/dialects/common.h"
#include "gateway/dialects/gemini_parts.h"
#include "gateway/dialects/gemini_request.h"

namespace tollgate::gateway::gemini_form {
namespace {

using namespace chat;

// What the vendor documents for calls that no Gemini model made: newer models refuse a step of the running turn whose
// first call has no signature.
constexpr std::string_view kNoSignature = "skip_thought_signature_validator";

std::string message_place(std::size_t index, std::string_view what) {
  return "messages[" + std::to_string(index) + "]." + std::string(what);
}

std::string_view word_of(Media::Kind kind) {
  constexpr std::array<std::string_view, 4> kWords{"image", "document", "audio", "video"};
  return kWords[static_cast<std::size_t>(kind)];
}

bool is_somewhere(const Media& media) {
  return !media.data.empty() || !media.text.empty() || !media.url.empty() || !media.file_id.empty();
}

bool says_nothing(const Message& message) {
  return std::all_of(message.parts.begin(), message.parts.end(), [](const Part& part) {
    const auto* text = part.get<Text>();
    return text && text->text.empty();
  });
}

bool is_instruction(const Message& message) { return message.role == Role::system || message.role == Role::developer; }

// Writes the elements of `contents`. Neighbours of one role become one content, unless the request was read in this
// dialect; a content is opened with its first part, because an empty one is refused.
class ContentsWriter {
 public:
  ContentsWriter(JsonWriter& writer, const Request& request, const WriteContext& context, Losses& losses)
      : writer_(writer),
        request_(request),
        context_(context),
        losses_(losses),
        same_(context.same_dialect),
        old_model_(before_gemini_3(context.model)) {}

  void contents() {
    writer_.begin_array();
    for (index_ = 0; index_ < request_.messages.size(); ++index_) {
      const Message& message = request_.messages[index_];
      if (!is_instruction(message)) turn(message);
    }
    close();
    writer_.end_array();
  }

  // The system texts, wherever they stood.
  void instructions() {
    bool turns = false, any = false;
    for (index_ = 0; index_ < request_.messages.size(); ++index_) {
      const Message& message = request_.messages[index_];
      turns = turns || !is_instruction(message);
      if (!is_instruction(message) || (!same_ && says_nothing(message))) continue;
      if (turns) losses_.add(message_place(index_, "position"));
      if (!std::exchange(any, true)) open_instruction(message);
      open_ = true;
      for (const Part& one : message.parts) part(one);
    }
    open_ = false;
    if (any) writer_.end_array().end_object();
  }

 private:
  void open_instruction(const Message& message) {
    writer_.key("systemInstruction").begin_object();
    if (same_) {
      write_extras(writer_, message.extra);
      writer_.raw_member_if("role", extra_of(message.extra, "~role"));
    }
    writer_.key("parts").begin_array();
  }

  void turn(const Message& message) {
    if (same_ || role_ != message.role) close();
    role_ = message.role;
    message_ = &message;
    if (same_) open();
    for (const Part& one : message.parts) part(one);
  }

  void open() {
    if (std::exchange(open_, true)) return;
    writer_.begin_object();
    if (same_) write_extras(writer_, message_->extra);
    const std::string_view role = same_ ? extra_of(message_->extra, "~role") : std::string_view{};
    if (role.empty()) {
      writer_.member("role", role_ == Role::assistant ? "model" : "user");
    } else if (role != "null") {
      writer_.raw_member("role", role);
    }
    writer_.key("parts").begin_array();
  }

  void close() {
    for (const Part* late : std::exchange(late_, {})) media(*late, *late->get<Media>());
    signed_call_ = false;
    if (!std::exchange(open_, false)) return;
    writer_.end_array().end_object();
  }

  // Opens a part; what belongs to the same dialect only is written first.
  void begin_part(const Part& part) {
    open();
    writer_.begin_object();
    if (!same_) return;
    write_extras(writer_, part.extra);
    writer_.raw_member_if("thought", extra_of(part.extra, "~thought"));
    writer_.raw_member_if("mediaResolution", extra_of(part.extra, "~mediaResolution"));
  }

  std::string_view own(const Signature& signature) const {
    return signature.origin == kFamily ? std::string_view(signature.value) : std::string_view{};
  }

  void part(const Part& part) {
    if (const auto* said = part.get<Text>()) {
      text(part, said->text, false, own(said->signature));
    } else if (const auto* refusal = part.get<Refusal>()) {
      text(part, refusal->text, false, {});
    } else if (const auto* thought = part.get<Thinking>()) {
      thinking(part, *thought);
    } else if (const auto* made = part.get<ToolCall>()) {
      call(part, *made);
    } else if (const auto* came = part.get<ToolResult>()) {
      result(part, *came);
    } else if (const auto* shown = part.get<Media>()) {
      media(part, *shown);
    } else if (const auto* opaque = part.get<Opaque>()) {
      if (opaque->dialect == kDialect) {
        open();
        writer_.raw(opaque->json);
      } else {
        losses_.add(Field::opaque_history);
      }
    }
  }

  void text(const Part& part, std::string_view said, bool thought, std::string_view signature) {
    if (said.empty() && signature.empty() && !same_) return;
    begin_part(part);
    writer_.member("text", said);
    if (thought) writer_.member("thought", true);
    writer_.member_if("thoughtSignature", signature).end_object();
  }

  // Thoughts of other families prove nothing here, and read like the answer: they are left out.
  void thinking(const Part& part, const Thinking& thought) {
    const bool ours = thought.signature.origin == kFamily || (same_ && thought.signature.empty());
    if (ours && thought.redacted.empty()) {
      text(part, thought.text, true, own(thought.signature));
    } else {
      losses_.add(Field::thinking_history);
    }
  }

  void call(const Part& part, const ToolCall& call) {
    std::string_view signature = own(call.signature);
    const bool missing = signature.empty() && !signed_call_ && !old_model_;
    const bool stranger = !call.signature.origin.empty() && call.signature.origin != kFamily;
    if (missing && (!same_ || stranger)) signature = kNoSignature;
    signed_call_ = true;
    begin_part(part);
    writer_.key("functionCall").begin_object();
    if (!same_ || extra_of(part.extra, "~id").empty()) writer_.member_if("id", call.id);
    writer_.member("name", std::string_view(call.name)).key("args");
    write_arguments(writer_, call);
    if (same_) write_extras(writer_, part.extra, "functionCall");
    writer_.end_object().member_if("thoughtSignature", signature).end_object();
  }

  std::string_view name_of(const ToolResult& result) const {
    if (!result.name.empty()) return result.name;
    const std::string_view name = name_of_call(request_.messages, result.call_id);
    return name.empty() ? std::string_view(result.call_id) : name;
  }

  void result(const Part& part, const ToolResult& result) {
    begin_part(part);
    writer_.key("functionResponse").begin_object();
    if (!same_ || extra_of(part.extra, "~id").empty()) writer_.member_if("id", result.call_id);
    writer_.member("name", name_of(result)).key("response");
    output(part, result);
    const auto to_show = [](const Part& one) { return one.get<Media>() && is_somewhere(*one.get<Media>()); };
    const bool has_media = std::any_of(result.content.begin(), result.content.end(), to_show);
    if (has_media && (same_ || !old_model_)) {
      writer_.key("parts").begin_array();
      for (const Part& one : result.content)
        if (to_show(one)) media(one, *one.get<Media>());
      writer_.end_array();
    }
    if (same_) write_extras(writer_, part.extra, "functionResponse");
    writer_.end_object().end_object();
    if (!has_media || same_ || !old_model_) return;
    // Older models take media beside the responses only.
    for (const Part& one : result.content)
      if (to_show(one)) late_.push_back(&one);
  }

  // The value of `response`: an object, in which "output" and "error" have a meaning.
  void output(const Part& part, const ToolResult& result) {
    if (const auto kept = same_ ? extra_of(part.extra, "~response") : std::string_view{}; !kept.empty()) {
      writer_.raw(kept);
      return;
    }
    thread_local JsonReader reader;
    const auto json = result.json.empty() ? Result<JsonValue>(JsonValue{}) : reader.parse(result.json);
    if (json && json->is_object() && (!result.is_error || (*json)["error"].present())) {
      writer_.value(*json);
      return;
    }
    const bool own_key = same_ && !extra_of(part.extra, "~key").empty();
    writer_.begin_object().key(result.is_error ? "error" : own_key ? "result" : "output");
    if (json && json->present()) {
      writer_.value(*json);
    } else {
      writer_.string(result.json.empty() ? joined_text(result.content, "\n") : result.json);
    }
    writer_.end_object();
  }

  void media(const Part& part, const Media& media) {
    const std::string_view word = word_of(media.kind);
    const bool vertex = context_.quirks.vertex_labels;
    if (!same_ && !known_place(media, word)) return;
    if (!same_ && !vertex && !media.name.empty() && media.kind == Media::Kind::document)
      losses_.add(message_place(index_, std::string(word) + ".name"));
    if (!same_ && !media.context.empty()) text({}, media.context, false, {});
    begin_part(part);
    const MediaStyle style{.name = same_ || vertex, .guess = !same_, .extra = same_ ? &part.extra : nullptr};
    if (!write_media(writer_, media, style)) writer_.member("text", "");
    writer_.end_object();
  }

  // Whether the vendor can reach what the media are in.
  bool known_place(const Media& media, std::string_view word) {
    if (!media.data.empty() || !media.text.empty()) return true;
    if (!media.url.empty() && !media.url.starts_with("s3:")) return true;
    if (media.url.empty() && (media.file_id.starts_with("files/") || media.file_id.starts_with("https://")))
      return true;
    losses_.add(message_place(index_, std::string(word) + (media.url.empty() ? ".file_id" : ".url")));
    return false;
  }

  JsonWriter& writer_;
  const Request& request_;
  const WriteContext& context_;
  Losses& losses_;
  const bool same_, old_model_;
  std::size_t index_ = 0;  // of the message that is written
  const Message* message_ = nullptr;
  Role role_ = Role::system;
  bool open_ = false;              // a content is
  bool signed_call_ = false;       // the open content has a call, and the first one carries a signature
  std::vector<const Part*> late_;  // media of results, to stand behind them
};

}  // namespace

bool before_gemini_3(std::string_view model) {
  constexpr std::string_view kName = "gemini-";
  if (model.find("gemma") != std::string_view::npos) return true;
  const std::size_t at = model.find(kName);
  if (at == std::string_view::npos || at + kName.size() + 1 >= model.size()) return false;
  const char major = model[at + kName.size()], next = model[at + kName.size() + 1];
  return (major == '1' || major == '2') && (next == '.' || next == '-');
}

void write_contents(JsonWriter& writer, const Request& request, const WriteContext& context, Losses& losses) {
  ContentsWriter contents(writer, request, context, losses);
  contents.instructions();
  writer.key("contents");
  contents.contents();
}

void write_request_members(JsonWriter& writer, const Request& request, const WriteContext& context, Losses& losses) {
  const bool same = context.same_dialect;
  if (same) writer.raw_member_if("model", extra_of(request.extra, "~model"));
  write_contents(writer, request, context, losses);
  write_tools(writer, request, context, losses);
  write_generation_config(writer, request, context, losses);
  writer.raw_member_if("safetySettings", request.safety_settings);
  if (request.metadata.size() > 2 || (same && !request.metadata.empty())) {
    if (same || context.quirks.vertex_labels) {
      writer.raw_member("labels", request.metadata);
    } else {
      losses.add(Field::metadata);
    }
  }
  const std::string& tier = request.service_tier;
  const bool known = tier == "flex" || tier == "priority" || tier == "standard";
  if (same || known) {
    writer.member_if("serviceTier", tier);
  } else if (tier == "default" || tier == "standard_only") {
    writer.member("serviceTier", "standard");
  } else if (!tier.empty() && tier != "auto") {
    losses.add(Field::service_tier);
  }
  if (request.store) writer.member("store", *request.store);
  if (same) write_extras(writer, request.extra);
}

}  // namespace tollgate::gateway::gemini_form
