#include "gateway/dialects/gemini_grounding.h"

#include <algorithm>
#include <optional>

#include "core/utf8.h"
#include "gateway/dialects/common.h"
#include "gateway/dialects/gemini_parts.h"

namespace tollgate::gateway::gemini_form {
namespace {

using namespace chat;

constexpr std::size_t kMostCitations = 1024;

// Characters in the first bytes of a text. Positions mostly rise, so counting goes on from the last one.
class Characters {
 public:
  explicit Characters(std::string_view text) : text_(text) {}
  std::int64_t at(std::size_t byte) {
    byte = std::min(byte, text_.size());
    if (byte < byte_) byte_ = 0, count_ = 0;
    while (byte_ < byte) {
      byte_ += std::max<std::size_t>(1, utf8_length(text_, byte_));
      ++count_;
    }
    return count_;
  }

 private:
  std::string_view text_;
  std::size_t byte_ = 0;
  std::int64_t count_ = 0;
};

// Offset of the character, or of the end.
std::size_t byte_at(std::string_view text, std::int64_t character) {
  std::size_t byte = 0;
  for (; character > 0 && byte < text.size(); --character) byte += std::max<std::size_t>(1, utf8_length(text, byte));
  return std::min(byte, text.size());
}

struct Segment {
  std::size_t begin = 0, end = 0;
  std::optional<std::int64_t> part;
  std::string_view text;
};

Segment segment_of(JsonValue value) {
  Segment segment;
  std::string scratch;
  value.members([&](std::string_view key, JsonValue member) {
    const std::string_view name = camel(key, scratch);
    const auto number = member.as_int();
    if (name == "startIndex" && number && *number > 0) segment.begin = static_cast<std::size_t>(*number);
    if (name == "endIndex" && number && *number > 0) segment.end = static_cast<std::size_t>(*number);
    if (name == "partIndex") segment.part = number;
    if (name == "text") segment.text = member.as_string().value_or("");
  });
  return segment;
}

bool holds(std::string_view text, const Segment& segment) {
  return segment.begin <= segment.end && segment.end <= text.size() &&
         text.substr(segment.begin, segment.end - segment.begin) == segment.text;
}

// The text that a segment lies in: the one it names, else the one that says the same there.
std::optional<std::size_t> text_of(const Segment& segment, const std::vector<GroundedText>& texts) {
  const auto index = [&](auto found) -> std::optional<std::size_t> {
    if (found == texts.end()) return std::nullopt;
    return static_cast<std::size_t>(found - texts.begin());
  };
  const auto named = std::find_if(texts.begin(), texts.end(),
                                  [&](const GroundedText& one) { return segment.part && one.part == *segment.part; });
  if (named != texts.end()) return index(named);
  const auto same =
      std::find_if(texts.begin(), texts.end(), [&](const GroundedText& one) { return holds(one.text, segment); });
  if (same != texts.end() && !segment.text.empty()) return index(same);
  return index(std::find_if(texts.begin(), texts.end(), [&](const GroundedText& one) {
    return segment.end <= one.text.size() && segment.text.empty();
  }));
}

// A source from any kind of chunk: web, retrievedContext, maps, image.
Citation source_of(JsonValue chunk) {
  Citation source;
  source.origin = kFamily;
  source.raw = chunk.text();
  std::string scratch;
  chunk.members([&](std::string_view, JsonValue inside) {
    inside.members([&](std::string_view key, JsonValue member) {
      const std::string_view name = camel(key, scratch);
      if (name == "uri" || name == "sourceUri") source.url = text_or_empty(member);
      if (name == "title") source.title = text_or_empty(member);
      if (name == "text") source.quote = text_or_empty(member);
    });
  });
  return source;
}

JsonValue member_of(JsonValue object, std::string_view wanted) {
  JsonValue found;
  std::string scratch;
  object.members([&](std::string_view key, JsonValue value) {
    if (camel(key, scratch) == wanted) found = value;
  });
  return found;
}

void place(Citation& citation, const Segment& segment, std::string_view text) {
  Characters characters(text);
  citation.begin = characters.at(segment.begin);
  citation.end = characters.at(segment.end);
}

void read_supports(JsonValue supports, const std::vector<Citation>& sources, const std::vector<GroundedText>& texts,
                   std::vector<GroundedCitation>& out) {
  supports.elements([&](JsonValue support) {
    const Segment segment = segment_of(member_of(support, "segment"));
    const auto where = text_of(segment, texts);
    if (!where) return;
    member_of(support, "groundingChunkIndices").elements([&](JsonValue value) {
      const auto index = value.as_int().value_or(-1);
      if (index < 0 || static_cast<std::size_t>(index) >= sources.size() || out.size() >= kMostCitations) return;
      GroundedCitation one{.text = *where, .citation = sources[static_cast<std::size_t>(index)]};
      place(one.citation, segment, texts[*where].text);
      out.push_back(std::move(one));
    });
  });
}

void read_cited(JsonValue cited, const std::vector<GroundedText>& texts, std::vector<GroundedCitation>& out) {
  JsonValue list = member_of(cited, "citations");
  if (!list.present()) list = member_of(cited, "citationSources");
  list.elements([&](JsonValue value) {
    const Segment segment = segment_of(value);
    if (out.size() >= kMostCitations || segment.end > texts.front().text.size()) return;
    GroundedCitation one;
    one.citation.url = text_or_empty(value["uri"]);
    one.citation.title = text_or_empty(value["title"]);
    one.citation.origin = kFamily;
    one.citation.raw = value.text();
    place(one.citation, segment, texts.front().text);
    out.push_back(std::move(one));
  });
}

}  // namespace

std::size_t utf8_characters(std::string_view text) {
  return static_cast<std::size_t>(Characters(text).at(text.size()));
}

std::vector<GroundedCitation> read_grounding(JsonValue grounding, JsonValue cited,
                                             const std::vector<GroundedText>& texts) {
  std::vector<GroundedCitation> out;
  if (texts.empty()) return out;
  std::vector<Citation> sources;
  member_of(grounding, "groundingChunks").elements([&](JsonValue chunk) { sources.push_back(source_of(chunk)); });
  const JsonValue supports = member_of(grounding, "groundingSupports");
  read_supports(supports, sources, texts, out);
  if (supports.size() == 0) {
    // Sources of the whole answer.
    for (Citation& source : sources)
      if (out.size() < kMostCitations) out.push_back({.text = 0, .citation = std::move(source)});
  }
  read_cited(cited, texts, out);
  return out;
}

void GroundingWriter::add(int part, std::string_view text, const Citation& citation, std::size_t offset) {
  Source source{citation.url, citation.title, citation.quote};
  auto found = std::find(sources_.begin(), sources_.end(), source);
  if (found == sources_.end()) found = sources_.insert(sources_.end(), std::move(source));
  // A citation that does not say what it supports stands for the whole text.
  const std::size_t begin = citation.begin < 0 ? 0 : byte_at(text, citation.begin);
  const std::size_t end = citation.end < 0 ? text.size() : std::max(begin, byte_at(text, citation.end));
  supports_.push_back({.part = part,
                       .begin = offset + begin,
                       .end = offset + end,
                       .source = static_cast<std::size_t>(found - sources_.begin()),
                       .text = std::string(text.substr(begin, end - begin))});
}

void GroundingWriter::write(JsonWriter& writer) const {
  writer.key("groundingMetadata").begin_object().key("groundingChunks").begin_array();
  for (const Source& source : sources_) {
    writer.begin_object().key(source.url.empty() ? "retrievedContext" : "web").begin_object();
    writer.member_if("uri", source.url).member_if("title", source.title);
    if (source.url.empty()) writer.member_if("text", source.quote);
    writer.end_object().end_object();
  }
  writer.end_array().key("groundingSupports").begin_array();
  for (const Support& support : supports_) {
    writer.begin_object().key("segment").begin_object();
    if (support.part > 0) writer.member("partIndex", support.part);
    if (support.begin > 0) writer.member("startIndex", support.begin);
    writer.member("endIndex", support.end).member("text", std::string_view(support.text)).end_object();
    writer.key("groundingChunkIndices").begin_array().number(static_cast<std::int64_t>(support.source)).end_array();
    writer.end_object();
  }
  writer.end_array().end_object();
}

}  // namespace tollgate::gateway::gemini_form
