// One description per configuration struct: the name, meaning and bounds of every key. Whatever is done with the keys
// is a Visitor: reading YAML (reader.h), dumping the effective configuration (dump.cpp), writing the reference page
// (reference.h). A key added to a describe() is parsed, bounded, dumped and documented.
// Defaults are the values of a default-constructed struct (schema.h). Thread rule: pure.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/schema.h"

namespace tollgate::config {

struct Field {
  std::string_view name, doc;
};
struct Bounds {
  std::int64_t min = 0, max = INT64_MAX;
};
using Words = std::span<const std::string_view>;

class Visitor {
 public:
  virtual ~Visitor() = default;
  // Leaves. Values go in and out by reference; a visitor that reads leaves an absent key's value alone.
  virtual void text(Field field, std::string& value, Words allowed = {}) = 0;
  virtual void secret(Field field, std::string& value) = 0;
  virtual void flag(Field field, bool& value) = 0;
  // `zero_word` may be written for 0: "auto".
  virtual void integer(Field field, std::int64_t& value, Bounds bounds, std::string_view zero_word = {}) = 0;
  virtual void bytes(Field field, std::int64_t& value, Bounds bounds) = 0;
  virtual void duration(Field field, Millis& value, Bounds bounds_ms) = 0;
  virtual void list(Field field, std::vector<std::string>& value, Words allowed = {}) = 0;
  // Entries read are merged into those present. `sensitive`: values may hold credentials.
  virtual void dictionary(Field field, std::map<std::string, std::string>& value, bool sensitive = false) = 0;
  virtual void lists(Field field, std::map<std::string, std::vector<std::string>>& value) = 0;
  virtual void money(Field field, std::optional<Money>& value) = 0;  // decimal >= 0
  virtual void factors(Field field, std::map<std::string, Factor>& value) = 0;
  virtual void time(Field field, std::optional<std::int64_t>& us) = 0;        // UTC
  virtual void minutes(Field field, std::optional<std::int64_t>& value) = 0;  // "HH:MM"
  // A section that this version knows by name only.
  virtual void later(Field field) = 0;

  // Structure: fields between a true enter and its leave() belong to the section. `shorthand` takes a plain text
  // written in the section's place (enter is false then).
  virtual bool enter(Field field, std::string* shorthand = nullptr) = 0;
  // Number of elements to visit, of a list that has `have` now; `single`: one element may be written without the list.
  virtual std::size_t enter_list(Field field, std::size_t have, bool single = false) = 0;
  // Names to visit, of a map that has the names `have` now.
  virtual std::vector<std::string> enter_map(Field field, std::vector<std::string> have) = 0;
  virtual bool enter_item(std::size_t index, std::string_view name) = 0;
  virtual void leave() = 0;

  // Values come from a file, so a description may check them and say what is wrong with a key of the current section.
  virtual bool reading() const { return false; }
  virtual void problem(std::string_view key, const std::string& message) { (void)key, (void)message; }
  virtual void caution(std::string_view key, const std::string& message) { (void)key, (void)message; }
  virtual int line() const { return 0; }  // where the current section begins
};

void describe(Visitor& v, Config& config);
void describe(Visitor& v, Provider& provider);
void describe(Visitor& v, Model& model);
void describe(Visitor& v, Key& key);
void describe(Visitor& v, LocalModel& model);

// A `prices:` entry as it is written; becomes one PriceRow, or several (price_entry.cpp).
struct PriceConditions {
  std::string region, service_tier;
  bool batch = false;
  std::int64_t context_over = 0, context_from = 0;
  std::map<Bucket, Money> rates;  // USD per 1M units, or for one where the bucket is per call
};
struct PriceWindow {
  std::string days;
  std::optional<std::int64_t> from, to;  // minutes
};
struct PriceEntry {
  std::string target, id, source, source_date, currency, same_as;
  std::map<std::string, Factor> multipliers;
  std::optional<std::int64_t> valid_from, valid_to;
  PriceConditions base;
  std::vector<PriceWindow> schedule;
  std::vector<PriceConditions> tiers;
  int line = 0;  // of the file, filled by a visitor that reads
};
void describe(Visitor& v, PriceConditions& conditions);
void describe(Visitor& v, PriceWindow& window);
void describe(Visitor& v, PriceEntry& entry);
std::vector<PriceRow> price_rows(const PriceEntry& entry, const std::string& file);
PriceEntry price_entry(const PriceRow& row);
// Buckets priced for one unit, not for a million of them.
bool is_per_call(Bucket bucket);

// ---- helpers for the descriptions ----

template <class Int>
void integer(Visitor& v, Field field, Int& value, Bounds bounds, std::string_view zero_word = {}) {
  auto wide = static_cast<std::int64_t>(value);
  v.integer(field, wide, bounds, zero_word);
  value = static_cast<Int>(wide);
}

template <class Int>
void bytes(Visitor& v, Field field, Int& value, Bounds bounds) {
  auto wide = static_cast<std::int64_t>(value);
  v.bytes(field, wide, bounds);
  value = static_cast<Int>(wide);
}

// An enum by its words: words[i] is the name of the value i.
template <class Enum>
void choice(Visitor& v, Field field, Enum& value, Words words) {
  std::string word(words[static_cast<std::size_t>(value)]);
  v.text(field, word, words);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == word) value = static_cast<Enum>(i);
  }
}

template <class T>
void items(Visitor& v, Field field, std::vector<T>& list, bool single = false) {
  list.resize(v.enter_list(field, list.size(), single));
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!v.enter_item(i, {})) continue;
    describe(v, list[i]);
    v.leave();
  }
  v.leave();
}

// A map of named structs, kept as a vector in order of appearance.
template <class T>
void named_items(Visitor& v, Field field, std::vector<T>& list) {
  std::vector<std::string> have;
  for (const T& item : list) have.push_back(item.name);
  const std::vector<std::string> names = v.enter_map(field, std::move(have));
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto item = list.begin();
    while (item != list.end() && item->name != names[i]) ++item;
    if (item == list.end()) {
      list.emplace_back().name = names[i];
      item = list.end() - 1;
    }
    if (!v.enter_item(i, names[i])) continue;
    describe(v, *item);
    v.leave();
  }
  v.leave();
}

}  // namespace tollgate::config
