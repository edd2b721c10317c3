// What a Claude model takes, judged by the version in its name: the API refuses with status 400 what a generation does
// not know. Names without a version (other vendors behind this API, aliases) get the form that all of them took first.
// Used for translated requests only: a caller of this API knows its model. Pure. Thread rule: anywhere.
#pragma once

#include <cstdint>
#include <string_view>

namespace tollgate::gateway::claude {

struct ModelTraits {
  bool thinks = true;             // extended thinking at all (3.7 on)
  bool adaptive = false;          // thinking.type adaptive with output_config.effort, in place of a budget (4.6 on)
  bool xhigh = false;             // knows effort xhigh
  bool off_by_default = true;     // without `thinking` it does not think
  bool can_stop_thinking = true;  // takes thinking.type disabled
  bool sampling = true;           // takes temperature, top_p and top_k
  bool one_sampler = false;       // refuses temperature beside top_p
  bool json_schema = true;        // takes output_config.format
  bool system_in_turns = false;   // takes messages of role system
  std::int64_t max_output = 0;    // tokens; 0 = not known
};

ModelTraits traits_of(std::string_view model);

}  // namespace tollgate::gateway::claude
