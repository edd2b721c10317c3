#include "gateway/local/local_models.h"

#include <fstream>
#include <iterator>

#include "core/clock.h"
#include "core/log.h"
#include "gateway/local/block_store.h"
#include "gateway/local/engine_metrics.h"
#include "gateway/local/prefix_events.h"
#include "models/embedded.h"

namespace tollgate::gateway {
namespace {

constexpr std::size_t kMaxTemplate = 256u << 10;
constexpr std::size_t kMostPrefixBlocks = 1u << 20;  // more than pools of this size of machine have

// The template's text: the row's own file, or the model's.
Result<std::string> template_source(const config::LocalModel& row, const local::Tokenizer& tokenizer) {
  if (row.chat_template.empty()) return tokenizer.chat_template;
  std::ifstream in(row.chat_template, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in.good() && !in.eof()) return Error{.code = "bad_chat_template", .message = "cannot read " + row.chat_template};
  if (text.empty() || text.size() > kMaxTemplate)
    return Error{.code = "bad_chat_template", .message = row.chat_template + " is empty or too large"};
  return text;
}

Result<void> load_embedder(LoadedModel& model) {
  const config::LocalModel& row = model.row;
  auto engine = local::EmbedEngine::load(
      {.file = row.file, .threads = row.threads, .context = row.context, .max_waiting = row.max_waiting});
  if (!engine) return std::move(engine).error();
  model.embedder = *std::move(engine);
  return {};
}

Result<void> load_parts(LoadedModel& model) {
  const config::LocalModel& row = model.row;
  if (local::EmbedEngine::serves(row.file)) return load_embedder(model);
  local::EngineOptions options;
  options.file = row.file;
  if (row.file == config::kBuiltinModel) options.image = models::demo();
  options.draft_file = row.draft;
  options.device = row.device;
  options.exact = row.exact;
  options.threads = row.threads;
  options.kv = row.kv == "q8" ? local::KvType::q8 : local::KvType::f16;
  options.kv_bytes = row.kv_memory;
  options.context = row.context;
  options.scheduler.max_running = row.max_running;
  options.scheduler.max_waiting = row.max_waiting;
  options.prefixes.host_bytes = row.host_cache;
  if (row.share_prefixes) {
    auto url = config::parse_redis_url(model.store);
    if (!url) return std::move(url).error();
    options.prefixes.open_store = open_block_stores(*url, row.prefix_ttl);
  }
  const auto prefixes = std::make_shared<cache::PrefixIndex>(kMostPrefixBlocks);
  options.prefixes.listener = std::make_shared<PrefixEvents>(prefixes);
  const auto meter = std::make_shared<EngineMeter>();
  options.observer = meter;
  auto engine = local::Engine::load(options);
  if (!engine) return std::move(engine).error();
  auto source = template_source(row, (*engine)->tokenizer());
  if (!source) return std::move(source).error();
  if (!source->empty()) {
    auto compiled = local::ChatTemplate::compile(*source);
    if (!compiled) return std::move(compiled).error();
    model.chat_template = *std::move(compiled);
    model.tool_format = local::detect_tool_format(*source);
    model.spelling = local::call_spelling(model.tool_format, *source);
    model.takes_tools = model.chat_template->mentions("tools");
    model.arguments = local::argument_form(*model.chat_template);
    model.thinks = source->find("<think>") != std::string::npos;
  }
  model.guard = std::make_unique<const local::TextGuard>((*engine)->tokenizer());
  model.engine = *std::move(engine);
  model.meter = meter;
  model.prefixes = prefixes;
  return {};
}

std::unique_ptr<LoadedModel> load_model(const ModelWish& wish) {
  auto model = std::make_unique<LoadedModel>();
  const config::LocalModel& row = model->row = wish.row;
  model->store = wish.store;
  const SteadyTime began = SteadyClock::now();
  if (auto loaded = load_parts(*model); !loaded) {
    model->problem = loaded.error().message;
    return model;
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - began);
  const bool embeds = model->embedder != nullptr;
  log_info("local model loaded",
           {{"model", std::string_view(row.name)},
            {"is", std::string_view(embeds ? model->embedder->name() : model->engine->name())},
            {"device", embeds ? "cpu, embeddings" : std::string_view(model->engine->backend().device)},
            {"context", static_cast<std::int64_t>(embeds ? model->embedder->context() : model->engine->context())},
            {"ms", static_cast<std::int64_t>(took.count())}});
  if (!embeds && !model->engine->why_cpu().empty())
    log_info("no GPU serves a local model, so the CPU does",
             {{"model", std::string_view(row.name)}, {"why", std::string_view(model->engine->why_cpu())}});
  return model;
}

std::shared_ptr<const LoadedModel> waiting_for(const config::LocalModel& row) {
  auto model = std::make_shared<LoadedModel>();
  model->row = row;
  model->loading = true;
  return model;
}

}  // namespace

LocalModels::~LocalModels() { stop(); }

void LocalModels::apply(const config::Local& wanted, const std::string& store) {
  Models next;
  {
    const std::lock_guard lock(mutex_);
    wanted_.clear();
    queue_.clear();
    for (const config::LocalModel& row : wanted.models) {
      const ModelWish& wish = wanted_[row.name] = {row, row.share_prefixes ? store : std::string()};
      std::shared_ptr<const LoadedModel>& model = next[row.name];
      if (const auto found = models_.find(row.name); found != models_.end()) model = found->second;
      if (model && model->ready() && model->wish() == wish) continue;
      if (!model || !model->ready()) model = waiting_for(row);
      if (under_way_ != wish) queue_.push_back(wish);
    }
    if (!starting_) {
      starting_.emplace();
      for (const auto& [name, wish] : wanted_) starting_->insert(name);
    }
    std::erase_if(*starting_, [this](const std::string& name) { return !wanted_.contains(name); });
    models_.swap(next);  // those that are not wanted any more are dropped without the lock
    if (!queue_.empty() && !loader_.joinable() && !stopping_) loader_ = std::thread([this] { run(); });
  }
  changed_.notify_all();
}

void LocalModels::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    under_way_ = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    put(reaper_.keep(load_model(*under_way_)));
    lock.lock();
  }
}

// Puts a model into its place, unless it is not wanted any more or the one before serves on.
void LocalModels::put(const std::shared_ptr<const LoadedModel>& loaded) {
  std::shared_ptr<const LoadedModel> before;
  bool serves_on = false;
  const std::string& name = loaded->row.name;
  {
    const std::lock_guard lock(mutex_);
    under_way_.reset();
    const auto wish = wanted_.find(name);
    if (stopping_ || wish == wanted_.end() || wish->second != loaded->wish()) return;
    starting_->erase(name);
    std::shared_ptr<const LoadedModel>& place = models_[name];
    serves_on = place && place->ready() && !loaded->ready();
    if (!serves_on) before = std::exchange(place, loaded);
  }
  if (loaded->ready()) return;
  log_error(serves_on ? "a local model cannot be loaded: the one before serves on"
                      : "a local model cannot be loaded: requests for it are refused",
            {{"model", std::string_view(name)}, {"error", std::string_view(loaded->problem)}});
}

std::shared_ptr<const LoadedModel> LocalModels::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = models_.find(name);
  return found == models_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<const LoadedModel>> LocalModels::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const LoadedModel>> list;
  for (const auto& [name, model] : models_) list.push_back(model);
  return list;
}

std::string LocalModels::starting() const {
  const std::lock_guard lock(mutex_);
  return starting_ && !starting_->empty() ? *starting_->begin() : std::string();
}

void LocalModels::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();
    if (under_way_)
      log_info("waiting until a local model is loaded: that cannot be cut short",
               {{"model", std::string_view(under_way_->row.name)}});
  }
  changed_.notify_all();
  if (loader_.joinable()) loader_.join();
  reaper_.stop_all();
}

}  // namespace tollgate::gateway
