#include "router/table.h"

namespace tollgate::router {

ModelTable::ModelTable(const config::Config& config) {
  for (std::size_t i = 0; i < config.providers.size(); ++i) providers_.emplace(config.providers[i].name, i);
  for (const config::Model& model : config.models) {
    Plan plan{.route = model.name, .targets = {}, .by_prefix = model.strategy == config::Strategy::prefix};
    for (const config::Target& target : model.targets)
      if (auto found = providers_.find(target.provider); found != providers_.end())
        plan.targets.push_back({found->second, target.model, target.text()});
    if (plan.targets.empty()) continue;
    names_.push_back(model.name);
    routes_.emplace(model.name, std::move(plan));
  }
}

Result<Plan> ModelTable::resolve(std::string_view requested) const {
  const std::string name(requested);
  if (auto found = routes_.find(name); found != routes_.end()) return found->second;
  // provider/model, where the model's own name may hold further slashes.
  if (const std::size_t slash = name.find('/'); slash != std::string::npos && slash + 1 < name.size()) {
    if (auto found = providers_.find(name.substr(0, slash)); found != providers_.end())
      return Plan{.route = "", .targets = {{found->second, name.substr(slash + 1), name}}};
  }
  std::string known;
  for (std::size_t i = 0; i < names_.size() && i < 8; ++i) known += (i ? ", " : "") + names_[i];
  return Error{.kind = ErrorKind::client_fault,
               .status = 404,
               .code = "model_not_found",
               .message = "model '" + name.substr(0, 200) +
                          "' is not configured; ask for one of the names under models: (" + known +
                          ") or for provider/model"};
}

}  // namespace tollgate::router
