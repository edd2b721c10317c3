// Faults: typed reading of a request's members. The first member that has a wrong type becomes the error; null and
// absent are the same and leave the target as it is. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/json.h"
#include "core/result.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway {

// Where a member stands: "messages[3].content[1].text". Put into words only when there is a fault.
struct Place {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  constexpr Place(std::string_view name) : list(name) {}
  constexpr Place(const char* name) : list(name) {}
  constexpr Place(std::string_view of_list, std::size_t at, std::string_view of_member = {})
      : list(of_list), index(at), member(of_member) {}
  // An element of the list that this place is, and a member of that element.
  constexpr Place at(std::size_t element) const {
    Place out = *this;
    out.inner = element;
    return out;
  }
  constexpr Place with(std::string_view of_member) const {
    Place out = *this;
    out.inner_member = of_member;
    return out;
  }
  std::string text() const {
    std::string out(list);
    if (index != kNone) out.append("[").append(std::to_string(index)).append("]");
    if (!member.empty()) out.append(".").append(member);
    if (inner != kNone) out.append("[").append(std::to_string(inner)).append("]");
    if (!inner_member.empty()) out.append(".").append(inner_member);
    return out;
  }

  std::string_view list;
  std::size_t index = kNone;
  std::string_view member;
  std::size_t inner = kNone;
  std::string_view inner_member;
};

class Faults {
 public:
  bool any() const { return error_.has_value(); }
  // REQUIRES: any().
  Error take() { return std::move(*error_); }
  void add(const Place& place, std::string_view problem) {
    if (!error_) error_ = bad_request(place.text(), problem);
  }

  void text(const Place& place, JsonValue value, std::string& out) {
    if (const auto text = value.as_string()) {
      out = *text;
    } else {
      expect_null(place, value, "must be a string");
    }
  }
  void number(const Place& place, JsonValue value, std::string& out) {
    if (value.is_number()) {
      out = value.number_text();
    } else {
      expect_null(place, value, "must be a number");
    }
  }
  void integer(const Place& place, JsonValue value, std::optional<std::int64_t>& out) {
    if (const auto number = value.as_int()) {
      out = *number;
    } else {
      expect_null(place, value, "must be an integer");
    }
  }
  void flag(const Place& place, JsonValue value, std::optional<bool>& out) {
    if (const auto flag = value.as_bool()) {
      out = *flag;
    } else {
      expect_null(place, value, "must be true or false");
    }
  }
  // True when the value is an array; an object for the other.
  bool array(const Place& place, JsonValue value) {
    if (!value.is_array()) expect_null(place, value, "must be an array");
    return value.is_array();
  }
  bool object(const Place& place, JsonValue value) {
    if (!value.is_object()) expect_null(place, value, "must be an object");
    return value.is_object();
  }

 private:
  void expect_null(const Place& place, JsonValue value, std::string_view problem) {
    if (value.present() && !value.is_null()) add(place, problem);
  }

  std::optional<Error> error_;
};

}  // namespace tollgate::gateway
