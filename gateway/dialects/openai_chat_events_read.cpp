// Streams of the dialect openai.chat, read: chunks until [DONE]. Thread rule: one owner per reader.
#include <algorithm>

#include "gateway/dialects/openai_chat_choice.h"

namespace tollgate::gateway::oai {
namespace {

using chat::Event;
using chat::Events;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// The last value of a name counts: vendors repeat theirs in every chunk.
void keep_last(chat::Extra& extra, std::string_view name, JsonValue value) {
  if (value.is_null()) return;
  const auto at = std::find_if(extra.begin(), extra.end(), [&](const auto& one) { return one.first == name; });
  if (at == extra.end()) return keep(extra, name, value);
  at->second = value.text();
}

class Reader final : public EventReader {
 public:
  void read(std::string_view event, std::string_view data, Events& out) override {
    data = trimmed(data);
    if (over_ || data.empty()) return;
    if (data == "[DONE]") return end(out);
    const auto root = parse(data);
    if (!root && event == "ping") return;
    if (!root || !root->is_object()) return fail(broken(data), out);
    if (event == "error" || is_error(*root)) return fail(read_error(0, *root), out);
    read_chunk(*root, out);
  }

  void finish(Events& out) override {
    if (over_) return;
    if (may_end()) return end(out);
    close(out);
    over_ = true;
  }

  // Some vendors send no [DONE].
  bool may_end() const override {
    return !over_ && !choices_.empty() &&
           std::all_of(choices_.begin(), choices_.end(), [](const ChoiceStream& one) { return one.finished(); });
  }

 private:
  struct Chunk {
    JsonValue choices, results, citations;
    bool last = false;  // Perplexity says so in `object`
  };

  static Error broken(std::string_view data) {
    return Error{.kind = ErrorKind::retry_same,
                 .status = 502,
                 .code = "upstream_bad_event",
                 .message = "the vendor sent an event that is no JSON object: " + std::string(data.substr(0, 200))};
  }

  void fail(Error error, Events& out) {
    start(out);
    over_ = true;
    out.emplace_back(Event{.kind = Event::Kind::error}).error = std::move(error);
  }

  void start(Events& out) {
    if (started_) return;
    started_ = true;
    head_.dialect = kName;
    seed_ = head_.id + "@" + std::to_string(head_.created);
    out.emplace_back(Event{.kind = Event::Kind::start}).reply = std::move(head_);
  }

  void close(Events& out) {
    if (!sources_.empty() && !choices_.empty())
      for (chat::Citation& source : std::exchange(sources_, {})) choices_.front().cite(std::move(source), out);
    for (ChoiceStream& choice : choices_) choice.close(out);
  }

  void end(Events& out) {
    start(out);
    close(out);
    over_ = true;
    out.push_back({.kind = Event::Kind::end});
  }

  void read_head(std::string_view key, JsonValue value) {
    if (key == "id") {
      head_.id = text_or_empty(value);
    } else if (key == "model") {
      head_.model = text_or_empty(value);
    } else if (key == "created") {
      head_.created = value.as_int().value_or(0);
    } else if (key == "service_tier") {
      head_.service_tier = text_or_empty(value);
    } else if (key == "system_fingerprint") {
      head_.system_fingerprint = text_or_empty(value);
    } else if (key != "object" && key != "usage" && key != "obfuscation" && key != "p") {
      keep_last(head_.extra, key, value);
    }
  }

  // Usage is billing's to read. Azure tells what it thinks of the prompt before there is any choice.
  void read_chunk(JsonValue root, Events& out) {
    Chunk chunk;
    root.members([&](std::string_view key, JsonValue value) {
      if (key == "choices") {
        chunk.choices = value;
      } else if (!started_) {
        read_head(key, value);
      }
      if (key == "search_results") chunk.results = value;
      if (key == "citations") chunk.citations = value;
      if (key == "object") chunk.last = value.as_string() == "chat.completion.done";
    });
    if (chunk.choices.size() == 0) return;
    start(out);
    bool finished = false;
    chunk.choices.elements([&](JsonValue choice) { finished = read_choice(choice, out) || finished; });
    if (finished && (chunk.results.present() || chunk.citations.present())) {
      sources_.clear();
      read_sources(chunk.results, chunk.citations, sources_);
    }
    if (chunk.last && may_end()) end(out);
  }

  ChoiceStream& choice_at(int index) {
    for (ChoiceStream& one : choices_)
      if (one.index() == index) return one;
    return choices_.emplace_back(index);
  }

  // True when the chunk says how the choice ended.
  bool read_choice(JsonValue value, Events& out) {
    const auto index = value["index"].as_int().value_or(0);
    ChoiceStream& choice = choice_at(static_cast<int>(std::clamp<std::int64_t>(index, 0, kMaxChoice)));
    JsonValue delta, message, logprobs, failure;
    std::string_view finish;
    value.members([&](std::string_view key, JsonValue inner) {
      if (key == "delta") {
        delta = inner;
      } else if (key == "message") {
        message = inner;  // repeats what the deltas have said so far
      } else if (key == "finish_reason") {
        finish = inner.as_string().value_or("");
      } else if (key == "logprobs") {
        logprobs = inner;
      } else if (key == "error") {
        failure = inner;
      } else if (key != "index") {
        if (key == "stop_reason" && inner.is_string()) choice.stop_reason(*inner.as_string());
        keep_last(choice.extra(), key, inner);
      }
    });
    if (!delta.is_object()) delta = message;
    Members members;
    chat::Extra unknown;
    read_members(delta, false, members, unknown);
    for (auto& [name, text] : unknown) keep_text(choice.extra(), "message." + name, std::move(text));
    choice.delta(members, seed_, out);
    choice.logprobs(logprobs, out);
    if (!finish.empty()) choice.finish_reason(finish);
    if (failure.is_object()) fail(read_error(0, value), out);
    return !finish.empty();
  }

  static void keep_text(chat::Extra& extra, std::string name, std::string text) {
    for (auto& [known, value] : extra)
      if (known == name) return static_cast<void>(value = std::move(text));
    extra.emplace_back(std::move(name), std::move(text));
  }

  static constexpr std::int64_t kMaxChoice = 1024;

  chat::Reply head_;
  std::string seed_;
  std::vector<ChoiceStream> choices_;
  std::vector<chat::Citation> sources_;
  bool started_ = false, over_ = false;
};

}  // namespace

std::unique_ptr<EventReader> event_reader() { return std::make_unique<Reader>(); }

}  // namespace tollgate::gateway::oai
