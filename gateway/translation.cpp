#include "gateway/translation.h"

#include <cstring>

#include "core/clock.h"
#include "core/id.h"
#include "core/sse.h"

namespace tollgate::gateway {
namespace {

Error bad_reply(const Error& why) {
  return Error{.kind = ErrorKind::fatal,
               .status = 502,
               .code = "upstream_bad_reply",
               .message = "the vendor's reply could not be understood: " + why.message};
}

// Signatures of other families that this gateway once handed to the caller, plain or packed for Gemini's callers: no
// vendor but their own may see them.
bool holds_foreign_signatures(std::string_view body) {
  for (const std::string_view mark : {std::string_view("\"tollgate."), std::string_view("\"dG9sbGdhdGUu")})
    if (::memmem(body.data(), body.size(), mark.data(), mark.size())) return true;
  return false;
}

}  // namespace

void Translation::reset(const Route& route, std::string_view body, std::string_view model, bool stream) {
  route_ = &route;
  client_body_ = body;
  model_ = model;
  stream_ = stream;
  client_ = find_dialect(route.surface->form);
  plain_.reset();
  read_ = rewritten_ = active_ = false;
  frames_.reset();
  translator_.reset();
}

Result<void> Translation::read_request() {
  if (read_) return {};
  if (route_->surface->operation != Operation::generate) {
    auto plain = read_plain_request(*route_, client_body_, model_);
    if (!plain) return std::move(plain).error();
    plain_ = std::move(*plain);
    read_ = true;
    return {};
  }
  auto request = client_->read_request(client_body_, {.model = model_, .stream = stream_});
  if (!request) return std::move(request).error();
  asked_ = std::move(*request);
  read_ = true;
  return {};
}

Result<void> Translation::prepare(const Vendor& vendor, const Surface*& upstream, std::string_view model,
                                  Fidelity fidelity) {
  const bool native = upstream->id == route_->surface->id;
  losses_ = {};
  frames_.reset();
  translator_.reset();
  broke_ = array_open_ = closed_ = false;
  active_ = !native;
  rewritten_ = !native || (client_ && (vendor.rewrites_body || holds_foreign_signatures(client_body_)));
  if (!rewritten_) return {};
  if (auto read = read_request(); !read) return read;
  auto body = say(upstream, {.model = model, .stream = stream_, .quirks = vendor.quirks}, fidelity);
  if (!body) return std::move(body).error();
  body_ = std::move(*body);
  upstream_ = upstream;
  return {};
}

Result<std::string> Translation::say(const Surface*& upstream, const WriteContext& context, Fidelity fidelity) {
  if (plain_) {
    auto body = plain_->write_request(upstream, context, losses_);
    if (body && fidelity == Fidelity::strict && !losses_.empty()) return refuse_losses(losses_, upstream->form);
    return body;
  }
  vendor_ = find_dialect(upstream->form);
  if (client_ && vendor_) return translate_request(*client_, asked_, *vendor_, context, fidelity, losses_);
  return Error{.kind = ErrorKind::client_fault,
               .status = 400,
               .code = "target_not_capable",
               .message = "no translation from " + std::string(route_->surface->name) + " to " +
                          std::string(upstream->name) + " is known"};
}

StreamOptions Translation::stream_options() const {
  return {.include_usage = asked_.include_usage.value_or(false),
          .id = Id::next().to_string(),
          .created = wall_micros() / 1'000'000,
          .json_array = route_->json_array,
          .request = &asked_};
}

Result<std::string> Translation::reply(std::string_view vendor_body, const Usage& usage) {
  if (plain_) {
    auto body = plain_->write_reply(*upstream_, vendor_body, usage);
    return body ? std::move(body) : bad_reply(body.error());
  }
  auto said = vendor_->read_reply(vendor_body);
  if (!said) return bad_reply(said.error());
  said->usage = usage;
  reply_losses(*said, *client_, losses_);
  const StreamOptions options = stream_options();
  if (!stream_) return client_->write_reply(*said, options);
  const auto writer = client_->event_writer(options);
  std::string out;
  for (const chat::Event& event : chat::unfold(*said)) writer->write(event, out);
  return out;
}

void Translation::begin_stream(Framing framing, std::size_t max_frame_bytes) {
  frames_ = make_frame_reader(framing, max_frame_bytes);
  if (active_) translator_.emplace(*vendor_, *client_, stream_options());
}

void Translation::feed(std::string_view bytes, billing::UsageReader& usage, std::string& out) {
  frames_->feed(bytes);
  Frame frame;
  while (!broke_ && frames_->next(frame)) {
    usage.event(frame.event, frame.data);
    write_frame(frame, out);
  }
  if (const auto why = frames_->failure(); !why.empty() && !broke_) {
    broke_ = true;
    broken_ = Error{.kind = ErrorKind::fatal,
                    .status = 502,
                    .code = "upstream_bad_stream",
                    .message = "the vendor's stream could not be read: " + std::string(why)};
  }
}

void Translation::write_frame(const Frame& frame, std::string& out) {
  if (translator_) {
    translator_->frame(frame, out);
  } else if (frame.exception) {
    broke_ = true;
    broken_ = vendor_ ? vendor_->read_error(500, frame.data) : Error{.status = 502, .message = std::string(frame.data)};
  } else if (route_->json_array) {
    out += array_open_ ? ",\r\n" : "[";
    out += frame.data;
    array_open_ = true;
  } else {
    write_sse_event(out, frame.event, frame.data);
  }
}

const Error* Translation::stream_error() const {
  if (broke_) return &broken_;
  return translator_ ? translator_->error() : nullptr;
}

void Translation::finish(const Usage& usage, std::string& out) {
  if (std::exchange(closed_, true)) return;
  if (translator_) {
    translator_->finish(usage, out);
  } else if (route_->json_array) {
    out += array_open_ ? "]" : "[]";
  }
}

void Translation::fail(const Error& error, std::string& out) {
  if (std::exchange(closed_, true)) return;
  if (translator_) {
    translator_->fail(error, out);
  } else if (route_->json_array) {
    out += array_open_ ? ",\r\n" : "[";
    out += client_->write_error(error) + "]";
  } else {
    const Surface& surface = *route_->surface;
    write_sse_event(out, surface.family == ApiFamily::anthropic ? "error" : "", client_->write_error(error));
  }
}

}  // namespace tollgate::gateway
