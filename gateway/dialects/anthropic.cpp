#include "gateway/dialects/anthropic.h"

#include "gateway/dialects/anthropic_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway {
namespace {

class Anthropic final : public Dialect {
 public:
  std::string_view name() const override { return claude::kDialect; }
  std::string_view family() const override { return claude::kFamily; }
  const chat::FieldTable& fields() const override { return claude::field_table(); }
  Framing framing() const override { return Framing::sse; }

  Result<chat::Request> read_request(std::string_view body, const ReadContext& context) const override {
    return claude::read_request(body, context);
  }
  Result<std::string> write_request(const chat::Request& request, const WriteContext& context,
                                    chat::Losses& losses) const override {
    return claude::write_request(request, context, false, losses);
  }
  Result<chat::Reply> read_reply(std::string_view body) const override { return claude::read_reply(body); }
  std::string write_reply(const chat::Reply& reply, const StreamOptions& options) const override {
    return claude::write_reply(reply, options);
  }
  Error read_error(int status, std::string_view body) const override { return claude::read_error_text(status, body); }
  std::string write_error(const Error& error) const override { return claude::error_text(error); }
  std::unique_ptr<EventReader> event_reader() const override { return claude::make_event_reader(); }
  std::unique_ptr<EventWriter> event_writer(const StreamOptions& options) const override {
    return claude::make_event_writer(options);
  }
};

}  // namespace

const Dialect& anthropic() {
  static const Anthropic kAnthropic;
  return kAnthropic;
}

namespace claude {

std::string Place::text() const {
  std::string out = parent ? parent->text() + "." : std::string();
  out += member;
  if (index >= 0) out += "[" + std::to_string(index) + "]";
  return out;
}

Error fault(const Place& place, std::string_view problem) {
  return Error{.kind = ErrorKind::client_fault,
               .status = 400,
               .code = "invalid_request",
               .message = place.text() + ": " + std::string(problem)};
}

namespace {

bool is_nested(std::string_view name) {
  for (const std::string_view object :
       {"cache_control.", "source.", "citations.", "output_config.", "thinking.", "tool_choice."})
    if (name.starts_with(object)) return true;
  return false;
}

bool inside(std::string_view name, std::string_view object) {
  return name.size() > object.size() && name.starts_with(object) && name[object.size()] == '.';
}

}  // namespace

// A caller's member must not pass for a spelling of ours.
void keep_unknown(chat::Extra& extra, std::string_view name, JsonValue value) {
  if (!value.is_null() && !name.starts_with('~') && !is_nested(name)) keep_extra(extra, name, value);
}

void keep_nested(chat::Extra& extra, std::string_view object, std::string_view member, JsonValue value) {
  if (!value.is_null()) extra.emplace_back(std::string(object) + "." + std::string(member), value.text());
}

void write_nested(JsonWriter& writer, const chat::Extra& extra, std::string_view object) {
  for (const auto& [name, value] : extra)
    if (inside(name, object)) writer.raw_member(std::string_view(name).substr(object.size() + 1), value);
}

bool has_nested(const chat::Extra& extra, std::string_view object) {
  for (const auto& [name, value] : extra)
    if (inside(name, object)) return true;
  return false;
}

void write_plain(JsonWriter& writer, const chat::Extra& extra) {
  for (const auto& [name, value] : extra)
    if (!name.starts_with('~') && !is_nested(name)) writer.raw_member(name, value);
}

const chat::RawJson* find_extra(const chat::Extra& extra, std::string_view name) {
  for (const auto& [known, value] : extra)
    if (known == name) return &value;
  return nullptr;
}

JsonReader& body_parser() {
  thread_local JsonReader parser;
  return parser;
}

JsonReader& piece_parser() {
  thread_local JsonReader parser;
  return parser;
}

}  // namespace claude
}  // namespace tollgate::gateway
