// UsagePart: one separately priced piece of an attempt. Anthropic's `iterations` (fallback, compaction, advisor) name a
// model of their own and meet their own context-size tier, so each is priced alone and the costs are added.
// Owner: billing, price half. Thread rule: plain values.
#pragma once

#include <string>

#include "core/usage.h"

namespace tollgate::billing {

struct UsagePart {
  std::string model;  // empty: the model of the request
  Usage usage;        // buckets of this piece only
};

}  // namespace tollgate::billing
