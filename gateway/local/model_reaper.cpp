#include "gateway/local/model_reaper.h"

#include <condition_variable>
#include <mutex>
#include <set>
#include <vector>

#include "gateway/local/local_models.h"

namespace tollgate::gateway {

struct ModelReaper::State {
  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  std::set<LoadedModel*> held;
  std::vector<std::unique_ptr<LoadedModel>> dropped;
  bool reaping = false, closed = false;

  void drop(LoadedModel* model) {
    std::unique_ptr<LoadedModel> owned(model);
    const std::lock_guard lock(mutex);
    held.erase(model);
    if (closed) return;  // the owner of all threads is on its way out, and so is this one
    dropped.push_back(std::move(owned));
    changed.notify_all();
  }

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return closed || !dropped.empty(); });
      if (dropped.empty()) return;
      auto graves = std::exchange(dropped, {});
      reaping = true;
      lock.unlock();
      graves.clear();
      lock.lock();
      reaping = false;
      changed.notify_all();
    }
  }
};

ModelReaper::ModelReaper() : state_(std::make_shared<State>()) {}

ModelReaper::~ModelReaper() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
  }
  state_->changed.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const LoadedModel> ModelReaper::keep(std::unique_ptr<LoadedModel> model) {
  if (!thread_.joinable()) thread_ = std::thread([state = state_.get()] { state->run(); });
  {
    const std::lock_guard lock(state_->mutex);
    state_->held.insert(model.get());
  }
  return {model.release(), [state = state_](LoadedModel* dropped) { state->drop(dropped); }};
}

void ModelReaper::stop_all() {
  std::unique_lock lock(state_->mutex);
  for (const LoadedModel* model : state_->held) model->stop();
  state_->changed.wait(lock, [this] { return state_->dropped.empty() && !state_->reaping; });
}

}  // namespace tollgate::gateway
