// Writes whole Responses replies and the events of their streams, both from the same events of the meaning.
#include <optional>
#include <utility>

#include "gateway/dialects/common.h"
#include "gateway/dialects/openai_responses_internal.h"
#include "gateway/dialects/openai_responses_output.h"
#include "gateway/dialects/openai_responses_response.h"

namespace tollgate::gateway::responses {
namespace {

using Event = chat::Event;

class ResponsesWriter final : public EventWriter {
 public:
  ResponsesWriter(const StreamOptions& options, bool framed)
      : options_(options), frames_(framed), output_(frames_, options.request) {}

  void write(const Event& event, std::string& out) override {
    if (over_ || event.choice != 0) return;
    frames_.into(&out);
    if (event.kind == Event::Kind::start) return start(event.reply);
    if (event.kind == Event::Kind::ping) return frames_.comment();
    if (!head_) start({});
    switch (event.kind) {
      case Event::Kind::part_begin:
        refused_ = event.part_head.get<chat::Refusal>() != nullptr;
        output_.begin_part(event.part_head);
        break;
      case Event::Kind::delta:
        output_.delta(event);
        break;
      case Event::Kind::part_end:
        output_.end_part();
        break;
      case Event::Kind::choice_end:
        end_choice(event.choice_tail);
        break;
      case Event::Kind::usage:
        usage_ = event.usage;
        break;
      case Event::Kind::end:
        end();
        break;
      case Event::Kind::error:
        fail(event.error);
        break;
      case Event::Kind::start:
      case Event::Kind::ping:
        break;
    }
  }

  // An array of logprobs, for the text that is open or comes next.
  void add_logprobs(const chat::RawJson& logprobs) {
    Event event{.kind = Event::Kind::delta, .delta = Event::Delta::logprobs};
    event.text = logprobs.substr(1, logprobs.size() - 2);
    output_.delta(event);
  }

  // The Response object as it is now.
  std::string object() {
    if (!head_) start({});
    std::string out;
    JsonWriter writer(out);
    head_->write(writer, state(), output_.items());
    return out;
  }

 private:
  void start(const chat::Reply& reply) {
    if (head_) return;
    head_.emplace(reply, options_);
    output_.start(head_->own(), head_->base());
    if (head_->own())
      if (const chat::RawJson* error = find_extra(reply.extra, "error")) error_json_ = *error;
    for (const std::string_view type : {"response.created", "response.in_progress"})
      frames_.send(type, [&](JsonWriter& writer) {
        writer.key("response");
        head_->write(writer, {.status = "in_progress"}, "");
      });
  }

  void end_choice(const chat::Choice& tail) {
    tail_ = tail;
    if (refused_) tail_.parts.push_back({.what = chat::Refusal{}});
    if (tail.logprobs.size() > 2) add_logprobs(tail.logprobs);
    using chat::Finish;
    output_.finish(tail.finish == Finish::length || tail.finish == Finish::context_length ||
                   tail.finish == Finish::content_filter);
    ended_choice_ = true;
  }

  ResponseHead::State state() {
    ResponseHead::State state = ended_choice_ ? state_of(tail_, head_->own()) : ResponseHead::State{"completed"};
    state.usage = &usage_;
    if (state.status == "failed") {
      if (error_json_.size() > 4) {
        state.error_json = error_json_;
      } else {
        failure_.message = tail_.finish_raw.empty() ? "the model failed" : "the model failed: " + tail_.finish_raw;
        state.error = &failure_;
      }
    }
    return state;
  }

  void end() {
    output_.finish(false);
    const ResponseHead::State now = state();
    const std::string_view status = now.status;
    const std::string_view type = status == "incomplete" ? "response.incomplete"
                                  : status == "failed"   ? "response.failed"
                                                         : "response.completed";
    finish(type, now);
  }

  void finish(std::string_view type, const ResponseHead::State& state) {
    over_ = true;
    frames_.send(type, [&](JsonWriter& writer) {
      writer.key("response");
      head_->write(writer, state, output_.items());
    });
  }

  // The event as OpenAI sends it, which SDKs raise for its `error`, with the members that the API's description gives
  // it; then the failed response, for readers that wait for its last state.
  void fail(const Error& error) {
    frames_.send("error", [&](JsonWriter& writer) {
      const auto words = [&] {
        writer.key("code");
        error.code.empty() ? writer.null() : writer.string(error.code);
        writer.member("message", error.message).key("param").null();
      };
      words();
      writer.key("error").begin_object().member("type", error_type(error));
      words();
      writer.end_object();
    });
    finish("response.failed", {.status = "failed", .error = &error, .usage = &usage_});
  }

  const StreamOptions options_;
  Frames frames_;
  Output output_;
  std::optional<ResponseHead> head_;
  chat::Choice tail_;
  Usage usage_;
  Error failure_;
  std::string error_json_;
  bool refused_ = false, ended_choice_ = false, over_ = false;
};

}  // namespace

std::string write_reply(const chat::Reply& reply, const StreamOptions& options) {
  ResponsesWriter writer(options, false);
  std::string none;
  if (!reply.choices.empty() && reply.choices[0].logprobs.size() > 2) writer.add_logprobs(reply.choices[0].logprobs);
  for (Event& event : chat::unfold(reply)) {
    event.choice_tail.logprobs.clear();
    if (event.kind != Event::Kind::end) writer.write(event, none);
  }
  return writer.object();
}

std::unique_ptr<EventWriter> make_event_writer(const StreamOptions& options) {
  return std::make_unique<ResponsesWriter>(options, true);
}

}  // namespace tollgate::gateway::responses
