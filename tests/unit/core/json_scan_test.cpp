#include <gtest/gtest.h>

#include <random>

#include "core/json.h"

namespace tollgate {
namespace {

class Scanned {
 public:
  explicit Scanned(std::string text) : text_(std::move(text)), size_(text_.size()) {
    text_.append(kJsonPadding, '\xff');  // the padding may hold anything
    result_ = scan_request(view());
  }
  std::string_view view() const { return std::string_view(text_).substr(0, size_); }
  std::string_view operator[](ByteRange range) const { return view().substr(range.begin, range.end - range.begin); }
  bool ok() const { return result_.has_value(); }
  const RequestScan& scan() const { return result_.value(); }
  std::string message() const { return ok() ? "" : result_.error().message; }

 private:
  std::string text_;
  std::size_t size_;
  Result<RequestScan> result_{Error{}};
};

TEST(ScanRequest, ReadsTheTopLevel) {
  const Scanned s(R"( {"model" : "gpt-\u0034o" , "messages":[{"role":"user","content":"hi","model":"no"}],"stream":true,
    "stream_options":{"include_usage":true},"user":"u\n1","metadata":{"team":"a"},"tags":["x", "y"] ,"n":3,
    "service_tier":"flex","max_tokens":100,"max_completion_tokens":2e2})");
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(s.scan().model, "gpt-4o");
  EXPECT_EQ(s[s.scan().model_value], R"("gpt-\u0034o")");
  EXPECT_TRUE(s.scan().stream);
  EXPECT_EQ(s[s.scan().stream_options], R"({"include_usage":true})");
  EXPECT_TRUE(s.scan().include_usage);
  EXPECT_EQ(s.scan().user, "u\n1");
  EXPECT_EQ(s[s.scan().metadata], R"({"team":"a"})");
  EXPECT_EQ(s[s.scan().tags], R"(["x", "y"])");
  EXPECT_EQ(s.scan().choices, 3);
  EXPECT_EQ(s.scan().service_tier, "flex");
  EXPECT_EQ(s.scan().max_output_tokens, 200);
  EXPECT_EQ(s.scan().open_brace, 1u);
  EXPECT_FALSE(s.scan().object_empty);
}

TEST(ScanRequest, DefaultsOfAnEmptyObject) {
  const Scanned s("\n{ }\n");
  ASSERT_TRUE(s.ok());
  EXPECT_TRUE(s.scan().object_empty);
  EXPECT_EQ(s.scan().open_brace, 1u);
  EXPECT_TRUE(s.scan().model_value.empty());
  EXPECT_FALSE(s.scan().stream);
  EXPECT_EQ(s.scan().choices, 1);
  EXPECT_EQ(s.scan().max_output_tokens, 0);
}

TEST(ScanRequest, RejectsWhatTwoReadersWouldReadDifferently) {
  EXPECT_NE(Scanned(R"({"model":"a","model":"a"})").message().find("stands twice (byte 21)"), std::string::npos);
  EXPECT_FALSE(Scanned(R"({"model":"a","mod\u0065l":"b"})").ok());
  EXPECT_FALSE(Scanned(R"({"model":null,"model":"a"})").ok());
  EXPECT_FALSE(Scanned(R"({"stream":true,"stream":true})").ok());
  EXPECT_FALSE(Scanned(R"({"stream":null,"stream":true})").ok());
  EXPECT_FALSE(Scanned(R"({"stream_options":null,"stream_options":{}})").ok());
  EXPECT_FALSE(Scanned(R"({"stream_options":{"include_usage":true,"include_usage":false}})").ok());
  EXPECT_TRUE(Scanned(R"({"messages":[{"model":1},{"model":2}],"x":1,"x":2})").ok());
}

TEST(ScanRequest, RejectsWrongTypes) {
  for (const char* text :
       {R"({"model":1})", R"({"model":["a"]})", R"({"stream":"true"})", R"({"stream":1})", R"({"stream_options":[]})",
        R"({"model":"\ud800"})", R"({"model":"\q"})", R"({"model":"\u12"})", R"({"model":"\udc00x"})"})
    EXPECT_FALSE(Scanned(text).ok()) << text;
  EXPECT_TRUE(Scanned(R"({"model":null,"stream":null,"stream_options":null,"user":7,"n":"x","max_tokens":-5})").ok());
}

TEST(ScanRequest, RejectsEverythingButOneObject) {
  for (const char* text : {"",
                           " ",
                           "null",
                           "[]",
                           "\"a\"",
                           "1",
                           "{",
                           "}",
                           "{}}",
                           "{} {}",
                           "{}x",
                           "{},",
                           "{\"a\":[}",
                           "{\"a\":[}]}",
                           "{\"a\":{]}",
                           "{\"a\":[1,2}",
                           "{\"a\" 1}",
                           "{\"a\":1,}",
                           "{,}",
                           "{1:2}",
                           "{\"a\":}",
                           "{\"a\":1 2}",
                           "{\"a\":\"b\"c}",
                           "{\"a\":1\"b\"}",
                           "{\"a\":tru}",
                           "{\"a\":01}",
                           "{\"a\":1.}",
                           "{\"a\":-}",
                           "{\"a\":+1}",
                           "{\"a\":1e}",
                           "{\"a\":\"\n\"}",
                           "{\"a\":\"",
                           "{\"a\":\"\\\"}",
                           "{\"a\":[[1],[2,]]}",
                           "{\"a\":[,1]}",
                           "{\"a\":\f1}",
                           "\xEF\xBB\xBF{}",
                           "{\"a\":\"\xff\"}"}) {
    const Scanned s(text);
    EXPECT_FALSE(s.ok()) << text;
  }
}

TEST(ScanRequest, NamesTheByte) {
  EXPECT_NE(Scanned(R"({"a":[1,2}})").message().find("(byte 9)"), std::string::npos);
  EXPECT_NE(Scanned(R"({"a":1}   x)").message().find("(byte 10)"), std::string::npos);
  EXPECT_NE(Scanned(R"([1])").message().find("(byte 0)"), std::string::npos);
}

TEST(ScanRequest, LimitsDepthWithoutRecursion) {
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(Scanned(nested(1024)).ok());
  EXPECT_FALSE(Scanned(nested(1025)).ok());
  EXPECT_FALSE(Scanned("{\"a\":" + std::string(2'000'000, '[')).ok());
}

TEST(ScanRequest, LargeTextsThenSmallOnes) {
  for (const std::size_t size : {100u, 200'000u, 300'000u, 2'000'000u, 50u}) {
    const Scanned s("{\"messages\":\"" + std::string(size, 'x') + "\",\"model\":\"m\"}");
    ASSERT_TRUE(s.ok());
    EXPECT_EQ(s.scan().model, "m");
  }
}

TEST(ScanMembers, FindsRangesInTheOrderOfNames) {
  const std::string text =
      std::string(R"({"id":"x","usage":{"a":[1, 2]} ,"model" :"m","us\u0061ge":{},"n": -1.5e3 })") +
      std::string(64, ' ');
  const std::string_view view(text.data(), text.size() - 64);
  const std::string_view names[] = {"usage", "model", "absent", "n"};
  ByteRange values[4];
  ASSERT_TRUE(scan_members(view, names, values));
  const auto slice = [&](ByteRange r) { return view.substr(r.begin, r.end - r.begin); };
  EXPECT_EQ(slice(values[0]), "{}");  // the last one wins, however its name is written
  EXPECT_EQ(slice(values[1]), "\"m\"");
  EXPECT_TRUE(values[2].empty());
  EXPECT_EQ(slice(values[3]), "-1.5e3");
}

TEST(ScanMembers, FalseForOtherTexts) {
  const std::string_view names[] = {"a"};
  ByteRange values[1];
  for (const char* text : {"", "[1]", "{\"a\":1", "{\"a\":1} x", "nope"}) {
    const std::string padded = std::string(text) + std::string(kJsonPadding, ' ');
    EXPECT_FALSE(scan_members(std::string_view(padded).substr(0, std::string_view(text).size()), names, values))
        << text;
  }
}

// Makes random objects in random spelling and the ranges their members must have.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}
  std::string value(int depth) {
    switch (pick(depth > 4 ? 5 : 7)) {
      case 0:
        return "true";
      case 1:
        return "null";
      case 2:
        return "-12.5e+3";
      case 3:
        return "\"a\\\"]}{[,:\\\\\"";
      case 4:
        return "\"\"";
      case 5:
        return container(depth, false);
      default:
        return container(depth, true);
    }
  }
  std::string space() { return std::string(&"    \n\t\r  "[pick(9)], static_cast<std::size_t>(pick(2))); }
  int pick(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }

 private:
  std::string container(int depth, bool object) {
    std::string out = object ? "{" : "[";
    for (int i = 0, n = pick(4); i < n; ++i) {
      if (i > 0) out += "," + space();
      if (object) out += "\"k" + std::to_string(i) + "\"" + space() + ":";
      out += space() + value(depth + 1) + space();
    }
    return out + space() + (object ? "}" : "]");
  }
  std::mt19937 random_;
};

TEST(ScanMembers, RangesOfRandomObjects) {
  Generator generator(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text = "{";
    std::vector<std::string> expected;
    for (int i = 0; i < 4; ++i) {
      expected.push_back(generator.value(0));
      if (i > 0) text += generator.space() + ",";
      text += generator.space() + "\"m" + std::to_string(i) + "\":" + generator.space() + expected.back();
    }
    text += generator.space() + "}" + generator.space();
    const std::size_t size = text.size();
    text.append(kJsonPadding, 'x');
    const std::string_view names[] = {"m0", "m1", "m2", "m3"};
    ByteRange values[4];
    const auto view = std::string_view(text).substr(0, size);
    ASSERT_TRUE(scan_members(view, names, values)) << view;
    for (std::size_t i = 0; i < 4; ++i)
      ASSERT_EQ(view.substr(values[i].begin, values[i].end - values[i].begin), expected[i]) << view;
  }
}

// Whatever bytes are lost or changed: the scan agrees with the full parser on all but escapes, which have none here.
TEST(ScanRequest, AgreesWithTheReaderOnMutations) {
  const std::string seed = R"({"a":[1,{"b":true},"x"],"c":{"d":[[],{}],"e":-0.5},"f":"g h","i":null})";
  std::mt19937 random(11);
  const std::string_view alphabet = "{}[]:,\"1-.etrufalsn ";
  JsonReader reader;
  int accepted = 0;
  for (int round = 0; round < 30000; ++round) {
    std::string text = seed;
    for (unsigned edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      if (random() % 2 == 0)
        text.erase(at, 1);
      else
        text[at] = alphabet[random() % alphabet.size()];
    }
    const auto parsed = reader.parse(text);
    const bool expected = parsed.has_value() && parsed->is_object();
    accepted += expected ? 1 : 0;
    ASSERT_EQ(Scanned(text).ok(), expected) << text;
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace tollgate
