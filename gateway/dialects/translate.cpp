#include "gateway/dialects/translate.h"

namespace tollgate::gateway {
namespace {

void drop_fields(const chat::FieldSet& used, const Dialect& to, const Quirks& quirks, chat::Losses& losses) {
  for (std::size_t i = 0; i < chat::kFields; ++i) {
    const auto field = static_cast<chat::Field>(i);
    if (used.test(i) && to.fields().carry(field) == chat::Carry::dropped && !to.carries_with(quirks, field))
      losses.add(field);
  }
}

void drop_extra(const chat::Extra& extra, chat::Losses& losses) {
  for (const auto& [name, value] : extra)
    if (value != "null" && !name.starts_with('~')) losses.add("extra." + name);
}

/// The member that names a part of the conversation which only the caller's usual vendor keeps; empty if none. Without
/// that part a model would answer to half of what was said: that is no loss to be warned of.
std::string_view kept_elsewhere(const chat::Request& request, const Dialect& to) {
  if (!request.previous_response_id.empty() &&
      to.fields().carry(chat::Field::previous_response_id) == chat::Carry::dropped)
    return "previous_response_id";
  // Responses: a stored prompt, a stored conversation. Gemini: contents that stand before the request's own.
  for (const std::string_view name : {"prompt", "conversation", "cachedContent"})
    for (const auto& [member, value] : request.extra)
      if (member == name && value != "null") return name;
  for (const chat::Message& message : request.messages)
    for (const chat::Part& part : message.parts)
      if (const auto* opaque = part.get<chat::Opaque>(); opaque && opaque->type == "item_reference")
        return "item_reference";
  return {};
}

Error refuse_kept(std::string_view member, std::string_view target) {
  return Error{.kind = ErrorKind::client_fault,
               .status = 400,
               .code = "kept_by_another_vendor",
               .message = std::string(member) +
                          " names a part of the conversation that another vendor keeps; the target speaks " +
                          std::string(target) + ": send the whole input instead"};
}

}  // namespace

Error refuse_losses(const chat::Losses& losses, std::string_view target) {
  std::string list;
  for (const std::string& name : losses.names()) list += (list.empty() ? "" : ", ") + name;
  return Error{.kind = ErrorKind::client_fault,
               .status = 400,
               .code = "fidelity_strict",
               .message = "the target speaks " + std::string(target) + ", which cannot carry: " + list +
                          "; leave them out, choose another model, or allow drops with fidelity: warn"};
}

Result<std::string> translate_request(const Dialect& from, const chat::Request& request, const Dialect& to,
                                      const WriteContext& context, Fidelity fidelity, chat::Losses& losses) {
  const bool same = &from == &to;
  if (!same) {
    drop_fields(chat::fields_of(request), to, context.quirks, losses);
    drop_extra(request.extra, losses);
    for (const chat::Message& message : request.messages) {
      drop_extra(message.extra, losses);
      for (const chat::Part& part : message.parts) drop_extra(part.extra, losses);
    }
    for (const chat::Tool& tool : request.tools) drop_extra(tool.extra, losses);
  }
  if (const std::string_view name = same ? std::string_view() : kept_elsewhere(request, to); !name.empty())
    return refuse_kept(name, to.name());
  WriteContext writing = context;
  writing.same_dialect = same;
  auto body = to.write_request(request, writing, losses);
  if (!body) return body;
  if (fidelity == Fidelity::strict && !losses.empty()) return refuse_losses(losses, to.name());
  return body;
}

void reply_losses(const chat::Reply& reply, const Dialect& to, chat::Losses& losses) {
  drop_fields(chat::fields_of(reply), to, {}, losses);
}

StreamTranslator::StreamTranslator(const Dialect& from, const Dialect& to, const StreamOptions& options)
    : from_(&from), reader_(from.event_reader()), writer_(to.event_writer(options)) {}

// The end waits for finish(): usage goes before it, and only the ledger knows usage.
void StreamTranslator::frame(const Frame& frame, std::string& out) {
  if (closed_) return;
  events_.clear();
  reader_->read(frame.event, frame.data, events_);
  for (const chat::Event& event : events_) {
    if (event.kind == chat::Event::Kind::error) {
      failed_ = true;
      error_ = event.error;
      return;
    }
    if (event.kind == chat::Event::Kind::end) {
      ended_ = true;
    } else {
      writer_->write(event, out);
    }
  }
  // An error by its framing, under a name that the dialect does not know.
  if (frame.exception) {
    failed_ = true;
    error_ = from_->read_error(500, frame.data);
  }
}

void StreamTranslator::finish(const Usage& usage, std::string& out) {
  if (closed_) return;
  closed_ = true;
  events_.clear();
  reader_->finish(events_);
  for (const chat::Event& event : events_)
    if (event.kind != chat::Event::Kind::end) writer_->write(event, out);
  chat::Event last{.kind = chat::Event::Kind::usage};
  last.usage = usage;
  if (usage.reported) writer_->write(last, out);
  last.kind = chat::Event::Kind::end;
  writer_->write(last, out);
}

void StreamTranslator::fail(const Error& error, std::string& out) {
  if (closed_) return;
  closed_ = true;
  chat::Event event{.kind = chat::Event::Kind::error};
  event.error = error;
  writer_->write(event, out);
}

}  // namespace tollgate::gateway
