// The dialect "cohere.chat": its pieces behind one interface. Thread rule: a stateless singleton.
#include "gateway/dialects/cohere.h"

namespace tollgate::gateway {
namespace {

class CohereChat final : public Dialect {
 public:
  std::string_view name() const override { return cohere::kName; }
  std::string_view family() const override { return cohere::kFamily; }
  const chat::FieldTable& fields() const override { return cohere::field_table(); }
  Framing framing() const override { return Framing::sse; }

  Result<chat::Request> read_request(std::string_view body, const ReadContext& context) const override {
    return cohere::read_request(body, context);
  }
  Result<std::string> write_request(const chat::Request& request, const WriteContext& context,
                                    chat::Losses& losses) const override {
    return cohere::write_request(request, context, losses);
  }
  Result<chat::Reply> read_reply(std::string_view body) const override { return cohere::read_reply(body); }
  std::string write_reply(const chat::Reply& reply, const StreamOptions& options) const override {
    return cohere::write_reply(reply, options);
  }
  Error read_error(int status, std::string_view body) const override { return cohere::read_error(status, body); }
  std::string write_error(const Error& error) const override { return cohere::write_error(error); }
  std::unique_ptr<EventReader> event_reader() const override { return cohere::event_reader(); }
  std::unique_ptr<EventWriter> event_writer(const StreamOptions& options) const override {
    return cohere::event_writer(options);
  }
};

}  // namespace

const Dialect& cohere_chat() {
  static const CohereChat dialect;
  return dialect;
}

}  // namespace tollgate::gateway
