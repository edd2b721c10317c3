// Parts into content blocks of a request. Thread rule: one owner.
#pragma once

#include <deque>
#include <string>
#include <utility>

#include "core/chat.h"
#include "core/chat_fields.h"
#include "core/json_write.h"
#include "gateway/dialects/anthropic_turns.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway::claude {

// The API takes four cache breakpoints; of more, the last ones count, because they cover the longest prefixes.
inline constexpr std::size_t kMaxCacheMarks = 4;

class BlockWriter {
 public:
  // `skipped_marks`: so many cache marks from the start are left out.
  BlockWriter(JsonWriter& writer, const WriteContext& context, std::size_t skipped_marks, chat::Losses& losses)
      : writer_(writer), context_(context), losses_(losses), skipped_marks_(skipped_marks) {}

  // `last`: the end of an assistant's turn that the model is to go on from.
  void write(const Piece& piece, bool last);
  void cache_mark(const chat::CacheMark& mark, const chat::Extra& extra);

 private:
  bool same() const { return context_.same_dialect; }
  void text(std::string_view text, const chat::Part& part, std::size_t message, bool last);
  void media(const chat::Media& media, const chat::Part& part, std::size_t message);
  void source(const chat::Media& media, const chat::Extra& extra);
  void data_source(const chat::Media& media);
  void call(const chat::ToolCall& call, const chat::Part& part, std::size_t message);
  void result(const chat::ToolResult& result, const chat::Part& part, std::size_t message);
  void result_content(const chat::ToolResult& result, std::size_t message);
  void thinking(const chat::Thinking& thinking, const chat::Part& part);
  void citations(const chat::Text& text, std::size_t message);
  // cache_control and unknown members; closes the block.
  void close(const chat::Part& part, bool markable = true);
  std::string id_of_call(const chat::ToolCall& call);
  std::string id_of_result(const chat::ToolResult& result);

  JsonWriter& writer_;
  const WriteContext& context_;
  chat::Losses& losses_;
  std::size_t skipped_marks_;
  std::deque<std::pair<std::string, std::string>> unnamed_;  // {function, id given} of calls that had no id
  int given_ = 0;
};

}  // namespace tollgate::gateway::claude
