// Any text: what parses must print and parse back to the same amount.
#include <cstdint>
#include <cstdlib>

#include "core/money.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto money = tollgate::Money::parse(text)) {
    const auto shortest = tollgate::Money::parse(money->to_string());
    const auto fixed = tollgate::Money::parse(money->to_fixed(15));
    if (!shortest || !fixed || *shortest != *money || *fixed != *money) std::abort();
    (void)money->to_fixed(2);
  }
  if (const auto factor = tollgate::Factor::parse(text)) {
    const auto back = tollgate::Factor::parse(factor->to_string());
    if (!back || *back != *factor) std::abort();
  }
  return 0;
}
