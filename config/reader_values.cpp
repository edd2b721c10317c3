// Reader: numbers with units, dates, money, lists and dictionaries. Thread rule: one owner.
#include <fmt/format.h>

#include <algorithm>

#include "config/reader.h"
#include "config/suggest.h"
#include "config/units.h"
#include "core/log.h"

namespace tollgate::config {
namespace {

std::string plain(std::int64_t value) { return std::to_string(value); }

constexpr std::size_t kMaxListed = 5'000;

std::string range_text(Bounds bounds, std::string (*format)(std::int64_t)) {
  if (bounds.max == INT64_MAX) return "at least " + format(bounds.min);
  return "between " + format(bounds.min) + " and " + format(bounds.max);
}

}  // namespace

template <class Parse>
void Reader::number(Field field, std::int64_t& value, Bounds bounds, const char* expected, Parse parse,
                    std::string (*format)(std::int64_t)) {
  const YamlNode* node = take_scalar(field);
  std::string written;
  if (node == nullptr || !scalar_text(*node, path_of(field.name), written, false)) return;
  const std::optional<std::int64_t> read = parse(written);
  if (!read) {
    error(node->mark, path_of(field.name) + ": " + quoted(written) + " is not " + expected);
  } else if (*read < bounds.min || *read > bounds.max) {
    error(node->mark, path_of(field.name) + ": " + quoted(written) + " must be " + range_text(bounds, format));
  } else {
    value = *read;
  }
}

void Reader::flag(Field field, bool& value) {
  std::int64_t read = value ? 1 : 0;
  const auto parse = [](std::string_view text) -> std::optional<std::int64_t> {
    if (text == "true") return 1;
    if (text == "false") return 0;
    return std::nullopt;
  };
  number(field, read, {0, 1}, "true or false", parse, &plain);
  value = read != 0;
}

void Reader::integer(Field field, std::int64_t& value, Bounds bounds, std::string_view zero_word) {
  const auto parse = [&](std::string_view text) -> std::optional<std::int64_t> {
    if (!zero_word.empty() && text == zero_word) return 0;
    return parse_integer(text);
  };
  number(field, value, bounds, "a whole number", parse, &plain);
}

void Reader::bytes(Field field, std::int64_t& value, Bounds bounds) {
  number(field, value, bounds, "a size such as 512KiB or 32MiB", &parse_bytes, &format_bytes);
}

void Reader::duration(Field field, Millis& value, Bounds bounds_ms) {
  std::int64_t read = value.count();
  number(field, read, bounds_ms, "a duration such as 200ms, 30s or 5m", &parse_duration_ms, &format_duration);
  value = Millis(read);
}

void Reader::time(Field field, std::optional<std::int64_t>& us) {
  std::int64_t read = INT64_MIN;
  number(field, read, {INT64_MIN + 1, INT64_MAX}, "a date such as 2026-08-16 or 2026-08-16T04:00:00Z", &parse_time_us,
         &plain);
  if (read != INT64_MIN) us = read;
}

void Reader::minutes(Field field, std::optional<std::int64_t>& value) {
  std::int64_t read = -1;
  number(field, read, {0, 1440}, "a time of day such as \"04:30\"", &parse_minutes, &plain);
  if (read >= 0) value = read;
}

void Reader::money(Field field, std::optional<Money>& value) {
  const YamlNode* node = take_scalar(field);
  if (node == nullptr) return;
  const Result<Money> read = Money::parse(node->text);
  if (!read) {
    error(node->mark, path_of(field.name) + ": " + quoted(node->text) + " is not a decimal of at most 15 places");
  } else if (*read < Money()) {
    error(node->mark, path_of(field.name) + ": a price cannot be negative");
  } else if (constexpr Money::Femto kMost = Money::Femto{1'000'000'000} * 1'000'000'000'000'000;
             read->femto() > kMost) {
    error(node->mark, path_of(field.name) + ": a price above a thousand million USD must be a mistake");
  } else {
    value = *read;
  }
}

void Reader::factors(Field field, std::map<std::string, Factor>& value) {
  const YamlNode* node = take(field);
  if (node == nullptr) return;
  if (node->kind != YamlNode::Kind::map) return error(node->mark, path_of(field.name) + ": expected a map of factors");
  for (std::size_t i = 0; i < node->keys.size(); ++i) {
    const std::string& name = tree_.at(node->keys[i]).text;
    const YamlNode& written = tree_.at(node->children[i]);
    const bool known =
        name == "batch" || name.starts_with("tier:") || name.starts_with("geo:") || name.starts_with("speed:");
    if (!known) error(tree_.at(node->keys[i]).mark, quoted(name) + " is not batch, tier:NAME, geo:NAME or speed:NAME");
    const Result<Factor> read = Factor::parse(written.text);
    if (!read || written.kind != YamlNode::Kind::scalar) {
      error(written.mark, path_of(field.name) + "." + name + ": expected a decimal factor of at most 9 places");
    } else if (known) {
      value[name] = *read;
    }
  }
}

bool Reader::string_list(const YamlNode& node, const std::string& path, std::vector<std::string>& out) {
  if (node.kind == YamlNode::Kind::null) return true;
  if (node.kind != YamlNode::Kind::list || node.children.size() > kMaxListed) {
    error(node.mark, path + ": expected a list of texts" + (node.children.size() > kMaxListed ? ", at most 5000" : ""));
    return false;
  }
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const YamlNode& element = tree_.at(node.children[i]);
    const std::string element_path = path + "." + std::to_string(i);
    remember(element_path, element.mark);
    std::string text;
    if (!scalar_text(element, element_path, text, false)) continue;
    if (std::find(out.begin(), out.end(), text) != out.end()) {
      error(element.mark, element_path + ": " + quoted(text) + " stands twice");
      continue;
    }
    out.push_back(std::move(text));
  }
  return true;
}

void Reader::list(Field field, std::vector<std::string>& value, Words allowed) {
  const YamlNode* node = take(field);
  std::vector<std::string> read;
  const std::string path = path_of(field.name);
  if (node == nullptr || !string_list(*node, path, read)) return;
  for (std::size_t i = 0; i < read.size() && !allowed.empty(); ++i) {
    if (std::find(allowed.begin(), allowed.end(), read[i]) != allowed.end()) continue;
    error(where(path + "." + std::to_string(i)),
          path + ": unknown " + quoted(read[i]) + suggestion(read[i], {allowed.begin(), allowed.end()}));
  }
  value = std::move(read);
}

void Reader::dictionary(Field field, std::map<std::string, std::string>& value, bool sensitive) {
  const YamlNode* node = take(field);
  if (node == nullptr) return;
  const std::string path = path_of(field.name);
  if (node->kind != YamlNode::Kind::map) return error(node->mark, path + ": expected a map of texts");
  for (std::size_t i = 0; i < node->keys.size(); ++i) {
    const std::string& name = tree_.at(node->keys[i]).text;
    const YamlNode& written = tree_.at(node->children[i]);
    const std::string entry = path + "." + name;
    remember(entry, written.mark);
    // What comes from the environment or a file is taken for a credential.
    const bool reference = written.text.find("${") != std::string::npos || written.text.starts_with("file:");
    std::string text;
    if (scalar_text(written, entry, text, sensitive && reference)) value[name] = std::move(text);
  }
}

void Reader::lists(Field field, std::map<std::string, std::vector<std::string>>& value) {
  const YamlNode* node = take(field);
  if (node == nullptr) return;
  const std::string path = path_of(field.name);
  if (node->kind != YamlNode::Kind::map) return error(node->mark, path + ": expected a map of lists");
  for (std::size_t i = 0; i < node->keys.size(); ++i) {
    const std::string& name = tree_.at(node->keys[i]).text;
    const YamlNode& written = tree_.at(node->children[i]);
    remember(path + "." + name, written.mark);
    std::vector<std::string> read;
    if (string_list(written, path + "." + name, read)) value[name] = std::move(read);
  }
}

}  // namespace tollgate::config
