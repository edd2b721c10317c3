// Rounds over the recordings of one dialect, for its own tests: read and written again, folded, cut at any byte.
// Every difference is either in a list with its reason, or a failure; so is an entry of the list that no longer occurs.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "billing/usage_reader.h"
#include "exchange_corpus.h"
#include "gateway/dialects/dialect.h"
#include "json_compare.h"

namespace tollgate::gateway {

struct KnownDifference {
  const char* path;  // as general_path() gives it; a trailing * stands for anything
  const char* reason;
};

class KnownDifferences {
 public:
  explicit KnownDifferences(std::vector<KnownDifference> known) : known_(std::move(known)) {}
  void check(const std::string& id, const Json& left, const Json& right) {
    ++compared_;
    for (const JsonDifference& one : compare_json(left, right)) {
      if (!is_known(general_path(one.path)))
        ADD_FAILURE() << id << " " << one.path << "\n  recorded: " << one.left << "\n  written:  " << one.right;
    }
  }
  // REQUIRES: called at the end.
  void report(const char* what) const {
    std::printf("%s: %zu compared\n", what, compared_);
    for (const KnownDifference& one : known_) {
      const auto count = counts_.find(one.path);
      EXPECT_NE(count, counts_.end()) << "listed, but does not occur: " << one.path;
      if (count != counts_.end()) std::printf("  %4zu x %s: %s\n", count->second, one.path, one.reason);
    }
    EXPECT_GT(compared_, 0u) << what;
  }
  std::size_t compared() const { return compared_; }

 private:
  bool is_known(const std::string& path) {
    for (const KnownDifference& one : known_) {
      const std::string_view known(one.path);
      const bool open = known.ends_with('*');
      if (open ? path.starts_with(known.substr(0, known.size() - 1)) : path == known) {
        ++counts_[one.path];
        return true;
      }
    }
    return false;
  }

  std::vector<KnownDifference> known_;
  std::map<std::string, std::size_t> counts_;
  std::size_t compared_ = 0;
};

inline Json json_of(const std::string& text) {
  auto parsed = parse_json_dom(text);
  EXPECT_TRUE(parsed) << text.substr(0, 300);
  return parsed ? *parsed : Json();
}

inline Json extra_json(const chat::Extra& extra) {
  Json out = Json::object();
  for (const auto& [name, value] : extra) out[name] = json_of(value);
  return out;
}

inline Json part_json(const chat::Part& part) {
  Json out = Json::object();
  if (const auto* text = part.get<chat::Text>()) {
    out["text"] = text->text;
    for (const chat::Citation& one : text->citations) {
      Json citation = Json::object();
      citation["begin"] = one.begin;
      citation["end"] = one.end;
      citation["title"] = one.title;
      citation["url"] = one.url;
      citation["quote"] = one.quote;
      citation["raw"] = one.raw;
      out["citations"].push_back(citation);
    }
  } else if (const auto* thinking = part.get<chat::Thinking>()) {
    out["thinking"] = thinking->text;
    out["summary"] = thinking->summary;
  } else if (const auto* call = part.get<chat::ToolCall>()) {
    out["call"] = call->id;
    out["name"] = call->name;
    out["arguments"] = call->arguments;
  } else if (const auto* refusal = part.get<chat::Refusal>()) {
    out["refusal"] = refusal->text;
  } else if (const auto* media = part.get<chat::Media>()) {
    out["media"] = media->mime;
    out["data"] = media->data;
  }
  out["extra"] = extra_json(part.extra);
  return out;
}

// Everything that a reply says, usage apart.
inline Json reply_json(const chat::Reply& reply) {
  Json out = Json::object();
  out["id"] = reply.id;
  out["model"] = reply.model;
  out["created"] = reply.created;
  out["extra"] = extra_json(reply.extra);
  for (const chat::Choice& choice : reply.choices) {
    Json one = Json::object();
    for (const chat::Part& part : choice.parts) one["parts"].push_back(part_json(part));
    one["finish"] = static_cast<int>(choice.finish);
    one["finish_raw"] = choice.finish_raw;
    one["logprobs"] = choice.logprobs;
    one["extra"] = extra_json(choice.extra);
    out["choices"].push_back(one);
  }
  return out;
}

inline std::string stream_bytes(const Dialect& dialect, const RecordedExchange& one) {
  if (one.framing.empty() || dialect.framing() == Framing::ndjson) return one.reply + "\n";
  std::string bytes;
  for (std::size_t at = 0; at < one.reply.size();) {
    const std::size_t end = std::min(one.reply.find('\n', at), one.reply.size());
    if (end > at) bytes += "data: " + one.reply.substr(at, end - at) + "\n\n";
    at = end + 1;
  }
  return bytes;
}

// `cut` gives the size of the next piece.
template <class Cut>
chat::Events events_of(const Dialect& dialect, std::string_view bytes, Cut&& cut) {
  const auto frames = make_frame_reader(dialect.framing());
  const auto reader = dialect.event_reader();
  chat::Events events;
  while (!bytes.empty()) {
    const std::string piece(bytes.substr(0, std::max<std::size_t>(1, cut())));
    bytes.remove_prefix(piece.size());
    frames->feed(piece);
    Frame frame;
    while (frames->next(frame)) reader->read(frame.event, frame.data, events);
  }
  reader->finish(events);
  return events;
}
inline chat::Events events_of(const Dialect& dialect, std::string_view bytes) {
  return events_of(dialect, bytes, [&] { return bytes.size(); });
}

// `events` with what billing read of the stream, where the gateway puts it.
inline chat::Events with_usage(chat::Events events, const Usage& usage) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].kind != chat::Event::Kind::end) continue;
    chat::Event event{.kind = chat::Event::Kind::usage};
    event.usage = usage;
    events.insert(events.begin() + static_cast<std::ptrdiff_t>(i), event);
    break;
  }
  return events;
}

inline Usage reply_usage(billing::UsageDialect dialect, std::string body) {
  body.reserve(body.size() + kJsonPadding);
  billing::UsageReader reader;
  reader.reset(dialect, {});
  reader.reply(body);
  return reader.usage();
}

inline Usage stream_usage(billing::UsageDialect dialect, Framing framing, const std::string& bytes) {
  billing::UsageReader reader;
  reader.reset(dialect, {});
  const auto frames = make_frame_reader(framing);
  frames->feed(bytes);
  Frame frame;
  while (frames->next(frame)) reader.event(frame.event, frame.data);
  return reader.usage();
}

inline chat::Fold folded(const chat::Events& events) {
  chat::Fold fold;
  for (const chat::Event& event : events) fold.add(event);
  return fold;
}

inline std::string written(const Dialect& dialect, const chat::Events& events, const StreamOptions& options) {
  const auto writer = dialect.event_writer(options);
  std::string out;
  for (const chat::Event& event : events) writer->write(event, out);
  return out;
}

// The order that every EventReader keeps: parts open and close one after another, choice_end before end, nothing after.
inline void expect_order(const chat::Events& events, const std::string& id) {
  using Kind = chat::Event::Kind;
  bool started = false, open = false, over = false;
  int parts = 0;
  for (const chat::Event& event : events) {
    EXPECT_FALSE(over) << id << ": an event behind the end";
    if (event.kind == Kind::start) EXPECT_FALSE(std::exchange(started, true)) << id;
    if (event.kind == Kind::part_begin) {
      EXPECT_TRUE(started && !open) << id;
      EXPECT_EQ(event.part, parts++) << id;
      open = true;
    }
    if (event.kind == Kind::delta && event.delta != chat::Event::Delta::logprobs)
      EXPECT_TRUE(open && event.part == parts - 1) << id;
    if (event.kind == Kind::part_end) EXPECT_TRUE(std::exchange(open, false)) << id;
    if (event.kind == Kind::choice_end) EXPECT_TRUE(started && !open) << id;
    if (event.kind == Kind::end || event.kind == Kind::error) over = true;
  }
  EXPECT_FALSE(open) << id << ": a part was left open";
}

inline std::string fold_text(const chat::Events& events) {
  const chat::Fold fold = folded(events);
  return dump_json(reply_json(fold.reply())) + (fold.ended() ? " ended" : " cut") +
         (fold.error() ? " " + fold.error()->message : "");
}

// The same events for any split of the bytes: one at a time, and random pieces.
inline void expect_any_split(const Dialect& dialect, const std::string& bytes, const std::string& id) {
  const std::string whole = fold_text(events_of(dialect, bytes));
  EXPECT_EQ(whole, fold_text(events_of(dialect, bytes, [] { return std::size_t{1}; }))) << id;
  for (unsigned seed = 1; seed <= 3; ++seed) {
    std::mt19937 random(seed);
    EXPECT_EQ(whole, fold_text(events_of(dialect, bytes, [&] { return 1 + random() % 97; }))) << id << " " << seed;
  }
}

}  // namespace tollgate::gateway
