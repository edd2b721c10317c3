#include "gateway/local/chat_job.h"

#include <algorithm>
#include <functional>

#include "core/clock.h"
#include "core/http.h"
#include "core/id.h"
#include "core/net/deadline.h"
#include "gateway/dialects/dialect.h"
#include "gateway/local/argument_kinds.h"
#include "gateway/local/local_reply.h"
#include "gateway/local/mailbox.h"
#include "gateway/local/off_thread.h"
#include "gateway/local/prompt.h"

namespace tollgate::gateway {
namespace {

constexpr std::string_view kDialect = "openai.chat";

class Listener final : public local::AnswerListener {
 public:
  // `tokenizer`: null where nobody wants log probabilities.
  Listener(std::shared_ptr<Mailbox> mailbox, std::shared_ptr<const local::Tokenizer> tokenizer, int index)
      : mailbox_(std::move(mailbox)), tokenizer_(std::move(tokenizer)), index_(index) {}
  void on_piece(const local::Piece& piece) override {
    AnswerMail mail{.index = index_, .piece = {.text = std::string(piece.text), .logprobs = {}}};
    if (tokenizer_) mail.piece.logprobs = logprob_json(*tokenizer_, piece);
    mailbox_->post(std::move(mail));
  }
  void on_end(const local::AnswerEnd& end, const Error* error) override {
    AnswerMail mail{.index = index_, .end = end};
    mail.held = end.text;
    mail.stop_string = end.stop_string;
    if (error) mail.error = *error;
    mailbox_->post(std::move(mail));
  }

 private:
  std::shared_ptr<Mailbox> mailbox_;
  std::shared_ptr<const local::Tokenizer> tokenizer_;
  int index_;
};

// One request from its bytes to its last byte.
class ChatJob {
 public:
  ChatJob(net::Stream& stream, LocalVendor& vendor)
      : stream_(stream),
        vendor_(vendor),
        dialect_(openai_chat()),
        mailbox_(std::make_shared<Mailbox>(stream.executor())),
        timer_(stream.executor()) {
    timer_.on_expire([this] { mailbox_->wake(); });
  }
  ChatJob(const ChatJob&) = delete;
  ChatJob& operator=(const ChatJob&) = delete;
  ~ChatJob() { cancel(); }

  // False when the connection is of no more use.
  Task<bool> run(std::string_view body) {
    auto request = dialect_.read_request(body, {});
    if (!request) co_return co_await refuse(request.error());
    request_ = std::move(*request);
    auto model = find_loaded(vendor_.models, request_.model);
    if (!model) co_return co_await refuse(model.error());
    model_ = *std::move(model);
    const auto prompt = co_await prepare();
    if (prompt && !*prompt) co_return co_await refuse(prompt->error());
    if (prompt)
      if (auto begun = begin(**prompt); !begun) co_return co_await refuse(begun.error());
    co_return co_await relay();
  }

 private:
  // Off the io thread, which others share. Nothing for a caller who has left meanwhile: that cost no machine time.
  Task<std::optional<Result<LocalPrompt>>> prepare() {
    auto& threads = must_compile(request_, vendor_.grammars) ? vendor_.compiling : vendor_.preparing;
    const std::function<Result<LocalPrompt>()> make = [model = model_, request = request_,
                                                       &grammars = vendor_.grammars] {
      return make_prompt(*model, request, grammars);
    };
    auto prompt = co_await off_thread(stream_, threads, make);
    left_ = !prompt;
    co_return prompt;
  }

  Result<void> begin(const LocalPrompt& prompt) {
    const auto tokenizer = prompt.answer.sampling.logprobs >= 0 ? model_->engine->shared_tokenizer() : nullptr;
    for (std::uint32_t i = 0; i < prompt.answers; ++i) {
      local::AnswerRequest answer = prompt.answer;
      answer.stream = i;
      const int index = static_cast<int>(i);
      auto listener = std::make_shared<Listener>(mailbox_, tokenizer, index);
      auto id = model_->engine->submit(std::move(answer), std::move(listener));
      if (!id) return std::move(id).error();
      ids_.push_back(*id);
      open_ = ids_.size();
      const bool tools = !request_.tools.empty() && model_->takes_tools;
      choices_.emplace_back(index, tools ? model_->tool_format : local::ToolFormat::none, model_->thinks,
                            prompt.starts_thinking, prompt.begun, argument_kinds(request_.tools));
    }
    return {};
  }

  Task<bool> relay() {
    writer_ = dialect_.event_writer({.include_usage = true, .model = {}, .id = {}, .created = 0, .request = &request_});
    started_.kind = chat::Event::Kind::start;
    started_.reply.id = "chatcmpl-" + Id::next().to_string();
    started_.reply.model = request_.model;
    started_.reply.created = wall_micros() / 1'000'000;
    started_.reply.dialect = kDialect;
    events_.push_back(started_);
    std::vector<AnswerMail> mails;
    while (open_ > 0) {
      timer_.set(SteadyClock::now() + kCallerLook);
      co_await mailbox_->wait();
      mailbox_->take(mails);
      for (const AnswerMail& mail : mails) take(mail);
      if (failure_) co_return head_sent_ ? co_await fail_stream() : co_await refuse(*failure_);
      if (!left_ && !stream_.looks_alive()) call_off();
      // Nothing is promised before the engine has said something: it may still refuse.
      if (!mails.empty() && !co_await tell()) co_return false;
    }
    timer_.clear();
    finish();
    if (request_.stream) co_return co_await tell() && co_await write("0\r\n\r\n");
    tell_fold();
    co_return co_await send_json(stream_, 200, dialect_.write_reply(fold_.reply(), {}));
  }

  void take(const AnswerMail& mail) {
    ChoiceEvents& choice = choices_[static_cast<std::size_t>(mail.index)];
    if (!mail.end) return choice.piece(mail.piece, events_);
    --open_;
    if (mail.error) failure_ = *mail.error;
    if (!failure_ && mail.end->reason == local::StopReason::failed)
      failure_ = Error{.kind = ErrorKind::retry_elsewhere,
                       .status = 503,
                       .code = "engine_failed",
                       .message = "the local engine failed while it made this answer"};
    if (!failure_ && !left_ && mail.end->reason == local::StopReason::cancelled)
      failure_ = Error{.kind = ErrorKind::retry_elsewhere,
                       .status = 503,
                       .code = "engine_stopped",
                       .message = "the local engine is stopping"};
    choice.end(mail.end->reason, mail.held, mail.stop_string, events_);
    // The prompt is one, however many answers it has.
    totals_.prompt_tokens = std::max(totals_.prompt_tokens, static_cast<std::int64_t>(mail.end->prompt_tokens));
    if (mail.index == 0) totals_.cached_tokens = static_cast<std::int64_t>(mail.end->cached_tokens);
    totals_.answer_tokens += static_cast<std::int64_t>(mail.end->answer_tokens);
    totals_.thinking_tokens += choice.thinking_tokens();
    totals_.machine_us += mail.end->machine_us;
  }

  // Nobody waits for the answers any more. They end after the step that is under way; the reply then tells what they
  // have used, for the ledger.
  void call_off() {
    left_ = true;
    for (const std::uint64_t id : ids_) model_->engine->cancel(id);
  }

  void finish() {
    chat::Event usage;
    usage.kind = chat::Event::Kind::usage;
    usage.usage = usage_of(totals_, model_->row.hourly_cost);
    events_.push_back(std::move(usage));
    events_.emplace_back().kind = chat::Event::Kind::end;
  }

  // A stream's new events go out at once.
  Task<bool> tell() {
    if (!request_.stream) {
      tell_fold();
      co_return true;
    }
    std::string frames;
    for (const chat::Event& event : events_) writer_->write(event, frames);
    events_.clear();
    if (frames.empty()) co_return true;
    std::string out;
    if (!head_sent_) {
      http::write_status_line(out, 200);
      http::write_header(out, "Content-Type", "text/event-stream");
      out += "Transfer-Encoding: chunked\r\n\r\n";
      head_sent_ = true;
    }
    http::write_chunk_head(out, frames.size());
    out += frames;
    out += "\r\n";
    co_return co_await write(out);
  }

  void tell_fold() {
    for (const chat::Event& event : events_) fold_.add(event);
    events_.clear();
  }

  Task<bool> fail_stream() {
    chat::Event& event = events_.emplace_back();
    event.kind = chat::Event::Kind::error;
    event.error = *failure_;
    co_return co_await tell() && co_await write("0\r\n\r\n");
  }

  Task<bool> refuse(const Error& error) {
    cancel();
    co_return co_await send_error(stream_, dialect_, error);
  }

  Task<bool> write(std::string_view bytes) {
    auto written = co_await stream_.write_all(bytes);
    co_return written.has_value();
  }

  void cancel() {
    if (model_ && model_->engine && open_ > 0)
      for (const std::uint64_t id : ids_) model_->engine->cancel(id);
    open_ = 0;
  }

  net::Stream& stream_;
  LocalVendor& vendor_;
  const Dialect& dialect_;
  std::shared_ptr<Mailbox> mailbox_;
  net::Deadline timer_;
  chat::Request request_;
  std::shared_ptr<const LoadedModel> model_;
  std::vector<std::uint64_t> ids_;
  std::vector<ChoiceEvents> choices_;
  std::size_t open_ = 0;
  std::unique_ptr<EventWriter> writer_;
  chat::Event started_;
  chat::Events events_;
  chat::Fold fold_;
  AnswerTotals totals_;
  std::optional<Error> failure_;
  bool head_sent_ = false;
  bool left_ = false;  // the caller's gateway reads on for the usage only
};

}  // namespace

Task<bool> run_chat(net::Stream& stream, LocalVendor& vendor, std::string_view body) {
  ChatJob job(stream, vendor);
  co_return co_await job.run(body);
}

}  // namespace tollgate::gateway
