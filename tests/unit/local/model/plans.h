// Steps by hand: sequences with block tables, and the plan that computes some of their tokens.
#pragma once

#include <memory>
#include <vector>

#include "local_backend/model/cpu_backend.h"

namespace tollgate::local {

struct TestSequence {
  std::vector<Token> tokens;
  std::vector<std::int32_t> blocks;
  std::int32_t computed = 0;
};

class PlanMaker {
 public:
  explicit PlanMaker(Backend& backend) : backend_(backend) {}
  // The next `count` tokens of `sequence` become a row; logits of all of them are wanted, or of the last one.
  PlanMaker& add(TestSequence& sequence, std::int32_t count, bool all_logits = true);
  PlanMaker& copy(std::int32_t from, std::int32_t to);
  // Logits [wanted rows][vocabulary], empty if the back end keeps none. Expects success.
  std::vector<float> run();
  const StepPlan& plan() const { return plan_; }  // its sampling parameters live as long as the maker
  const StepResult& result() const { return result_; }

 private:
  Backend& backend_;
  SamplingParams greedy_{.temperature = 0};
  StepPlan plan_;
  StepResult result_;
};

std::vector<std::int32_t> blocks_from(std::int32_t first, std::size_t tokens);
// All logits of `tokens`, computed at once.
std::vector<float> whole(Backend& backend, const std::vector<Token>& tokens);
// A back end on `file` that keeps logits. Expects success.
std::unique_ptr<Backend> backend_of(CpuLevel level, std::shared_ptr<const GgufFile> file, KvType kv = KvType::f16);
inline std::unique_ptr<Backend> scalar_backend(std::shared_ptr<const GgufFile> file, KvType kv = KvType::f16) {
  return backend_of(CpuLevel::scalar, std::move(file), kv);
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace tollgate::local
