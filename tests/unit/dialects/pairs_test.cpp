// Every recorded chat exchange, from its dialect into every other: the request and the reply, whole and as a stream.
// What the target can carry must read back the same there; a stream must spell what the whole reply says.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <map>
#include <set>

#include "essence.h"
#include "exchange_corpus.h"
#include "gateway/dialects/translate.h"
#include "json_compare.h"

namespace tollgate::gateway {
namespace {

struct Source {
  const char* protocol;
  const char* endpoint;
  const char* dialect;
};
constexpr std::array kSources{
    Source{"openai-chat", "chat.completions", "openai.chat"},
    Source{"ollama", "chat.completions", "openai.chat"},
    Source{"openai-responses", "responses", "openai.responses"},
    Source{"anthropic-messages", "messages", "anthropic.messages"},
    Source{"anthropic-vertex", "", "anthropic.messages"},
    Source{"gemini", "generateContent", "gemini.generate"},
    Source{"gemini", "streamGenerateContent", "gemini.generate"},
    Source{"bedrock-converse", "converse", "bedrock.converse"},
    Source{"bedrock-converse", "converse-stream", "bedrock.converse"},
    Source{"cohere", "chat", "cohere.chat"},
    Source{"ollama", "ollama.chat", "ollama.chat"},
};
constexpr std::array kDialects{"openai.chat",      "openai.responses", "anthropic.messages", "gemini.generate",
                               "bedrock.converse", "cohere.chat",      "ollama.chat"};

// Counts per ordered pair, and the first differences of each.
struct Tally {
  std::size_t same = 0, refused = 0, differ = 0;
  std::vector<std::string> notes;
};
using Tallies = std::map<std::pair<std::string, std::string>, Tally>;

void report(const char* what, const Tallies& tallies) {
  std::printf("%s\n%-20s %-20s %7s %7s %7s\n", what, "from", "to", "same", "refused", "differ");
  for (const auto& [pair, tally] : tallies) {
    std::printf("%-20s %-20s %7zu %7zu %7zu\n", pair.first.c_str(), pair.second.c_str(), tally.same, tally.refused,
                tally.differ);
    for (const std::string& note : tally.notes) std::printf("    %s\n", note.c_str());
  }
}

bool has_media(const chat::Request& request, bool in_results) {
  for (const chat::Message& message : request.messages)
    for (const chat::Part& part : message.parts) {
      if (!in_results && part.get<chat::Media>()) return true;
      const auto* result = part.get<chat::ToolResult>();
      if (!in_results || !result) continue;
      if (!result->json.empty()) return true;
      for (const chat::Part& inner : result->content)
        if (inner.get<chat::Media>()) return true;
    }
  return false;
}

bool starts_with_assistant(const chat::Request& request) {
  for (const chat::Message& message : request.messages)
    if (message.role == chat::Role::assistant || message.role == chat::Role::user)
      return message.role == chat::Role::assistant;
  return true;
}

bool mapped(const Dialect& to, chat::Field field) { return to.fields().carry(field) == chat::Carry::mapped; }

// Why a difference is no loss; nullptr when there is no reason. Each reason is one that the target's documentation
// gives.
const char* reason(const Dialect& to, const chat::Request& request, const chat::Losses& losses,
                   const JsonDifference& one) {
  using chat::Field;
  const auto path = [&](std::string_view prefix) { return one.path.starts_with(prefix); };
  const bool added = one.left == "(absent)";
  const auto& mode = request.tool_choice;
  if (path("settings.") && added) return "a default that the target demands";
  if (path("settings.temperature") && one.left == "1") return "the vendor's own default";
  if (path("settings.top_p") && one.left == "1") return "the largest value that the target takes";
  if (starts_with_assistant(request)) return "the target wants a user's turn first: one was put in front";
  if (path("system") && request.format.kind != chat::ResponseFormat::Kind::unset)
    return "the wanted format is said in words";
  if (path("tools") && (mode.mode != chat::ToolChoice::Mode::unset || !mode.allowed.empty()))
    return "only the allowed tools are offered";
  if (path("tools") && added) return "tools of the history must be declared";
  if (path("turns") && has_media(request, true)) return "media of a tool's result stand beside it";
  if (path("turns") && has_media(request, false) &&
      (mapped(to, Field::documents_text) || mapped(to, Field::documents_url) || mapped(to, Field::documents_data) ||
       !losses.empty()))
    return "a document is said as text, or a kind of media is named as lost";
  if (path("turns") && has_media(request, false) && to.name() == "cohere.chat")
    return "documents stand beside the conversation";
  if (one.path.find(".results[") != std::string::npos && one.left == "\"\"")
    return "another vendor's block in a result is said as text";
  if (path("turns") && !request.extra.empty()) return "documents of the request are said as text";
  for (const char* filler : {"(nooutput)", "Seethedocument."})
    if (path("turns") && one.right.find(filler) != std::string::npos) return "the target takes no empty text";
  return nullptr;
}

using Reasons = std::map<std::string, std::size_t>;

// What no reason explains; the others are counted.
std::vector<JsonDifference> unexplained(const Dialect& to, const chat::Request& request, const chat::Losses& losses,
                                        std::vector<JsonDifference> differences, Reasons& reasons) {
  std::set<std::string> here;
  std::erase_if(differences, [&](const JsonDifference& one) {
    const char* why = reason(to, request, losses, one);
    return why && (here.insert(why), true);
  });
  for (const std::string& why : here) ++reasons[why];
  return differences;
}

void note(Tally& tally, const std::string& id, const std::vector<JsonDifference>& differences) {
  ++tally.differ;
  if (tally.notes.size() >= 12) return;
  for (const JsonDifference& one : differences) {
    tally.notes.push_back(id + " " + one.path + ": " + one.left.substr(0, 90) + " | " + one.right.substr(0, 90));
    if (tally.notes.size() >= 12) return;
  }
}

std::string model_of(const RecordedExchange& one) { return one.model.empty() ? "model-x" : one.model; }

template <class See>
void each_source(See&& see) {
  for (const Source& source : kSources) {
    const Dialect& from = *find_dialect(source.dialect);
    each_exchange(source.protocol, source.endpoint, [&](const RecordedExchange& one) { see(from, one); });
  }
}

TEST(Pairs, RequestsMeanTheSameInEveryOtherDialect) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  Tallies tallies;
  Reasons reasons;
  each_source([&](const Dialect& from, const RecordedExchange& one) {
    if (!one.request.is_object()) return;
    auto request = from.read_request(dump_json(one.request), {.model = model_of(one), .stream = one.stream});
    if (!request) return;
    for (const char* name : kDialects) {
      const Dialect& to = *find_dialect(name);
      if (&to == &from) continue;
      Tally& tally = tallies[{std::string(from.name()), name}];
      chat::Losses losses;
      auto body = translate_request(from, *request, to, {.model = "target-model", .stream = one.stream}, Fidelity::warn,
                                    losses);
      if (!body) {
        ++tally.refused;
        EXPECT_EQ(body.error().code, "kept_by_another_vendor")
            << one.id << " to " << name << ": " << body.error().message;
        if (tally.notes.size() < 6) tally.notes.push_back(one.id + " refused: " + body.error().message.substr(0, 150));
        continue;
      }
      auto again = to.read_request(*body, {.model = "target-model", .stream = one.stream});
      if (!again) {
        ++tally.differ;
        tally.notes.push_back(one.id + " unreadable: " + again.error().message);
        continue;
      }
      const std::vector<const chat::FieldTable*> tables{&from.fields(), &to.fields()};
      const auto differences = unexplained(
          to, *request, losses,
          compare_json(essence_of(*request, tables, losses), essence_of(*again, tables, losses), 200), reasons);
      if (differences.empty()) {
        ++tally.same;
      } else {
        note(tally, one.id, differences);
      }
    }
  });
  report("requests", tallies);
  for (const auto& [why, count] : reasons) std::printf("%6zu explained: %s\n", count, why.c_str());
  for (const auto& [pair, tally] : tallies) EXPECT_EQ(tally.differ, 0u) << pair.first << " to " << pair.second;
}

chat::Reply folded(const Dialect& dialect, std::string_view bytes) {
  auto frames = make_frame_reader(dialect.framing());
  auto reader = dialect.event_reader();
  chat::Events events;
  frames->feed(bytes);
  Frame frame;
  while (frames->next(frame)) reader->read(frame.event, frame.data, events);
  reader->finish(events);
  chat::Fold fold;
  for (const chat::Event& event : events) fold.add(event);
  return fold.reply();
}

std::string as_stream(const Dialect& dialect, const chat::Reply& reply, const StreamOptions& options) {
  std::string out;
  const auto writer = dialect.event_writer(options);
  for (const chat::Event& event : chat::unfold(reply)) writer->write(event, out);
  return out;
}

// The recorded reply's meaning; nothing for errors and unreadable ones.
std::optional<chat::Reply> meaning(const Dialect& from, const RecordedExchange& one) {
  if (one.status >= 300 || one.reply.empty()) return {};
  if (!one.stream) {
    auto reply = from.read_reply(one.reply);
    if (!reply || reply->choices.empty()) return {};
    return std::move(*reply);
  }
  std::string bytes = one.reply;
  if (!one.framing.empty()) {
    bytes.clear();
    std::size_t at = 0;
    while (at < one.reply.size()) {
      const std::size_t end = std::min(one.reply.find('\n', at), one.reply.size());
      if (end > at) bytes += "data: " + one.reply.substr(at, end - at) + "\n\n";
      at = end + 1;
    }
  }
  chat::Reply reply = folded(from, bytes);
  if (reply.choices.empty()) return {};
  for (const chat::Choice& choice : reply.choices)
    if (choice.finish == chat::Finish::unset) return {};  // a recording that was cut
  return reply;
}

// Endings that a dialect has no word for, and what reads back instead.
bool ending_explained(const Dialect& to, const chat::Reply& reply, const JsonDifference& one) {
  // A stream in which nothing was said (a vendor's filter results only) has no choice to tell of.
  if (one.path == "[0]" && one.right == "(absent)" && reply.choices[0].parts.empty()) return true;
  if (one.path.ends_with(".thinking")) {  // summaries in several parts become one text
    return true;
  }
  if (!one.path.ends_with(".finish")) return false;
  const std::string_view name = to.name();
  if (one.left == "\"filtered\"") return name == "cohere.chat" || name == "ollama.chat";
  if (one.right == "\"filtered\"") {  // a refusal part is told by its kind; the whole then counts as refused
    for (const chat::Choice& choice : reply.choices)
      for (const chat::Part& part : choice.parts)
        if (part.get<chat::Refusal>()) return true;
  }
  if (one.left == "\"stop\"" && reply.choices.size() == 1 && reply.choices[0].parts.empty()) return true;
  return one.left == "\"error\"" && one.right == "\"tool_calls\"";  // a broken call is still a call
}

TEST(Pairs, RepliesMeanTheSameInEveryOtherDialectWholeAndStreamed) {
  if (!have_exchanges()) GTEST_SKIP() << "no recordings";
  Tallies whole, streamed;
  const StreamOptions options{.id = "0190", .created = 1};
  each_source([&](const Dialect& from, const RecordedExchange& one) {
    const auto reply = meaning(from, one);
    if (!reply) return;
    for (const char* name : kDialects) {
      const Dialect& to = *find_dialect(name);
      const std::vector<const chat::FieldTable*> tables{&to.fields()};
      const Json expected = essence_of(*reply, tables);
      const std::pair<std::string, std::string> pair{std::string(from.name()), name};
      const auto settle = [&](Tally& tally, const Json& left, const Json& right) {
        auto differences = compare_json(left, right);
        std::erase_if(differences, [&](const JsonDifference& each) { return ending_explained(to, *reply, each); });
        differences.empty() ? void(++tally.same) : note(tally, one.id, differences);
      };
      if (auto again = to.read_reply(to.write_reply(*reply, options)); !again) {
        ++whole[pair].refused;
        whole[pair].notes.push_back(one.id + " unreadable: " + again.error().message);
      } else {
        settle(whole[pair], expected, essence_of(*again, tables));
      }
      settle(streamed[pair], expected, essence_of(folded(to, as_stream(to, *reply, options)), tables));
    }
  });
  report("whole replies", whole);
  report("streams", streamed);
  for (const auto& [pair, tally] : whole)
    EXPECT_EQ(tally.differ + tally.refused, 0u) << pair.first << " to " << pair.second;
  for (const auto& [pair, tally] : streamed) EXPECT_EQ(tally.differ, 0u) << pair.first << " to " << pair.second;
}

}  // namespace
}  // namespace tollgate::gateway
