// Translation: one client request said in the form of each vendor that it is tried at, and the vendor's answer said in
// the client's form. Sans-I/O: bytes in, bytes out; the exchange moves them.
//
// The request is read once, when the first target needs it. Where client and vendor speak the same form, nothing here
// is active and the relay forwards bytes.
//
// Thread rule: one owner. Order: reset() per request; prepare() per target; then one of reply(), refusal(), or
// begin_stream() with feed() and finish().
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "billing/usage_reader.h"
#include "gateway/dialects/translate.h"
#include "gateway/plain_forms.h"
#include "gateway/snapshot.h"

namespace tollgate::gateway {

class Translation {
 public:
  // `body`, and what `route` names, must stay until the next reset().
  void reset(const Route& route, std::string_view body, std::string_view model, bool stream);

  // Says the request as `vendor` wants it on its surface `upstream`, which may become a sibling of it. Afterwards
  // rewritten() tells whether body() replaces the client's bytes, active() whether replies are translated. Errors: the
  // client's fault, in words, status 400.
  Result<void> prepare(const Vendor& vendor, const Surface*& upstream, std::string_view model, Fidelity fidelity);

  bool rewritten() const { return rewritten_; }  // the request body was written anew
  bool active() const { return active_; }        // replies are read and written anew
  std::string_view body() const { return body_; }
  const chat::Losses& losses() const { return losses_; }

  // The vendor's whole reply as the client expects it; with a stream asked for, as a whole stream.
  // Errors: status 502, the vendor's reply cannot be understood.
  Result<std::string> reply(std::string_view vendor_body, const Usage& usage);

  // A stream of frames cut like `framing`. Also used where only the framing differs, with the frames' content
  // unchanged.
  void begin_stream(Framing framing, std::size_t max_frame_bytes);
  bool reframing() const { return frames_ != nullptr; }
  // Reads what came, shows every frame to `usage`, appends the client's bytes.
  void feed(std::string_view bytes, billing::UsageReader& usage, std::string& out);
  // The vendor's error, once one was among the frames; nothing of it is in the output.
  const Error* stream_error() const;
  bool saw_end() const { return translator_ && translator_->saw_end(); }
  // Ends the client's stream in its own way, with what the ledger was told. Nothing on later calls.
  void finish(const Usage& usage, std::string& out);
  // Ends it with an error instead.
  void fail(const Error& error, std::string& out);

 private:
  Result<void> read_request();
  Result<std::string> say(const Surface*& upstream, const WriteContext& context, Fidelity fidelity);
  StreamOptions stream_options() const;
  void write_frame(const Frame& frame, std::string& out);

  // The request.
  const Route* route_ = nullptr;
  std::string_view client_body_, model_;
  bool stream_ = false, read_ = false;
  const Dialect* client_ = nullptr;
  chat::Request asked_;
  std::unique_ptr<PlainForms> plain_;  // instead, where the operation is no chat

  // The target.
  const Surface* upstream_ = nullptr;
  const Dialect* vendor_ = nullptr;
  bool rewritten_ = false, active_ = false;
  std::string body_;
  chat::Losses losses_;

  // The stream.
  std::unique_ptr<FrameReader> frames_;
  std::optional<StreamTranslator> translator_;
  Error broken_;
  bool broke_ = false, array_open_ = false, closed_ = false;
};

}  // namespace tollgate::gateway
