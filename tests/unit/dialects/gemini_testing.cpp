#include "gemini_testing.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "json_compare.h"

namespace tollgate::gateway {
namespace {

std::string camel(const std::string& name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool joins = name[i] == '_' && !out.empty() && i + 1 < name.size() && std::islower(name[i + 1]) != 0;
    out += joins ? static_cast<char>(std::toupper(name[++i])) : name[i];
  }
  return out;
}

Json extra_json(const chat::Extra& extra) {
  Json out = Json::object();
  for (const auto& [name, value] : extra) out[name] = parsed(value);
  return out;
}

Json signature_json(const chat::Signature& signature) { return signature.origin + "|" + signature.value; }

Json part_json(const chat::Part& part) {
  Json out = Json::object();
  if (const auto* text = part.get<chat::Text>()) {
    out["text"] = text->text;
    out["signature"] = signature_json(text->signature);
    for (const chat::Citation& one : text->citations)
      out["citations"].push_back({{"url", one.url},
                                  {"title", one.title},
                                  {"quote", one.quote},
                                  {"begin", one.begin},
                                  {"end", one.end},
                                  {"raw", one.raw}});
  } else if (const auto* thought = part.get<chat::Thinking>()) {
    out["thinking"] = thought->text;
    out["signature"] = signature_json(thought->signature);
    out["redacted"] = signature_json(thought->redacted);
  } else if (const auto* call = part.get<chat::ToolCall>()) {
    out["call"] = {{"id", call->id}, {"name", call->name}, {"arguments", parsed(call->arguments)}};
    out["signature"] = signature_json(call->signature);
  } else if (const auto* media = part.get<chat::Media>()) {
    out["media"] = {
        {"kind", static_cast<int>(media->kind)}, {"mime", media->mime}, {"data", media->data}, {"url", media->url}};
  } else if (const auto* opaque = part.get<chat::Opaque>()) {
    out["opaque"] = {{"type", opaque->type}, {"json", parsed(opaque->json)}};
  } else if (const auto* refusal = part.get<chat::Refusal>()) {
    out["refusal"] = refusal->text;
  }
  out["extra"] = extra_json(part.extra);
  return out;
}

}  // namespace

Json parsed(std::string_view text) {
  if (text.empty()) return {};
  auto value = parse_json_dom(text);
  EXPECT_TRUE(value) << text.substr(0, 300);
  return value ? *value : Json();
}

Json with_camel_keys(const Json& value) {
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& one : value) out.push_back(with_camel_keys(one));
    return out;
  }
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [key, one] : value.items()) out[camel(key)] = with_camel_keys(one);
  return out;
}

Json meaning_of(const chat::Reply& reply) {
  Json out = Json::object();
  out["id"] = reply.id;
  out["model"] = reply.model;
  out["created"] = reply.created;
  out["tier"] = reply.service_tier;
  out["dialect"] = reply.dialect;
  out["extra"] = extra_json(reply.extra);
  for (const chat::Choice& choice : reply.choices) {
    Json one = Json::object();
    one["index"] = choice.index;
    for (const chat::Part& part : choice.parts) one["parts"].push_back(part_json(part));
    one["finish"] = static_cast<int>(choice.finish);
    one["finish_raw"] = choice.finish_raw;
    one["logprobs"] = choice.logprobs.size() > 2 ? parsed(choice.logprobs) : Json();
    one["extra"] = extra_json(choice.extra);
    out["choices"].push_back(one);
  }
  for (std::size_t i = 0; i < kBuckets; ++i)
    if (reply.usage.counts[i] != 0)
      out["usage"][std::string(bucket_name(static_cast<Bucket>(i)))] = reply.usage.counts[i];
  return out;
}

chat::Events events_of(Framing framing, std::string_view bytes, const std::vector<std::size_t>& sizes) {
  const auto frames = make_frame_reader(framing);
  const auto reader = gemini().event_reader();
  chat::Events events;
  for (std::size_t turn = 0; !bytes.empty(); ++turn) {
    const std::size_t size = sizes.empty() ? bytes.size() : std::max<std::size_t>(1, sizes[turn % sizes.size()]);
    const std::string piece(bytes.substr(0, size));
    bytes.remove_prefix(piece.size());
    frames->feed(piece);
    Frame frame;
    while (frames->next(frame)) reader->read(frame.event, frame.data, events);
  }
  EXPECT_EQ(frames->failure(), "");
  reader->finish(events);
  return events;
}

chat::Fold fold_of(const chat::Events& events) {
  chat::Fold fold;
  for (const chat::Event& event : events) fold.add(event);
  return fold;
}

std::string written(const chat::Events& events, const StreamOptions& options) {
  const auto writer = gemini().event_writer(options);
  std::string out;
  for (const chat::Event& event : events) writer->write(event, out);
  return out;
}

std::string trace_of(const chat::Events& events) {
  std::string out;
  for (const chat::Event& event : events) {
    out += std::to_string(static_cast<int>(event.kind)) + '/' + std::to_string(static_cast<int>(event.delta)) + '/' +
           std::to_string(event.choice) + '/' + std::to_string(event.part) + ' ' + event.text + ' ' +
           event.signature.value + ' ' + event.citation.url + ' ' + event.reply.id + ' ' +
           event.choice_tail.finish_raw + ' ' + event.error.message + ' ' + dump_json(part_json(event.part_head)) +
           '\n';
  }
  return out;
}

std::string disorder(const chat::Events& events) {
  using Kind = chat::Event::Kind;
  struct State {
    int parts = 0;
    bool open = false, ended = false;
  };
  std::map<int, State> choices;
  bool started = false, over = false;
  for (const chat::Event& event : events) {
    State& state = choices[event.choice];
    const bool in_part = event.kind == Kind::delta && event.delta != chat::Event::Delta::logprobs;
    if (over) return "an event behind the end";
    if (event.kind == Kind::start && std::exchange(started, true)) return "two starts";
    if (event.kind == Kind::part_begin && (std::exchange(state.open, true) || event.part != state.parts++))
      return "a part begins inside of another, or has the wrong number";
    if (in_part && (!state.open || event.part != state.parts - 1)) return "a delta of no open part";
    if (event.kind == Kind::part_end && !std::exchange(state.open, false)) return "the end of no part";
    if (event.kind == Kind::choice_end && (state.open || std::exchange(state.ended, true)))
      return "a choice ends twice, or with an open part";
    over = event.kind == Kind::end || event.kind == Kind::error;
  }
  for (const auto& [index, state] : choices)
    if (state.open && !over) return "a part stays open";
  return {};
}

void KnownDifferences::compare(const std::string& id, const Json& recorded, const Json& written) {
  ++compared_;
  const auto differences = compare_json(recorded, written, 1'000);
  exact_ += differences.empty() ? 1 : 0;
  for (const JsonDifference& one : differences) {
    const std::string path = general_path(one.path);
    const One* found = nullptr;
    for (const One& known : known_) {
      const bool open = known.path.ends_with('*');
      const std::string_view start = std::string_view(known.path).substr(0, known.path.size() - (open ? 1 : 0));
      if (open ? path.starts_with(start) : path == start) found = &known;
    }
    if (found) {
      ++counts_[found->path];
    } else {
      ADD_FAILURE() << id << " " << one.path << "\n  recorded: " << one.left << "\n  written:  " << one.right;
    }
  }
}

void KnownDifferences::report(const char* what) const {
  std::printf("%s: %zu compared, %zu the same in every member\n", what, compared_, exact_);
  for (const One& one : known_) {
    const auto count = counts_.find(one.path);
    EXPECT_TRUE(count != counts_.end()) << what << ": listed, but never seen: " << one.path;
    if (count != counts_.end()) std::printf("  %4zu x %s: %s\n", count->second, one.path.c_str(), one.reason.c_str());
  }
  EXPECT_GT(compared_, 0u);
}

}  // namespace tollgate::gateway
