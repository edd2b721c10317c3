// The models of `local:`. A thread of theirs loads them, one after the other; engines have their own threads; models
// that are let go of end on the reaper's. Thread rule: apply() and stop() one at a time, find() and the rest on any
// thread; nothing here waits for a load but stop().
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cache/prefix_index.h"
#include "config/schema.h"
#include "gateway/local/model_reaper.h"
#include "local_backend/engine/embed_engine.h"
#include "local_backend/engine/engine.h"
#include "local_backend/engine/guarded_text.h"
#include "local_backend/template/call_spelling.h"
#include "local_backend/template/messages.h"
#include "local_backend/template/tool_calls.h"

namespace tollgate::gateway {

class EngineMeter;

// What a model is loaded from: a change of either means another model.
struct ModelWish {
  config::LocalModel row;
  std::string store;  // what it shares prefixes through; empty: it does not
  bool operator==(const ModelWish&) const = default;
};

// One row of `local: models:` with everything that answering takes. Immutable but for the engines, which are
// thread-safe.
struct LoadedModel {
  config::LocalModel row;
  bool loading = false;                                // it cannot answer yet; the rest is empty then
  std::string store;                                   // what it shares prefixes through; empty: it does not
  std::string problem;                                 // why it cannot answer; the rest is empty then
  std::shared_ptr<local::Engine> engine;               // null for an embedder
  std::shared_ptr<local::EmbedEngine> embedder;        // null for a model that chats; with it, what follows is empty
  std::shared_ptr<const cache::PrefixIndex> prefixes;  // blocks that its pool has now; null for an embedder
  std::shared_ptr<const EngineMeter> meter;            // second owner: the engine, which feeds it; null for an embedder
  std::shared_ptr<const local::ChatTemplate> chat_template;  // null: the file has none, texts are joined plainly
  local::ToolFormat tool_format = local::ToolFormat::none;
  local::ArgumentForm arguments = local::ArgumentForm::object;
  std::optional<local::CallSpelling> spelling;  // none: its calls cannot be forced
  bool takes_tools = false;                     // its template shows tools
  bool thinks = false;                          // its template knows thoughts
  std::unique_ptr<const local::TextGuard> guard;

  ModelWish wish() const { return {row, store}; }
  bool ready() const { return !loading && problem.empty(); }
  void stop() const {
    if (engine) engine->stop();
    if (embedder) embedder->stop();
  }
};

class LocalModels {
 public:
  LocalModels() = default;
  ~LocalModels();
  LocalModels(const LocalModels&) = delete;
  LocalModels& operator=(const LocalModels&) = delete;

  // Keeps the models that have not changed, lets go of those that are not wanted any more (requests in flight keep
  // theirs), and has new and changed ones loaded in the background; one that changed answers as it was until then, and
  // goes on so if the load fails. What is new and cannot be loaded is logged and kept with its problem.
  // `store`: what models share prefixes through (`store:` of the configuration).
  void apply(const config::Local& wanted, const std::string& store);
  // nullptr for a name that is not configured.
  std::shared_ptr<const LoadedModel> find(std::string_view name) const;
  std::vector<std::shared_ptr<const LoadedModel>> all() const;
  // A model of the first apply() that is neither loaded nor known to be unloadable; empty when there is none.
  std::string starting() const;
  // Ends every answer that is being made, and loads nothing any more. A load cannot be cut short: waits for the one
  // that is under way.
  void stop();

 private:
  using Models = std::map<std::string, std::shared_ptr<const LoadedModel>, std::less<>>;
  void run();
  void put(const std::shared_ptr<const LoadedModel>& loaded);

  ModelReaper reaper_;
  mutable std::mutex mutex_;  // guards what follows; no model is dropped while it is held
  std::condition_variable changed_;
  Models models_;
  std::map<std::string, ModelWish, std::less<>> wanted_;
  std::deque<ModelWish> queue_;                    // to be loaded
  std::optional<ModelWish> under_way_;             // being loaded
  std::optional<std::set<std::string>> starting_;  // set by the first apply()
  bool stopping_ = false;
  std::thread loader_;  // runs from the first load on
};

}  // namespace tollgate::gateway
