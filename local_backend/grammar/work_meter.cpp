#include "local_backend/grammar/work_meter.h"

#include <algorithm>

namespace tollgate::local {
namespace {

thread_local WorkMeter* current = nullptr;

}  // namespace

WorkMeter::WorkMeter(std::uint64_t steps) : left_(steps), before_(current) { current = this; }
WorkMeter::~WorkMeter() { current = before_; }

void spend_work(std::uint64_t steps) {
  if (current != nullptr) current->left_ -= std::min(steps, current->left_);
}

bool work_left() { return current == nullptr || current->left_ > 0; }

}  // namespace tollgate::local
