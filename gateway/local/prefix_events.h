// From a local model's block events to the index that tells others which beginnings of prompts it has. Thread rule: the
// engine's thread.
#pragma once

#include <memory>

#include "cache/prefix_index.h"
#include "local_backend/scheduler/block_hooks.h"

namespace tollgate::gateway {

class PrefixEvents final : public local::BlockListener {
 public:
  explicit PrefixEvents(std::shared_ptr<cache::PrefixIndex> index) : index_(std::move(index)) {}
  void on_stored(const local::BlockKey& key, const local::BlockKey& parent, std::span<const local::Token>) override {
    index_->stored(key, parent);
  }
  void on_removed(const local::BlockKey& key) override { index_->removed(key); }

 private:
  std::shared_ptr<cache::PrefixIndex> index_;  // second owner: the model
};

}  // namespace tollgate::gateway
