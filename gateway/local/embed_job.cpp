#include "gateway/local/embed_job.h"

#include <bit>
#include <charconv>

#include "core/base64.h"
#include "core/json.h"
#include "core/json_write.h"
#include "gateway/dialects/dialect.h"
#include "gateway/dialects/embeddings.h"
#include "gateway/local/chat_answer.h"
#include "gateway/local/local_reply.h"
#include "gateway/local/off_thread.h"

namespace tollgate::gateway {
namespace {

// As OpenAI's API; vectors and texts of one request are in memory at one time.
constexpr std::size_t kMostInputs = 2048, kMostTokens = 300'000;

Error refuse(std::string code, std::string message) {
  return Error{.kind = ErrorKind::client_fault, .status = 400, .code = std::move(code), .message = std::move(message)};
}

std::string place_of(const EmbedRequest& request, std::size_t index) {
  return request.list ? "input[" + std::to_string(index) + "]" : "input";
}

// Token lists stand for themselves: who writes tokens writes the model's own marks, too.
Result<std::vector<local::Token>> tokens_of(const local::EmbedEngine& engine, const EmbedPart& part,
                                            const std::string& place) {
  std::vector<local::Token> tokens;
  if (part.kind == EmbedPart::Kind::text) {
    tokens = engine.tokenizer().encode(part.text, {.add_special = true, .parse_special = false});
  } else {
    JsonReader reader;
    const auto list = reader.parse(part.text);
    if (!list) return list.error();
    bool known = true;
    list->elements([&](JsonValue item) {
      const std::int64_t token = item.as_int().value_or(-1);
      known = known && token >= 0 && token < static_cast<std::int64_t>(engine.tokenizer().size());
      tokens.push_back(known ? static_cast<local::Token>(token) : 0);
    });
    if (!known) return refuse("bad_token", place + ": holds a number that is no token of this model");
  }
  if (tokens.empty()) return refuse("empty_input", place + ": has no tokens");
  if (tokens.size() > engine.context())
    return refuse("context_length_exceeded", place + ": has " + std::to_string(tokens.size()) +
                                                 " tokens; this local model takes " + std::to_string(engine.context()) +
                                                 " in one text: split it");
  return tokens;
}

Result<void> check_options(const EmbedRequest& request, const local::EmbedEngine& engine) {
  if (request.inputs.size() > kMostInputs)
    return refuse("too_many_inputs", "input: holds more than " + std::to_string(kMostInputs) + " texts");
  const auto width = static_cast<std::int64_t>(engine.width());
  if (request.dimensions.value_or(width) != width)
    return refuse("unsupported_dimensions", "dimensions: this local model's vectors have " + std::to_string(width) +
                                                " numbers and mean nothing when they are cut: leave it out");
  for (const auto& [name, value] : request.extra)
    if (name == "encoding_format" && value != "null")
      return refuse("invalid_request", "encoding_format: must be float or base64");
  return {};
}

// The engine's answer on its way from the embedder's thread.
struct Waiting {
  explicit Waiting(Executor executor) : signal(executor) {}
  net::Signal signal;
  std::atomic<bool> done = false;
  std::optional<Result<local::EmbedAnswer>> answer;
};

// For a caller who has left meanwhile no more texts are computed, and the answer holds what was used.
Task<Result<local::EmbedAnswer>> compute(net::Stream& stream, EmbedWork& work) {
  auto waiting = std::make_shared<Waiting>(stream.executor());  // second owner: the engine until it has answered
  local::EmbedEngine& engine = *work.model->embedder;
  auto id =
      engine.submit(std::move(work.texts), [waiting, executor = stream.executor()](Result<local::EmbedAnswer> answer) {
        waiting->answer.emplace(std::move(answer));
        waiting->done = true;
        asio::post(executor, [waiting] { waiting->signal.notify(); });
      });
  if (!id) co_return std::move(id).error();
  net::Deadline timer(stream.executor());
  timer.on_expire([&waiting] { waiting->signal.notify(); });
  while (!waiting->done) {
    timer.set(SteadyClock::now() + kCallerLook);
    co_await waiting->signal.wait();
    if (!waiting->done && !stream.looks_alive()) engine.cancel(*id);
  }
  co_return *std::move(waiting->answer);
}

// Numbers, or base64 of their bytes.
void write_vector(JsonWriter& writer, const std::vector<float>& vector, bool base64, std::string& scratch) {
  static_assert(std::endian::native == std::endian::little, "vectors are sent as they lie in memory");
  if (base64) {
    const auto* bytes = reinterpret_cast<const char*>(vector.data());
    writer.string(base64_encode({bytes, vector.size() * sizeof(float)}));
    return;
  }
  scratch = '[';
  char text[32];
  for (const float number : vector) {
    if (scratch.size() > 1) scratch += ',';
    scratch.append(text, std::to_chars(text, text + sizeof text, number).ptr);
  }
  scratch += ']';
  writer.raw(scratch);
}

}  // namespace

Result<EmbedWork> read_embed_work(const LocalModels& models, std::string_view body) {
  auto request = find_embed_form("openai.embeddings")->read_request(body, {});
  if (!request) return std::move(request).error();
  auto model = find_loaded(models, request->model, LocalUse::embeddings);
  if (!model) return std::move(model).error();
  EmbedWork work{.model = *std::move(model), .texts = {}, .tokens = 0, .base64 = request->base64};
  const local::EmbedEngine& engine = *work.model->embedder;
  if (auto checked = check_options(*request, engine); !checked) return std::move(checked).error();
  for (std::size_t i = 0; i < request->inputs.size(); ++i) {
    auto tokens = tokens_of(engine, request->inputs[i].parts.front(), place_of(*request, i));
    if (!tokens) return std::move(tokens).error();
    work.tokens += tokens->size();
    if (work.tokens > kMostTokens)
      return refuse("too_many_tokens", "input: holds more than " + std::to_string(kMostTokens) +
                                           " tokens; send the texts in several requests");
    work.texts.push_back(*std::move(tokens));
  }
  return work;
}

std::string write_embed_reply(std::string_view model, const local::EmbedAnswer& answer, std::size_t tokens, bool base64,
                              const std::optional<Money>& hourly) {
  std::string out, scratch;
  JsonWriter writer(out);
  writer.begin_object().member("object", "list").key("data").begin_array();
  for (std::size_t i = 0; i < answer.vectors.size(); ++i) {
    writer.begin_object().member("object", "embedding").member("index", static_cast<std::int64_t>(i)).key("embedding");
    write_vector(writer, answer.vectors[i], base64, scratch);
    writer.end_object();
  }
  writer.end_array().member("model", model).key("usage").begin_object();
  writer.member("prompt_tokens", static_cast<std::int64_t>(tokens))
      .member("total_tokens", static_cast<std::int64_t>(tokens))
      .member("machine_us", answer.machine_us);
  if (hourly) writer.key("cost").raw(machine_cost(answer.machine_us, *hourly).to_string());
  writer.end_object().end_object();
  return out;
}

Task<bool> run_embed(net::Stream& stream, LocalVendor& vendor, std::string_view body) {
  const std::function<Result<EmbedWork>()> read = [&models = vendor.models, text = std::string(body)] {
    return read_embed_work(models, text);
  };
  auto work = co_await off_thread(stream, vendor.preparing, read);
  if (!work) co_return co_await send_json(stream, 200, write_embed_reply({}, {}, 0, false, Money()));
  if (!*work) co_return co_await send_error(stream, openai_chat(), work->error());
  auto answer = co_await compute(stream, **work);
  if (!answer) co_return co_await send_error(stream, openai_chat(), answer.error());
  local::EmbedAnswer used;  // without vectors: for who has left, the usage alone
  used.machine_us = answer->machine_us;
  const std::string usage =
      write_embed_reply((*work)->model->row.name, used, answer->tokens, false, (*work)->model->row.hourly_cost);
  const std::function<std::string()> write = [model = (*work)->model, tokens = (*work)->tokens,
                                              base64 = (*work)->base64,
                                              made = std::make_shared<local::EmbedAnswer>(*std::move(answer))] {
    return write_embed_reply(model->row.name, *made, tokens, base64, model->row.hourly_cost);
  };
  auto reply = co_await off_thread(stream, vendor.preparing, write);
  std::string whole = reply ? *std::move(reply) : usage;
  co_return co_await send_json(stream, 200, std::move(whole));
}

}  // namespace tollgate::gateway
