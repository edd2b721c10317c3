// Exchange: one client request from its head to its ledger rows. serve() in pipeline.cpp is the straight line;
// attempt.cpp runs one attempt against one vendor, stream_relay.cpp forwards streams, reply.cpp plain replies and
// refusals, settlement.cpp turns an attempt into its row. Where client and vendor speak different forms, a Translation
// stands between them; else bytes pass untouched.
//
// Rules kept here: every attempt is settled in the spool before the client's last byte; an attempt may be repeated or
// moved to the next target only before the first content event; a client that leaves ends (or drains) the attempt at
// once.
//
// Thread rule: one io thread. One Exchange per connection, reused for each request so that its buffers keep their
// capacity.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "billing/record.h"
#include "billing/usage_reader.h"
#include "core/net/deadline.h"
#include "core/net/signal.h"
#include "core/sse.h"
#include "gateway/attribution.h"
#include "gateway/client_io.h"
#include "gateway/surface.h"
#include "gateway/translation.h"
#include "gateway/upstream_call.h"
#include "gateway/upstream_request.h"
#include "gateway/worker.h"

namespace tollgate::gateway {

struct InboundRequest {
  const http::Head* head = nullptr;
  const Surface* surface = nullptr;  // of route
  Route route;
  std::string_view query;      // with its '?', or empty
  std::string_view body;       // padded
  std::size_t wire_bytes = 0;  // of the client's buffer that belong to this request
};

class Exchange {
 public:
  Exchange(Worker& worker, ClientIo& client);
  // Serves one request. False: the connection must be closed.
  Task<bool> serve(const InboundRequest& request);

 private:
  // How an attempt ended, seen from the loop over attempts.
  enum class Next : unsigned char { answered, retry_same, retry_stale, next_target, client_gone };
  // What a wait for upstream brought.
  enum class Pull : unsigned char { data, end, failed, timeout, client_gone };

  // pipeline.cpp
  Result<void> prepare();
  Result<void> scan_body();
  Result<void> plan_targets();
  Result<void> prepare_target(const router::TargetRef& target);
  Fidelity wanted_fidelity() const;
  Task<void> run_attempts();
  Task<void> back_off(int tries);
  Task<void> answer_error(const Error& error);
  void on_client_change();
  void wake(bool give_up_sending);

  // passthrough.cpp
  bool passes_through() const { return in_.surface->operation == Operation::passthrough; }
  Result<void> scan_passthrough();
  Result<void> plan_passthrough();
  std::string passthrough_provider() const;
  std::string passthrough_name() const;
  Result<void> note_batch(std::string_view reply);
  Task<Next> relay_raw(bool more_same, bool more_targets);

  // attempt.cpp
  Task<Next> attempt(const router::TargetRef& target, bool more_same, bool more_targets);
  Task<Next> run_call(bool more_same, bool more_targets);
  Task<Result<void>> send_request(bool fresh);
  Task<Result<void>> write_request_head(std::size_t body_bytes, std::span<const std::string_view> body);
  Task<Next> attempt_failed(Pull why, bool more_same, bool more_targets);
  Next retry_or_answer(bool more_same, bool more_targets, bool same_allowed) const;

  // reply.cpp
  Task<Next> relay_error_reply(bool more_same, bool more_targets);
  Task<Next> relay_whole(bool more_same, bool more_targets);
  bool reply_is_json() const;
  Task<Pull> collect_body(std::string_view& whole);
  Task<Next> send_whole(int status, std::string_view body);
  Task<Next> send_translated(std::string_view whole);
  void read_refusal(int status, std::string_view body);
  void append_reply_head(std::string& out, int status) const;
  void keep_reply_headers();

  // waiting.cpp
  Task<Pull> pull(std::string* body, std::chrono::milliseconds patience);
  void arm(SteadyTime phase_deadline);
  Task<Pull> interrupted(SteadyTime phase_deadline);
  Task<void> send_heartbeat();
  Task<void> probe_client();
  Task<void> drain();
  Task<void> call_off();

  // stream_relay.cpp
  Task<Next> relay_stream(bool more_same, bool more_targets);
  std::optional<Framing> reply_framing() const;
  void begin_stream(Framing framing);
  std::string& stream_sink() { return translation_.reframing() ? raw_ : body_; }
  void take_events();
  void take_frames();
  void note_first_token();
  bool stream_failed() const;
  std::string stream_error_words() const;
  Result<void> settle_stream();
  Task<Next> answer_stream_error(const Error& error);
  std::string_view stream_type() const;
  bool may_hold(bool more) const;
  std::size_t emit_limit() const;
  Task<bool> emit(std::size_t bytes, bool last = false);
  void append_cost_comment();
  void append_stream_head(std::string& out) const;
  Task<Next> end_stream(Pull how, bool more_same, bool more_targets);
  Task<Next> client_left();

  // settlement.cpp
  Result<void> begin_record(const router::TargetRef& target);
  Result<void> settle(billing::Outcome outcome, std::string_view error_code);
  void log_attempt() const;
  void fill_usage_and_cost(billing::Outcome outcome);

  Worker& worker_;
  ClientIo& client_;
  net::Deadline timer_;
  net::Signal signal_;

  // The request.
  std::shared_ptr<const Snapshot> snapshot_;
  InboundRequest in_;
  RequestScan scan_;
  Attribution who_;
  const config::Key* key_ = nullptr;
  Id request_id_;
  router::Plan plan_;
  SteadyTime started_{}, deadline_{};
  std::uint32_t attempts_ = 0;
  bool keep_alive_ = true, client_gone_ = false, half_closed_ = false, probed_ = false, timer_fired_ = false;
  bool backing_off_ = false;

  // The attempt.
  UpstreamCall call_;
  const Vendor* vendor_ = nullptr;
  const Surface* upstream_ = nullptr;  // what the vendor is asked for; the client's own surface where it has that
  Translation translation_;
  const router::TargetRef* target_ = nullptr;
  billing::CostRecord record_;
  billing::UsageReader usage_;
  SplicedBody splice_;
  SteadyTime attempt_started_{};
  bool settled_ = false;
  bool relaying_ = false;        // the vendor's reply is a stream
  std::size_t reply_bytes_ = 0;  // of a plain reply that is whole
  bool fresh_only_ = false;      // the last attempt broke on a kept connection: do not take another one
  bool reply_whole_ = false;     // the vendor's reply was read to its end
  bool reached_ = false;         // the request went out: the vendor may bill it even if no answer came
  std::string reply_headers_;    // the vendor's, as they go to the client
  std::string rate_limits_;      // of them, the vendor's limits in the caller's own form, where it speaks another
  Error last_error_;
  std::chrono::milliseconds retry_after_{0};

  // The reply.
  bool head_sent_ = false, content_sent_ = false;
  bool wrote_ = false;  // something went to the client since the heartbeat was last put off
  SteadyTime next_heartbeat_{};
  SseScanner scanner_;
  std::string out_;           // scratch of one write: head, chunk framing
  std::string body_;          // bytes of the reply not yet sent
  std::string raw_;           // of a stream that is written anew: what came and is not yet read
  std::size_t fed_ = 0;       // of body_: already given to the scanner
  std::size_t whole_ = 0;     // of body_: end of the last complete event
  bool holding_ = false;      // another attempt may still replace these events
  bool drop_lf_ = false;      // the stripped event ended in CR; its LF may come with the next bytes
  bool partial_out_ = false;  // part of an unfinished event was sent
  SteadyTime partial_since_{};
};

}  // namespace tollgate::gateway
