// Deep comparison of JSON texts, with every difference named by its path.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/json_dom.h"

namespace tollgate {

struct JsonDifference {
  std::string path;         // "messages[0].content[1].text"
  std::string left, right;  // compact texts, cut to 200 bytes; "(absent)" where there is none
};

// Numbers are compared by value (1 == 1.0), members regardless of order. A member that is absent on one side and null
// on the other is no difference.
std::vector<JsonDifference> compare_json(const Json& left, const Json& right, std::size_t most = 20);
// The path with every array index replaced by []: "messages[].content[].text", for lists of known exceptions.
std::string general_path(const std::string& path);

}  // namespace tollgate
