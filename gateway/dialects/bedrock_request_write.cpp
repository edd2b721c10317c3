// Converse requests, written: as their own caller said them, or as the model at hand takes them. Thread rule: pure
// functions.
#include <algorithm>
#include <cstdlib>

#include "gateway/dialects/bedrock_blocks.h"
#include "gateway/dialects/bedrock_request.h"
#include "gateway/dialects/bedrock_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::bedrock {
namespace {

using chat::Field;
using Format = chat::ResponseFormat::Kind;

constexpr std::size_t kMaxMetadata = 256;

// Letters, digits and the few signs that the service takes in metadata.
bool fits_metadata(std::string_view text) {
  constexpr std::string_view kSigns = " \t\r\n:_@$#=/+,-.";
  return text.size() <= kMaxMetadata && std::all_of(text.begin(), text.end(), [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  kSigns.find(c) != std::string_view::npos;
         });
}

std::string_view tier_of(std::string_view tier) {
  if (tier == "default" || tier == "standard" || tier == "standard_only") return "default";
  if (tier == "priority" || tier == "fast") return "priority";
  if (tier == "flex") return "flex";
  return tier == "reserved" || tier == "scale" ? std::string_view("reserved") : std::string_view();
}

class RequestWriter {
 public:
  RequestWriter(const Writing& writing, const WriteContext& context, std::string& out)
      : writing_(writing), request_(writing.request), stream_(context.stream), writer_(out), fields_(fields_text_) {}

  Result<void> write() {
    writer_.begin_object();
    BlockWriter blocks(writer_, writing_.own ? BlockUse::own_request : BlockUse::foreign_request, writing_.traits,
                       writing_.losses);
    messages(blocks);
    system(blocks);
    fields_.begin_object();
    const ReasoningPlan plan = write_reasoning(fields_, writing_);
    inference(plan);
    if (auto tools = write_tool_config(writer_, writing_, fields_); !tools) return tools;
    additional_fields();
    output(plan);
    metadata();
    tier();
    if (writing_.own) {
      write_extra_under(writer_, request_.extra, "");
    } else if (!request_.stop.empty() && writing_.traits.claude_like()) {
      stop_sequence_wanted();
    }
    writer_.end_object();
    return {};
  }

 private:
  void messages(BlockWriter& blocks);
  void system(BlockWriter& blocks);
  std::string format_instruction() const;
  void inference(const ReasoningPlan& plan);
  void temperature(const ReasoningPlan& plan);
  void stop_strings();
  void additional_fields();
  void top_k(const ReasoningPlan& plan);
  void output(const ReasoningPlan& plan);
  void text_format();
  void metadata();
  void tier();
  void stop_sequence_wanted();
  bool has_extra(std::string_view prefix) const {
    return writing_.own && std::any_of(request_.extra.begin(), request_.extra.end(),
                                       [&](const auto& one) { return one.first.starts_with(prefix); });
  }

  const Writing& writing_;
  const chat::Request& request_;
  const bool stream_;
  std::string fields_text_;
  JsonWriter writer_;
  JsonWriter fields_;
};

void RequestWriter::messages(BlockWriter& blocks) {
  writer_.key("messages").begin_array();
  for (const Turn& turn : writing_.conversation.turns) {
    const bool assistant = turn.role == chat::Role::assistant;
    writer_.begin_object();
    writer_.member("role", assistant ? "assistant" : turn.role == chat::Role::user ? "user" : "system");
    writer_.key("content").begin_array();
    for (const Piece& piece : turn.pieces) blocks.write(*piece.part, piece.message);
    writer_.end_array();
    if (turn.extra && writing_.own) write_extra_under(writer_, *turn.extra, "");
    writer_.end_object();
  }
  writer_.end_array();
}

// What stands in for a format that the model's interface does not know.
std::string RequestWriter::format_instruction() const {
  if (writing_.own) return {};
  if (request_.format.kind == Format::json_object) return "Answer with one JSON object and nothing else.";
  if (request_.format.kind != Format::json_schema || writing_.traits.json_schema) return {};
  if (request_.format.strict == true) writing_.losses.add(Field::strict_schema);
  return "Answer with JSON that fits this JSON Schema, and nothing else:\n" + request_.format.schema;
}

void RequestWriter::system(BlockWriter& blocks) {
  const std::string instruction = format_instruction();
  if (writing_.conversation.system.empty() && instruction.empty()) return;
  writer_.key("system").begin_array();
  for (const Piece& piece : writing_.conversation.system) blocks.write(*piece.part, piece.message);
  if (!instruction.empty()) writer_.begin_object().member("text", instruction).end_object();
  writer_.end_array();
}

void RequestWriter::temperature(const ReasoningPlan& plan) {
  if (request_.temperature.empty()) return;
  if (writing_.own) {
    writer_.raw_member("temperature", request_.temperature);
  } else if (plan.thinks || !writing_.traits.sampling) {
    if (!plan.thinks || std::strtod(request_.temperature.c_str(), nullptr) != 1)
      writing_.losses.add(Field::temperature);
  } else if (std::strtod(request_.temperature.c_str(), nullptr) > 1) {
    writing_.losses.add("temperature.above_1");
    writer_.raw_member("temperature", "1");
  } else {
    writer_.raw_member("temperature", request_.temperature);
  }
}

void RequestWriter::stop_strings() {
  std::vector<std::string_view> texts;
  for (const std::string& text : request_.stop)
    if (writing_.own || !is_blank(text)) texts.push_back(text);
  if (texts.size() < request_.stop.size() || (!writing_.own && !writing_.traits.stop && !texts.empty()))
    writing_.losses.add(Field::stop);
  if (texts.empty() || (!writing_.own && !writing_.traits.stop)) return;
  writer_.key("stopSequences").begin_array();
  for (const std::string_view text : texts) writer_.string(text);
  writer_.end_array();
}

void RequestWriter::inference(const ReasoningPlan& plan) {
  const bool any = request_.max_output_tokens || !request_.temperature.empty() || !request_.top_p.empty() ||
                   !request_.stop.empty() || has_extra("inferenceConfig.");
  if (any) {
    writer_.key("inferenceConfig").begin_object();
    if (request_.max_output_tokens) writer_.member("maxTokens", *request_.max_output_tokens);
    temperature(plan);
    const claude::ModelTraits& claude = writing_.traits.claude;
    const bool beside = writing_.traits.claude_like() && claude.one_sampler && !request_.temperature.empty();
    if (!request_.top_p.empty()) {
      if (writing_.own || (writing_.traits.sampling && !plan.thinks && !beside)) {
        writer_.raw_member("topP", request_.top_p);
      } else {
        writing_.losses.add(Field::top_p);
      }
    }
    stop_strings();
    if (writing_.own) write_extra_under(writer_, request_.extra, "inferenceConfig.");
    writer_.end_object();
  }
  top_k(plan);
}

void RequestWriter::top_k(const ReasoningPlan& plan) {
  if (request_.top_k.empty()) return;
  const Vendor vendor = writing_.traits.vendor;
  if (!writing_.own && (!writing_.traits.top_k || plan.thinks)) return writing_.losses.add(Field::top_k);
  if (vendor == Vendor::nova) {
    if (!has_extra("additionalModelRequestFields.inferenceConfig"))
      fields_.key("inferenceConfig").begin_object().raw_member("topK", request_.top_k).end_object();
  } else {
    fields_.raw_member(vendor == Vendor::cohere ? "k" : "top_k", request_.top_k);
  }
}

void RequestWriter::additional_fields() {
  if (writing_.own) write_extra_under(fields_, request_.extra, kFields);
  fields_.end_object();
  if (fields_text_.size() > 2) writer_.raw_member("additionalModelRequestFields", fields_text_);
}

void RequestWriter::text_format() {
  const chat::ResponseFormat& format = request_.format;
  writer_.key("textFormat").begin_object().member("type", "json_schema");
  writer_.key("structure").begin_object().key("jsonSchema").begin_object();
  writer_.member("schema", format.schema.empty() ? std::string_view("{}") : std::string_view(format.schema));
  writer_.member_if("name", format.name).member_if("description", format.description);
  writer_.end_object().end_object().end_object();
}

void RequestWriter::output(const ReasoningPlan& plan) {
  const bool schema = request_.format.kind == Format::json_schema && (writing_.own || writing_.traits.json_schema);
  if (!schema && plan.effort.empty() && !has_extra("outputConfig.")) return;
  writer_.key("outputConfig").begin_object();
  if (schema) text_format();
  writer_.member_if("effort", plan.effort);
  if (writing_.own) write_extra_under(writer_, request_.extra, "outputConfig.");
  writer_.end_object();
}

void RequestWriter::metadata() {
  if (writing_.own) {
    writer_.raw_member_if("requestMetadata", request_.metadata);
    return;
  }
  bool open = false;
  const auto put = [&](std::string_view name, std::string_view value) {
    if (name.empty() || !fits_metadata(name) || !fits_metadata(value)) return false;
    if (!open) writer_.key("requestMetadata").begin_object();
    open = true;
    writer_.member(name, value);
    return true;
  };
  bool has_user = false;
  if (request_.metadata.size() > 2) {
    JsonReader reader;
    const auto root = reader.parse(request_.metadata);
    if (!root) return writing_.losses.add(Field::metadata);
    root->members([&](std::string_view name, JsonValue value) {
      has_user = has_user || name == "user";
      const std::string text = value.is_string() ? text_or_empty(value) : raw_of(value);
      if (!put(name, text)) writing_.losses.add("metadata." + std::string(name));
    });
  }
  if (!request_.user.empty() && (has_user || !put("user", request_.user))) writing_.losses.add(Field::user);
  if (open) writer_.end_object();
}

void RequestWriter::tier() {
  if (request_.service_tier.empty()) return;
  const std::string_view tier = writing_.own ? std::string_view(request_.service_tier) : tier_of(request_.service_tier);
  if (!tier.empty()) {
    writer_.key("serviceTier").begin_object().member("type", tier).end_object();
  } else if (request_.service_tier != "auto") {
    writing_.losses.add(Field::service_tier);
  }
}

// Which stop string was met is told only when it is asked for, by a path into the model's own reply.
void RequestWriter::stop_sequence_wanted() {
  writer_.key("additionalModelResponseFieldPaths").begin_array();
  writer_.string(stream_ ? "/delta/stop_sequence" : "/stop_sequence").end_array();
}

}  // namespace

Result<std::string> write_request(const chat::Request& request, const WriteContext& context, chat::Losses& losses) {
  const ModelTraits traits = traits_of(context.model);
  const Conversation conversation =
      context.same_dialect ? spoken_turns(request, traits, losses) : fitting_turns(request, traits, losses);
  const Writing writing{request, traits, conversation, context.same_dialect, losses};
  std::string out;
  out.reserve(2048);
  RequestWriter writer(writing, context, out);
  if (auto written = writer.write(); !written) return std::move(written).error();
  return out;
}

}  // namespace tollgate::gateway::bedrock
