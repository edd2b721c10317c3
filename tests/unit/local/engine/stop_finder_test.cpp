#include "local_backend/engine/stop_finder.h"

#include <gtest/gtest.h>

namespace tollgate::local {
namespace {

struct Outcome {
  std::string text;
  std::string_view found;
  bool operator==(const Outcome&) const = default;
};

// Pushes `text` in pieces of `size` bytes.
Outcome run(StopFinder& finder, std::string_view text, std::size_t size) {
  Outcome outcome;
  for (std::size_t at = 0; at < text.size(); at += size)
    if (finder.push(text.substr(at, size), outcome.text)) return {outcome.text, finder.found()};
  finder.finish(outcome.text);
  return {outcome.text, finder.found()};
}

TEST(StopFinder, FindsTheFirstWhateverThePieces) {
  const std::vector<std::string> stops{"END", "\n\nUser:", "ENDING", "aab"};
  const struct {
    std::string_view text, before, found;
  } cases[] = {
      {"one two END three", "one two ", "END"},
      {"a\n\nUse\n\nUser: b", "a\n\nUse", "\n\nUser:"},
      {"aaab", "a", "aab"},  // a false start overlaps the real one
      {"ENDING", "", "END"},
      {"EN", "EN", ""},
      {"nothing here", "nothing here", ""},
      {"END", "", "END"},
  };
  for (const auto& one : cases) {
    for (std::size_t size = 1; size <= one.text.size(); ++size) {
      StopFinder finder(stops);
      EXPECT_EQ(run(finder, one.text, size), (Outcome{std::string(one.before), one.found}))
          << one.text << " by " << size;
    }
  }
}

TEST(StopFinder, HoldsBackOnlyWhatMayBecomeAStop) {
  StopFinder finder({"abc"});
  std::string out;
  EXPECT_FALSE(finder.push("xab", out));
  EXPECT_EQ(out, "x");
  EXPECT_FALSE(finder.push("ab", out));
  EXPECT_EQ(out, "xab");
  EXPECT_FALSE(finder.push("z", out));
  EXPECT_EQ(out, "xababz");
}

TEST(StopFinder, WithoutStopsNothingIsHeld) {
  StopFinder finder({});
  std::string out;
  EXPECT_FALSE(finder.push("text", out));
  EXPECT_EQ(out, "text");
  EXPECT_TRUE(finder.found().empty());
}

}  // namespace
}  // namespace tollgate::local
