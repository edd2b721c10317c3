// The values that a template works with: Python's, as far as chat templates see them. Texts are shared and immutable;
// lists, dicts and everything else that can refer to values belong to the arena of one rendering and die with it, so
// neither a cycle nor a deep nest made by a hostile template can leak or overflow the stack. Thread rule: one
// rendering.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tollgate::local::jinja {

// What went wrong in a template; thrown inside of this part only, caught by compile() and render().
struct Fault {
  static constexpr int kOwnWords = -1;  // the template said it itself: its text alone
  std::string message;
  int line = 0;  // 0 = not known yet
};
[[noreturn]] void fail(std::string message, int line = 0);

struct Text {
  std::string bytes;  // valid UTF-8
  bool ascii = false;
  bool markup = false;  // marked by |safe: joining it with plain text escapes the plain text
};

struct Object {
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;
};
struct ListObject;
struct DictObject;
struct NamespaceObject;
struct IteratorObject;
struct CallableObject;

enum class Kind : unsigned char {
  undefined,
  none,
  boolean,
  integer,
  real,
  text,
  list,
  dict,
  name_space,
  iterator,
  callable
};

class Value {
 public:
  Value() = default;  // undefined, without a reason
  static Value undefined(std::string reason);
  static Value none();
  static Value boolean(bool value);
  static Value integer(std::int64_t value);
  static Value real(double value);
  static Value text(std::string value, bool markup = false);
  static Value of(ListObject* object);
  static Value of(DictObject* object);
  static Value of(NamespaceObject* object);
  static Value of(IteratorObject* object);
  static Value of(CallableObject* object);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_number() const { return is(Kind::integer) || is(Kind::real) || is(Kind::boolean); }
  bool is_integral() const { return is(Kind::integer) || is(Kind::boolean); }

  // Each REQUIRES the matching kind.
  bool as_boolean() const { return scalar_.integer != 0; }
  std::int64_t as_integer() const { return scalar_.integer; }  // of integer and boolean
  double as_real() const { return is(Kind::real) ? scalar_.real : static_cast<double>(scalar_.integer); }
  const Text& as_text() const { return *text_; }
  const std::string& bytes() const { return text_->bytes; }
  ListObject& as_list() const { return *scalar_.list; }
  DictObject& as_dict() const { return *scalar_.dict; }
  NamespaceObject& as_namespace() const { return *scalar_.name_space; }
  IteratorObject& as_iterator() const { return *scalar_.iterator; }
  CallableObject& as_callable() const { return *scalar_.callable; }
  const void* identity() const;          // equal for the same object
  std::string undefined_reason() const;  // REQUIRES undefined

 private:
  Kind kind_ = Kind::undefined;
  union {
    std::int64_t integer;
    double real;
    ListObject* list;
    DictObject* dict;
    NamespaceObject* name_space;
    IteratorObject* iterator;
    CallableObject* callable;
  } scalar_{0};
  std::shared_ptr<const Text> text_;  // second owners: constants of the compiled template, other values
};

enum class Sequence : unsigned char { list, tuple, keys, values, items, range };

struct ListObject final : Object {
  Sequence sequence = Sequence::list;
  bool group = false;  // of |groupby: a pair that also answers to .grouper and .list
  std::vector<Value> items;
};

// Keeps the order of insertion, as Python's dict does.
struct DictObject final : Object {
  std::vector<std::pair<Value, Value>> entries;

  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  void set(const Value& key, Value value);
  bool erase(const Value& key);
  void clear();

 private:
  std::unordered_map<std::string, std::size_t> index_;  // only of large dicts
};

struct NamespaceObject final : Object {
  std::vector<std::pair<std::string, Value>> entries;
  const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
};

// Python's generators and iterators: one pass, made when asked for.
struct IteratorObject final : Object {
  std::function<bool(Value&)> next;
  std::string_view type = "generator";
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

struct CallableObject : Object {
  virtual Value call(Arguments& arguments) = 0;
  virtual Value attribute(std::string_view) { return Value::undefined({}); }
  virtual bool has_attribute(std::string_view) const { return false; }
  virtual std::string describe() const = 0;
};

// Owns what one rendering makes, and counts its work: every node evaluated is one step, making values costs steps too,
// so that steps bound the memory as well.
class Arena {
 public:
  Arena(std::uint64_t max_steps, std::size_t max_text, int max_depth)
      : steps_left_(max_steps), max_text_(max_text), max_depth_(max_depth) {}

  void charge(std::uint64_t steps) {
    if (steps > steps_left_) out_of_steps();
    steps_left_ -= steps;
  }
  // For every text made while rendering.
  void charge_text(std::size_t bytes) {
    check_size(bytes);
    charge(bytes / 32);
  }
  // For a text that grows piece by piece, its size so far.
  void check_size(std::size_t bytes) const {
    if (bytes > max_text_) too_long();
  }
  Value text(std::string bytes, bool markup = false);
  Value list(std::vector<Value> items, Sequence sequence = Sequence::list);
  DictObject& dict();
  NamespaceObject& name_space();
  Value iterator(std::function<bool(Value&)> next, std::string_view type = "generator");
  template <class T, class... Args>
  T& make(Args&&... args) {
    charge(8);
    auto object = std::make_unique<T>(std::forward<Args>(args)...);
    T& made = *object;
    objects_.push_back(std::move(object));
    return made;
  }

  // One level of recursion over values or nodes.
  class Level {
   public:
    explicit Level(Arena& arena) : arena_(arena) {
      if (++arena_.depth_ > arena_.max_depth_) arena_.too_deep();
    }
    ~Level() { --arena_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Arena& arena_;
  };

 private:
  [[noreturn]] static void out_of_steps();
  [[noreturn]] static void too_deep();
  [[noreturn]] void too_long() const;

  std::uint64_t steps_left_;
  std::size_t max_text_;
  int depth_ = 0;
  int max_depth_;
  std::vector<std::unique_ptr<Object>> objects_;
};

bool is_ascii(std::string_view bytes);
std::string_view type_name(const Value& value);  // Python's: "str", "list", "NoneType"

}  // namespace tollgate::local::jinja
