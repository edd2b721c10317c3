#include "gateway/plain_forms.h"

#include "gateway/dialects/anthropic.h"
#include "gateway/dialects/embeddings.h"
#include "gateway/dialects/gemini.h"
#include "gateway/dialects/rerank.h"

namespace tollgate::gateway {
namespace {

Error unknown_form(std::string_view form) {
  return Error{.kind = ErrorKind::client_fault,
               .status = 400,
               .code = "target_not_capable",
               .message = "no translation to '" + std::string(form) + "' is known"};
}

const Surface& surface_of_form(std::string_view form, const Surface& otherwise) {
  for (const Surface& surface : surfaces())
    if (surface.form == form) return surface;
  return otherwise;
}

class Embeddings final : public PlainForms {
 public:
  Embeddings(const EmbedForm& form, EmbedRequest request) : form_(form), request_(std::move(request)) {}

  Result<std::string> write_request(const Surface*& upstream, const WriteContext& context,
                                    chat::Losses& losses) override {
    const EmbedForm* to = find_embed_form(upstream->form);
    if (!to) return unknown_form(upstream->form);
    const EmbedForm& fitting = form_for(*to, request_);
    upstream = &surface_of_form(fitting.name, *upstream);
    return fitting.write_request(request_, context.model, losses);
  }
  Result<std::string> write_reply(const Surface& upstream, std::string_view body, const Usage& usage) override {
    auto reply = find_embed_form(upstream.form)->read_reply(body);
    if (!reply) return std::move(reply).error();
    return form_.write_reply(*reply, request_, usage);
  }

 private:
  const EmbedForm& form_;
  EmbedRequest request_;
};

class Rerank final : public PlainForms {
 public:
  Rerank(const RerankForm& form, RerankRequest request) : form_(form), request_(std::move(request)) {}

  Result<std::string> write_request(const Surface*& upstream, const WriteContext& context,
                                    chat::Losses& losses) override {
    const RerankForm* to = find_rerank_form(upstream->form);
    return to ? to->write_request(request_, context.model, losses) : unknown_form(upstream->form);
  }
  Result<std::string> write_reply(const Surface& upstream, std::string_view body, const Usage& usage) override {
    auto reply = find_rerank_form(upstream.form)->read_reply(body);
    if (!reply) return std::move(reply).error();
    return form_.write_reply(*reply, request_, usage);
  }

 private:
  const RerankForm& form_;
  RerankRequest request_;
};

// Token counts: Anthropic's count_tokens and Gemini's countTokens.
class Counts final : public PlainForms {
 public:
  Counts(bool from_gemini, chat::Request request) : from_gemini_(from_gemini), request_(std::move(request)) {}

  Result<std::string> write_request(const Surface*& upstream, const WriteContext& context,
                                    chat::Losses& losses) override {
    if (upstream->id == SurfaceId::gemini_count) return write_gemini_count_request(request_, context, losses);
    return write_count_request(request_, context, losses);
  }
  Result<std::string> write_reply(const Surface& upstream, std::string_view body, const Usage&) override {
    std::int64_t tokens = 0;
    if (upstream.id == SurfaceId::gemini_count) {
      auto count = read_gemini_count_reply(body);
      if (!count) return std::move(count).error();
      tokens = count->total;
    } else {
      auto count = read_count_reply(body);
      if (!count) return std::move(count).error();
      tokens = *count;
    }
    return from_gemini_ ? write_gemini_count_reply({.total = tokens}) : write_count_reply(tokens);
  }

 private:
  bool from_gemini_;
  chat::Request request_;
};

template <class Made, class Form, class Request>
Result<std::unique_ptr<PlainForms>> made(const Form& form, Result<Request> request) {
  if (!request) return std::move(request).error();
  return std::unique_ptr<PlainForms>(std::make_unique<Made>(form, std::move(*request)));
}

}  // namespace

Result<std::unique_ptr<PlainForms>> read_plain_request(const Route& route, std::string_view body,
                                                       std::string_view model) {
  const Surface& surface = *route.surface;
  if (const EmbedForm* form = find_embed_form(surface.form))
    return made<Embeddings>(*form, form->read_request(body, model));
  if (const RerankForm* form = find_rerank_form(surface.form)) return made<Rerank>(*form, form->read_request(body));
  if (surface.id == SurfaceId::gemini_count)
    return made<Counts>(true, read_gemini_count_request(body, {.model = model}));
  if (surface.id == SurfaceId::count_tokens)
    return made<Counts>(false, anthropic().read_request(body, {.model = model}));
  return unknown_form(surface.name);
}

Error read_plain_error(int status, std::string_view body) { return read_form_error(status, body); }

}  // namespace tollgate::gateway
