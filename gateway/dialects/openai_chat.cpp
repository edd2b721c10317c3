// The dialect openai.chat: OpenAI Chat Completions, and every vendor that speaks it. Thread rule: stateless.
#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway {
namespace {

class OpenAiChat final : public Dialect {
 public:
  std::string_view name() const override { return oai::kName; }
  std::string_view family() const override { return oai::kFamily; }
  const chat::FieldTable& fields() const override { return oai::fields(); }
  bool carries_with(const Quirks& quirks, chat::Field field) const override { return oai::carries_with(quirks, field); }
  Framing framing() const override { return Framing::sse; }
  Result<chat::Request> read_request(std::string_view body, const ReadContext& context) const override {
    return oai::read_request(body, context);
  }
  Result<std::string> write_request(const chat::Request& request, const WriteContext& context,
                                    chat::Losses& losses) const override {
    return oai::write_request(request, context, losses);
  }
  Result<chat::Reply> read_reply(std::string_view body) const override { return oai::read_reply(body); }
  std::string write_reply(const chat::Reply& reply, const StreamOptions& options) const override {
    return oai::write_reply(reply, options);
  }
  Error read_error(int status, std::string_view body) const override { return oai::read_error(status, body); }
  std::string write_error(const Error& error) const override { return oai::write_error(error); }
  std::unique_ptr<EventReader> event_reader() const override { return oai::event_reader(); }
  std::unique_ptr<EventWriter> event_writer(const StreamOptions& options) const override {
    return oai::event_writer(options);
  }
};

}  // namespace

const Dialect& openai_chat() {
  static const OpenAiChat kDialect;
  return kDialect;
}

}  // namespace tollgate::gateway
