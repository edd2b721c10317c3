#include "local_backend/model/plan_check.h"

#include <algorithm>
#include <functional>

namespace tollgate::local {
namespace {

bool below(std::int64_t value, std::size_t bound) { return value >= 0 && static_cast<std::uint64_t>(value) < bound; }

bool row_fits(const StepPlan& plan, const PlanRow& row) {
  const std::int64_t blocks = (std::int64_t{row.context} + kBlockTokens - 1) / kBlockTokens;
  return row.first_token >= 0 && row.tokens >= 1 && row.context >= row.tokens && row.first_block >= 0 &&
         std::int64_t{row.first_token} + row.tokens <= static_cast<std::int64_t>(plan.tokens.size()) &&
         row.first_block + blocks <= static_cast<std::int64_t>(plan.blocks.size());
}

}  // namespace

bool plan_fits(const StepPlan& plan, const BackendInfo& info, std::size_t drawn) {
  const auto is_token = [&](Token token) {
    return token >= 0 ? below(token, info.vocabulary) : drawn_at(token) < drawn;
  };
  const auto is_block = [&](std::int32_t index) { return below(index, info.blocks); };
  const std::size_t tokens = plan.tokens.size();
  return tokens <= info.max_step_tokens && plan.positions.size() == tokens &&
         plan.samples.size() == plan.logit_rows.size() && std::ranges::all_of(plan.tokens, is_token) &&
         std::ranges::all_of(plan.blocks, is_block) &&
         std::ranges::all_of(plan.copies, [&](auto copy) { return is_block(copy.first) && is_block(copy.second); }) &&
         std::ranges::all_of(plan.logit_rows, [&](std::int32_t row) { return below(row, tokens); }) &&
         std::ranges::adjacent_find(plan.logit_rows, std::greater_equal<>()) == plan.logit_rows.end() &&
         std::ranges::all_of(plan.rows, [&](const PlanRow& row) { return row_fits(plan, row); });
}

}  // namespace tollgate::local
