// Inside of bedrock*.cpp: the conversation as the service takes it: system texts apart, turns that alternate and begin
// with the user, results of tools first in their turn, nothing blank. Pure. Thread rule: values point into the request,
// which must outlive them.
#pragma once

#include <cstddef>
#include <vector>

#include "core/chat.h"
#include "core/chat_fields.h"
#include "gateway/dialects/bedrock_models.h"

namespace tollgate::gateway::bedrock {

// A part and the message where it stood.
struct Piece {
  const chat::Part* part = nullptr;
  std::size_t message = 0;
};
struct Turn {
  chat::Role role = chat::Role::user;
  std::vector<Piece> pieces;
  const chat::Extra* extra = nullptr;  // of the message, for the same dialect
};
struct Conversation {
  std::vector<Piece> system;
  std::vector<Turn> turns;
  bool has_tools = false;           // calls or results
  bool ends_in_bare_calls = false;  // the last turns are calls without signed thinking, and their results
};

// As the caller of this same API said it; only signatures that the service would not take are left out.
Conversation spoken_turns(const chat::Request& request, const ModelTraits& traits, chat::Losses& losses);
// As the service takes it. What it does not take is left out and named.
Conversation fitting_turns(const chat::Request& request, const ModelTraits& traits, chat::Losses& losses);

}  // namespace tollgate::gateway::bedrock
