// Typed reading of members with the place of a fault spelled out only when there is one. Internal to the dialect.
// Thread rule: values of one call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/dialects/faults.h"

namespace tollgate::gateway::gemini_form {

// "contents[2].parts[0].functionCall" as a chain on the stack.
struct Place {
  static constexpr std::size_t kNoIndex = static_cast<std::size_t>(-1);

  std::string_view name;
  const Place* outer = nullptr;
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

inline void read_text(const Place& place, std::string_view member, JsonValue value, std::string& out, Faults& faults) {
  if (const auto text = value.as_string()) {
    out = *text;
  } else {
    faults.text(place.text(member), value, out);
  }
}
inline void read_number(const Place& place, std::string_view member, JsonValue value, std::string& out,
                        Faults& faults) {
  if (value.is_number()) {
    out = value.number_text();
  } else {
    faults.number(place.text(member), value, out);
  }
}
inline void read_integer(const Place& place, std::string_view member, JsonValue value, std::optional<std::int64_t>& out,
                         Faults& faults) {
  if (const auto number = value.as_int()) {
    out = *number;
  } else {
    faults.integer(place.text(member), value, out);
  }
}
inline void read_flag(const Place& place, std::string_view member, JsonValue value, std::optional<bool>& out,
                      Faults& faults) {
  if (const auto flag = value.as_bool()) {
    out = *flag;
  } else {
    faults.flag(place.text(member), value, out);
  }
}
// True when the value is an object; an array for the other.
inline bool expect_object(const Place& place, std::string_view member, JsonValue value, Faults& faults) {
  return value.is_object() || faults.object(place.text(member), value);
}
inline bool expect_array(const Place& place, std::string_view member, JsonValue value, Faults& faults) {
  return value.is_array() || faults.array(place.text(member), value);
}
// Strings of an array.
inline void read_texts(const Place& place, std::string_view member, JsonValue value, std::vector<std::string>& out,
                       Faults& faults) {
  if (!expect_array(place, member, value, faults)) return;
  value.elements([&](JsonValue element) {
    if (const auto text = element.as_string()) {
      out.emplace_back(*text);
    } else {
      faults.add(place.text(member), "must hold strings");
    }
  });
}

}  // namespace tollgate::gateway::gemini_form
