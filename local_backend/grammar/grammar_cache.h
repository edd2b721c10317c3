// Compiled grammars by the exact text of their schemas, the ones used last; refusals are kept, too. Callers who ask for
// one schema at the same time share one compilation. Thread rule: any thread.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "local_backend/grammar/grammar.h"

namespace tollgate::local {

class GrammarCache {
 public:
  using Compiled = Result<std::shared_ptr<const Grammar>>;
  struct Counts {
    std::uint64_t compiled = 0, found = 0;
    std::size_t entries = 0, bytes = 0;
  };

  explicit GrammarCache(std::size_t max_entries = 256, std::size_t max_bytes = 128u << 20)
      : max_entries_(max_entries), max_bytes_(max_bytes) {}
  // Grammar::from_schema with the usual limits. Waits where another thread compiles the same schema.
  Compiled get(std::string_view schema);
  // Whether get() would answer at once.
  bool has(std::string_view schema) const;
  Counts counts() const;

 private:
  struct Entry {
    std::string schema;
    std::once_flag once;
    std::unique_ptr<const Compiled> compiled;  // set within `once`
    std::size_t bytes = 0;                     // under the mutex: 0 until it is compiled
  };
  using List = std::list<std::shared_ptr<Entry>>;

  std::shared_ptr<Entry> find_or_add(std::string_view schema);
  void settle(const std::shared_ptr<Entry>& entry);

  const std::size_t max_entries_, max_bytes_;
  mutable std::mutex mutex_;
  List recent_;                                                  // used last in front
  std::unordered_map<std::string_view, List::iterator> places_;  // keys lie in the entries
  std::uint64_t compiled_ = 0, found_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace tollgate::local
