// A request in this API's form: for the vendor, for its clouds (Bedrock, Vertex), and for counting. Thread rule: pure.
#include <charconv>

#include "gateway/dialects/anthropic_block_write.h"
#include "gateway/dialects/anthropic_schema.h"
#include "gateway/dialects/anthropic_thinking.h"
#include "gateway/dialects/anthropic_tools.h"
#include "gateway/dialects/anthropic_turns.h"
#include "gateway/dialects/anthropic_wire.h"

namespace tollgate::gateway::claude {
namespace {

using chat::Field;

constexpr std::string_view kOnlyJson =
    "Answer with one JSON object and nothing else: no words before or behind it, no code fence.";
constexpr std::string_view kMatchSchema = " It must match this JSON Schema: ";

double value_of(const chat::Number& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::size_t count_marks(const chat::Request& request) {
  std::size_t marks = 0;
  for (const chat::Tool& tool : request.tools) marks += tool.cache.set;
  for (const chat::Message& message : request.messages) {
    for (const chat::Part& part : message.parts) {
      marks += part.cache.set;
      if (const auto* result = part.get<chat::ToolResult>())
        for (const chat::Part& inner : result->content) marks += inner.cache.set;
    }
  }
  return marks;
}

class RequestWriter {
 public:
  RequestWriter(const chat::Request& request, const WriteContext& context, bool counting, chat::Losses& losses,
                std::string& out)
      : request_(request),
        context_(context),
        counting_(counting),
        losses_(losses),
        traits_(traits_of(context.model)),
        writer_(out),
        blocks_(writer_, context, skipped_marks(request, context), losses) {}
  void write();

 private:
  static std::size_t skipped_marks(const chat::Request& request, const WriteContext& context) {
    const std::size_t marks = context.same_dialect ? 0 : count_marks(request);
    return marks > kMaxCacheMarks ? marks - kMaxCacheMarks : 0;
  }
  bool same() const { return context_.same_dialect; }
  bool schema_in_words() const;
  void envelope();
  void system(const std::vector<Piece>& pieces);
  void turns(const std::vector<Turn>& turns);
  void thinking();
  void output_config();
  void sampling();
  void temperature();
  void top_p(bool beside_temperature);
  void stop();
  void metadata();
  void service_tier();

  const chat::Request& request_;
  const WriteContext& context_;
  const bool counting_;
  chat::Losses& losses_;
  const ModelTraits traits_;
  JsonWriter writer_;
  BlockWriter blocks_;
  ThinkingPlan plan_;
};

void RequestWriter::envelope() {
  const Quirks& quirks = context_.quirks;
  const bool in_path = (quirks.bedrock_body || quirks.vertex_body) && !counting_;
  if (!in_path && !context_.model.empty()) writer_.member("model", context_.model);
  if (quirks.bedrock_body) writer_.member("anthropic_version", "bedrock-2023-05-31");
  if (quirks.vertex_body) writer_.member("anthropic_version", "vertex-2023-10-16");
  if (counting_) return;
  writer_.member("max_tokens", plan_.max_tokens);
  if (context_.stream && !quirks.bedrock_body) writer_.member("stream", true);
}

// Models that know no output_config, and a wish for just any JSON, which the API has no member for.
bool RequestWriter::schema_in_words() const {
  using Kind = chat::ResponseFormat::Kind;
  return request_.format.kind == Kind::json_object ||
         (request_.format.kind == Kind::json_schema && !same() && !traits_.json_schema);
}

void RequestWriter::system(const std::vector<Piece>& pieces) {
  if (pieces.empty() && !schema_in_words()) return;
  writer_.key("system").begin_array();
  for (const Piece& piece : pieces) blocks_.write(piece, false);
  if (schema_in_words()) {
    std::string words(kOnlyJson);
    if (!request_.format.schema.empty()) words.append(kMatchSchema).append(request_.format.schema);
    writer_.begin_object().member("type", "text").member("text", words).end_object();
  }
  writer_.end_array();
}

// Beginnings of objects are whole texts where there are many of them: that is half the time of writing.
std::string_view head_of(chat::Role role) {
  if (role == chat::Role::user) return R"({"role":"user","content":[)";
  return role == chat::Role::assistant ? R"({"role":"assistant","content":[)" : R"({"role":"system","content":[)";
}

void RequestWriter::turns(const std::vector<Turn>& turns) {
  writer_.key("messages").begin_array();
  for (const Turn& turn : turns) {
    const bool prefill = &turn == &turns.back() && turn.role == chat::Role::assistant;
    writer_.raw(head_of(turn.role));
    for (const Piece& piece : turn.pieces) blocks_.write(piece, prefill && &piece == &turn.pieces.back());
    writer_.end_array();
    if (same() && turn.extra) write_plain(writer_, *turn.extra);
    writer_.end_object();
  }
  writer_.end_array();
}

void RequestWriter::thinking() {
  using Type = ThinkingPlan::Type;
  if (plan_.type == Type::unset) return;
  writer_.key("thinking").begin_object();
  writer_.member("type", plan_.type == Type::disabled  ? "disabled"
                         : plan_.type == Type::enabled ? "enabled"
                                                       : "adaptive");
  if (plan_.budget && (same() || plan_.type == Type::enabled)) writer_.member("budget_tokens", *plan_.budget);
  writer_.member_if("display", plan_.display);
  if (same()) write_nested(writer_, request_.extra, "thinking");
  writer_.end_object();
}

void RequestWriter::output_config() {
  const bool schema = request_.format.kind == chat::ResponseFormat::Kind::json_schema && !schema_in_words() &&
                      !request_.format.schema.empty();
  const auto format = [&](std::string_view name) {
    writer_.key(name).begin_object().member("type", "json_schema");
    writer_.raw_member("schema", same() ? request_.format.schema : closed_schema(request_.format.schema)).end_object();
  };
  const bool apart = schema && same() && find_extra(request_.extra, "~output_format");
  if (apart) format("output_format");
  const bool nested = same() && has_nested(request_.extra, "output_config");
  if (plan_.effort.empty() && !nested && (!schema || apart)) return;
  writer_.key("output_config").begin_object().member_if("effort", plan_.effort);
  if (schema && !apart) format("format");
  if (same()) write_nested(writer_, request_.extra, "output_config");
  writer_.end_object();
}

void RequestWriter::temperature() {
  const double value = value_of(request_.temperature);
  if (same() || (traits_.sampling && !plan_.thinks() && value <= 1)) {
    writer_.raw_member("temperature", request_.temperature);
    return;
  }
  // 1 is the vendor's default, which every model takes; of more, 1 is the most.
  if (value != 1) losses_.add(Field::temperature);
  if (value >= 1) writer_.member("temperature", 1);
}

void RequestWriter::top_p(bool beside_temperature) {
  const double value = value_of(request_.top_p);
  const bool refused = (plan_.thinks() && value < 0.95) || (!traits_.sampling && value < 0.99);
  // 1 says nothing, and may stay away where the two exclude each other.
  if (same() || (!refused && !(beside_temperature && traits_.one_sampler))) {
    writer_.raw_member("top_p", request_.top_p);
  } else if (value < 1) {
    losses_.add(Field::top_p);
  }
}

void RequestWriter::sampling() {
  const bool only_top_p = !same() && traits_.one_sampler && value_of(request_.temperature) == 1 &&
                          !request_.top_p.empty() && value_of(request_.top_p) < 1;
  const bool with_temperature = !request_.temperature.empty() && !only_top_p;
  if (with_temperature) temperature();
  if (!request_.top_p.empty()) top_p(with_temperature);
  if (!request_.top_k.empty()) {
    if (same() || (traits_.sampling && !plan_.thinks())) {
      writer_.raw_member("top_k", request_.top_k);
    } else {
      losses_.add(Field::top_k);
    }
  }
}

void RequestWriter::stop() {
  bool open = false;
  for (std::size_t i = 0; i < request_.stop.size(); ++i) {
    if (!same() && is_blank(request_.stop[i])) {
      losses_.add("stop[" + std::to_string(i) + "]");
      continue;
    }
    if (!std::exchange(open, true)) writer_.key("stop_sequences").begin_array();
    writer_.string(request_.stop[i]);
  }
  if (open) writer_.end_array();
}

void RequestWriter::metadata() {
  const bool rest = same() && !request_.metadata.empty();
  if (request_.user.empty() && !rest) return;
  writer_.key("metadata").begin_object().member_if("user_id", request_.user);
  if (rest)
    if (const auto parsed = piece_parser().parse(request_.metadata))
      parsed->members([&](std::string_view name, JsonValue value) { writer_.key(name).value(value); });
  writer_.end_object();
}

void RequestWriter::service_tier() {
  const std::string& tier = request_.service_tier;
  if (tier.empty()) return;
  if (same() || tier == "auto" || tier == "standard_only") {
    writer_.member("service_tier", tier);
  } else if (tier == "default" || tier == "standard") {
    writer_.member("service_tier", "standard_only");
  } else if (tier == "priority") {
    writer_.member("service_tier", "auto");
  } else {
    losses_.add(Field::service_tier);
  }
}

void RequestWriter::write() {
  const Conversation conversation =
      same() ? spoken_turns(request_, losses_) : fitting_turns(request_, context_, traits_, losses_);
  plan_ =
      same() ? spoken_plan(request_) : fitting_plan(request_, traits_, ends_in_unsigned_calls(conversation), losses_);
  writer_.begin_object();
  envelope();
  const bool has_tools = write_tools(writer_, request_, traits_, same(), blocks_, losses_);
  write_tool_choice(writer_, request_, has_tools, plan_.thinks(), same(), losses_);
  system(conversation.system);
  turns(conversation.turns);
  thinking();
  output_config();
  if (!counting_) {
    sampling();
    stop();
    metadata();
    service_tier();
  }
  if (same()) write_plain(writer_, request_.extra);
  writer_.end_object();
}

}  // namespace

Result<std::string> write_request(const chat::Request& request, const WriteContext& context, bool counting,
                                  chat::Losses& losses) {
  std::string out;
  out.reserve(4096);
  RequestWriter(request, context, counting, losses, out).write();
  return out;
}

}  // namespace tollgate::gateway::claude
