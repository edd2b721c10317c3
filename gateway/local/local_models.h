// The models of `local:`, loaded. Thread rule: apply() and stop() on the main thread, find() and the rest on any.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "local_backend/engine/embed_engine.h"
#include "local_backend/engine/engine.h"
#include "local_backend/engine/guarded_text.h"
#include "local_backend/template/call_spelling.h"
#include "local_backend/template/messages.h"
#include "local_backend/template/tool_calls.h"

namespace tollgate::gateway {

class EngineMeter;

// One row of `local: models:` with everything that answering takes. Immutable but for the engines, which are
// thread-safe.
struct LoadedModel {
  config::LocalModel row;
  std::string store;                             // what it shares prefixes through; empty: it does not
  std::string problem;                           // why it cannot answer; the rest is empty then
  std::shared_ptr<local::Engine> engine;         // null for an embedder
  std::shared_ptr<local::EmbedEngine> embedder;  // null for a model that chats; with it, what follows is empty
  std::shared_ptr<const EngineMeter> meter;      // second owner: the engine, which feeds it; null for an embedder
  std::shared_ptr<const local::ChatTemplate> chat_template;  // null: the file has none, texts are joined plainly
  local::ToolFormat tool_format = local::ToolFormat::none;
  local::ArgumentForm arguments = local::ArgumentForm::object;
  std::optional<local::CallSpelling> spelling;  // none: its calls cannot be forced
  bool takes_tools = false;                     // its template shows tools
  bool thinks = false;                          // its template knows thoughts
  std::unique_ptr<const local::TextGuard> guard;
};

class LocalModels {
 public:
  // Loads models that are new or changed, keeps the others, lets go of those that are not wanted any more (requests in
  // flight keep theirs). What cannot be loaded is logged and kept with its problem. Takes seconds for large files.
  // `store`: what models share prefixes through (`store:` of the configuration).
  void apply(const config::Local& wanted, const std::string& store);
  // nullptr for a name that is not configured.
  std::shared_ptr<const LoadedModel> find(std::string_view name) const;
  std::vector<std::shared_ptr<const LoadedModel>> all() const;
  // Ends every answer that is being made.
  void stop();

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const LoadedModel>, std::less<>> models_;
};

}  // namespace tollgate::gateway
