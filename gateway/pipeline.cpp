// The straight line of one request. Read serve(), then run_attempts(); everything else is named by them.
#include <algorithm>

#include "gateway/auth.h"
#include "gateway/error_body.h"
#include "gateway/exchange.h"
#include "gateway/replicas/replica_book.h"

namespace tollgate::gateway {
namespace {

// `pattern` may hold '*' for any run of characters.
bool glob_match(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t at = star; at <= text.size(); ++at)
    if (glob_match(rest, text.substr(at))) return true;
  return false;
}

bool may_use(const config::Key& key, std::string_view model) {
  return key.models.empty() ||
         std::any_of(key.models.begin(), key.models.end(), [&](const std::string& p) { return glob_match(p, model); });
}

}  // namespace

Exchange::Exchange(Worker& worker, ClientIo& client)
    : worker_(worker),
      client_(client),
      timer_(worker.context.get_executor()),
      signal_(worker.context.get_executor()),
      call_(http::Limits{.max_head_bytes = worker.snapshot->config.limits.max_head_bytes}),
      scanner_(worker.snapshot->config.limits.max_event_bytes) {
  timer_.on_expire([this] {
    timer_fired_ = true;
    wake(true);
  });
}

Task<bool> Exchange::serve(const InboundRequest& request) {
  in_ = request;
  snapshot_ = worker_.snapshot;
  request_id_ = Id::next();
  started_ = SteadyClock::now();
  attempts_ = 0;
  rate_limits_.clear();
  target_ = nullptr;  // it pointed into the last request's plan
  keep_alive_ = request.head->keep_alive && !worker_.draining;
  client_gone_ = half_closed_ = probed_ = timer_fired_ = head_sent_ = content_sent_ = partial_out_ = wrote_ = drop_lf_ =
      fresh_only_ = false;
  next_heartbeat_ = started_ + snapshot_->config.stream.heartbeat;
  worker_.metrics.requests.add();
  worker_.metrics.requests_in_flight.add(1);
  if (auto ready = prepare(); ready) {
    client_.watch(request.wire_bytes, [](void* self) { static_cast<Exchange*>(self)->on_client_change(); }, this);
    co_await run_attempts();
    client_.unwatch();
  } else {
    worker_.metrics.refused(ready.error().code);
    co_await answer_error(ready.error());
  }
  timer_.clear();
  if (client_gone_) worker_.metrics.client_aborts.add();
  worker_.metrics.requests_in_flight.add(-1);
  co_return keep_alive_ && !client_gone_;
}

// Everything that needs no waiting: who asks, for what, on whose account, and where it may go.
Result<void> Exchange::prepare() {
  auto key = authenticate(*snapshot_, *in_.head, in_.query);
  if (!key) return std::move(key).error();
  key_ = *key;
  if (auto scanned = passes_through() ? scan_passthrough() : scan_body(); !scanned) return scanned;
  auto who =
      resolve_attribution(snapshot_->config.attribution, key_, in_.head->headers, scan_, in_.body, worker_.guard);
  if (!who) return std::move(who).error();
  who_ = std::move(*who);
  const std::string passed = passes_through() ? passthrough_name() : std::string();
  const std::string& asked = passes_through() ? passed : scan_.model;
  if (key_ && !may_use(*key_, asked))
    return Error{.kind = ErrorKind::auth,
                 .status = 403,
                 .code = "model_not_allowed",
                 .message = "key '" + key_->id + "' may not use '" + asked.substr(0, 200) +
                            "'; its models are listed under auth: keys: models:"};
  if (auto planned = passes_through() ? plan_passthrough() : plan_targets(); !planned) return planned;
  translation_.reset(in_.route, in_.body, scan_.model, scan_.stream);
  deadline_ = started_ + snapshot_->vendors[plan_.targets.front().provider].config->total_timeout;
  return {};
}

Result<void> Exchange::scan_body() {
  auto scan = scan_request(in_.body);
  if (!scan) return std::move(scan).error();
  scan_ = std::move(*scan);
  if (!in_.route.model.empty()) {  // the path names the model, and whether it is a stream
    scan_.model = in_.route.model;
    scan_.model_value = {};
    scan_.stream = in_.route.stream;
  }
  if (scan_.model.empty())
    return Error{.kind = ErrorKind::client_fault,
                 .status = 400,
                 .code = "missing_model",
                 .message = "the request names no model: set \"model\""};
  return {};
}

// The targets of the model that can take this request, in order.
Result<void> Exchange::plan_targets() {
  auto plan = snapshot_->models->resolve(scan_.model);
  if (!plan) return std::move(plan).error();
  plan_ = std::move(*plan);
  std::string why;
  std::erase_if(plan_.targets, [&](const router::TargetRef& target) {
    const Vendor& vendor = snapshot_->vendors[target.provider];
    if (!vendor.unusable.empty()) {
      why = vendor.unusable;
    } else if (!vendor.surface_for(*in_.surface)) {
      why = "provider '" + vendor.config->name + "' (" + vendor.config->dialect + ") does not serve " +
            std::string(in_.surface->client_path) + ", nor anything that it could be translated to";
    } else {
      return false;
    }
    return true;
  });
  if (plan_.targets.empty())
    return Error{.kind = ErrorKind::client_fault,
                 .status = 400,
                 .code = "target_not_capable",
                 .message = "no target of model '" + scan_.model + "' can take this request: " + why};
  if (worker_.replicas && plan_.by_prefix) worker_.replicas->order(plan_, in_.body);
  return {};
}

// Says the request as this target's vendor wants it. Errors: it cannot be said there; another target may do.
Result<void> Exchange::prepare_target(const router::TargetRef& target) {
  target_ = &target;
  vendor_ = &snapshot_->vendors[target.provider];
  upstream_ = passes_through() ? in_.surface : vendor_->surface_for(*in_.surface);
  const bool as_it_is = upstream_->id == in_.surface->id && !vendor_->rewrites_body;
  return translation_.prepare(*vendor_, upstream_, target.model, as_it_is ? Fidelity::warn : wanted_fidelity());
}

// The caller may ask for more than the configuration does, not for less.
Fidelity Exchange::wanted_fidelity() const {
  if (in_.head->find("x-tollgate-fidelity") == std::optional<std::string_view>("strict")) return Fidelity::strict;
  const config::Model* model = snapshot_->config.find_model(plan_.route);
  const config::Fidelity wanted = model && model->fidelity ? *model->fidelity : snapshot_->config.fidelity;
  return wanted == config::Fidelity::strict ? Fidelity::strict : Fidelity::warn;
}

Task<void> Exchange::run_attempts() {
  const int per_target = std::max(1, snapshot_->config.retry.max_attempts);
  for (std::size_t t = 0; t < plan_.targets.size(); ++t) {
    const bool more_targets = t + 1 < plan_.targets.size();
    if (auto said = prepare_target(plan_.targets[t]); !said) {
      if (attempts_ == 0) last_error_ = std::move(said).error();  // else the vendor's words say more
      if (more_targets) continue;
      worker_.metrics.refused(last_error_.code);
      break;
    }
    for (int tries = 1; tries <= per_target; ++tries) {
      if (half_closed_) co_await probe_client();
      if (client_gone_) co_return;
      const Next next = co_await attempt(plan_.targets[t], tries < per_target, more_targets);
      if (next == Next::answered || next == Next::client_gone) co_return;
      if (next == Next::next_target) break;
      if (next == Next::retry_stale) {  // happens once at most: the next attempt takes a fresh connection
        --tries;
        continue;
      }
      co_await back_off(tries);
      if (client_gone_) co_return;
      if (SteadyClock::now() >= deadline_) co_return co_await answer_error(last_error_);
    }
  }
  co_await answer_error(last_error_);
}

// Exponential with full jitter, or what the vendor asked for, never beyond max_delay.
Task<void> Exchange::back_off(int tries) {
  const config::Retry& retry = snapshot_->config.retry;
  auto delay = std::min(retry.max_delay, retry.base_delay * (1 << std::min(tries - 1, 10)));
  delay = std::chrono::milliseconds(
      std::uniform_int_distribution<std::int64_t>(delay.count() / 2, delay.count())(worker_.jitter));
  if (retry_after_.count() > 0) delay = std::min(retry_after_, retry.max_delay);
  const SteadyTime until = SteadyClock::now() + delay;
  backing_off_ = true;
  while (!client_gone_ && SteadyClock::now() < until) {
    timer_.set(until);
    co_await signal_.wait();
    if (half_closed_) co_await probe_client();
  }
  backing_off_ = timer_fired_ = false;
}

Task<void> Exchange::answer_error(const Error& error) {
  if (head_sent_) {  // the status is out: end the stream in a form the caller's parser knows
    if (translation_.reframing()) {
      body_.clear();
      translation_.fail(error, body_);
    } else {
      body_ = (partial_out_ ? "\n\n" : "") + error_event(*in_.surface, error);
    }
    fed_ = whole_ = body_.size();
    co_await emit(body_.size(), true);
    co_return;
  }
  const std::string body = error_body(in_.surface->family, error);
  reply_headers_ = "Content-Type: application/json\r\n" + rate_limits_;
  if (error.retry_after.count() > 0)
    http::write_header(reply_headers_, "Retry-After", std::to_string((error.retry_after.count() + 999) / 1000));
  out_.clear();
  append_reply_head(out_, error.status);
  http::write_header(out_, "Content-Length", std::to_string(body.size()));
  out_ += "\r\n";
  out_ += body;
  head_sent_ = true;
  if (!co_await client_.write(out_, SteadyClock::now() + snapshot_->config.limits.client_write_timeout))
    client_gone_ = true;
}

void Exchange::on_client_change() {
  if (client_.broken()) {
    client_gone_ = true;
  } else if (client_.eof()) {
    half_closed_ = true;
  }
  wake(client_gone_);
}

// A request that is being sent goes on although the client will send no more: it may be waiting for its answer.
void Exchange::wake(bool give_up_sending) {
  if (backing_off_) {
    signal_.notify();
  } else {
    call_.interrupt(give_up_sending);
  }
}

}  // namespace tollgate::gateway
