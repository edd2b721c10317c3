#include "gateway/local/local_reply.h"

#include "core/http.h"

namespace tollgate::gateway {
namespace {

constexpr std::chrono::seconds kLoadingRetry{5};

}  // namespace

Result<std::shared_ptr<const LoadedModel>> find_loaded(const LocalModels& models, std::string_view name, LocalUse use) {
  auto model = models.find(name);
  if (!model)
    return Error{.kind = ErrorKind::client_fault,
                 .status = 404,
                 .code = "model_not_found",
                 .message = "no local model is called '" + std::string(name) + "': see local: models:"};
  if (model->loading)
    return Error{.kind = ErrorKind::retry_elsewhere,
                 .status = 503,
                 .code = "model_loading",
                 .message = "local model '" + std::string(name) + "' is still being loaded; try again soon",
                 .retry_after = kLoadingRetry};
  if (!model->problem.empty())
    return Error{.kind = ErrorKind::retry_elsewhere,
                 .status = 503,
                 .code = "model_not_loaded",
                 .message = "local model '" + std::string(name) + "' is not loaded: " + model->problem};
  if (const bool embeds = model->embedder != nullptr; embeds != (use == LocalUse::embeddings))
    return Error{.kind = ErrorKind::client_fault,
                 .status = 400,
                 .code = embeds ? "not_a_chat_model" : "not_an_embedding_model",
                 .message = "local model '" + std::string(name) +
                            (embeds ? "' makes embeddings and does not chat: ask it at /v1/embeddings"
                                    : "' chats and makes no embeddings: ask a model of the BERT family")};
  return model;
}

Task<bool> send_json(net::Stream& stream, int status, std::string body, std::string retry_after) {
  std::string out;
  http::write_status_line(out, status);
  http::write_header(out, "Content-Type", "application/json");
  if (!retry_after.empty()) http::write_header(out, "Retry-After", retry_after);
  http::write_header(out, "Content-Length", std::to_string(body.size()));
  out += "\r\n";
  out += body;
  auto written = co_await stream.write_all(out);
  co_return written.has_value();
}

Task<bool> send_error(net::Stream& stream, const Dialect& dialect, const Error& error) {
  std::string retry;
  if (error.retry_after.count() > 0) retry = std::to_string((error.retry_after.count() + 999) / 1000);
  co_return co_await send_json(stream, error.status, dialect.write_error(error), retry);
}

}  // namespace tollgate::gateway
