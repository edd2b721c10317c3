#include "local_backend/grammar/grammar_cache.h"

namespace tollgate::local {

GrammarCache::Compiled GrammarCache::get(std::string_view schema) {
  const std::shared_ptr<Entry> entry = find_or_add(schema);
  std::call_once(entry->once, [&] {
    entry->compiled = std::make_unique<const Compiled>(Grammar::from_schema(entry->schema));
    settle(entry);
  });
  return *entry->compiled;
}

std::shared_ptr<GrammarCache::Entry> GrammarCache::find_or_add(std::string_view schema) {
  const std::lock_guard lock(mutex_);
  if (const auto known = places_.find(schema); known != places_.end()) {
    ++found_;
    recent_.splice(recent_.begin(), recent_, known->second);
    return recent_.front();
  }
  auto entry = std::make_shared<Entry>();
  entry->schema = schema;
  recent_.push_front(entry);
  places_.emplace(entry->schema, recent_.begin());
  return entry;
}

// Counts what was compiled and lets go of the oldest, never of the entry itself.
void GrammarCache::settle(const std::shared_ptr<Entry>& entry) {
  const std::lock_guard lock(mutex_);
  ++compiled_;
  // A second entry of the same text stands here where this one was pushed out meanwhile.
  const auto place = places_.find(entry->schema);
  if (place == places_.end() || *place->second != entry) return;
  const Compiled& compiled = *entry->compiled;
  entry->bytes = 2 * entry->schema.size() + (compiled ? (*compiled)->bytes() : compiled.error().message.size());
  bytes_ += entry->bytes;
  while (recent_.size() > 1 && (recent_.size() > max_entries_ || bytes_ > max_bytes_)) {
    const Entry& oldest = *recent_.back();
    bytes_ -= oldest.bytes;
    places_.erase(oldest.schema);
    recent_.pop_back();
  }
}

bool GrammarCache::has(std::string_view schema) const {
  const std::lock_guard lock(mutex_);
  const auto known = places_.find(schema);
  return known != places_.end() && (*known->second)->bytes > 0;
}

GrammarCache::Counts GrammarCache::counts() const {
  const std::lock_guard lock(mutex_);
  return {compiled_, found_, recent_.size(), bytes_};
}

}  // namespace tollgate::local
