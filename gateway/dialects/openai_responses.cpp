// The OpenAI Responses API (POST /v1/responses) as a dialect. Thread rule: a stateless singleton.
#include "gateway/dialects/openai_responses_internal.h"

namespace tollgate::gateway {
namespace {

class OpenaiResponses final : public Dialect {
 public:
  std::string_view name() const override { return responses::kName; }
  std::string_view family() const override { return responses::kFamily; }
  const chat::FieldTable& fields() const override { return responses::field_table(); }
  bool carries_with(const Quirks& quirks, chat::Field field) const override {
    return responses::carries_with(quirks, field);
  }
  Framing framing() const override { return Framing::sse; }

  Result<chat::Request> read_request(std::string_view body, const ReadContext& context) const override {
    return responses::read_request(body, context);
  }
  Result<std::string> write_request(const chat::Request& request, const WriteContext& context,
                                    chat::Losses& losses) const override {
    return responses::write_request(request, context, losses);
  }
  Result<chat::Reply> read_reply(std::string_view body) const override { return responses::read_reply(body); }
  std::string write_reply(const chat::Reply& reply, const StreamOptions& options) const override {
    return responses::write_reply(reply, options);
  }
  Error read_error(int status, std::string_view body) const override { return responses::read_error(status, body); }
  std::string write_error(const Error& error) const override { return responses::write_error(error); }
  std::unique_ptr<EventReader> event_reader() const override { return responses::make_event_reader(); }
  std::unique_ptr<EventWriter> event_writer(const StreamOptions& options) const override {
    return responses::make_event_writer(options);
  }
};

}  // namespace

const Dialect& openai_responses() {
  static const OpenaiResponses dialect;
  return dialect;
}

}  // namespace tollgate::gateway
