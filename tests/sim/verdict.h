// The verdict: the apps' view, the vendors' books and the ledger rows of one run laid side by side. Owner: the
// simulation. Thread rule: pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace tollgate::sim {

// Everything that does not add up, in words; empty = the run is in order.
std::vector<std::string> judge(const Outcome& outcome);

// How often each kind of thing happened: a simulation that never meets a fault proves nothing.
using Tally = std::map<std::string, std::size_t>;
void count(const Outcome& outcome, Tally& tally);

}  // namespace tollgate::sim
