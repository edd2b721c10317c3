// Ends loaded models on a thread of its own: the last one to hold a model may be an io thread, and an engine's end
// waits for its thread. Knows every model that is alive, so that all engines can be stopped.
// Thread rule: keep() on one thread, what it returns on any; stop_all() and destruction on the owner's.
#pragma once

#include <memory>
#include <thread>

namespace tollgate::gateway {

struct LoadedModel;

class ModelReaper {
 public:
  ModelReaper();
  // Waits for the models that nobody holds any more. What is held still is destroyed by whoever drops it.
  ~ModelReaper();
  ModelReaper(const ModelReaper&) = delete;
  ModelReaper& operator=(const ModelReaper&) = delete;

  // Takes the model: whoever drops it last, it ends here.
  std::shared_ptr<const LoadedModel> keep(std::unique_ptr<LoadedModel> model);
  // Stops the engines of all models, held or not; when it returns no listener is called any more.
  void stop_all();

 private:
  struct State;
  std::shared_ptr<State> state_;  // second owners: the models
  std::thread thread_;            // runs from the first keep() on
};

}  // namespace tollgate::gateway
