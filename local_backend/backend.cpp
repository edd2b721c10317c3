// The one function of the plan. Thread rule: see backend.h.
#include "local_backend/backend.h"

namespace tollgate::local {

void StepPlan::clear() {
  tokens.clear();
  positions.clear();
  rows.clear();
  blocks.clear();
  logit_rows.clear();
  samples.clear();
  copies.clear();
}

}  // namespace tollgate::local
