#include "local_backend/convert/json.h"

#include "local_backend/gguf/mapped_file.h"
#include "local_backend/gguf/model_file_error.h"

namespace tollgate::local {
namespace {

// Offset of the bracket that nests too deep, if any.
std::optional<std::size_t> too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_text = false;
      }
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kJsonMaxDepth) return i;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<Json> parse_json(std::string_view text, const std::string& name, std::uint64_t base) {
  if (const auto at = too_deep(text)) return bad_model_file(name, base + *at, "JSON nests too deep");
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    return bad_model_file(name, base + (error.byte > 0 ? error.byte - 1 : 0), "not JSON");
  } catch (const Json::exception&) {
    return bad_model_file(name, base, "a number in the JSON is out of range");
  }
}

Result<Json> read_json_file(const std::string& path, std::size_t max_bytes) {
  const auto file = MappedFile::open(path);
  if (!file) return Error(file.error());
  const auto bytes = file->bytes();
  if (bytes.size() > max_bytes) {
    return bad_model_file(path, 0, std::to_string(bytes.size()) + " bytes, at most " + std::to_string(max_bytes));
  }
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

const Json* member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::optional<std::int64_t> integer_member(const Json& object, std::string_view key) {
  const Json* found = member(object, key);
  if (!found || !found->is_number_integer()) return std::nullopt;
  if (found->is_number_unsigned() && !std::in_range<std::int64_t>(found->get<std::uint64_t>())) return std::nullopt;
  return found->get<std::int64_t>();
}

std::optional<double> number_member(const Json& object, std::string_view key) {
  const Json* found = member(object, key);
  if (!found || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

std::optional<bool> flag_member(const Json& object, std::string_view key) {
  const Json* found = member(object, key);
  if (!found || !found->is_boolean()) return std::nullopt;
  return found->get<bool>();
}

const std::string* text_member(const Json& object, std::string_view key) {
  const Json* found = member(object, key);
  return found ? found->get_ptr<const std::string*>() : nullptr;
}

}  // namespace tollgate::local
