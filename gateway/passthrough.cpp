// Raw passthrough: /passthrough/{provider}/... goes to that provider as it is, tagged and recorded like any call. Usage
// is looked for in whatever comes back; a POST whose usage stays unknown has an unknown cost.
#include <algorithm>

#include "core/log.h"
#include "core/percent.h"
#include "gateway/batches/settler.h"
#include "gateway/exchange.h"

namespace tollgate::gateway {
namespace {

// A path that stays below the vendor's base URL whoever reads it: no dot segments, plain or escaped, no backslash.
bool stays_below(std::string_view path) {
  std::string decoded;
  if (!percent_decode(path, decoded)) return false;
  if (decoded.find('\\') != std::string::npos) return false;
  for (const std::string_view text : {path, std::string_view(decoded)}) {
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t end = std::min(text.find('/', at), text.size());
      const std::string_view segment = text.substr(at, end - at);
      if (segment == "." || segment == "..") return false;
      at = end + 1;
    }
  }
  return std::none_of(decoded.begin(), decoded.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

// The model in a path like /models/{model}:action or /model/{model}/converse; "" if there is none.
std::string model_in_path(std::string_view path) {
  for (const std::string_view mark : {"/models/", "/model/", "/deployments/"}) {
    const std::size_t at = path.find(mark);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = path.substr(at + mark.size());
    std::string model;
    if (percent_decode(rest.substr(0, rest.find_first_of(mark == "/models/" ? "/:" : "/")), model)) return model;
  }
  return {};
}

}  // namespace

// Whatever of the body can be read; it may be anything.
Result<void> Exchange::scan_passthrough() {
  scan_ = {};
  if (!stays_below(in_.route.rest))
    return Error{.kind = ErrorKind::client_fault,
                 .status = 400,
                 .code = "bad_path",
                 .message = "a passthrough path must not hold '.' or '..' segments, backslashes or control characters"};
  if (auto scan = scan_request(in_.body)) scan_ = std::move(*scan);
  // The path decides what the vendor runs: a name in the body must not hide it from the key's list or the price.
  if (std::string named = model_in_path(in_.route.rest); !named.empty()) scan_.model = std::move(named);
  return {};
}

// The name that a key's list of models is asked about: "provider/model", or "passthrough/provider" for calls without
// one.
std::string Exchange::passthrough_name() const {
  const std::string provider = passthrough_provider();
  return scan_.model.empty() ? "passthrough/" + provider : provider + "/" + scan_.model;
}

// Files and batches name no model: the caller may name the provider in a header, else the configuration does.
std::string Exchange::passthrough_provider() const {
  if (!in_.route.provider.empty()) return in_.route.provider;
  if (const auto named = in_.head->find("x-tollgate-provider")) return std::string(*named);
  const config::Batches& batches = snapshot_->config.batches;
  return in_.surface->id == SurfaceId::message_batches ? batches.message_provider : batches.provider;
}

Result<void> Exchange::plan_passthrough() {
  const std::string wanted = passthrough_provider();
  const auto& providers = snapshot_->config.providers;
  const auto found =
      std::find_if(providers.begin(), providers.end(), [&](const config::Provider& one) { return one.name == wanted; });
  const auto refuse = [](int status, std::string code, std::string message) {
    return Error{
        .kind = ErrorKind::client_fault, .status = status, .code = std::move(code), .message = std::move(message)};
  };
  if (found == providers.end())
    return refuse(404, "provider_not_found",
                  "no provider '" + wanted.substr(0, 100) + "' is configured; see providers: in the file");
  const auto index = static_cast<std::size_t>(found - providers.begin());
  const Vendor& vendor = snapshot_->vendors[index];
  if (!vendor.unusable.empty()) return refuse(400, "target_not_capable", vendor.unusable);
  if (vendor.echo || vendor.local)
    return refuse(400, "target_not_capable", "the vendors inside this process have no other API");
  plan_ = {};
  plan_.targets.push_back({.provider = index, .model = scan_.model, .text = found->name + "/" + scan_.model});
  return {};
}

namespace {

// Whether a batch's own description says that nothing more will come.
bool batch_is_over(JsonValue batch) {
  const std::string_view status = batch["status"].as_string().value_or("");
  return batch["processing_status"].as_string() == "ended" || status == "completed" || status == "failed" ||
         status == "expired" || status == "cancelled";
}

}  // namespace

// A batch was accepted: its owner is made durable before the caller hears of it. A caller's poll that shows the end
// lets its cost be settled at once.
Result<void> Exchange::note_batch(std::string_view reply) {
  const bool batch = in_.surface->id == SurfaceId::batches || in_.surface->id == SurfaceId::message_batches;
  if (!batch || !worker_.batches || record_.http_status >= 300) return {};
  JsonReader reader;
  const auto said = reader.parse(reply);
  if (!said || !(*said)["id"].is_string()) return {};
  const std::string id(*(*said)["id"].as_string());
  if (batch_is_over(*said)) worker_.batches->nudge(record_.provider, id);
  if (in_.head->method != "POST" || "/v1" + in_.route.rest != in_.surface->client_path) return {};
  auto bound = worker_.batches->bind({.provider = record_.provider,
                                      .surface = std::string(in_.surface->name),
                                      .batch_id = id,
                                      .endpoint = std::string((*said)["endpoint"].as_string().value_or("")),
                                      .request_id = request_id_,
                                      .created_us = record_.started_us,
                                      .team = record_.team,
                                      .feature = record_.feature,
                                      .environment = record_.environment,
                                      .user_id = record_.user_id,
                                      .key_id = record_.key_id,
                                      .tags = record_.tags,
                                      .quarantined = record_.quarantined});
  if (!bound)
    log_error("a batch's owner could not be kept",
              {{"batch", std::string_view(id)}, {"error", std::string_view(bound.error().message)}});
  return bound;
}

// A reply of any kind, byte for byte as it comes; the last piece waits for the ledger.
Task<Exchange::Next> Exchange::relay_raw(bool more_same, bool more_targets) {
  body_.clear();
  std::string piece;
  auto frames =
      reply_framing() ? make_frame_reader(*reply_framing(), snapshot_->config.limits.max_event_bytes) : nullptr;
  for (;;) {
    const Pull got = co_await pull(&piece, vendor_->config->idle_timeout);
    if (got == Pull::client_gone) co_return co_await client_left();
    if (got != Pull::data && got != Pull::end) {
      if (!content_sent_) co_return co_await attempt_failed(got, more_same, more_targets);
      (void)settle(got == Pull::timeout ? billing::Outcome::timeout : billing::Outcome::error, "upstream_closed");
      call_.abandon();
      keep_alive_ = false;  // no form of error fits into unknown bytes: the missing end tells it
      client_gone_ = true;
      co_return Next::client_gone;
    }
    if (frames) {
      Frame frame;
      frames->feed(piece);
      while (frames->next(frame)) usage_.event(frame.event, frame.data);
    }
    if (got == Pull::end) reply_whole_ = true;
    if (got == Pull::end && !settle(billing::Outcome::ok, "")) keep_alive_ = false;
    fed_ = whole_ = body_.size();
    if ((got == Pull::end || !body_.empty()) && !co_await emit(body_.size(), got == Pull::end))
      co_return co_await client_left();
    if (got == Pull::end) break;
    body_ = std::exchange(piece, {});
  }
  call_.finish();
  co_return Next::answered;
}

}  // namespace tollgate::gateway
