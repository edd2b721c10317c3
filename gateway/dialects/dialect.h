// Dialect: one wire form of chat, both directions. Pure: no sockets, no clock, no configuration look-ups; what a
// vendor's row changes comes in as Quirks.
//
//   client body --read_request--> chat::Request --write_request--> vendor body
//   vendor body --read_reply-->   chat::Reply   --write_reply-->   client body
//   vendor frames --EventReader--> chat::Events --EventWriter-->   client frames
//
// Rules for every implementation
//  - Nothing is dropped in silence. What fields() calls `dropped` is named by the caller (translate.h). A writer that
//    cannot carry something only under some condition (an image by URL where the vendor takes data only) names it in
//    `losses`, with a path: "messages[2].image.url".
//  - Unknown members of the source are kept in `extra`, and written again when the source was the same dialect.
//  - Broken input is an Error (client_fault, status 400) that names the place: "messages[2].content: must be a string
//    or an array". Absent and null are the same.
//  - Usage is not read here: billing reads it from the vendor's bytes, the gateway puts it into Reply::usage and
//    Event::usage, and writers write it in their own form.
// Thread rule: dialects are stateless singletons; readers and writers belong to one stream.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/chat.h"
#include "core/chat_event.h"
#include "core/chat_fields.h"
#include "core/frames.h"
#include "core/result.h"
#include "gateway/dialects/quirks.h"

namespace tollgate::gateway {

// What the path and query of a request say where the body does not (Gemini), and what the reader may need.
struct ReadContext {
  std::string_view model;  // from the path; "" = the body names it
  bool stream = false;     // from the path
};

struct WriteContext {
  std::string_view model;  // the vendor's name for it
  bool stream = false;
  Quirks quirks;
  bool same_dialect = false;  // the request was read in this dialect: write `extra` again
};

// One frame of a stream in the dialect's own framing, without it: an SSE event's name and data, a line of NDJSON, the
// type and payload of an AWS event.
class EventReader {
 public:
  virtual ~EventReader() = default;
  // Appends 0..n events. A frame that is no valid JSON is an `error` event.
  virtual void read(std::string_view event, std::string_view data, chat::Events& out) = 0;
  // The vendor's stream is over: closes what is open. A stream without its terminal frame gets no `end` event.
  virtual void finish(chat::Events& out) = 0;
  // For dialects without a terminal frame: what was read may be the whole stream, and finish() will give `end`.
  virtual bool may_end() const { return false; }
};

class EventWriter {
 public:
  virtual ~EventWriter() = default;
  // Appends the bytes of 0..n frames in the client's framing (SSE for all client dialects). Called with each event of
  // a stream in order. An `error` event becomes the dialect's error event and ends the stream in good form.
  virtual void write(const chat::Event& event, std::string& out) = 0;
};

// What the client asked, as far as its stream's form depends on it.
struct StreamOptions {
  bool include_usage = true;               // OpenAI chat: send the usage chunk
  std::string model;                       // the name that the client asked for; "" = show the vendor's
  std::string id;                          // used when the vendor gave none; unique
  std::int64_t created = 0;                // Unix seconds, used when the vendor gave none
  bool json_array = false;                 // Gemini without alt=sse: frames are elements of one JSON array
  const chat::Request* request = nullptr;  // what was asked (Responses echoes it); may be null; outlives the writer
};

class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual std::string_view name() const = 0;    // "anthropic.messages"
  virtual std::string_view family() const = 0;  // "anthropic": origin of its signatures
  virtual const chat::FieldTable& fields() const = 0;
  // True for a field that fields() drops and that a vendor with these quirks takes all the same.
  virtual bool carries_with(const Quirks& quirks, chat::Field field) const {
    (void)quirks, (void)field;
    return false;
  }
  virtual Framing framing() const = 0;  // of its streams, as vendors send them

  virtual Result<chat::Request> read_request(std::string_view body, const ReadContext& context) const = 0;
  virtual Result<std::string> write_request(const chat::Request& request, const WriteContext& context,
                                            chat::Losses& losses) const = 0;
  virtual Result<chat::Reply> read_reply(std::string_view body) const = 0;
  virtual std::string write_reply(const chat::Reply& reply, const StreamOptions& options) const = 0;
  // A vendor's error body (any text) in words: code, message and kind; status and retry_after are the caller's.
  virtual Error read_error(int status, std::string_view body) const = 0;
  virtual std::string write_error(const Error& error) const = 0;
  virtual std::unique_ptr<EventReader> event_reader() const = 0;
  virtual std::unique_ptr<EventWriter> event_writer(const StreamOptions& options) const = 0;
};

// The dialects there are; one file family each.
const Dialect& openai_chat();       // "openai.chat"        openai_chat*.cpp
const Dialect& openai_responses();  // "openai.responses"   openai_responses*.cpp
const Dialect& anthropic();         // "anthropic.messages" anthropic*.cpp
const Dialect& gemini();            // "gemini.generate"    gemini*.cpp
const Dialect& bedrock_converse();  // "bedrock.converse"   bedrock*.cpp
const Dialect& cohere_chat();       // "cohere.chat"        cohere*.cpp
const Dialect& ollama_chat();       // "ollama.chat"        ollama*.cpp
// nullptr for an unknown name.
const Dialect* find_dialect(std::string_view name);

}  // namespace tollgate::gateway
