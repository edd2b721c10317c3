#include "anthropic_testing.h"

#include <gtest/gtest.h>

namespace tollgate::gateway {
namespace {

std::string shown(const chat::Signature& signature) { return signature.origin + ":" + signature.value; }

std::string shown(const chat::Part& part) {
  std::string out = std::to_string(part.what.index());
  if (const auto* call = part.get<chat::ToolCall>()) out += call->id + "/" + call->name + "/" + call->arguments;
  if (const auto* text = part.get<chat::Text>()) out += text->text;
  if (const auto* thinking = part.get<chat::Thinking>()) out += thinking->text + thinking->id;
  if (const auto* opaque = part.get<chat::Opaque>()) out += opaque->type + opaque->json;
  for (const auto& [name, value] : part.extra) out += "+" + name + "=" + value;
  return out;
}

void add_delta(Json& block, std::string& input, const Json& delta) {
  const std::string type = delta.value("type", "");
  if (type == "text_delta") block["text"] = block.value("text", "") + delta.value("text", "");
  if (type == "thinking_delta") block["thinking"] = block.value("thinking", "") + delta.value("thinking", "");
  if (type == "signature_delta") block["signature"] = delta["signature"];
  if (type == "input_json_delta") input += delta.value("partial_json", "");
  if (type == "citations_delta") {
    if (!block.contains("citations") || !block["citations"].is_array()) block["citations"] = Json::array();
    block["citations"].push_back(delta["citation"]);
  }
  if (type == "compaction_delta") block["content"] = delta["content"];
}

void merge_present(Json& into, const Json& from) {
  for (const auto& [name, value] : from.items())
    if (!value.is_null()) into[name] = value;
}

}  // namespace

chat::Events read_stream(std::string_view bytes, Framing framing, const std::vector<std::size_t>& cuts) {
  chat::Events events;
  const auto frames = make_frame_reader(framing);
  const auto reader = anthropic().event_reader();
  std::size_t turn = 0;
  while (!bytes.empty()) {
    const std::string piece(bytes.substr(0, cuts.empty() ? bytes.size() : cuts[turn++ % cuts.size()]));
    bytes.remove_prefix(piece.size());
    frames->feed(piece);
    Frame frame;
    while (frames->next(frame)) reader->read(frame.event, frame.data, events);
  }
  EXPECT_EQ(frames->failure(), "");
  reader->finish(events);
  return events;
}

std::string write_stream(const chat::Events& events, const StreamOptions& options) {
  const auto writer = anthropic().event_writer(options);
  std::string out;
  for (const chat::Event& event : events) writer->write(event, out);
  return out;
}

chat::Fold folded(const chat::Events& events) {
  chat::Fold fold;
  for (const chat::Event& event : events) fold.add(event);
  return fold;
}

std::string shown(const chat::Event& event) {
  std::string out = std::to_string(static_cast<int>(event.kind)) + "." + std::to_string(static_cast<int>(event.delta)) +
                    " " + std::to_string(event.choice) + "/" + std::to_string(event.part) + " " + event.text + "|" +
                    shown(event.signature) + "|" + event.citation.raw + "|" + shown(event.part_head) + "|" +
                    event.reply.id + event.reply.model + event.reply.service_tier + "|" + event.choice_tail.finish_raw +
                    event.choice_tail.stop_sequence + "|" + event.error.message;
  for (const auto& [name, value] : event.choice_tail.extra) out += "+" + name + "=" + value;
  for (const auto& [name, value] : event.reply.extra) out += "+" + name + "=" + value;
  return out;
}

std::vector<std::string> shown(const chat::Events& events) {
  std::vector<std::string> out;
  out.reserve(events.size());
  for (const chat::Event& event : events) out.push_back(shown(event));
  return out;
}

std::vector<Json> payloads(std::string_view bytes, Framing framing) {
  std::vector<Json> out;
  const auto frames = make_frame_reader(framing);
  frames->feed(bytes);
  Frame frame;
  while (frames->next(frame) && (out.empty() || out.back().value("type", "") != "message_stop")) {
    out.push_back(parsed(frame.data));
    if (out.back().is_null()) out.back() = Json::object();
    if (framing == Framing::sse) EXPECT_EQ(std::string(frame.event), out.back().value("type", ""));
  }
  return out;
}

Json message_of(const std::vector<Json>& payloads) {
  Json message;
  std::vector<std::string> inputs;
  for (const Json& event : payloads) {
    const std::string type = event.value("type", "");
    if (type == "message_start") {
      EXPECT_TRUE(message.is_null()) << "two messages in one stream";
      message = event["message"];
    } else if (type == "content_block_start") {
      EXPECT_EQ(event["index"], message["content"].size()) << "blocks out of order";
      message["content"].push_back(event["content_block"]);
      inputs.emplace_back();
    } else if (type == "content_block_delta") {
      const auto index = event["index"].get<std::size_t>();
      EXPECT_LT(index, inputs.size());
      if (index < inputs.size()) add_delta(message["content"][index], inputs[index], event["delta"]);
    } else if (type == "message_delta") {
      merge_present(message, event["delta"]);
      merge_present(message["usage"], event["usage"]);
      if (event.contains("context_management")) message["context_management"] = event["context_management"];
    }
  }
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i].empty())
      if (auto input = parse_json_dom(inputs[i])) message["content"][i]["input"] = *input;
  return message;
}

Json parsed(std::string_view text) {
  auto json = parse_json_dom(text);
  EXPECT_TRUE(json) << text;
  return json ? *json : Json();
}

}  // namespace tollgate::gateway
