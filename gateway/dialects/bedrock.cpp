// Converse of Amazon Bedrock as a dialect: the pieces put together. The vendor's row says how it is reached.
// Thread rule: a stateless singleton.
#include "gateway/dialects/bedrock_wire.h"

namespace tollgate::gateway {
namespace {

class BedrockConverse final : public Dialect {
 public:
  std::string_view name() const override { return bedrock::kDialect; }
  std::string_view family() const override { return bedrock::kFamily; }
  const chat::FieldTable& fields() const override { return bedrock::field_table(); }
  Framing framing() const override { return Framing::aws; }

  Result<chat::Request> read_request(std::string_view body, const ReadContext& context) const override {
    return bedrock::read_request(body, context);
  }
  Result<std::string> write_request(const chat::Request& request, const WriteContext& context,
                                    chat::Losses& losses) const override {
    return bedrock::write_request(request, context, losses);
  }
  Result<chat::Reply> read_reply(std::string_view body) const override { return bedrock::read_reply(body); }
  std::string write_reply(const chat::Reply& reply, const StreamOptions& options) const override {
    return bedrock::write_reply(reply, options);
  }
  Error read_error(int status, std::string_view body) const override { return bedrock::read_error(status, body); }
  std::string write_error(const Error& error) const override { return bedrock::write_error(error); }
  std::unique_ptr<EventReader> event_reader() const override { return bedrock::make_event_reader(); }
  std::unique_ptr<EventWriter> event_writer(const StreamOptions& options) const override {
    return bedrock::make_event_writer(options);
  }
};

}  // namespace

const Dialect& bedrock_converse() {
  static const BedrockConverse kDialect;
  return kDialect;
}

}  // namespace tollgate::gateway
