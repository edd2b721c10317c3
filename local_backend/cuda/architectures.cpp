#include "local_backend/cuda/architectures.h"

#include <charconv>
#include <optional>

namespace tollgate::local::gpu {
namespace {

struct Architecture {
  int major = 0, minor = 0;
  char letter = 0;  // 'a', 'f' or none
  bool machine_code = true, ptx = true;
};

std::optional<Architecture> read(std::string_view entry) {
  Architecture architecture;
  int number = 0;
  const auto [end, error] = std::from_chars(entry.data(), entry.data() + entry.size(), number);
  if (error != std::errc{} || number < 10) return std::nullopt;
  architecture.major = number / 10;
  architecture.minor = number % 10;
  entry.remove_prefix(static_cast<std::size_t>(end - entry.data()));
  if (entry.starts_with('a') || entry.starts_with('f')) {
    architecture.letter = entry.front();
    entry.remove_prefix(1);
  }
  architecture.machine_code = entry != "-virtual";
  architecture.ptx = entry != "-real";
  return architecture;
}

// Calls `use` with each entry that can be read.
template <class Use>
void for_each(std::string_view built, const Use& use) {
  while (!built.empty()) {
    const std::size_t comma = built.find(',');
    if (const auto architecture = read(built.substr(0, comma))) use(*architecture);
    built = comma == std::string_view::npos ? std::string_view() : built.substr(comma + 1);
  }
}

bool runs_on(const Architecture& built, int major, int minor) {
  const bool same = major == built.major && minor == built.minor;
  if (built.letter == 'a') return same;
  const bool family = major == built.major && minor >= built.minor;
  if (built.letter == 'f' || !built.ptx) return family;
  return family || (major > built.major && built.ptx);
}

}  // namespace

bool runs_on(std::string_view built, int major, int minor) {
  bool found = false;
  for_each(built, [&](const Architecture& one) { found = found || runs_on(one, major, minor); });
  return found;
}

std::string architectures_in_words(std::string_view built) {
  std::string words;
  bool newer = false;
  for_each(built, [&](const Architecture& one) {
    const std::string name = std::to_string(one.major) + "." + std::to_string(one.minor);
    if (words != name && !words.ends_with(" " + name)) words += (words.empty() ? "" : ", ") + name;
    newer = one.ptx && one.letter == 0;
  });
  return words + (newer ? " and newer" : "");
}

}  // namespace tollgate::local::gpu
