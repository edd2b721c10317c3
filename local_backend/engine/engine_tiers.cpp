#include "local_backend/engine/engine_tiers.h"

#include <algorithm>

namespace tollgate::local {
namespace {

// Blocks of one sequence wait in host memory until all that are to come are there.
constexpr std::size_t kMostStaging = 256u << 20;
constexpr std::size_t kSavedIdle = 4, kSavedBusy = 1;  // blocks between two looks at what callers want
constexpr std::chrono::seconds kFinish{1};

}  // namespace

EngineTiers::EngineTiers(Backend& backend, const PrefixOptions& options, std::size_t context,
                         std::function<void()> on_fetched)
    : listener_(options.listener) {
  const BackendInfo& info = backend.info();
  BlockTiersOptions wanted;
  wanted.host_bytes = options.host_bytes;
  wanted.on_fetched = std::move(on_fetched);
  if (options.open_store) {
    reading_ = options.open_store(info);
    writing_ = options.open_store(info);
    const std::size_t whole_context = (context + kBlockTokens - 1) / kBlockTokens * info.block_bytes;
    wanted.host_bytes = std::max(wanted.host_bytes, std::min(whole_context, kMostStaging));
  }
  if (wanted.host_bytes >= info.block_bytes)
    tiers_ = std::make_unique<BlockTiers>(backend, reading_.get(), writing_.get(), wanted);
}

EngineTiers::~EngineTiers() = default;

BlockHooks EngineTiers::hooks() { return {.listener = listener_.get(), .tier = tiers_.get()}; }

bool EngineTiers::tidy(bool idle) { return tiers_ && tiers_->save(idle ? kSavedIdle : kSavedBusy) > 0; }

void EngineTiers::computed(std::size_t tokens, std::int64_t us) {
  if (tiers_) tiers_->computed(tokens, us);
}

void EngineTiers::finish() {
  if (tiers_) tiers_->save_all(std::chrono::steady_clock::now() + kFinish);
}

}  // namespace tollgate::local
