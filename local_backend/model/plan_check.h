// Whether a step's plan stays within a back end's memory: token ids may come from a client. Inside model/ and for other
// back ends. Thread rule: pure function.
#pragma once

#include "local_backend/backend.h"

namespace tollgate::local {

// `drawn`: logit rows of the step before, which placeholders may name.
bool plan_fits(const StepPlan& plan, const BackendInfo& info, std::size_t drawn = 0);

}  // namespace tollgate::local
