// The scan, the reader and the tree see the same text: none may crash, the scan takes objects only and agrees with the
// reader on what it found.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/json.h"
#include "core/json_dom.h"

namespace {

using tollgate::ByteRange;
using tollgate::JsonValue;

void require(bool condition) {
  if (!condition) std::abort();
}

void walk(JsonValue value) {
  if (value.is_string()) require(value.as_string().has_value());
  require(value.is_number() == !value.number_text().empty());
  (void)value.as_int();
  value.each_element([](void*, JsonValue element) { return walk(element), true; }, nullptr);
  value.each_member([](void*, std::string_view, JsonValue member) { return walk(member), true; }, nullptr);
}

void check_scan(const tollgate::RequestScan& scan, std::string_view text, JsonValue root, bool parsed) {
  require(text[scan.open_brace] == '{');
  for (const ByteRange range : {scan.model_value, scan.stream_options, scan.metadata, scan.tags})
    require(range.begin <= range.end && range.end <= text.size());
  const ByteRange model = scan.model_value;
  const bool named = !model.empty() && text[model.begin] == '"';
  if (named) require(text[model.end - 1] == '"' && model.end - model.begin >= 2);
  if (!named) require(scan.model.empty() && (model.empty() || text.substr(model.begin, 4) == "null"));
  if (!parsed) return;  // a wrong escape or a huge number inside a skipped value
  require(root.is_object());
  require(scan.object_empty == (root.size() == 0));
  if (named) require(root["model"].as_string() == scan.model);
  require(scan.stream == root["stream"].as_bool().value_or(false));
}

void check_escape(std::string_view text, tollgate::JsonReader& reader) {
  std::string literal = "\"";
  tollgate::json_escape(literal, text);
  literal += '"';
  const auto parsed = reader.parse(literal);
  require(parsed.has_value() && parsed->is_string());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy that ends exactly with its padding, so that a read beyond is seen.
  std::string buffer(reinterpret_cast<const char*>(data), size);
  buffer.append(tollgate::kJsonPadding, '\xff');
  const std::string_view text(buffer.data(), size);
  static tollgate::JsonReader reader;
  const auto parsed = reader.parse(text);
  if (parsed) walk(*parsed);
  const auto scan = tollgate::scan_request(text);
  if (scan) check_scan(*scan, text, parsed ? *parsed : JsonValue(), parsed.has_value());
  const std::string_view names[] = {"usage", "model", "id"};
  ByteRange values[3];
  const bool object = tollgate::scan_members(text, names, values);
  require(!scan || object);
  require(!parsed || object == parsed->is_object());
  for (const ByteRange range : values) require(range.begin <= range.end && range.end <= size);
  if (const auto tree = tollgate::parse_json_dom(text)) (void)tollgate::dump_json(*tree);
  check_escape(text, reader);
  return 0;
}
