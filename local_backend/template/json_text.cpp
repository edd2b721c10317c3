#include "local_backend/template/json_text.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "local_backend/template/operations.h"
#include "local_backend/template/unicode_text.h"

namespace tollgate::local::jinja {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr int kMaxNesting = 200;

// Fails before the parser builds anything: brackets outside of strings.
void check_nesting(std::string_view json) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '[' || c == '{')) {
      if (++depth > kMaxNesting) fail("the context nests too deep");
    } else if (!quoted && (c == ']' || c == '}')) {
      --depth;
    }
  }
}

Value converted(Arena& arena, const OrderedJson& json) {
  switch (json.type()) {
    case OrderedJson::value_t::boolean:
      return Value::boolean(json.get<bool>());
    case OrderedJson::value_t::number_integer:
      return Value::integer(json.get<std::int64_t>());
    case OrderedJson::value_t::number_unsigned: {
      const auto number = json.get<std::uint64_t>();
      const bool fits = number <= static_cast<std::uint64_t>(INT64_MAX);
      return fits ? Value::integer(static_cast<std::int64_t>(number)) : Value::real(static_cast<double>(number));
    }
    case OrderedJson::value_t::number_float:
      return Value::real(json.get<double>());
    case OrderedJson::value_t::string:
      return Value::text(json.get_ref<const std::string&>());
    case OrderedJson::value_t::array: {
      std::vector<Value> items;
      for (const OrderedJson& item : json) items.push_back(converted(arena, item));
      auto& list = arena.make<ListObject>();
      list.items = std::move(items);
      return Value::of(&list);
    }
    case OrderedJson::value_t::object: {
      DictObject& dict = arena.dict();
      for (const auto& [key, item] : json.items()) dict.set(Value::text(key), converted(arena, item));
      return Value::of(&dict);
    }
    default:
      return Value::none();
  }
}

void append_escape(std::string& out, unsigned unit) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += "0123456789abcdef"[unit >> shift & 0xF];
}

void append_string(std::string& out, std::string_view text, bool ascii) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const char32_t point = next_point(text, at);
    switch (point) {
      case '"':
        out += "\\\"";
        continue;
      case '\\':
        out += "\\\\";
        continue;
      case '\n':
        out += "\\n";
        continue;
      case '\r':
        out += "\\r";
        continue;
      case '\t':
        out += "\\t";
        continue;
      case '\f':
        out += "\\f";
        continue;
      case '\b':
        out += "\\b";
        continue;
      default:
        break;
    }
    if (point < 0x20 || (ascii && point >= 0x7F && point < 0x10000 && point != 0x7F)) {
      append_escape(out, point);
    } else if (ascii && point >= 0x10000) {
      append_escape(out, 0xD800 + ((point - 0x10000) >> 10));
      append_escape(out, 0xDC00 + ((point - 0x10000) & 0x3FF));
    } else {
      out += text.substr(start, at - start);
    }
  }
  out += '"';
}

std::string json_real(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return real_repr(value);
}

class Writer {
 public:
  Writer(Arena& arena, const JsonStyle& style) : arena_(arena), style_(style) {}

  void write(const Value& value) {
    const Arena::Level level(arena_);
    arena_.charge(1);
    switch (value.kind()) {
      case Kind::none:
        out_ += "null";
        break;
      case Kind::boolean:
        out_ += value.as_boolean() ? "true" : "false";
        break;
      case Kind::integer:
        out_ += std::to_string(value.as_integer());
        break;
      case Kind::real:
        out_ += json_real(value.as_real());
        break;
      case Kind::text:
        arena_.charge(value.bytes().size() / 32);
        append_string(out_, value.bytes(), style_.ensure_ascii);
        break;
      case Kind::dict:
        write_dict(value.as_dict());
        break;
      case Kind::list:
        if (value.as_list().sequence == Sequence::list || value.as_list().sequence == Sequence::tuple) {
          write_list(value.as_list());
          break;
        }
        [[fallthrough]];
      default:
        fail("TypeError: Object of type " + std::string(type_name(value)) + " is not JSON serializable");
    }
    arena_.check_size(out_.size());
  }
  std::string take() { return std::move(out_); }

 private:
  void begin_item(bool first) {
    if (!first) out_ += style_.item_separator;
    if (!style_.indented) return;
    out_ += '\n';
    arena_.charge_text(style_.indent.size() * static_cast<std::size_t>(depth_));
    for (int i = 0; i < depth_; ++i) out_ += style_.indent;
  }

  void write_list(const ListObject& list) {
    if (list.items.empty()) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    ++depth_;
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      begin_item(i == 0);
      write(list.items[i]);
    }
    close(']');
  }

  void write_dict(const DictObject& dict) {
    if (dict.entries.empty()) {
      out_ += "{}";
      return;
    }
    auto entries = dict.entries;
    arena_.charge(entries.size());
    if (style_.sort_keys) {
      stable_merge_sort(entries,
                        [&](const auto& a, const auto& b) { return compare(arena_, Order::less, a.first, b.first); });
    }
    out_ += '{';
    ++depth_;
    bool first = true;
    for (const auto& [key, value] : entries) {
      begin_item(first);
      first = false;
      write_key(key);
      out_ += style_.key_separator;
      write(value);
    }
    close('}');
  }

  void write_key(const Value& key) {
    switch (key.kind()) {
      case Kind::text:
        append_string(out_, key.bytes(), style_.ensure_ascii);
        return;
      case Kind::none:
        out_ += "\"null\"";
        return;
      case Kind::boolean:
        out_ += key.as_boolean() ? "\"true\"" : "\"false\"";
        return;
      case Kind::integer:
        out_ += '"' + std::to_string(key.as_integer()) + '"';
        return;
      case Kind::real:
        out_ += '"' + json_real(key.as_real()) + '"';
        return;
      default:
        fail("TypeError: keys must be str, int, float, bool or None, not " + std::string(type_name(key)));
    }
  }

  void close(char bracket) {
    --depth_;
    if (style_.indented) {
      out_ += '\n';
      for (int i = 0; i < depth_; ++i) out_ += style_.indent;
    }
    out_ += bracket;
  }

  Arena& arena_;
  const JsonStyle& style_;
  std::string out_;
  int depth_ = 0;
};

}  // namespace

Value value_from_json(Arena& arena, std::string_view json) {
  check_nesting(json);
  const OrderedJson parsed = OrderedJson::parse(json, nullptr, false);
  if (parsed.is_discarded()) fail("the context is no JSON");
  return converted(arena, parsed);
}

std::string json_from_value(Arena& arena, const Value& value, const JsonStyle& style) {
  Writer writer(arena, style);
  writer.write(value);
  return writer.take();
}

}  // namespace tollgate::local::jinja
