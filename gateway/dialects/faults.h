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

class Faults {
 public:
  bool any() const { return error_.has_value(); }
  // REQUIRES: any().
  Error take() { return std::move(*error_); }
  void add(std::string_view place, std::string_view problem) {
    if (!error_) error_ = bad_request(place, problem);
  }

  void text(std::string_view place, JsonValue value, std::string& out) {
    if (const auto text = value.as_string()) {
      out = *text;
    } else {
      expect_null(place, value, "must be a string");
    }
  }
  void number(std::string_view place, JsonValue value, std::string& out) {
    if (value.is_number()) {
      out = value.number_text();
    } else {
      expect_null(place, value, "must be a number");
    }
  }
  void integer(std::string_view place, JsonValue value, std::optional<std::int64_t>& out) {
    if (const auto number = value.as_int()) {
      out = *number;
    } else {
      expect_null(place, value, "must be an integer");
    }
  }
  void flag(std::string_view place, JsonValue value, std::optional<bool>& out) {
    if (const auto flag = value.as_bool()) {
      out = *flag;
    } else {
      expect_null(place, value, "must be true or false");
    }
  }
  // True when the value is an array; an object for the other.
  bool array(std::string_view place, JsonValue value) {
    if (!value.is_array()) expect_null(place, value, "must be an array");
    return value.is_array();
  }
  bool object(std::string_view place, JsonValue value) {
    if (!value.is_object()) expect_null(place, value, "must be an object");
    return value.is_object();
  }

 private:
  void expect_null(std::string_view place, JsonValue value, std::string_view problem) {
    if (value.present() && !value.is_null()) add(place, problem);
  }

  std::optional<Error> error_;
};

// "messages[3]", "messages[3].content".
inline std::string place_of(std::string_view list, std::size_t index, std::string_view member = "") {
  std::string place(list);
  place.append("[").append(std::to_string(index)).append("]");
  if (!member.empty()) place.append(".").append(member);
  return place;
}

}  // namespace tollgate::gateway
