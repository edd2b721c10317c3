#include "openai_chat_testing.h"

#include <cstdio>
#include <cstring>

#include "json_compare.h"

namespace tollgate::gateway::oai_test {

using namespace chat;

Comparison::~Comparison() {
  for (const auto& [path, count] : unknown_) std::printf("  %5zu UNKNOWN %s\n", count, path.c_str());
  std::printf("%s: %zu compared, %zu exactly equal\n", what_, compared_, exact_);
  for (const Known& one : known_) {
    std::printf("  %5zu %s: %s\n", seen_[one.path], one.path, one.reason);
    EXPECT_GT(seen_[one.path], 0u) << what_ << ": the listed difference at " << one.path << " does not occur";
  }
}

void Comparison::compare(const std::string& id, const Json& left, const Json& right) {
  ++compared_;
  const auto differences = compare_json(left, right, 400);
  if (differences.empty()) ++exact_;
  for (const JsonDifference& one : differences) {
    const std::string path = general_path(one.path);
    bool listed = false;
    for (const Known& known : known_) {
      std::string_view wanted = known.path;
      const bool below = wanted.ends_with('*');
      if (below) wanted.remove_suffix(1);
      if (below ? !path.starts_with(wanted) : path != wanted) continue;
      listed = true;
      ++seen_[known.path];
      break;
    }
    if (!listed && unknown_[path]++ == 0)
      ADD_FAILURE() << what_ << " " << id << " at " << one.path << "\n  was " << one.left << "\n  is  " << one.right;
  }
}

void expect_same(const std::string& id, const Json& left, const Json& right) {
  for (const JsonDifference& one : compare_json(left, right))
    ADD_FAILURE() << id << " at " << one.path << "\n  was " << one.left << "\n  is  " << one.right;
}

Json json(const std::string& text) {
  auto parsed = parse_json_dom(text);
  EXPECT_TRUE(parsed) << text.substr(0, 400);
  return parsed ? *parsed : Json();
}

Request read(const std::string& body) {
  auto request = openai_chat().read_request(body, {});
  EXPECT_TRUE(request) << (request ? "" : request.error().message);
  return request ? *request : Request{};
}

Json write(const Request& request, const Quirks& quirks, bool same, std::vector<std::string>* losses, bool stream) {
  Losses lost;
  auto body = openai_chat().write_request(
      request, {.model = "m", .stream = stream, .quirks = quirks, .same_dialect = same}, lost);
  EXPECT_TRUE(body);
  if (losses) {
    *losses = lost.names();
  } else {
    EXPECT_TRUE(lost.empty()) << lost.names().front();
  }
  return body ? json(*body) : Json();
}

Reply reply(const std::string& body) {
  auto read = openai_chat().read_reply(body);
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  return read ? *read : Reply{};
}

Quirks quirks_of(const std::string& provider) {
  static const std::map<std::string, std::vector<std::string>> kRows = {
      {"openai", {"max_completion_tokens", "developer_role"}},
      {"azure", {"max_completion_tokens", "developer_role"}},
      {"openrouter",
       {"developer_role", "reasoning_object", "reasoning_details", "reasoning_field", "cache_control",
        "sampling_extras"}},
      {"vercel-gateway", {"reasoning_object", "reasoning_details", "reasoning_field", "cache_control"}},
      {"mistral", {"tool_choice_any", "random_seed", "thinking_parts", "document_url", "no_stream_options"}},
      {"deepseek", {"thinking_toggle"}},
      {"zai", {"thinking_toggle"}},
      {"moonshot", {"thinking_toggle"}},
      {"alibaba", {"enable_thinking"}},
      {"google", {"extra_content"}},
      {"groq", {"reasoning_field"}},
      {"ollama", {"reasoning_field"}},
  };
  const auto row = kRows.find(provider);
  return row == kRows.end() ? Quirks{} : quirks_from(row->second);
}

std::string wire(const RecordedExchange& exchange) {
  if (exchange.framing.empty()) return exchange.reply;
  std::string bytes;
  for (std::size_t at = 0; at < exchange.reply.size();) {
    const std::size_t end = std::min(exchange.reply.find('\n', at), exchange.reply.size());
    if (end > at) bytes += "data: " + exchange.reply.substr(at, end - at) + "\n\n";
    at = end + 1;
  }
  return bytes;
}

Events events(std::string_view bytes, const std::function<std::size_t()>& cut) {
  const auto frames = make_frame_reader(openai_chat().framing());
  const auto reader = openai_chat().event_reader();
  Events out;
  while (!bytes.empty()) {
    const std::size_t size = cut ? std::min(bytes.size(), std::max<std::size_t>(1, cut())) : bytes.size();
    const std::string piece(bytes.substr(0, size));  // a copy of its own size, so that a read past it is seen
    bytes.remove_prefix(size);
    frames->feed(piece);
    for (Frame frame; frames->next(frame);) reader->read(frame.event, frame.data, out);
  }
  reader->finish(out);
  return out;
}

Fold fold(const Events& events) {
  Fold out;
  for (const Event& event : events) out.add(event);
  return out;
}

std::string frames(const Events& events, const StreamOptions& options) {
  const auto writer = openai_chat().event_writer(options);
  std::string out;
  for (const Event& event : events) writer->write(event, out);
  return out;
}

std::vector<Json> payloads(const std::string& bytes) {
  std::vector<Json> out;
  const auto reader = make_frame_reader(Framing::sse);
  reader->feed(bytes);
  for (Frame frame; reader->next(frame);)
    out.push_back(frame.data == "[DONE]" ? Json("[DONE]") : json(std::string(frame.data)));
  return out;
}

void expect_order(const std::string& id, const Events& events) {
  using Kind = Event::Kind;
  struct Seen {
    int parts = 0;
    bool open = false, over = false;
  };
  std::map<int, Seen> choices;
  bool started = false, over = false;
  for (const Event& event : events) {
    EXPECT_FALSE(over) << id << ": something follows the end";
    Seen& seen = choices[event.choice];
    switch (event.kind) {
      case Kind::start:
        EXPECT_FALSE(std::exchange(started, true)) << id;
        break;
      case Kind::part_begin:
        EXPECT_TRUE(started && !seen.open && !seen.over) << id;
        EXPECT_EQ(event.part, seen.parts++) << id;
        seen.open = true;
        break;
      case Kind::delta:
        EXPECT_TRUE(seen.open && event.part == seen.parts - 1) << id;
        break;
      case Kind::part_end:
        EXPECT_TRUE(std::exchange(seen.open, false) && event.part == seen.parts - 1) << id;
        break;
      case Kind::choice_end:
        EXPECT_TRUE(started && !seen.open && !std::exchange(seen.over, true)) << id;
        break;
      case Kind::end:
        for (const auto& [index, one] : choices) EXPECT_FALSE(one.open) << id << ": choice " << index;
        over = true;
        break;
      case Kind::error:
        over = true;
        break;
      case Kind::usage:
      case Kind::ping:
        break;
    }
  }
}

namespace {

Json signature_json(const Signature& signature) {
  Json out = Json::object();
  out["value"] = signature.value;
  if (!signature.empty()) out["origin"] = signature.origin;
  return out;
}

Json part_json(const Part& part, bool exact) {
  Json out = Json::object();
  if (const auto* text = part.get<Text>()) {
    out["text"] = text->text;
    out["signature"] = signature_json(text->signature);
    for (const Citation& one : text->citations) out["citations"].push_back(one.url + " " + one.title);
  } else if (const auto* refusal = part.get<Refusal>()) {
    out["refusal"] = refusal->text;
  } else if (const auto* thinking = part.get<Thinking>()) {
    out["thinking"] = thinking->text;
    out["signature"] = signature_json(thinking->signature);
    out["redacted"] = signature_json(thinking->redacted);
    if (exact) out["summary"] = thinking->summary, out["id"] = thinking->id;
  } else if (const auto* call = part.get<ToolCall>()) {
    out["call"] = call->id;
    out["name"] = call->name;
    out["arguments"] = call->arguments;
    out["custom"] = call->custom;
    out["signature"] = signature_json(call->signature);
  } else if (const auto* media = part.get<Media>()) {
    out["media"] = static_cast<int>(media->kind);
    out["data"] = media->data;
    out["url"] = media->url;
    out["transcript"] = media->transcript;
    out["id"] = media->id;
  } else if (const auto* opaque = part.get<Opaque>()) {
    out["opaque"] = opaque->json;
  }
  return out;
}

}  // namespace

Json meaning(const Reply& reply, bool exact) {
  Json out = Json::object();
  out["id"] = reply.id;
  out["model"] = reply.model;
  out["created"] = reply.created;
  out["service_tier"] = reply.service_tier;
  out["choices"] = Json::array();
  for (const Choice& choice : reply.choices) {
    Json one = Json::object();
    one["index"] = choice.index;
    one["finish"] = static_cast<int>(choice.finish);
    one["finish_raw"] = choice.finish_raw;
    one["logprobs"] = choice.logprobs;
    one["stop_sequence"] = choice.stop_sequence;
    one["parts"] = Json::array();
    for (const Part& part : choice.parts) one["parts"].push_back(part_json(part, exact));
    if (exact)
      for (const auto& [name, value] : choice.extra) one["extra"][name] = value;
    out["choices"].push_back(one);
  }
  const Usage& usage = reply.usage;
  for (std::size_t i = 0; usage.reported && i < kBuckets; ++i) out["usage"].push_back(usage.counts[i]);
  return out;
}

std::string text_of_events(const Events& events) {
  std::string out;
  for (const Event& event : events) {
    out += std::to_string(static_cast<int>(event.kind)) + "/" + std::to_string(static_cast<int>(event.delta)) + " " +
           std::to_string(event.choice) + "." + std::to_string(event.part) + " " + event.text + "|" +
           event.signature.value + "|" + event.citation.url + "|" + event.error.message + "\n";
  }
  const Fold folded = fold(events);
  return out + dump_json(meaning(folded.reply(), true)) + (folded.ended() ? " ended" : " cut");
}

}  // namespace tollgate::gateway::oai_test
