// Look-ups by name. Thread rule: pure.
#include "config/schema.h"

#include <algorithm>

namespace tollgate::config {

const Provider* Config::find_provider(std::string_view name) const {
  const auto found =
      std::find_if(providers.begin(), providers.end(), [&](const Provider& p) { return p.name == name; });
  return found == providers.end() ? nullptr : &*found;
}

const Model* Config::find_model(std::string_view name) const {
  const auto found = std::find_if(models.begin(), models.end(), [&](const Model& m) { return m.name == name; });
  return found == models.end() ? nullptr : &*found;
}

}  // namespace tollgate::config
