#include "core/frames.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "core/aws_event_stream.h"
#include "core/base64.h"
#include "test_data.h"

namespace tollgate {
namespace {

struct Seen {
  std::string event, data;
  bool exception = false;
  bool operator==(const Seen&) const = default;
};
using List = std::vector<Seen>;

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << "{" << seen.event << "|" << seen.data << "|" << seen.exception << "}";
}

struct Outcome {
  List frames;
  bool partial = false;
  std::string failure;
  bool operator==(const Outcome&) const = default;
};

// Feeds `stream` in pieces of `step()` bytes; each lies in memory of its own that dies with it.
template <class Step>
Outcome run(Framing framing, std::string_view stream, Step step, std::size_t limit = 8u << 20) {
  Outcome out;
  const auto reader = make_frame_reader(framing, limit);
  while (!stream.empty()) {
    const std::vector<char> piece(stream.begin(), stream.begin() + std::min<std::size_t>(step(), stream.size()));
    stream.remove_prefix(piece.size());
    reader->feed(std::string_view(piece.data(), piece.size()));
    Frame frame;
    while (reader->next(frame))
      out.frames.push_back({std::string(frame.event), std::string(frame.data), frame.exception});
  }
  out.partial = reader->partial();
  out.failure = reader->failure();
  return out;
}

Outcome whole(Framing framing, std::string_view stream, std::size_t limit = 8u << 20) {
  return run(framing, stream, [&] { return stream.size(); }, limit);
}

void expect_same_in_any_split(Framing framing, std::string_view stream, std::size_t limit = 8u << 20) {
  const Outcome one = whole(framing, stream, limit);
  EXPECT_EQ(run(framing, stream, [] { return 1u; }, limit), one) << stream;
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    const unsigned most = 1 + random() % 90;
    EXPECT_EQ(run(framing, stream, [&] { return 1 + random() % most; }, limit), one) << stream;
  }
}

std::string chunk_of(std::string_view inside) { return R"({"bytes":")" + base64_encode(inside) + R"(","p":"abcd"})"; }

std::string message(std::vector<AwsHeader> headers, std::string_view payload) {
  std::string out;
  write_aws_message(out, headers, payload);
  return out;
}

const AwsHeader kEvent{.name = ":message-type", .value = "event"};

TEST(AwsMessages, ChecksumsAreThoseOfZlib) {
  // Made with zlib.crc32 of another language over struct.pack(">II", 21, 0) and what follows.
  constexpr std::string_view kBytes("\0\0\0\x15\0\0\0\0\xcd\x22\xc7\x9bhello\x57\x0c\x34\x96", 21);
  EXPECT_EQ(message({}, "hello"), kBytes);
}

TEST(AwsMessages, EveryHeaderTypeIsReadAndWritten) {
  using Type = AwsHeader::Type;
  const std::string uuid = "0123456789abcdef", binary("\0\xff", 2), longest(kAwsMaxHeaderValue, 'v');
  const std::vector<AwsHeader> headers{{.type = Type::boolean_true, .name = "yes", .number = 1},
                                       {.type = Type::boolean_false, .name = "no"},
                                       {.type = Type::byte, .name = "b", .number = -2},
                                       {.type = Type::int16, .name = "s", .number = -30000},
                                       {.type = Type::int32, .name = "i", .number = -2000000000},
                                       {.type = Type::int64, .name = "l", .number = -9000000000000000000},
                                       {.type = Type::bytes, .name = "bin", .value = binary},
                                       {.type = Type::string, .name = "str", .value = longest},
                                       {.type = Type::string, .name = "none", .value = ""},
                                       {.type = Type::timestamp, .name = "t", .number = 1700000000123},
                                       {.type = Type::uuid, .name = "u", .value = uuid}};
  const std::string bytes = message(headers, "payload");
  AwsMessageReader reader(1u << 20);
  reader.feed(bytes);
  AwsMessage read;
  ASSERT_TRUE(reader.next(read)) << reader.failure();
  EXPECT_EQ(read.payload, "payload");
  ASSERT_EQ(read.headers.size(), headers.size());
  for (std::size_t i = 0; i < headers.size(); ++i) {
    EXPECT_EQ(read.headers[i].type, headers[i].type) << i;
    EXPECT_EQ(read.headers[i].name, headers[i].name) << i;
    EXPECT_EQ(read.headers[i].value, headers[i].value) << i;
    EXPECT_EQ(read.headers[i].number, headers[i].number) << i;
  }
  EXPECT_EQ(read.text("str"), longest);
  EXPECT_EQ(read.text("bin"), "") << "bytes are no text";
  EXPECT_FALSE(reader.next(read));
  EXPECT_EQ(reader.failure(), "");
}

// CRC-32 once more, bit by bit, so that it is not the tested one.
std::string crc_of(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320u : 0u);
  }
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(~crc >> shift & 0xFF);
  return out;
}

// A message of less than 256 bytes with these bytes as headers, no payload and checksums that fit.
std::string with_headers(std::string_view raw) {
  std::string out(8, '\0');
  out[3] = static_cast<char>(16 + raw.size());
  out[7] = static_cast<char>(raw.size());
  out += crc_of(out);
  out += raw;
  return out + crc_of(out);
}

TEST(AwsMessages, BrokenHeadersAreRefusedThoughTheChecksumsFit) {
  using namespace std::string_literals;
  EXPECT_EQ(whole(Framing::aws, with_headers("\1a\0\1b\5abcdefgh"s)).failure, "");
  for (const std::string& raw : {"\0a\0"s,          // a name of no length
                                 "\5a\0"s,          // a name longer than the headers
                                 "\1a"s,            // no type
                                 "\1a\x0a"s,        // no such type
                                 "\1a\x60z"s,       // the same
                                 "\1a\4abc"s,       // a number cut short
                                 "\1a\5abcdefg"s,   // another
                                 "\1a\7\0"s,        // a length cut short
                                 "\1a\7\0\3ab"s,    // a text cut short
                                 "\1a\7\xff\xff"s,  // a text longer than any may be
                                 "\1a\6\0\1"s,      // bytes cut short
                                 "\1a\x09short"s}) {
    const Outcome read = whole(Framing::aws, with_headers(raw));
    EXPECT_EQ(read.failure, "a message of the stream has broken headers") << raw;
    EXPECT_TRUE(read.frames.empty());
    expect_same_in_any_split(Framing::aws, with_headers(raw));
  }
}

TEST(AwsMessages, AnyChangedByteIsFound) {
  std::string bytes;
  write_aws_event(bytes, "messageStart", R"({"role":"assistant"})");
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    const Outcome read = whole(Framing::aws, changed);
    EXPECT_TRUE(read.frames.empty()) << at;
    EXPECT_NE(read.failure, "") << at;
  }
}

TEST(AwsMessages, ImpossibleAndLargeLengthsFailAtThePrelude) {
  const std::string good = message({}, std::string(100, 'x'));
  EXPECT_EQ(whole(Framing::aws, good, 116).failure, "");
  EXPECT_EQ(whole(Framing::aws, good, 115).failure, "a message of the stream is larger than the limit");
  EXPECT_EQ(whole(Framing::aws, std::string_view(good).substr(0, 12), 115).failure,
            "a message of the stream is larger than the limit");
  // total 15, and headers longer than the message: zlib.crc32 of struct.pack(">II", 15, 0) and (">II", 20, 5).
  EXPECT_EQ(whole(Framing::aws, std::string_view("\0\0\0\x0f\0\0\0\0\xe7\x72\x48\xb8", 12)).failure,
            "a message of the stream has impossible lengths");
  EXPECT_EQ(whole(Framing::aws, std::string_view("\0\0\0\x14\0\0\0\5\x80\x28\x1a\xa4", 12)).failure,
            "a message of the stream has impossible lengths");
  expect_same_in_any_split(Framing::aws, good + good, 115);
}

TEST(AwsFrames, EventsExceptionsAndErrors) {
  std::string stream;
  write_aws_event(stream, "messageStart", R"({"role":"assistant"})");
  stream += message({{.name = ":event-type", .value = "initial-response"}, kEvent}, "");
  stream += message({}, "bare");
  write_aws_exception(stream, "throttlingException", R"({"message":"slow down"})");
  stream += message({{.name = ":message-type", .value = "exception"}, {.name = ":exception-type", .value = "x"}}, "");
  stream += message({{.name = ":message-type", .value = "error"},
                     {.name = ":error-code", .value = "InternalError"},
                     {.name = ":error-message", .value = "a \"bad\" thing"}},
                    "");
  const Outcome read = whole(Framing::aws, stream);
  EXPECT_EQ(read.frames, (List{{"messageStart", R"({"role":"assistant"})", false},
                               {"", "bare", false},
                               {"throttlingException", R"({"message":"slow down"})", true},
                               {"x", "", true},
                               {"InternalError", R"({"message":"a \"bad\" thing"})", true}}));
  EXPECT_FALSE(read.partial);
  EXPECT_TRUE(whole(Framing::aws, std::string_view(stream).substr(0, 5)).partial);
  EXPECT_TRUE(whole(Framing::aws, std::string_view(stream).substr(0, 40)).partial);
  expect_same_in_any_split(Framing::aws, stream);
}

TEST(AwsFrames, RecordedVectors) {
  const auto folder = test_data_dir("aws") / "eventstream";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no recorded data";
  int valid = 0, invalid = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename(), bytes = read_test_file(entry.path());
    const Outcome read = whole(Framing::aws, bytes);
    if (name.starts_with("valid_")) {
      ++valid;
      EXPECT_EQ(read.failure, "") << name;
      EXPECT_EQ(read.frames.size(), 1u) << name;
      EXPECT_FALSE(read.partial) << name;
    } else {
      ++invalid;
      EXPECT_NE(read.failure, "") << name;
      EXPECT_TRUE(read.frames.empty()) << name;
    }
    expect_same_in_any_split(Framing::aws, bytes);
  }
  EXPECT_GE(valid, 1);
  EXPECT_GE(invalid, 6);
}

TEST(AwsChunkFrames, OpensWhatTheBytesHold) {
  std::string stream;
  write_aws_event(stream, "chunk", chunk_of(R"({"type":"message_start","message":{"type":"message"}})"));
  write_aws_event(stream, "chunk", chunk_of(R"({"completion":"x"})"));
  write_aws_event(stream, "chunk", chunk_of(R"({"type":"a\u0062"})"));
  write_aws_event(stream, "chunk", chunk_of(R"({"type":7})"));
  write_aws_event(stream, "chunk", chunk_of(""));
  write_aws_event(stream, "note", R"({"text":"no bytes"})");
  write_aws_exception(stream, "modelTimeoutException", R"({"message":"late"})");
  EXPECT_EQ(whole(Framing::aws_chunk, stream),
            (Outcome{{{"message_start", R"({"type":"message_start","message":{"type":"message"}})", false},
                      {"", R"({"completion":"x"})", false},
                      {"", R"({"type":"a\u0062"})", false},
                      {"", R"({"type":7})", false},
                      {"modelTimeoutException", R"({"message":"late"})", true}},
                     false,
                     ""}));
  expect_same_in_any_split(Framing::aws_chunk, stream);
}

TEST(AwsChunkFrames, UnreadableChunksFail) {
  for (const char* payload : {"{", R"({"bytes":"AA"})", R"({"bytes":"A A="})", R"({"bytes":7})", R"({"bytes":null})"}) {
    std::string stream;
    write_aws_event(stream, "chunk", payload);
    write_aws_event(stream, "chunk", chunk_of("{}"));
    EXPECT_EQ(whole(Framing::aws_chunk, stream).failure, "a chunk of the stream holds no readable bytes") << payload;
    EXPECT_TRUE(whole(Framing::aws_chunk, stream).frames.empty());
    expect_same_in_any_split(Framing::aws_chunk, stream);
  }
}

TEST(ArrayFrames, ElementsOfAnyKind) {
  const std::string stream =
      " \r\n[{\"a\":\"]}\\\"[{\\\\\"}\n,\r\n {\"b\":[1,{\"c\":[]}]} , [1,[2]], \"s,\\\"]\" ,12 , null]\n ";
  EXPECT_EQ(whole(Framing::json_array, stream), (Outcome{{{"", "{\"a\":\"]}\\\"[{\\\\\"}"},
                                                          {"", "{\"b\":[1,{\"c\":[]}]}"},
                                                          {"", "[1,[2]]"},
                                                          {"", "\"s,\\\"]\""},
                                                          {"", "12"},
                                                          {"", "null"}},
                                                         false,
                                                         ""}));
  expect_same_in_any_split(Framing::json_array, stream);
  EXPECT_EQ(whole(Framing::json_array, "[]"), Outcome{});
}

TEST(ArrayFrames, AnElementIsGivenWithItsLastCharacter) {
  const auto reader = make_frame_reader(Framing::json_array);
  Frame frame;
  reader->feed("[{\"a\":1}");
  ASSERT_TRUE(reader->next(frame));
  EXPECT_EQ(frame.data, "{\"a\":1}");
  EXPECT_FALSE(reader->next(frame));
  EXPECT_FALSE(reader->partial());
  reader->feed(",{\"a\":");
  EXPECT_FALSE(reader->next(frame));
  EXPECT_TRUE(reader->partial());
}

TEST(ArrayFrames, WhatIsNoArrayFails) {
  for (const char* stream :
       {"{\"a\":1}", "x", "[,1]", "[1,,2]", "[1,]", "[{}{}]", "[{}}]", "[}]", "[1,}", "[] []", "[1]x"}) {
    EXPECT_EQ(whole(Framing::json_array, stream).failure, "the stream is no JSON array") << stream;
    expect_same_in_any_split(Framing::json_array, stream);
  }
}

TEST(LineFrames, LinesWithAndWithoutText) {
  const std::string stream = "{\"a\":1}\n\n \t\n{\"b\":2}\r\n\r\n{\"c\":3}";
  const Outcome read = whole(Framing::ndjson, stream);
  EXPECT_EQ(read.frames, (List{{"", "{\"a\":1}"}, {"", "{\"b\":2}"}}));
  EXPECT_TRUE(read.partial);
  expect_same_in_any_split(Framing::ndjson, stream);
}

TEST(SseFrames, EventsWithDataOnly) {
  const std::string stream = "event: a\ndata: 1\n\n: note\n\nevent: b\n\ndata: 2\n\ndata: 3\n";
  const Outcome read = whole(Framing::sse, stream);
  EXPECT_EQ(read.frames, (List{{"a", "1"}, {"", "2"}}));
  EXPECT_TRUE(read.partial);
  expect_same_in_any_split(Framing::sse, stream);
}

TEST(SseFrames, ABareObjectBetweenEventsIsAFrame) {
  const std::string pretty = "{\n  \"error\": {\r\n    \"message\": \"a } \\\" {\"\n  }\n}";
  const std::string stream = "data: 1\r\n\r\n" + pretty + "\n\ndata: 2\n\n{\"a\":{}}";
  EXPECT_EQ(whole(Framing::sse, stream).frames, (List{{"", "1"}, {"", pretty}, {"", "2"}, {"", "{\"a\":{}}"}}));
  EXPECT_FALSE(whole(Framing::sse, stream).partial);
  expect_same_in_any_split(Framing::sse, stream);
  EXPECT_EQ(whole(Framing::sse, "{\"error\":1}").frames, (List{{"", "{\"error\":1}"}}));
  EXPECT_TRUE(whole(Framing::sse, "{\"error\":").partial);
  // Inside of an event it is a line that says nothing.
  EXPECT_EQ(whole(Framing::sse, "event: x\n{\"a\":1}\ndata: 1\n\n").frames, (List{{"x", "1"}}));
  expect_same_in_any_split(Framing::sse, "{\"a\":1}{\"b\":2}\n\n\n{}\n\n", 64);
  // One that is not whole before the blank line is none, whatever follows.
  const std::string open = "{\"a\":\"\n\ndata: 1\n\n\"}\n\n{\"b\":1}\ndata: 2\n\n";
  EXPECT_EQ(whole(Framing::sse, open).frames, (List{{"", "1"}, {"", "{\"b\":1}"}, {"", "2"}}));
  expect_same_in_any_split(Framing::sse, open);
  const std::string large = "data: 1\n\n{\"a\":\"" + std::string(100, 'x') + "\"}\n\n";
  EXPECT_NE(whole(Framing::sse, large, 64).failure, "");
  expect_same_in_any_split(Framing::sse, large, 64);
}

TEST(Frames, AFrameLargerThanTheLimitFails) {
  const std::string text(200, 'x'), element = "\"" + text + "\"";
  std::string chunk;
  write_aws_event(chunk, "chunk", chunk_of(element));
  const std::array<std::pair<Framing, std::string>, 5> streams{{{Framing::sse, "data: " + text + "\n\n"},
                                                                {Framing::ndjson, element + "\n"},
                                                                {Framing::aws, chunk},
                                                                {Framing::aws_chunk, chunk},
                                                                {Framing::json_array, "[" + element + "]"}}};
  for (const auto& [framing, stream] : streams) {
    EXPECT_EQ(whole(framing, stream).failure, "");
    EXPECT_NE(whole(framing, stream, 150).failure, "") << static_cast<int>(framing);
    EXPECT_NE(run(framing, stream, [] { return 1u; }, 150).failure, "") << static_cast<int>(framing);
    if (framing != Framing::sse) expect_same_in_any_split(framing, stream, 150);
  }
}

TEST(Base64, VectorsOfTheStandard) {
  const std::array<std::pair<const char*, const char*>, 7> vectors{{{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}}};
  for (const auto& [bytes, text] : vectors) {
    std::string out = "old";
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_TRUE(base64_decode(text, out));
    EXPECT_EQ(out, bytes);
    EXPECT_TRUE(base64_decode(text, out, Base64::url)) << "padding is taken when read";
    EXPECT_EQ(out, bytes);
  }
  EXPECT_EQ(base64_encode("f", Base64::url), "Zg");
  EXPECT_EQ(base64_encode("\xfb\xff\xbf"), "+/+/");
  EXPECT_EQ(base64_encode("\xfb\xff\xbf", Base64::url), "-_-_");
}

TEST(Base64, AnyBytesComeBack) {
  std::mt19937 random(3);
  for (int round = 0; round < 500; ++round) {
    std::string bytes(random() % 70, '\0'), out;
    for (char& byte : bytes) byte = static_cast<char>(random());
    for (const Base64 alphabet : {Base64::standard, Base64::url}) {
      EXPECT_TRUE(base64_decode(base64_encode(bytes, alphabet), out, alphabet));
      EXPECT_EQ(out, bytes);
    }
  }
}

TEST(Base64, OnlyWhatAnEncoderWrites) {
  std::string out = "old";
  for (const char* text : {"Z", "Zg", "Zg=", "Zm8", "Zg===", "Z===", "====", "=", "Zh==", "Zm9=", "Zm9v\n", "Zm 9",
                           "-_-_", "Zg==Zg==", "Zm9vZg==Zm9v", "\xff\xff\xff\xff"}) {
    EXPECT_FALSE(base64_decode(text, out)) << text;
    EXPECT_EQ(out, "") << text;
  }
  for (const char* text : {"Z", "Zg=", "+/+/", "Zh", "Zm9", "Zm8==", "Z==="})
    EXPECT_FALSE(base64_decode(text, out, Base64::url)) << text;
}

}  // namespace
}  // namespace tollgate
