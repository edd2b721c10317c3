// The dialect "ollama.chat": its pieces behind one interface. Thread rule: a stateless singleton.
#include "gateway/dialects/ollama.h"

namespace tollgate::gateway {
namespace {

class OllamaChat final : public Dialect {
 public:
  std::string_view name() const override { return ollama::kName; }
  std::string_view family() const override { return ollama::kFamily; }
  const chat::FieldTable& fields() const override { return ollama::field_table(); }
  Framing framing() const override { return Framing::ndjson; }

  Result<chat::Request> read_request(std::string_view body, const ReadContext& context) const override {
    return ollama::read_request(body, context);
  }
  Result<std::string> write_request(const chat::Request& request, const WriteContext& context,
                                    chat::Losses& losses) const override {
    return ollama::write_request(request, context, losses);
  }
  Result<chat::Reply> read_reply(std::string_view body) const override { return ollama::read_reply(body); }
  std::string write_reply(const chat::Reply& reply, const StreamOptions& options) const override {
    return ollama::write_reply(reply, options);
  }
  Error read_error(int status, std::string_view body) const override { return ollama::read_error(status, body); }
  std::string write_error(const Error& error) const override { return ollama::write_error(error); }
  std::unique_ptr<EventReader> event_reader() const override { return ollama::event_reader(); }
  std::unique_ptr<EventWriter> event_writer(const StreamOptions& options) const override {
    return ollama::event_writer(options);
  }
};

}  // namespace

const Dialect& ollama_chat() {
  static const OllamaChat dialect;
  return dialect;
}

}  // namespace tollgate::gateway
