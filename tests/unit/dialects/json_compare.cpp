#include "json_compare.h"

namespace tollgate {
namespace {

std::string shown(const Json& value) { return dump_json(value).substr(0, 200); }

void compare(const Json& left, const Json& right, const std::string& path, std::size_t most,
             std::vector<JsonDifference>& out) {
  if (out.size() >= most) return;
  if (left.is_number() && right.is_number()) {
    const bool same =
        left.is_number_float() || right.is_number_float() ? left.get<double>() == right.get<double>() : left == right;
    if (!same) out.push_back({path, shown(left), shown(right)});
  } else if (left.is_object() && right.is_object()) {
    for (const auto& [key, value] : left.items()) {
      const std::string inner = path.empty() ? key : path + "." + key;
      if (right.contains(key)) {
        compare(value, right[key], inner, most, out);
      } else if (!value.is_null()) {
        out.push_back({inner, shown(value), "(absent)"});
      }
    }
    for (const auto& [key, value] : right.items())
      if (!left.contains(key) && !value.is_null())
        out.push_back({path.empty() ? key : path + "." + key, "(absent)", shown(value)});
  } else if (left.is_array() && right.is_array()) {
    const std::size_t size = std::max(left.size(), right.size());
    for (std::size_t i = 0; i < size; ++i) {
      const std::string inner = path + "[" + std::to_string(i) + "]";
      if (i >= left.size()) {
        out.push_back({inner, "(absent)", shown(right[i])});
      } else if (i >= right.size()) {
        out.push_back({inner, shown(left[i]), "(absent)"});
      } else {
        compare(left[i], right[i], inner, most, out);
      }
    }
  } else if (left != right) {
    out.push_back({path, shown(left), shown(right)});
  }
}

}  // namespace

std::vector<JsonDifference> compare_json(const Json& left, const Json& right, std::size_t most) {
  std::vector<JsonDifference> out;
  compare(left, right, "", most, out);
  return out;
}

std::string general_path(const std::string& path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    out += path[i];
    if (path[i] == '[')
      while (i + 1 < path.size() && path[i + 1] != ']') ++i;
  }
  return out;
}

}  // namespace tollgate
