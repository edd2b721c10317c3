// What another gateway makes of the same requests and replies, as a second opinion: every difference must have a reason
// here. Requests are compared as JSON, path by path; replies, whole and streamed, by what they say.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <map>
#include <set>

#include "../core/test_data.h"
#include "essence.h"
#include "gateway/dialects/translate.h"
#include "json_compare.h"

namespace tollgate::gateway {
namespace {

namespace fs = std::filesystem;

fs::path folder() { return test_data_dir("translation_goldens") / "agentgateway"; }

// The part of an insta file behind its head.
std::string snapshot(const fs::path& path) {
  const std::string text = read_test_file(path);
  const std::size_t end = text.find("\n---\n", 3);
  return end == std::string::npos ? std::string() : text.substr(end + 5);
}

struct Name {
  std::string_view word;
  const char* dialect;
};
// Folders of requests, and targets in file names.
constexpr std::array kSources{Name{"completions", "openai.chat"}, Name{"messages", "anthropic.messages"},
                              Name{"responses", "openai.responses"}, Name{"gemini", "gemini.generate"}};
constexpr std::array kTargets{Name{"anthropic", "anthropic.messages"}, Name{"bedrock", "bedrock.converse"},
                              Name{"completions", "openai.chat"}, Name{"responses", "openai.responses"},
                              Name{"vertex-gemini", "gemini.generate"}};

const Dialect* named(std::span<const Name> names, std::string_view word) {
  for (const Name& name : names)
    if (name.word == word) return find_dialect(name.dialect);
  return nullptr;
}

// Why our request may differ there. `target` "" = any. A path ends in '*' for all below it.
struct Reason {
  const char *target, *path, *why;
};
constexpr std::array kReasons{
#include "goldens_reasons.inc"
};

const char* reason_for(std::string_view target, std::string_view path) {
  for (const Reason& one : kReasons) {
    const std::string_view wanted = one.path;
    const bool here = wanted.ends_with('*') ? path.starts_with(wanted.substr(0, wanted.size() - 1)) : path == wanted;
    if (here && (one.target[0] == '\0' || target == one.target)) return one.why;
  }
  return nullptr;
}

struct Totals {
  std::size_t compared = 0, equal = 0;
  std::map<std::string, std::size_t> reasons;
  std::vector<std::string> open;
};

void compare_request(const fs::path& file, const Dialect& from, const Dialect& to, std::string_view target,
                     const Json& golden, Totals& totals) {
  const std::string body = read_test_file(file);
  const Json source = parse_json_dom(body) ? *parse_json_dom(body) : Json();
  const std::string model = source.is_object() ? source.value("model", "model-x") : "model-x";
  const bool stream = source.is_object() && source.value("stream", false);
  auto request = from.read_request(body, {.model = model, .stream = stream});
  ASSERT_TRUE(request) << file;
  chat::Losses losses;
  auto written = translate_request(from, *request, to, {.model = model, .stream = stream}, Fidelity::warn, losses);
  ASSERT_TRUE(written) << file << ": " << written.error().message;
  ++totals.compared;
  bool open = false, reasoned = false;
  for (const JsonDifference& one : compare_json(golden, *parse_json_dom(*written), 100)) {
    const char* why = reason_for(target, general_path(one.path));
    reasoned = true;
    if (why) {
      ++totals.reasons[why];
    } else {
      open = true;
      totals.open.push_back(file.filename().string() + " to " + std::string(target) + " " + general_path(one.path) +
                            ": theirs " + one.left.substr(0, 110) + " | ours " + one.right.substr(0, 110));
    }
  }
  if (!open && !reasoned) ++totals.equal;
}

TEST(Goldens, RequestsDifferForGoodReasonsOnly) {
  if (!fs::exists(folder())) GTEST_SKIP() << "no goldens";
  Totals totals;
  for (const Name& source : kSources) {
    for (const auto& entry : fs::directory_iterator(folder() / "requests" / source.word)) {
      if (entry.path().extension() != ".snap") continue;
      const std::string stem = entry.path().stem().string();  // case.target
      const std::size_t dot = stem.rfind('.');
      const std::string target = stem.substr(dot + 1);
      const Dialect* to = named(kTargets, target);
      const Dialect* from = find_dialect(source.dialect);
      const auto golden = parse_json_dom(snapshot(entry.path()));
      if (!to || to == from || !golden || !golden->contains("request")) continue;
      compare_request(entry.path().parent_path() / (stem.substr(0, dot) + ".json"), *from, *to, target,
                      (*golden)["request"], totals);
    }
  }
  std::printf("%zu requests compared, %zu equal\n", totals.compared, totals.equal);
  for (const auto& [why, count] : totals.reasons) std::printf("%5zu %s\n", count, why.c_str());
  for (const std::string& line : totals.open) std::printf("open: %s\n", line.c_str());
  EXPECT_GT(totals.compared, 30u);
  EXPECT_TRUE(totals.open.empty()) << totals.open.size() << " differences without a reason";
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

constexpr std::array kReplySources{Name{"anthropic", "anthropic.messages"}, Name{"bedrock", "bedrock.converse"},
                                   Name{"completions", "openai.chat"}, Name{"responses", "openai.responses"},
                                   Name{"vertex-gemini", "gemini.generate"}};

// What a reply says, without white space and the ways of ending that gateways judge differently.
Json said(const chat::Reply& reply, const Dialect& to) {
  Json out = essence_of(reply, {&to.fields()});
  for (Json& choice : out) choice.erase("finish");
  return out;
}

TEST(Goldens, RepliesSayTheSame) {
  if (!fs::exists(folder())) GTEST_SKIP() << "no goldens";
  std::size_t compared = 0, equal = 0;
  std::vector<std::string> open;
  for (const Name& source : kReplySources) {
    for (const auto& entry : fs::directory_iterator(folder() / "response" / source.word)) {
      if (entry.path().extension() != ".snap") continue;
      const std::string stem = entry.path().stem().string();  // case.from-to[-streaming]
      const std::size_t dot = stem.rfind('.');
      std::string how = stem.substr(dot + 1);
      const bool stream = how.ends_with("-streaming");
      if (stream) how.resize(how.size() - 10);
      const Dialect* to = named(kTargets, how.substr(how.rfind('-') + 1));
      const Dialect* from = find_dialect(source.dialect);
      const fs::path base = entry.path().parent_path() / stem.substr(0, dot);
      const fs::path input =
          base.string() + (stream ? (fs::exists(base.string() + ".bin") ? ".bin" : ".sse") : ".json");
      if (!to || to == from || !fs::exists(input)) continue;
      const std::string bytes = read_test_file(input), golden = snapshot(entry.path());
      chat::Reply ours, theirs;
      if (stream) {
        ours = folded(*from, bytes);
        theirs = folded(*to, golden);
      } else {
        auto read = from->read_reply(bytes);
        const auto wrapped = parse_json_dom(golden);
        if (!read || !wrapped || !wrapped->contains("response")) continue;
        auto again = to->read_reply(dump_json((*wrapped)["response"]));
        if (!again) continue;
        ours = *read, theirs = *again;
      }
      ++compared;
      const auto differences = compare_json(said(theirs, *to), said(ours, *to));
      if (differences.empty()) ++equal;
      for (const JsonDifference& one : differences) {
        if (reason_for("reply", stem + " " + general_path(one.path))) continue;
        open.push_back(stem + " " + general_path(one.path) + ": theirs " + one.left.substr(0, 120) + " | ours " +
                       one.right.substr(0, 120));
      }
    }
  }
  std::printf("%zu replies compared, %zu say the same\n", compared, equal);
  for (const std::string& line : open) std::printf("open: %s\n", line.c_str());
  EXPECT_GT(compared, 25u);
  EXPECT_TRUE(open.empty()) << open.size() << " differences without a reason";
}

}  // namespace
}  // namespace tollgate::gateway
