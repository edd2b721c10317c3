// Inside of bedrock*.cpp: content blocks, which requests and replies have in common. Thread rule: one owner.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/chat.h"
#include "core/chat_fields.h"
#include "core/json_write.h"
#include "gateway/dialects/bedrock_media.h"
#include "gateway/dialects/bedrock_models.h"

namespace tollgate::gateway::bedrock {

// Appends what the block says; a cache point marks the part before it. REQUIRES: an object.
void read_block(JsonValue block, std::vector<chat::Part>& parts);

chat::Citation read_citation(JsonValue citation);
// As it was read where this dialect read it, else what can be said of it here.
void write_citation(JsonWriter& writer, const chat::Citation& citation);

chat::Signature read_redacted(std::string_view base64);
// For a caller, who must be able to bring it back, or for the service.
std::string redacted_bytes(const chat::Signature& redacted, bool reply);

// An id of up to 64 letters, digits and _ . : - ; itself where it is one. Mistral's models take exactly nine letters
// and digits. The same id always gives the same.
std::string fitting_call_id(std::string_view id, Vendor vendor);

enum class BlockUse : unsigned char {
  own_request,      // for the service, read in this dialect
  foreign_request,  // for the service, read in another
  own_reply,        // for a caller, read in this dialect
  foreign_reply,    // for a caller, read in another
};

// Writes parts as blocks of one list. What a request cannot say in a result of a tool goes to `losses`; whole parts are
// chosen before (bedrock_turns.h).
class BlockWriter {
 public:
  BlockWriter(JsonWriter& writer, BlockUse use, const ModelTraits& traits, chat::Losses& losses)
      : writer_(writer), use_(use), traits_(traits), losses_(losses) {}
  void write(const chat::Part& part, std::size_t message);

 private:
  bool own() const { return use_ == BlockUse::own_request || use_ == BlockUse::own_reply; }
  bool reply() const { return use_ == BlockUse::own_reply || use_ == BlockUse::foreign_reply; }
  void text(const chat::Text& text, const chat::Part& part);
  void plain_text(std::string_view text, const chat::Part& part);
  void call(const chat::ToolCall& call, const chat::Part& part);
  void result(const chat::ToolResult& result, const chat::Part& part, std::size_t message);
  bool result_part(const chat::Part& part, std::size_t message);
  void thinking(const chat::Thinking& thinking, const chat::Part& part);
  void cache_point(const chat::CacheMark& mark);

  JsonWriter& writer_;
  const BlockUse use_;
  const ModelTraits& traits_;
  chat::Losses& losses_;
  DocumentNames names_;
};

}  // namespace tollgate::gateway::bedrock
