// Other projects' vectors, when the recorded test data is here: what they refuse must be refused, what they accept must
// be understood alike, and every difference stands in a table with its reason.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/unit/net/http_text.h"

namespace tollgate::http {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  if (fs::is_directory(folder))
    for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

#define REQUIRE_DATA(variable, subfolder)                                                \
  const std::vector<fs::path> variable = files_in(data_folder() / "http" / (subfolder)); \
  if (variable.empty()) GTEST_SKIP() << "no HTTP vectors in " << (data_folder() / "http" / (subfolder))

// gunicorn's files: line ends are written as escapes, the real ones only wrap the text.
std::string gunicorn_bytes(const fs::path& file) {
  std::string text = read_file(file);
  text.erase(std::remove(text.begin(), text.end(), '\n'), text.end());
  return unescape(text);
}

// Some vectors are older than the rule that HTTP/1.1 needs a Host; they get one, after it was seen that they are
// refused.
std::string with_host(std::string bytes) {
  const std::size_t line = bytes.find("\r\n");
  return line == std::string::npos ? bytes : bytes.insert(line + 2, "Host: test\r\n");
}

bool lacks_host(const Message& message) { return message.why.find("Host is missing") != std::string::npos; }

// All messages of a connection, as an independent and trusting reader sees them.
struct Plain {
  std::string method, target, body;
};

Plain read_plainly(std::string_view& bytes) {
  Plain plain;
  const std::string_view line = bytes.substr(0, bytes.find("\r\n"));
  plain.method = line.substr(0, line.find(' '));
  plain.target = line.substr(line.find(' ') + 1, line.rfind(' ') - line.find(' ') - 1);
  const std::size_t end = bytes.find("\r\n\r\n") + 4;
  std::string head(bytes.substr(0, end));
  std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return std::tolower(c); });
  bytes.remove_prefix(end);
  if (head.find("transfer-encoding: chunked") != std::string::npos) {
    for (;;) {
      const std::size_t size = std::stoul(std::string(bytes), nullptr, 16);
      bytes.remove_prefix(bytes.find("\r\n") + 2);
      if (size == 0) break;
      plain.body.append(bytes.substr(0, size));
      bytes.remove_prefix(size + 2);
    }
    while (!bytes.starts_with("\r\n")) bytes.remove_prefix(bytes.find("\r\n") + 2);
    bytes.remove_prefix(2);
  } else if (const std::size_t at = head.find("content-length:"); at != std::string::npos) {
    const std::size_t size = std::stoul(head.substr(at + 15));
    plain.body = bytes.substr(0, size);
    bytes.remove_prefix(size);
  }
  return plain;
}

const std::map<std::string, std::string> kValidButRefused = {
    {"002.http", "Host: 0.0.0.0=5000 is no host; the same line is in their invalid/012"},
    {"003.http", "Host: 0.0.0.0=5000, as in 002"},
    {"005.http", "a fragment is no part of a request target"},
    {"014.http", "quotes are not allowed in a request target"},
    {"025.http", "gzip as a transfer coding is not supported"},
    {"025_line.http", "gzip as a transfer coding is not supported"},
    {"028.http", "a blank before the colon (their option strips it)"},
    {"029.http", "identity is no transfer coding any more (RFC 9112 7)"},
    {"030.http", "identity is no transfer coding any more (RFC 9112 7)"},
    {"040.http", "framing names with underscores (they drop these headers)"},
    {"040_compat.http", "framing names with underscores (their option accepts them)"},
    {"compat_obs_fold.http", "folding (their option unfolds)"},
    {"compat_obs_fold_huge.http", "folding (their option unfolds)"},
    {"pp_01.http", "the PROXY protocol is not spoken"},
    {"pp_02.http", "the PROXY protocol is not spoken"},
    {"pp_04.http", "the PROXY protocol is not spoken"},
    {"pp_05.http", "the PROXY protocol is not spoken"},
    {"rfc9112_target_absolute_userinfo_01.http", "user info in a request target is an error (RFC 9110 4.2.4)"},
};

TEST(HttpVectors, GunicornValidMeansTheSame) {
  REQUIRE_DATA(files, "gunicorn/valid");
  int messages = 0;
  for (const fs::path& file : files) {
    SCOPED_TRACE(file.filename().string());
    std::string bytes = gunicorn_bytes(file);
    const bool refused = kValidButRefused.contains(file.filename().string());
    std::string_view rest = bytes;
    while (!rest.empty()) {
      Message message = read_message(rest, true);
      if (lacks_host(message)) {
        bytes = with_host(std::string(rest));
        rest = bytes;
        message = read_message(rest, true);
      }
      EXPECT_EQ(message.refused != 0, refused) << message.why;
      if (message.refused) break;
      ASSERT_TRUE(message.complete);
      const std::string_view before = rest;
      const Plain plain = read_plainly(rest);
      EXPECT_EQ(message.method, plain.method);
      if (plain.target.starts_with("http")) {
        EXPECT_TRUE(plain.target.ends_with(message.target));
      } else {
        EXPECT_EQ(message.target, plain.target);
      }
      EXPECT_EQ(message.body, plain.body);
      EXPECT_EQ(message.used, before.size() - rest.size());
      ++messages;
      if (rest == "\r\n") break;  // an empty line behind the last message
    }
  }
  EXPECT_GT(messages, 20);
}

const std::map<std::string, std::string> kInvalidButAccepted = {
    {"006.http", "their limit on the request line (4 KiB) is below ours"},
    {"008.http", "their limit on a header line (8 KiB) is below ours"},
    {"041.http", "two Content-Types say nothing about the framing; the surfaces judge them"},
    {"rfc9110_trailer_forbidden_cl_01.http", "trailers are dropped unread, so none can do harm"},
    {"rfc9110_trailer_forbidden_host_01.http", "trailers are dropped unread, so none can do harm"},
};

TEST(HttpVectors, GunicornInvalidIsRefused) {
  REQUIRE_DATA(files, "gunicorn/invalid");
  for (const fs::path& file : files) {
    SCOPED_TRACE(file.filename().string());
    const std::string bytes = gunicorn_bytes(file);
    Message message = read_message(bytes, true);
    if (lacks_host(message)) message = read_message(with_host(bytes), true);
    // Incomplete at the end of the connection is a refusal too: nothing of it is forwarded.
    EXPECT_EQ(message.complete, kInvalidButAccepted.contains(file.filename().string())) << message.why;
  }
}

struct LlhttpBlock {
  std::string title, meta, bytes, log;
};

// The blocks of one document: a title, a meta comment, the bytes ("\n" stands for CRLF) and the expected log.
std::vector<LlhttpBlock> llhttp_blocks(const fs::path& file) {
  std::vector<LlhttpBlock> blocks;
  LlhttpBlock block;
  std::string* into = nullptr;
  const std::string text = read_file(file);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (into && line == "```") {
      if (into == &block.log) blocks.push_back(std::exchange(block, {}));
      into = nullptr;
    } else if (into) {
      *into += line + (into == &block.bytes ? "\r\n" : "\n");
    } else if (line.starts_with("#")) {
      block.title = line;
    } else if (line.starts_with("<!-- meta=")) {
      block.meta = line;
    } else if (line == "```http" || line == "```log") {
      into = line == "```http" ? &block.bytes : &block.log;
      into->clear();
    }
  }
  for (LlhttpBlock& b : blocks) {
    // The last line end belongs to the fence, and a backslash at the end of a line joins it with the next.
    if (b.bytes.ends_with("\r\n")) b.bytes.resize(b.bytes.size() - 2);
    for (std::size_t at = 0; (at = b.bytes.find("\\\r\n", at)) != std::string::npos;) b.bytes.erase(at, 3);
    b.bytes = unescape(b.bytes);
  }
  return blocks;
}

std::string span_of(const std::string& log, const std::string& name) {
  std::string out;
  const std::string key = "span[" + name + "]=\"";
  for (std::size_t at = log.find(key); at != std::string::npos; at = log.find(key, at + 1)) {
    const std::size_t start = at + key.size();
    out += unescape(log.substr(start, log.find("\"\n", start) - start));
    if (name != "body") break;
  }
  return out;
}

const std::set<std::string> kLlhttpErrorsAccepted = {
    "### HTTP protocol and ANNOUNCE method",  // any token is a method; which ones a path has, the surfaces say
    "### Invalid method",
};

TEST(HttpVectors, LlhttpErrorsAreErrorsHereAndMessagesMeanTheSame) {
  REQUIRE_DATA(files, "llhttp/request");
  int accepted = 0, refused = 0, stricter = 0;
  for (const fs::path& file : files) {
    for (const LlhttpBlock& block : llhttp_blocks(file)) {
      SCOPED_TRACE(file.filename().string() + ": " + block.title + "\n" + block.bytes);
      if (block.meta.find("lenient") != std::string::npos) continue;  // what an option of theirs would let pass
      Message message = read_message(block.bytes, true);
      if (lacks_host(message)) message = read_message(with_host(block.bytes), true);
      const std::size_t error = block.log.find("error code="), complete = block.log.find("message complete");
      if (error != std::string::npos && (complete == std::string::npos || error < complete)) {
        EXPECT_EQ(message.complete, kLlhttpErrorsAccepted.contains(block.title));
        ++refused;
      } else if (message.complete && complete != std::string::npos) {
        EXPECT_EQ(message.method, span_of(block.log, "method"));
        // An absolute target is handed on in origin form, with the path that it may leave out.
        const std::string url = span_of(block.log, "url");
        EXPECT_TRUE(url.ends_with(message.target) || (url.starts_with("http://") && message.target == "/")) << url;
        if (message.method != "CONNECT")
          EXPECT_EQ(message.body, span_of(block.log, "body").substr(0, message.body.size()));
        ++accepted;
      } else {
        ++stricter;  // counted, so that a parser that refuses everything fails
      }
    }
  }
  EXPECT_GT(accepted, 40);
  EXPECT_GT(refused, 20);
  EXPECT_LT(stricter, accepted);
}

TEST(HttpVectors, LlhttpResponses) {
  REQUIRE_DATA(files, "llhttp/response");
  int accepted = 0, refused = 0;
  for (const fs::path& file : files) {
    for (const LlhttpBlock& block : llhttp_blocks(file)) {
      SCOPED_TRACE(file.filename().string() + ": " + block.title + "\n" + block.bytes);
      if (block.meta.find("lenient") != std::string::npos) continue;
      const Message message = read_message(block.bytes, false);
      const std::size_t error = block.log.find("error code="), complete = block.log.find("message complete");
      if (error != std::string::npos && (complete == std::string::npos || error < complete)) {
        EXPECT_FALSE(message.complete);
        ++refused;
      } else if (message.complete) {
        EXPECT_EQ(std::to_string(message.status), [&] {
          const std::size_t at = block.log.find("status=");
          return at == std::string::npos ? std::to_string(message.status) : block.log.substr(at + 7, 3);
        }());
        ++accepted;
      }
    }
  }
  EXPECT_GT(accepted, 5);
  EXPECT_GT(refused, 5);
}

// Which of the sessions an intrusion detector watches must not get through here.
const std::set<std::string> kSessionsRefused = {
    "12-connect-request.t",
    "15-connect-complete.t",
    "16-connect-extra.t",

    "23-http09-multiple.t",
    "31-get-request-line-nul.t",
    "32-invalid-hostname.t",
    "36-invalid-request-1-invalid-c-l.t",
    "37-invalid-request-2-t-e-and-c-l.t",
    "38-invalid-request-3-invalid-t-e.t",
    "43-invalid-protocol.t",
    "51-get-ipv6-invalid.t",
    "64-post-chunked-invalid-2.t",
    "65-post-chunked-invalid-3.t",
    "79-connect-invalid-hostport.t",
    "81-hostname-invalid-2.t",
    "92-http_0_9-method_only.t",
};
const std::set<std::string> kAnswersRefused = {
    "48-invalid-response-headers-1.t", "70-response-invalid-chunk-length.t", "73-response-te-and-cl.t",
    "74-response-multiple-cl.t",       "77-response-folded-headers.t",
};

// The bytes of one direction of a session.
std::string libhtp_side(const std::string& text, std::string_view mark) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t line = text.find('\n', at);
    const std::string_view head = std::string_view(text).substr(at, 3);
    const std::size_t start = line == std::string::npos ? text.size() : line + 1;
    std::size_t end = text.size();
    for (std::size_t next = start; next < text.size();) {
      const std::string_view marker = std::string_view(text).substr(next, 3);
      if (marker == ">>>" || marker == "<<<") {
        end = next;
        break;
      }
      const std::size_t newline = text.find('\n', next);
      next = newline == std::string::npos ? text.size() : newline + 1;
    }
    if (head == mark) {
      std::string part = text.substr(start, end - start);
      if (end < text.size()) {  // the line end before the next mark is the format's
        if (part.ends_with("\n")) part.pop_back();
        if (part.ends_with("\r")) part.pop_back();
      }
      out += part;
    }
    at = end;
  }
  return out;
}

TEST(HttpVectors, LibhtpSessionsAreJudgedAlikeHoweverTheyAreCut) {
  REQUIRE_DATA(files, "libhtp");
  for (const fs::path& file : files) {
    const std::string name = file.filename().string();
    SCOPED_TRACE(name);
    const std::string text = read_file(file);
    for (const bool request : {true, false}) {
      const std::string bytes = libhtp_side(text, request ? ">>>" : "<<<");
      const Message whole = read_message(bytes, request);
      for (std::size_t step : {1u, 13u}) {
        const Message cut = read_message(bytes, request, {}, step);
        EXPECT_EQ(cut.refused, whole.refused);
        EXPECT_EQ(cut.complete, whole.complete);
        EXPECT_EQ(cut.body, whole.body);
      }
      if ((request ? kSessionsRefused : kAnswersRefused).contains(name)) EXPECT_FALSE(whole.complete);
    }
  }
}

// The published smuggling payloads are header spellings; each is combined with a length as the attack does it.
TEST(HttpVectors, NoSmugglingSpellingGetsThroughWithBothFramings) {
  const fs::path file = data_folder() / "http" / "smuggling" / "payloads.json";
  if (!fs::exists(file)) GTEST_SKIP() << "no " << file;
  const std::string text = read_file(file);
  const auto strings_of = [&text](const std::string& key) {
    std::vector<std::string> values;
    const std::string mark = "\"" + key + "\": \"";
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
      std::size_t end = at + mark.size();
      while (text[end] != '"' || text[end - 1] == '\\') ++end;
      std::string value = text.substr(at + mark.size(), end - at - mark.size());
      for (std::size_t u = value.find("\\u00"); u != std::string::npos; u = value.find("\\u00"))
        value.replace(u, 4, "\\x");
      values.push_back(unescape(value));
    }
    return values;
  };
  const std::vector<std::string> lengths = strings_of("content_length_key"), names = strings_of("te_key"),
                                 codings = strings_of("te_value");
  ASSERT_GT(names.size(), 10u);
  ASSERT_EQ(names.size(), codings.size());
  ASSERT_EQ(names.size(), lengths.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string bytes =
        "POST / HTTP/1.1\r\nHost: a\r\n" + lengths[i] + " 5\r\n" + names[i] + codings[i] + "\r\n\r\n0\r\n\r\n";
    const Message message = read_message(bytes, true);
    std::string letters;
    for (char c : names[i])
      if (std::isalpha(static_cast<unsigned char>(c))) letters += static_cast<char>(c | 0x20);
    // Some payloads name another header; nobody takes those for a framing, and the length alone holds.
    if (letters == "transferencoding") {
      EXPECT_FALSE(message.complete) << names[i] << codings[i];
    } else {
      EXPECT_EQ(message.body, message.complete ? "0\r\n\r\n" : "") << names[i] << codings[i];
    }
  }
}

}  // namespace
}  // namespace tollgate::http
