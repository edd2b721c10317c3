// Recorded exchanges for the usage tests: which dialect one is in, and its reply as the relay would hand it over.
// Thread rule: functions without state.
#pragma once

#include <string>

#include "billing/usage_reader.h"
#include "core/json_dom.h"

namespace tollgate::billing::test {

// By protocol and endpoint; detect for what has no dialect of its own.
UsageDialect dialect_of(const Json& exchange);
// The quirks that the vendor's row would name.
UsageFlags flags_of(const std::string& provider);
// Sets the reader on the exchange's reply: headers, then the body whole, or cut into frames at packet borders.
void feed(const Json& exchange, UsageDialect dialect, UsageReader& reader);

}  // namespace tollgate::billing::test
