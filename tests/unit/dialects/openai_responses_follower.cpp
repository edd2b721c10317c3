#include "openai_responses_follower.h"

#include "gateway/dialects/dialect.h"
#include "json_compare.h"

namespace tollgate {
namespace {

using gateway::openai_responses;

class Follower {
 public:
  explicit Follower(bool own_echo) : own_echo_(own_echo) {}

  std::string follow(const std::vector<Json>& frames) {
    std::int64_t sequence = 0;
    for (const Json& frame : frames) {
      type_ = frame.value("type", "");
      if (over_) return "an event after the end: " + type_;
      if (frame.value("sequence_number", std::int64_t{-1}) != sequence++) return "sequence number of " + type_;
      if (sequence == 1 && type_ != "response.created") return "begins with " + type_;
      if (sequence == 2 && type_ != "response.in_progress") return "goes on with " + type_;
      if (std::string problem = take(frame); !problem.empty()) return type_ + ": " + problem;
    }
    if (!over_) return "has no end";
    if (failed_) return {};
    const auto differences = compare_json(Json(done_), last_["output"]);
    return differences.empty() ? "" : "the last output differs at " + differences[0].path;
  }
  const Json& last() const { return last_; }

 private:
  static bool has(const Json& frame, std::initializer_list<const char*> names) {
    for (const char* name : names)
      if (!frame.contains(name)) return false;
    return true;
  }

  std::string take(const Json& frame) {
    if (frame.contains("response")) return take_response(frame["response"]);
    if (type_ == "error") return failed_ = true, has(frame, {"code", "message", "param", "error"}) ? "" : "members";
    if (!has(frame, {"output_index"})) return "no output_index";
    const auto index = frame["output_index"].get<std::size_t>();
    if (type_ == "response.output_item.added") return take_added(frame, index);
    if (index + 1 != items_.size()) return "not the open item";
    Json& item = items_[index];
    if (type_ == "response.output_item.done") return take_done(frame, item);
    if (!has(frame, {"item_id"}) || frame["item_id"] != item["id"]) return "item_id";
    return take_part(frame, item);
  }

  std::string take_response(const Json& response) {
    for (const char* name :
         {"id", "object", "created_at", "error", "incomplete_details", "instructions", "model", "tools", "output",
          "parallel_tool_calls", "metadata", "tool_choice", "temperature", "top_p", "status"})
      if (own_echo_ && !response.contains(name)) return std::string("the response has no ") + name;
    last_ = response;
    over_ = type_ != "response.created" && type_ != "response.in_progress";
    failed_ = failed_ || type_ == "response.failed";
    if (over_ && "response." + response.value("status", "") != type_) return "status " + response.value("status", "");
    if (!over_ && !response["output"].empty()) return "output at the beginning";
    return {};
  }

  std::string take_added(const Json& frame, std::size_t index) {
    if (index != items_.size() || index != done_.size()) return "output_index";
    items_.push_back(frame["item"]);
    return has(frame["item"], {"type", "id"}) ? "" : "item";
  }

  std::string take_done(const Json& frame, Json& item) {
    const Json& whole = frame["item"];
    for (const char* name : {"id", "type", "call_id", "name", "role"})
      if (item.value(name, Json()) != whole.value(name, Json())) return std::string("changes its ") + name;
    // What the events spelled is what the item says.
    for (const char* name : {"content", "summary", "arguments", "input"}) {
      if (whole.value("type", "").starts_with("tool_search")) break;  // has no events of its own
      const Json said = item.value(name, Json()), now = whole.value(name, Json());
      const bool nothing = (said.is_null() || said.empty()) && (now.is_null() || now.empty());
      if (!nothing && !compare_json(said, now).empty()) return std::string("spelled another ") + name;
    }
    done_.push_back(whole);
    return {};
  }

  std::string take_part(const Json& frame, Json& item) {
    const bool summary = frame.contains("summary_index");
    const char* list = summary ? "summary" : "content";
    const bool added = type_.ends_with("_part.added"), done = type_.ends_with("_part.done");
    if (added || done || frame.contains("content_index") || summary) {
      const auto at = frame[summary ? "summary_index" : "content_index"].get<std::size_t>();
      Json& parts = item[list];
      if (parts.is_null()) parts = Json::array();
      if (added) {
        if (at != parts.size()) return "index of a new part";
        parts.push_back(frame["part"]);
        return {};
      }
      if (at + 1 != parts.size()) return "index of a part";
      return take_text(frame, parts[at], done);
    }
    for (const char* whole : {"arguments", "code"}) {  // of a tool that the vendor runs
      if (item["type"] != "function_call" && frame.contains(whole)) item[whole] = frame[whole];
    }
    if (!frame.contains("delta") && !frame.contains("arguments") && !frame.contains("input")) return {};  // progress
    const char* member = item["type"] == "custom_tool_call" ? "input" : "arguments";
    if (frame.contains("delta")) {
      item[member] = item[member].get<std::string>() + frame["delta"].get<std::string>();
      return {};
    }
    if (item["type"] == "function_call" && !frame.contains("name")) return "no name";
    return item[member] == frame.value(member, Json()) ? "" : "other arguments";
  }

  std::string take_text(const Json& frame, Json& part, bool done) {
    const char* member = part["type"] == "refusal" ? "refusal" : "text";
    if (type_.ends_with("annotation.added")) {
      if (frame["annotation_index"].get<std::size_t>() != part["annotations"].size()) return "annotation_index";
      part["annotations"].push_back(frame["annotation"]);
      return {};
    }
    if (frame.contains("delta")) {
      if (type_ == "response.output_text.delta" && !frame.contains("logprobs")) return "no logprobs";
      part[member] = part[member].get<std::string>() + frame["delta"].get<std::string>();
      return {};
    }
    if (done) {
      if (part[member] != frame["part"][member]) return "another text";
      part = frame["part"];
      return {};
    }
    return part[member] == frame.value(member, Json()) ? "" : "another text";
  }

  std::string type_;
  std::vector<Json> items_, done_;
  Json last_;
  bool own_echo_, over_ = false, failed_ = false;
};

}  // namespace

std::vector<Json> responses_frames(std::string_view bytes) {
  std::vector<Json> out;
  const auto frames = make_frame_reader(Framing::sse);
  frames->feed(bytes);
  Frame frame;
  while (frames->next(frame)) {
    auto data = parse_json_dom(frame.data);
    out.push_back(data && (*data).value("type", "") == frame.event ? *data : Json("bad frame"));
  }
  return out;
}

std::string follow_responses_stream(std::string_view bytes, Json* last, bool own_echo) {
  const auto frames = responses_frames(bytes);
  for (const Json& frame : frames)
    if (!frame.is_object()) return "a frame is no JSON, or its event name is not its type";
  Follower follower(own_echo);
  std::string problem = follower.follow(frames);
  if (last) *last = follower.last();
  return problem;
}

chat::Events read_responses_stream(std::string_view bytes, std::size_t step) {
  chat::Events events;
  const auto frames = make_frame_reader(Framing::sse);
  const auto reader = openai_responses().event_reader();
  if (step == 0) step = bytes.size();
  while (!bytes.empty()) {
    const std::string piece(bytes.substr(0, step));
    bytes.remove_prefix(piece.size());
    frames->feed(piece);
    Frame frame;
    while (frames->next(frame)) reader->read(frame.event, frame.data, events);
  }
  reader->finish(events);
  return events;
}

chat::Fold fold_of(const chat::Events& events) {
  chat::Fold fold;
  for (const chat::Event& event : events) fold.add(event);
  return fold;
}

std::string write_responses_stream(const chat::Events& events, const chat::Request* request) {
  std::string out;
  const auto writer = openai_responses().event_writer({.id = "0190abcd", .created = 1700000000, .request = request});
  for (const chat::Event& event : events) writer->write(event, out);
  return out;
}

}  // namespace tollgate
