// CardinalityGuard: insert-only hash sets. A value seen before costs one hash and one probe without any lock; a new one
// costs an allocation and one compare-and-swap. Thread rule: safe on any thread.
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <string>

#include "gateway/attribution.h"

namespace tollgate::gateway {
namespace {

constexpr std::string_view kOther = "_other";

// Open addressing over pointers to texts that are never removed while the set lives.
class ValueSet {
 public:
  explicit ValueSet(std::size_t max_values)
      : max_values_(max_values),
        mask_(std::bit_ceil(max_values + max_values / 2 + 2) - 1),
        slots_(allocate(mask_ + 1)) {}
  ~ValueSet() {
    for (std::size_t i = 0; i <= mask_; ++i) delete slots_[i];
  }
  ValueSet(const ValueSet&) = delete;
  ValueSet& operator=(const ValueSet&) = delete;

  bool admit(std::string_view value) {
    std::size_t at = std::hash<std::string_view>()(value) & mask_;
    while (true) {
      Text present = Slot(slots_[at]).load(std::memory_order_acquire);
      if (present == nullptr) return insert(value, at);
      if (*present == value) return true;
      at = (at + 1) & mask_;
    }
  }

 private:
  using Text = const std::string*;
  using Slot = std::atomic_ref<Text>;
  struct Free {
    void operator()(Text* slots) const { std::free(slots); }
  };
  // calloc, because its pages cost no memory until a value falls into them.
  static Text* allocate(std::size_t slots) {
    auto* memory = static_cast<Text*>(std::calloc(slots, sizeof(Text)));
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }

  // A place is reserved first, so that the count never passes the limit; it is given back if another thread was faster.
  bool insert(std::string_view value, std::size_t at) {
    if (used_.fetch_add(1, std::memory_order_relaxed) >= max_values_) {
      used_.fetch_sub(1, std::memory_order_relaxed);
      return false;
    }
    auto text = std::make_unique<const std::string>(value);
    while (true) {
      Text present = nullptr;
      if (Slot(slots_[at]).compare_exchange_strong(present, text.get(), std::memory_order_acq_rel)) {
        (void)text.release();
        return true;
      }
      if (*present == value) {
        used_.fetch_sub(1, std::memory_order_relaxed);
        return true;
      }
      at = (at + 1) & mask_;
    }
  }

  const std::size_t max_values_;
  const std::size_t mask_;
  const std::unique_ptr<Text[], Free> slots_;
  std::atomic<std::size_t> used_{0};
};

}  // namespace

struct CardinalityGuard::Impl {
  explicit Impl(std::size_t max_values)
      : team(max_values), feature(max_values), environment(max_values), user(max_values), rest(max_values) {}
  ValueSet& of(std::string_view dimension) {
    switch (dimension.size()) {
      case 4:
        return dimension == "team" ? team : dimension == "user" ? user : rest;
      case 7:
        return dimension == "feature" ? feature : rest;
      case 11:
        return dimension == "environment" ? environment : rest;
      default:
        return rest;
    }
  }
  ValueSet team, feature, environment, user;
  ValueSet rest;  // names of free tags
};

CardinalityGuard::CardinalityGuard(std::size_t max_values) : impl_(std::make_unique<Impl>(max_values)) {}
CardinalityGuard::~CardinalityGuard() = default;

std::string_view CardinalityGuard::admit(std::string_view dimension, std::string_view value) {
  return impl_->of(dimension).admit(value) ? value : kOther;
}

}  // namespace tollgate::gateway
