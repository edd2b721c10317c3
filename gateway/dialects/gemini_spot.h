// Typed reading of members: the first that has a wrong type becomes the error, with its place spelled out only then.
// Null and absent are the same. Internal to the dialect. Thread rule: values of one call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::gemini_form {

// "contents[2].parts[0].functionCall" as a chain on the stack.
struct Spot {
  static constexpr std::size_t kNoIndex = static_cast<std::size_t>(-1);

  std::string_view name;
  const Spot* outer = nullptr;
  std::size_t index = kNoIndex;

  std::string text(std::string_view member = {}) const {
    std::string out = outer ? outer->text() : std::string();
    if (!out.empty() && !name.empty()) out += '.';
    out += name;
    if (index != kNoIndex) out.append("[").append(std::to_string(index)).append("]");
    if (!out.empty() && !member.empty()) out += '.';
    return out.append(member);
  }
};

class FirstFault {
 public:
  bool any() const { return error_.has_value(); }
  // REQUIRES: any().
  Error take() { return std::move(*error_); }
  void add(const Spot& spot, std::string_view member, std::string_view problem) {
    if (!error_) error_ = bad_request(spot.text(member), problem);
  }
  // The same, unless there was nothing at all.
  void unless_null(const Spot& spot, std::string_view member, JsonValue value, std::string_view problem) {
    if (value.present() && !value.is_null()) add(spot, member, problem);
  }

 private:
  std::optional<Error> error_;
};

inline void read_text(const Spot& spot, std::string_view member, JsonValue value, std::string& out,
                      FirstFault& faults) {
  if (const auto text = value.as_string()) {
    out = *text;
  } else {
    faults.unless_null(spot, member, value, "must be a string");
  }
}
inline void read_number(const Spot& spot, std::string_view member, JsonValue value, std::string& out,
                        FirstFault& faults) {
  if (value.is_number()) {
    out = value.number_text();
  } else {
    faults.unless_null(spot, member, value, "must be a number");
  }
}
inline void read_integer(const Spot& spot, std::string_view member, JsonValue value, std::optional<std::int64_t>& out,
                         FirstFault& faults) {
  if (const auto number = value.as_int()) {
    out = *number;
  } else {
    faults.unless_null(spot, member, value, "must be an integer");
  }
}
inline void read_flag(const Spot& spot, std::string_view member, JsonValue value, std::optional<bool>& out,
                      FirstFault& faults) {
  if (const auto flag = value.as_bool()) {
    out = *flag;
  } else {
    faults.unless_null(spot, member, value, "must be true or false");
  }
}
// True when the value is an object; an array for the other.
inline bool expect_object(const Spot& spot, std::string_view member, JsonValue value, FirstFault& faults) {
  if (!value.is_object()) faults.unless_null(spot, member, value, "must be an object");
  return value.is_object();
}
inline bool expect_array(const Spot& spot, std::string_view member, JsonValue value, FirstFault& faults) {
  if (!value.is_array()) faults.unless_null(spot, member, value, "must be an array");
  return value.is_array();
}
// Strings of an array.
inline void read_texts(const Spot& spot, std::string_view member, JsonValue value, std::vector<std::string>& out,
                       FirstFault& faults) {
  if (!expect_array(spot, member, value, faults)) return;
  value.elements([&](JsonValue element) {
    if (const auto text = element.as_string()) {
      out.emplace_back(*text);
    } else {
      faults.add(spot, member, "must hold strings");
    }
  });
}

}  // namespace tollgate::gateway::gemini_form
