// Where an answer comes from: Gemini keeps it beside the text (groundingMetadata, citationMetadata) and counts bytes,
// the meaning keeps it on the text and counts characters. Internal to the dialect. Thread rule: values of one call.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/chat.h"
#include "core/json_write.h"

namespace tollgate::gateway::gemini_form {

// A text of the reply: its place among the parts, -1 where that is not known, and what it says.
struct GroundedText {
  int part = -1;
  std::string_view text;
};
struct GroundedCitation {
  std::size_t text = 0;  // index into the texts given
  chat::Citation citation;
};

// Citations of `grounding` (groundingMetadata) and `cited` (citationMetadata), either may be absent. What fits none of
// the texts is left out.
std::vector<GroundedCitation> read_grounding(JsonValue grounding, JsonValue cited,
                                             const std::vector<GroundedText>& texts);

std::size_t utf8_characters(std::string_view text);

// Collects the citations of one choice and writes them as groundingMetadata.
class GroundingWriter {
 public:
  // `part`: place of the text among the parts written, -1 where there is none. `text` is what it says, `offset` where
  // it begins in what its places are counted from.
  void add(int part, std::string_view text, const chat::Citation& citation, std::size_t offset = 0);
  bool empty() const { return supports_.empty(); }
  // The member groundingMetadata into an open candidate.
  void write(JsonWriter& writer) const;

 private:
  struct Source {
    std::string url, title, quote;
    bool operator==(const Source&) const = default;
  };
  struct Support {
    int part;
    std::size_t begin, end, source;
    std::string text;
  };
  std::vector<Source> sources_;
  std::vector<Support> supports_;
};

}  // namespace tollgate::gateway::gemini_form
