#include "local_backend/template/value.h"

#include <algorithm>
#include <charconv>

#include "local_backend/template/operations.h"

namespace tollgate::local::jinja {
namespace {

constexpr std::size_t kLinearEntries = 8;  // dicts up to here are searched one by one

// The same text for keys that Python takes for equal: 1, 1.0 and True.
std::string canonical_key(const Value& key, int depth = 0) {
  switch (key.kind()) {
    case Kind::text:
      return "s" + key.bytes();
    case Kind::boolean:
    case Kind::integer:
      return "i" + std::to_string(key.as_integer());
    case Kind::real: {
      const double real = key.as_real();
      if (real >= -9e18 && real <= 9e18 && real == static_cast<double>(static_cast<std::int64_t>(real))) {
        return "i" + std::to_string(static_cast<std::int64_t>(real));
      }
      return "f" + real_repr(real);
    }
    case Kind::none:
      return "n";
    case Kind::undefined:
      return "u";
    case Kind::list: {
      const ListObject& list = key.as_list();
      if (list.sequence != Sequence::tuple || depth > 8) break;
      std::string out = "t";
      for (const Value& item : list.items) {
        const std::string inner = canonical_key(item, depth + 1);
        out += std::to_string(inner.size()) + ":" + inner;
      }
      return out;
    }
    case Kind::dict:
      break;
    default:
      return "p" + std::to_string(reinterpret_cast<std::uintptr_t>(key.identity()));
  }
  fail("TypeError: unhashable type: '" + std::string(type_name(key)) + "'");
}

}  // namespace

void fail(std::string message, int line) { throw Fault{std::move(message), line}; }

bool is_ascii(std::string_view bytes) {
  return std::none_of(bytes.begin(), bytes.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

Value Value::undefined(std::string reason) {
  Value out;
  if (!reason.empty()) out.text_ = std::make_shared<const Text>(Text{std::move(reason), false, false});
  return out;
}

Value Value::none() {
  Value out;
  out.kind_ = Kind::none;
  return out;
}

Value Value::boolean(bool value) {
  Value out;
  out.kind_ = Kind::boolean;
  out.scalar_.integer = value ? 1 : 0;
  return out;
}

Value Value::integer(std::int64_t value) {
  Value out;
  out.kind_ = Kind::integer;
  out.scalar_.integer = value;
  return out;
}

Value Value::real(double value) {
  Value out;
  out.kind_ = Kind::real;
  out.scalar_.real = value;
  return out;
}

Value Value::text(std::string value, bool markup) {
  Value out;
  out.kind_ = Kind::text;
  const bool ascii = is_ascii(value);
  out.text_ = std::make_shared<const Text>(Text{std::move(value), ascii, markup});
  return out;
}

Value Value::of(ListObject* object) {
  Value out;
  out.kind_ = Kind::list;
  out.scalar_.list = object;
  return out;
}

Value Value::of(DictObject* object) {
  Value out;
  out.kind_ = Kind::dict;
  out.scalar_.dict = object;
  return out;
}

Value Value::of(NamespaceObject* object) {
  Value out;
  out.kind_ = Kind::name_space;
  out.scalar_.name_space = object;
  return out;
}

Value Value::of(IteratorObject* object) {
  Value out;
  out.kind_ = Kind::iterator;
  out.scalar_.iterator = object;
  return out;
}

Value Value::of(CallableObject* object) {
  Value out;
  out.kind_ = Kind::callable;
  out.scalar_.callable = object;
  return out;
}

const void* Value::identity() const {
  switch (kind_) {
    case Kind::list:
      return scalar_.list;
    case Kind::dict:
      return scalar_.dict;
    case Kind::name_space:
      return scalar_.name_space;
    case Kind::iterator:
      return scalar_.iterator;
    case Kind::callable:
      return scalar_.callable;
    default:
      return text_.get();
  }
}

std::string Value::undefined_reason() const { return text_ ? text_->bytes : "the value is undefined"; }

const Value* DictObject::find(const Value& key) const {
  if (key.is(Kind::text)) return find(std::string_view(key.bytes()));
  const std::string wanted = canonical_key(key);
  if (entries.size() > kLinearEntries) {
    const auto found = index_.find(wanted);
    return found == index_.end() ? nullptr : &entries[found->second].second;
  }
  for (const auto& [name, value] : entries) {
    if (canonical_key(name) == wanted) return &value;
  }
  return nullptr;
}

const Value* DictObject::find(std::string_view key) const {
  if (entries.size() > kLinearEntries) {
    const auto found = index_.find("s" + std::string(key));
    return found == index_.end() ? nullptr : &entries[found->second].second;
  }
  for (const auto& [name, value] : entries) {
    if (name.is(Kind::text) && name.bytes() == key) return &value;
  }
  return nullptr;
}

void DictObject::set(const Value& key, Value value) {
  if (const Value* found = find(key)) {
    *const_cast<Value*>(found) = std::move(value);
    return;
  }
  if (entries.size() == kLinearEntries) {
    for (std::size_t i = 0; i < entries.size(); ++i) index_[canonical_key(entries[i].first)] = i;
  }
  std::string canonical = canonical_key(key);
  if (entries.size() >= kLinearEntries) index_[std::move(canonical)] = entries.size();
  entries.emplace_back(key, std::move(value));
}

bool DictObject::erase(const Value& key) {
  const Value* found = find(key);
  if (!found) return false;
  const auto at = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return &e.second == found; });
  entries.erase(at);
  index_.clear();
  if (entries.size() > kLinearEntries) {
    for (std::size_t i = 0; i < entries.size(); ++i) index_[canonical_key(entries[i].first)] = i;
  }
  return true;
}

void DictObject::clear() {
  entries.clear();
  index_.clear();
}

const Value* NamespaceObject::find(std::string_view name) const {
  for (const auto& [known, value] : entries) {
    if (known == name) return &value;
  }
  return nullptr;
}

void NamespaceObject::set(std::string_view name, Value value) {
  if (const Value* found = find(name)) {
    *const_cast<Value*>(found) = std::move(value);
  } else {
    entries.emplace_back(name, std::move(value));
  }
}

Value Arena::text(std::string bytes, bool markup) {
  charge_text(bytes.size());
  return Value::text(std::move(bytes), markup);
}

Value Arena::list(std::vector<Value> items, Sequence sequence) {
  charge(items.size());
  auto& list = make<ListObject>();
  list.sequence = sequence;
  list.items = std::move(items);
  return Value::of(&list);
}

DictObject& Arena::dict() { return make<DictObject>(); }

NamespaceObject& Arena::name_space() { return make<NamespaceObject>(); }

Value Arena::iterator(std::function<bool(Value&)> next, std::string_view type) {
  auto& made = make<IteratorObject>();
  made.next = std::move(next);
  made.type = type;
  return Value::of(&made);
}

void Arena::out_of_steps() { fail("the template does not come to an end: too many steps"); }

void Arena::too_deep() { fail("values, expressions or macro calls nest too deep"); }

void Arena::too_long() const { fail("a text grows beyond " + std::to_string(max_text_) + " bytes"); }

std::string_view type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
      return "Undefined";
    case Kind::none:
      return "NoneType";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::real:
      return "float";
    case Kind::text:
      return value.as_text().markup ? "Markup" : "str";
    case Kind::dict:
      return "dict";
    case Kind::name_space:
      return "Namespace";
    case Kind::iterator:
      return value.as_iterator().type;
    case Kind::callable:
      return "function";
    case Kind::list:
      break;
  }
  switch (value.as_list().sequence) {
    case Sequence::list:
      return "list";
    case Sequence::tuple:
      return "tuple";
    case Sequence::keys:
      return "dict_keys";
    case Sequence::values:
      return "dict_values";
    case Sequence::items:
      return "dict_items";
    case Sequence::range:
      return "range";
  }
  return "object";
}

}  // namespace tollgate::local::jinja
