// BatchBinding: who a batch is billed to, fixed when it was created, kept in a file of its own until the batch is
// settled. A batch takes up to a day, so the binding must outlive the process. Thread rule: BatchStore is safe on any
// thread: each call works on files of its own.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/id.h"
#include "core/result.h"

namespace tollgate::gateway {

struct BatchBinding {
  std::string provider;  // name of the providers: row
  std::string surface;   // "batches" (OpenAI) or "message_batches" (Anthropic)
  std::string batch_id;
  std::string endpoint;  // OpenAI: "/v1/chat/completions", what its lines ask
  Id request_id;         // of the creating call
  std::int64_t created_us = 0;
  std::string team, feature, environment, user_id, key_id;
  std::vector<std::pair<std::string, std::string>> tags;
  bool quarantined = false;
};

class BatchStore {
 public:
  // `directory` is made when the first binding is kept.
  explicit BatchStore(std::string directory) : directory_(std::move(directory)) {}
  // Durable when it returns (file and folder are synced). Keeping the same batch again changes nothing.
  Result<void> keep(const BatchBinding& binding) const;
  // All bindings on disk; files that cannot be read are left alone and named in `damaged`.
  std::vector<BatchBinding> load(std::vector<std::string>& damaged) const;
  void remove(const BatchBinding& binding) const;

 private:
  std::string path_of(const BatchBinding& binding) const;

  std::string directory_;
};

}  // namespace tollgate::gateway
