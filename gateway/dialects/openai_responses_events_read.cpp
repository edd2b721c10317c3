// Events of a Responses stream: which event does what. Items and their parts: openai_responses_items_stream.cpp.
#include "gateway/dialects/openai_responses_events_read.h"

#include <array>
#include <utility>

#include "gateway/dialects/common.h"
#include "gateway/dialects/openai_responses_reply.h"

namespace tollgate::gateway::responses {
namespace {

constexpr std::string_view kPrefix = "response.";

bool is_terminal(std::string_view type) {
  return type == "response.completed" || type == "response.incomplete" || type == "response.failed" ||
         type == "response.cancelled" || type == "response.done";
}

}  // namespace

Wire::Wire(JsonValue event) {
  event.members([this](std::string_view key, JsonValue value) {
    if (key == "delta") {
      delta = value.as_string().value_or("");
    } else if (key == "type") {
      type = value.as_string().value_or("");
    } else if (key == "output_index") {
      output_index = value.as_int().value_or(-1);
    } else if (key == "content_index") {
      content_index = value.as_int().value_or(0);
    } else if (key == "summary_index") {
      summary_index = value.as_int().value_or(0);
    } else if (key == "logprobs") {
      logprobs = value;
    } else if (key == "text" || key == "arguments" || key == "input" || key == "refusal") {
      text = value.as_string().value_or("");
    } else if (key == "item") {
      item = value;
    } else if (key == "part") {
      part = value;
    } else if (key == "response") {
      response = value;
    } else if (key == "annotation") {
      annotation = value;
    } else if (key == "error") {
      error = value;
    }
  });
}

void ResponsesReader::read(std::string_view event, std::string_view data, chat::Events& out) {
  if (over_ || data.starts_with("[DONE]")) return;
  out_ = &out;
  const auto parsed = reader_.parse(data);
  if (!parsed || !parsed->is_object()) {
    chat::Event failed{.kind = chat::Event::Kind::error};
    failed.error = Error{.kind = ErrorKind::retry_elsewhere,
                         .status = 502,
                         .code = "bad_upstream_stream",
                         .message = "the vendor's stream holds an event that is no JSON object"};
    over_ = true;
    out.push_back(std::move(failed));
    return;
  }
  Wire wire(*parsed);
  if (wire.type.empty()) wire.type = event;
  handle(wire, *parsed);
}

void ResponsesReader::handle(const Wire& wire, JsonValue event) {
  const std::string_view type = wire.type;
  if (type == "error" || (!type.starts_with(kPrefix) && wire.error.is_object())) return fail(wire.error, event);
  if (type == "keepalive") {
    out_->push_back({.kind = chat::Event::Kind::ping});
    return;
  }
  if (!type.starts_with(kPrefix)) return;
  if (handle_delta(wire)) return;
  if (type == "response.created" || type == "response.in_progress" || type == "response.queued") {
    start(wire.response);
  } else if (type == "response.output_item.added") {
    if (wire.item.is_object()) add_item(wire.output_index, wire.item);
  } else if (type == "response.output_item.done") {
    if (wire.item.is_object()) item_done(wire.output_index, wire.item);
  } else if (is_terminal(type)) {
    end(wire);
  }
}

// Events of the parts inside of items, the frequent ones first. False when it is none of them.
bool ResponsesReader::handle_delta(const Wire& wire) {
  const std::string_view type = wire.type.substr(kPrefix.size());
  if (type == "output_text.delta" || type == "refusal.delta") {
    Open& open = item_of(wire, Kind::message);
    begin_content(open, wire.content_index, type[0] == 'r');
    logprobs(open, wire.logprobs);
    text(open, wire.delta);
  } else if (type == "output_text.done" || type == "refusal.done") {
    Open& open = item_of(wire, Kind::message);
    begin_content(open, wire.content_index, type[0] == 'r');
    if (!open.logprobs_sent) logprobs(open, wire.logprobs);
    rest(open, wire.text);
  } else if (type == "function_call_arguments.delta" || type == "custom_tool_call_input.delta") {
    if (Open* open = find(wire.output_index)) arguments(*open, wire.delta);
  } else if (type == "function_call_arguments.done" || type == "custom_tool_call_input.done") {
    if (Open* open = find(wire.output_index); open && wire.text.size() > open->sent)
      arguments(*open, wire.text.substr(open->sent));
  } else if (type == "reasoning_summary_text.delta" || type == "reasoning_summary_text.done") {
    thought(wire, true, type.back() == 'e');
  } else if (type == "reasoning_text.delta" || type == "reasoning_text.done") {
    thought(wire, false, type.back() == 'e');
  } else if (type == "content_part.added") {
    const auto kind = wire.part["type"].as_string();
    if (kind == "output_text" || kind == "refusal")
      begin_content(item_of(wire, Kind::message), wire.content_index, kind == "refusal");
  } else if (type == "content_part.done") {
    if (Open* open = find(wire.output_index); open && open->kind == Kind::message) finish_content(*open, wire.part);
  } else if (type == "output_text.annotation.added") {
    Open& open = item_of(wire, Kind::message);
    begin_content(open, wire.content_index, false);
    citation(open, wire.annotation);
  } else {
    return false;
  }
  return true;
}

void ResponsesReader::start(JsonValue response) {
  if (started_) return;
  started_ = true;
  chat::Event event{.kind = chat::Event::Kind::start};
  event.reply.dialect = kName;
  if (response.is_object()) read_reply_head(response, event.reply);
  // What was asked for; the tier that served is known at the end.
  if (event.reply.service_tier == "auto") event.reply.service_tier.clear();
  out_->push_back(std::move(event));
}

void ResponsesReader::fail(JsonValue error, JsonValue outer) {
  over_ = true;
  chat::Event event{.kind = chat::Event::Kind::error};
  event.error = error_of_event(error, outer);
  out_->push_back(std::move(event));
}

void ResponsesReader::end(const Wire& wire) {
  start(wire.response);
  const std::string_view status = wire.response["status"].as_string().value_or(wire.type.substr(kPrefix.size()));
  if (status == "failed") return fail(wire.response["error"], {});
  // The whole output is here again: of use where the vendor left events out.
  const JsonValue output = wire.response["output"];
  const bool nothing_seen = open_.empty() && done_.empty();
  std::int64_t index = 0;
  output.elements([&](JsonValue item) {
    if (item.is_object() && (nothing_seen || find(index))) item_done(index, item);
    ++index;
  });
  while (!open_.empty()) close(open_.front());
  chat::Event last{.kind = chat::Event::Kind::choice_end};
  set_finish(last.choice_tail, status, wire.response["incomplete_details"]["reason"].as_string().value_or(""), calls_,
             refused_);
  out_->push_back(std::move(last));
  out_->push_back({.kind = chat::Event::Kind::end});
  over_ = true;
}

void ResponsesReader::finish(chat::Events& out) {
  out_ = &out;
  if (over_) return;
  over_ = true;
  while (!open_.empty()) close(open_.front());
}

std::unique_ptr<EventReader> make_event_reader() { return std::make_unique<ResponsesReader>(); }

}  // namespace tollgate::gateway::responses
