// What must survive a translation, as JSON to be compared: texts, calls, results, thoughts, tools and settings, without
// what every dialect arranges in its own way (message boundaries, ids, the place of system texts).
#pragma once

#include "core/chat.h"
#include "core/chat_fields.h"
#include "core/json_dom.h"

namespace tollgate {

// {system, turns: [{role, text, media, calls, results, thinking}], tools, settings: {field name: value}}
// `table`: the dialects that a request passed through; what any of them drops is left out. `losses`: names of what a
// writer could not carry for this request alone.
Json essence_of(const chat::Request& request, const std::vector<const chat::FieldTable*>& tables,
                const chat::Losses& losses);
// {choices: [{text, refusal, thinking, calls: [{name, arguments}], finish}]}. A dialect without choices keeps the
// first.
Json essence_of(const chat::Reply& reply, const std::vector<const chat::FieldTable*>& tables);

}  // namespace tollgate
