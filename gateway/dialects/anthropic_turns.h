// The conversation as this API takes it: system texts apart, turns that alternate and begin with the user, results of
// tools first in their turn, nothing empty. Pure. Thread rule: values point into the request, which must outlive them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/chat.h"
#include "core/chat_fields.h"
#include "gateway/dialects/anthropic_models.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway::claude {

// A part and where it stood.
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
};

// As the caller of this same API said it; only signatures that no vendor of it would take are left out.
Conversation spoken_turns(const chat::Request& request, chat::Losses& losses);
// As the API takes it. What it does not take is left out and named.
Conversation fitting_turns(const chat::Request& request, const WriteContext& context, const ModelTraits& traits,
                           chat::Losses& losses);
// The last turns are calls and their results, and the calls do not begin with signed thinking.
bool ends_in_unsigned_calls(const Conversation& conversation);

// "messages[2].image.url"
std::string piece_place(std::size_t message, std::string_view what);
// A document of text that was given as base64: its text, true.
bool plain_text_of(const chat::Media& media, std::string& out);
// Whether this API has a place for the picture or file; names what it has not.
bool takes_media(const chat::Media& media, const Quirks& quirks, bool same_dialect, const std::string& place,
                 chat::Losses& losses);

}  // namespace tollgate::gateway::claude
