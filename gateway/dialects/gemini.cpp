#include "gateway/dialects/gemini.h"

#include "gateway/dialects/common.h"
#include "gateway/dialects/gemini_parts.h"
#include "gateway/dialects/gemini_reply.h"
#include "gateway/dialects/gemini_request.h"

namespace tollgate::gateway {

using namespace gemini_form;

namespace {

Error unreadable(const Error& error) { return bad_request("body", "is no valid JSON: " + error.message); }

class GeminiDialect final : public Dialect {
 public:
  std::string_view name() const override { return kDialect; }
  std::string_view family() const override { return kFamily; }
  const chat::FieldTable& fields() const override { return field_table(); }
  Framing framing() const override { return Framing::sse; }

  Result<chat::Request> read_request(std::string_view body, const ReadContext& context) const override {
    return read_gemini_request(body, context);
  }
  Result<std::string> write_request(const chat::Request& request, const WriteContext& context,
                                    chat::Losses& losses) const override {
    return write_gemini_request(request, context, losses);
  }
  Result<chat::Reply> read_reply(std::string_view body) const override { return read_gemini_reply(body); }
  std::string write_reply(const chat::Reply& reply, const StreamOptions& options) const override {
    return write_gemini_reply(reply, options);
  }
  Error read_error(int status, std::string_view body) const override { return read_fault(status, body); }
  std::string write_error(const Error& error) const override { return write_fault(error); }
  std::unique_ptr<EventReader> event_reader() const override { return make_event_reader(); }
  std::unique_ptr<EventWriter> event_writer(const StreamOptions& options) const override {
    return make_event_writer(options);
  }
};

}  // namespace

Result<chat::Request> read_gemini_request(std::string_view body, const ReadContext& context) {
  thread_local JsonReader reader;
  const auto root = reader.parse(body);
  if (!root) return unreadable(root.error());
  return read_request_object(*root, {}, context);
}

Result<std::string> write_gemini_request(const chat::Request& request, const WriteContext& context,
                                         chat::Losses& losses) {
  std::string out;
  out.reserve(2048);
  JsonWriter writer(out);
  writer.begin_object();
  write_request_members(writer, request, context, losses);
  writer.end_object();
  return out;
}

Result<chat::Request> read_gemini_count_request(std::string_view body, const ReadContext& context) {
  thread_local JsonReader reader;
  const auto root = reader.parse(body);
  if (!root) return unreadable(root.error());
  JsonValue inner;
  std::string scratch;
  root->members([&](std::string_view key, JsonValue value) {
    if (camel(key, scratch) == "generateContentRequest" && !value.is_null()) inner = value;
  });
  if (inner.present()) return read_request_object(inner, Spot{"generateContentRequest"}, context);
  return read_request_object(*root, {}, context);
}

Result<std::string> write_gemini_count_request(const chat::Request& request, const WriteContext& context,
                                               chat::Losses& losses) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  if (context.quirks.vertex_labels) {
    // Vertex AI takes what shapes the prompt, side by side, and no more.
    write_contents(writer, request, context, losses);
    write_tools(writer, request, context, losses);
    write_generation_config(writer, request, context, losses);
  } else {
    writer.key("generateContentRequest").begin_object();
    if (!context.same_dialect || extra_of(request.extra, "~model").empty())
      writer.member("model", "models/" + std::string(context.model));
    write_request_members(writer, request, context, losses);
    writer.end_object();
  }
  writer.end_object();
  return out;
}

Result<GeminiCount> read_gemini_count_reply(std::string_view body) {
  thread_local JsonReader reader;
  const auto root = reader.parse(body);
  if (!root) return unreadable(root.error());
  if ((*root)["error"].is_object()) return read_fault(0, body);
  const auto total = (*root)["totalTokens"].as_int();
  if (!total || *total < 0) return bad_request("totalTokens", "must be a number of tokens");
  return GeminiCount{.total = *total, .cached = (*root)["cachedContentTokenCount"].as_int().value_or(0)};
}

std::string write_gemini_count_reply(const GeminiCount& count) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().member("totalTokens", count.total);
  if (count.cached > 0) writer.member("cachedContentTokenCount", count.cached);
  writer.end_object();
  return out;
}

const Dialect& gemini() {
  static const GeminiDialect kGemini;
  return kGemini;
}

}  // namespace tollgate::gateway
