// Inside of bedrock*.cpp: pictures, files, sound and film, and the format words that stand for MIME types here.
// Pure. Thread rule: anywhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/chat.h"
#include "core/json_write.h"
#include "gateway/dialects/bedrock_models.h"

namespace tollgate::gateway::bedrock {

// "image", "document", ...: the block's name.
std::string_view block_of(chat::Media::Kind kind);
// The format word for it, by its MIME type, name or first bytes; "" when the service has none.
std::string_view format_of(const chat::Media& media);
// What the service cannot take about it: "image.url", "audio.format"; "" when it can.
std::string unfit(const chat::Media& media, bool in_result);

// The inside of the block goes into `part`.
void read_media(chat::Media::Kind kind, JsonValue value, chat::Part& part);

// Names of documents in one request: of the few characters that are allowed, and each once.
class DocumentNames {
 public:
  std::string fitting(std::string_view name);

 private:
  std::vector<std::string> taken_;
};

// Writes the block's inside as an object. `own`: it was read in this dialect, and `extra` keeps its spellings.
void write_media(JsonWriter& writer, const chat::Media& media, const chat::Extra& extra, bool own,
                 const ModelTraits& traits, DocumentNames& names);

}  // namespace tollgate::gateway::bedrock
