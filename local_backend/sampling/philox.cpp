#include "local_backend/sampling/philox.h"

#include "local_backend/sampling/sampler.h"

namespace tollgate::local {

void Philox::words(std::uint64_t counter_low, std::uint64_t counter_high, std::uint64_t key, std::uint32_t out[4]) {
  philox_words(counter_low, counter_high, key, out);
}

}  // namespace tollgate::local
