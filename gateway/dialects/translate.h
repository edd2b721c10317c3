// Translation between dialects: fidelity checked, losses named. Pure. Thread rule: anywhere.
#pragma once

#include <string>

#include "gateway/dialects/dialect.h"

namespace tollgate::gateway {

enum class Fidelity : unsigned char {
  warn,    // what cannot be carried is named in x-tollgate-dropped
  strict,  // what cannot be carried is a 400 before anything is sent
};

// `request`, read in `from`, as `to` says it. Adds to `losses` every field that the request uses and `to` drops, and
// what the writer itself could not carry. Errors: what the writer refuses; a part of the conversation that only another
// vendor keeps (previous_response_id, stored prompts, cached contents): status 400, code "kept_by_another_vendor"; with
// Fidelity::strict, status 400, code "fidelity_strict", the message names every loss.
Result<std::string> translate_request(const Dialect& from, const chat::Request& request, const Dialect& to,
                                      const WriteContext& context, Fidelity fidelity, chat::Losses& losses);

// The 400 that names every loss. `target`: the form that cannot carry them.
Error refuse_losses(const chat::Losses& losses, std::string_view target);

// Losses of a reply written in `to` (fields only; replies are never refused for them).
void reply_losses(const chat::Reply& reply, const Dialect& to, chat::Losses& losses);

// A stream from `from` to `to`, frame by frame.
class StreamTranslator {
 public:
  StreamTranslator(const Dialect& from, const Dialect& to, const StreamOptions& options);
  // Appends the client's bytes for one frame of the vendor's. `usage` is written when it is reported and the stream
  // ends.
  void frame(const Frame& frame, std::string& out);
  // Ends the client's stream: held-back usage and end events are written now, with what the ledger was told.
  void finish(const Usage& usage, std::string& out);
  // The client's error event; ends the stream.
  void fail(const Error& error, std::string& out);
  bool saw_end() const { return ended_ || reader_->may_end(); }
  const Error* error() const { return failed_ ? &error_ : nullptr; }

 private:
  const Dialect* from_;
  std::unique_ptr<EventReader> reader_;
  std::unique_ptr<EventWriter> writer_;
  chat::Events events_;
  Error error_;
  bool ended_ = false, failed_ = false, closed_ = false;
};

}  // namespace tollgate::gateway
