// Bodies and writers.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/net/http_text.h"

namespace tollgate::http {
namespace {

struct Decoded {
  std::string body;
  std::size_t used = 0;
  bool done = false, failed = false;
};

Decoded decode_all(BodyDecoder decoder, std::string_view in, std::size_t step) {
  Decoded out;
  while (out.used < in.size()) {
    std::string_view piece;
    const std::string_view part = in.substr(out.used, step);
    const Result<std::size_t> used = decoder.decode(part, piece);
    if (!used) {
      out.failed = true;
      return out;
    }
    if (!piece.empty()) {
      EXPECT_GE(piece.data(), part.data());
      EXPECT_LE(piece.data() + piece.size(), part.data() + part.size());
    }
    out.body.append(piece);
    out.used += *used;
    if (*used == 0) break;
  }
  out.done = decoder.done();
  return out;
}

TEST(BodyDecoder, ChunksComeOutTheSameHoweverTheyAreCut) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    std::string body, wire;
    const std::size_t chunks = random() % 6;
    for (std::size_t i = 0; i < chunks; ++i) {
      std::string chunk(1 + random() % 40, '\0');
      for (char& c : chunk) c = static_cast<char>(random());
      write_chunk_head(wire, chunk.size());
      wire += chunk + "\r\n";
      body += chunk;
    }
    wire += "0\r\nX: y\r\n\r\n";
    const std::string followed = wire + "GET";
    for (std::size_t step = 1; step < 12; ++step) {
      const Decoded out = decode_all(BodyDecoder(Framing::chunked, 0, {}), followed, step);
      EXPECT_TRUE(out.done);
      EXPECT_EQ(out.body, body);
      EXPECT_EQ(out.used, wire.size()) << "the next message must be left alone";
    }
  }
}

TEST(BodyDecoder, DoneShowsWithTheLastPiece) {
  BodyDecoder decoder(Framing::chunked, 0, {});
  std::string_view piece;
  const std::string_view wire = "3\r\nabc\r\n0\r\n\r\n";
  const Result<std::size_t> used = decoder.decode(wire, piece);
  ASSERT_TRUE(used);
  EXPECT_EQ(*used, wire.size());
  EXPECT_EQ(piece, "abc");
  EXPECT_TRUE(decoder.done());
}

TEST(BodyDecoder, LengthStopsAtTheEnd) {
  const Decoded out = decode_all(BodyDecoder(Framing::length, 5, {}), "helloNEXT", 3);
  EXPECT_TRUE(out.done);
  EXPECT_EQ(out.body, "hello");
  EXPECT_EQ(out.used, 5u);
}

TEST(BodyDecoder, OnlyAnUnframedBodyEndsWithTheConnection) {
  std::string_view piece;
  BodyDecoder open(Framing::until_close, 0, {});
  ASSERT_TRUE(open.decode("abc", piece));
  EXPECT_EQ(piece, "abc");
  EXPECT_FALSE(open.done());
  EXPECT_TRUE(open.finish_at_eof());
  EXPECT_TRUE(open.done());
  BodyDecoder cut(Framing::length, 5, {});
  ASSERT_TRUE(cut.decode("abc", piece));
  EXPECT_FALSE(cut.finish_at_eof());
  BodyDecoder cut_chunk(Framing::chunked, 0, {});
  ASSERT_TRUE(cut_chunk.decode("3\r\nabc\r\n", piece));
  EXPECT_FALSE(cut_chunk.finish_at_eof());
  EXPECT_TRUE(BodyDecoder(Framing::none, 0, {}).done());
}

TEST(BodyDecoder, ChunkLinesAndTrailersAreBounded) {
  Limits limits;
  limits.max_chunk_line = 20;
  limits.max_trailer_bytes = 30;
  const auto fails = [&limits](const std::string& wire) {
    return decode_all(BodyDecoder(Framing::chunked, 0, limits), wire, SIZE_MAX).failed;
  };
  EXPECT_FALSE(fails("1;" + std::string(16, 'x') + "\r\na\r\n0\r\n\r\n"));
  EXPECT_TRUE(fails("1;" + std::string(17, 'x') + "\r\na\r\n0\r\n\r\n"));
  EXPECT_FALSE(fails("0\r\nA: " + std::string(23, 'x') + "\r\n\r\n"));
  EXPECT_TRUE(fails("0\r\nA: " + std::string(24, 'x') + "\r\n\r\n"));
}

TEST(BodyDecoder, ChunkSizesUseAllSixtyFourBitsAndNoMore) {
  std::string_view piece;
  BodyDecoder widest(Framing::chunked, 0, {});
  ASSERT_TRUE(widest.decode("ffffFFFFffffFFFF\r\nab", piece));
  EXPECT_EQ(piece, "ab");
  EXPECT_FALSE(BodyDecoder(Framing::chunked, 0, {}).decode("1ffffffffffffffff\r\n", piece));
  EXPECT_FALSE(BodyDecoder(Framing::chunked, 0, {}).decode("00000000000000000\r\n", piece));
}

TEST(HttpWriters, WriteWhatTheParserReads) {
  std::string out;
  write_status_line(out, 200);
  write_header(out, "Content-Type", "text/plain");
  write_header(out, "X-Evil", "a\r\nInjected: 1\n");
  write_header(out, "Transfer-Encoding", "chunked");
  out += "\r\n";
  write_chunk_head(out, 0x1a);
  out += std::string(26, 'z') + "\r\n0\r\n\r\n";
  const Message message = read_message(out, false);
  EXPECT_TRUE(message.complete) << message.why;
  EXPECT_EQ(message.body, std::string(26, 'z'));
  EXPECT_TRUE(out.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_NE(out.find("X-Evil: aInjected: 1\r\n"), std::string::npos);
}

TEST(HttpWriters, StatusLines) {
  std::string out;
  write_status_line(out, 529, 0);
  EXPECT_EQ(out, "HTTP/1.0 529 Overloaded\r\n");
  EXPECT_EQ(reason_of(404), "Not Found");
  EXPECT_EQ(reason_of(599), "Unknown");
  EXPECT_EQ(reason_of(99), "Unknown");
}

TEST(HttpWriters, ChunkHeads) {
  std::string out;
  write_chunk_head(out, 0);
  write_chunk_head(out, 255);
  write_chunk_head(out, SIZE_MAX);
  EXPECT_EQ(out, "0\r\nff\r\nffffffffffffffff\r\n");
}

TEST(HopByHop, NamesOfOneHop) {
  for (const char* name : {"Connection", "keep-alive", "Proxy-Authorization", "TE", "Trailer", "transfer-encoding",
                           "Upgrade", "Content-Length"})
    EXPECT_TRUE(is_hop_by_hop(name)) << name;
  for (const char* name : {"Content-Type", "Authorization", "Prox", "Proxy", "T", "Keep-Alive2", ""})
    EXPECT_FALSE(is_hop_by_hop(name)) << name;
}

TEST(HttpNames, CompareWithoutCase) {
  EXPECT_TRUE(iequals("Content-TYPE", "content-type"));
  EXPECT_FALSE(iequals("a@", "a`"));  // differ by the case bit, but are no letters
  EXPECT_FALSE(iequals("ab", "abc"));
}

}  // namespace
}  // namespace tollgate::http
