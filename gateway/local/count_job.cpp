#include "gateway/local/count_job.h"

#include "gateway/dialects/anthropic.h"
#include "gateway/dialects/gemini.h"
#include "gateway/dialects/translate.h"
#include "gateway/local/local_reply.h"
#include "gateway/local/off_thread.h"
#include "gateway/local/prompt.h"

namespace tollgate::gateway {
namespace {

// A chat comes to the local vendor in OpenAI's form, and so must a request that is only counted: what that form loses
// is not in the prompt either.
Result<std::int64_t> count(const LocalModels& models, const Dialect& form, Result<chat::Request> asked) {
  if (!asked) return std::move(asked).error();
  auto model = find_loaded(models, asked->model);
  if (!model) return std::move(model).error();
  chat::Losses losses;
  auto body = translate_request(form, *asked, openai_chat(), {.model = asked->model, .stream = false, .quirks = {}},
                                Fidelity::warn, losses);
  if (!body) return std::move(body).error();
  auto request = openai_chat().read_request(*body, {});
  if (!request) return std::move(request).error();
  auto tokens = prompt_tokens(**model, *request);
  if (!tokens) return std::move(tokens).error();
  return static_cast<std::int64_t>(tokens->size());
}

}  // namespace

Task<bool> run_count(net::Stream& stream, LocalVendor& vendor, std::string_view body, std::string_view path_model) {
  const bool of_gemini = !path_model.empty();
  const Dialect& form = of_gemini ? gemini() : anthropic();
  const std::function<Result<std::int64_t>()> work = [&models = vendor.models, &form, of_gemini,
                                                      text = std::string(body), name = std::string(path_model)] {
    return count(models, form,
                 of_gemini ? read_gemini_count_request(text, {.model = name}) : form.read_request(text, {}));
  };
  const auto counted = co_await off_thread(stream, vendor.preparing, work);
  if (!counted) co_return false;
  if (!*counted) co_return co_await send_error(stream, form, counted->error());
  co_return co_await send_json(
      stream, 200,
      of_gemini ? write_gemini_count_reply({.total = **counted, .cached = 0}) : write_count_reply(**counted));
}

}  // namespace tollgate::gateway
