#include "schema_corpus.h"

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "../../core/test_data.h"
#include "local_backend/grammar/number_set.h"
#include "local_backend/grammar/schema_json.h"

namespace tollgate::local {
namespace {

// JSON as it was written: numbers keep their digits, which doubles would not. `integral`: 1.0 becomes 1.
std::string written(const JsonNode& node, bool integral) {
  const auto quoted = [](const std::string& text) { return nlohmann::json(text).dump(); };
  switch (node.kind) {
    case JsonKind::null:
      return "null";
    case JsonKind::boolean:
      return node.truth ? "true" : "false";
    case JsonKind::string:
      return quoted(node.text);
    case JsonKind::number: {
      const auto decimal = integral ? parse_decimal(node.text) : std::nullopt;
      if (!decimal || !decimal->fraction.empty()) return node.text;
      return (decimal->negative ? "-" : "") + decimal->whole;
    }
    default:
      break;
  }
  const bool object = node.is(JsonKind::object);
  std::string out;
  for (const JsonNode* item : node.items)
    out += (out.empty() ? "" : ",") + (object ? quoted(item->key) + ":" : "") + written(*item, integral);
  return object ? "{" + out + "}" : "[" + out + "]";
}

std::unique_ptr<JsonTree> tree_of(const std::string& text) { return std::move(JsonTree::parse(text, 500)).value(); }

std::string text_of(const JsonNode& row, const char* name) {
  const JsonNode* member = row.find(name);
  return member == nullptr ? std::string() : member->text;
}

// `dialect`: the one that the case is meant for where the schema does not say; empty: none.
SchemaCase case_of(std::string name, const JsonNode& row, std::string_view dialect) {
  const JsonNode& schema = *row.find("schema");
  SchemaCase out{std::move(name), written(schema, false), {}};
  if (!dialect.empty() && schema.is(JsonKind::object) && schema.find("$schema") == nullptr)
    out.schema.replace(0, 1, "{\"$schema\":\"" + std::string(dialect) + (schema.items.empty() ? "\"" : "\","));
  const JsonNode* tests = row.find("tests");
  for (std::size_t i = 0; tests != nullptr && i < tests->items.size(); ++i) {
    const JsonNode& test = *tests->items[i];
    const JsonNode& data = *test.find("data");
    out.instances.push_back(
        {written(data, false), written(data, true), text_of(test, "description"), test.find("valid")->truth});
  }
  return out;
}

// The lines of a gzip file; none where there is no such file.
std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::string all;
  if (gzFile file = gzopen(path.c_str(), "rb"); file != nullptr) {
    char block[1 << 16];
    for (int got; (got = gzread(file, block, sizeof block)) > 0;) all.append(block, static_cast<std::size_t>(got));
    gzclose(file);
  }
  std::vector<std::string> out;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\n', at), all.size());
    out.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// Messages without their place and their inner reason, to count alike ones together.
std::string reason_of(const Error& error) {
  const std::size_t colon = error.message.find(": ");
  if (colon == std::string::npos) return error.message;
  std::string place = error.message.substr(0, colon), why = error.message.substr(colon + 2);
  const std::string keyword = place.substr(place.find_last_of('/') + 1);
  if (why == "the keyword is not supported") return keyword + " is not supported";
  return error.code == "bad_schema" ? "bad_schema: " + why : why;
}

// Valid instances that are never written, by the beginning of a case's name, and what permits that. Everything else
// that is not taken is lost; invalid instances have no such list.
struct Narrowed {
  std::string_view name, permitted_by;
};
constexpr Narrowed kNarrowed[] = {
    {"format.json: ", "2020-12 validation, 7.2.1: implementations may treat format as an assertion"},
    {"optional/float-overflow.json: ",
     "optional in the suite; structured_output.md: at most 64 digits before the point"},
    {"optional/format/hostname.json: validation of A-label",
     "optional in the suite; structured_output.md: no punycode"},
};

bool is_narrowed(const std::string& name) {
  return std::any_of(std::begin(kNarrowed), std::end(kNarrowed),
                     [&](const Narrowed& narrowed) { return name.starts_with(narrowed.name); });
}

}  // namespace

std::vector<SchemaCase> official_cases(const char* draft) {
  std::vector<SchemaCase> out;
  const auto folder = test_data_dir("json_schema") / "official" / "tests" / draft;
  if (!std::filesystem::exists(folder)) return out;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  // Its folder says what a schema is written for.
  const std::string_view dialect = std::string_view(draft) == "draft7" ? "http://json-schema.org/draft-07/schema#" : "";
  for (const auto& path : files) {
    const auto tree = tree_of(read_test_file(path));
    for (const JsonNode* group : tree->root().items)
      out.push_back(case_of(std::filesystem::relative(path, folder).string() + ": " + text_of(*group, "description"),
                            *group, dialect));
  }
  return out;
}

std::vector<SchemaCase> cases_of(const char* file) {
  std::vector<SchemaCase> out;
  for (const std::string& line : lines_of(test_data_dir("json_schema") / file)) {
    const auto tree = tree_of(line);
    out.push_back(case_of(text_of(tree->root(), "id"), tree->root(), {}));
  }
  return out;
}

std::vector<SchemaCase> bench_cases() { return cases_of("maskbench.jsonl.gz"); }
std::vector<SchemaCase> large_schemas() { return cases_of("large_schemas.jsonl.gz"); }

bool takes(const std::shared_ptr<const Grammar>& grammar, const std::string& text) {
  static const auto no_tokens = TokenTrie::build(std::vector<std::string>(), {});
  const auto state = GrammarState::start(grammar, no_tokens);
  return state->accept_bytes(text) && state->may_end();
}

void tally_case(const SchemaCase& test, Tally& tally) {
  GrammarLimits any_order;
  any_order.any_order = true;
  const auto ordered = Grammar::from_schema(test.schema);
  const auto loose = Grammar::from_schema(test.schema, any_order);
  if (!ordered) {
    ++tally.refused;
    ++tally.reasons[reason_of(ordered.error())];
    // A schema that nothing meets is refused, too: rightly if no instance is valid.
    if (ordered.error().message.starts_with("no value"))
      for (const Instance& instance : test.instances)
        if (instance.valid) tally.lost.push_back(test.name + ": " + instance.text);
    return;
  }
  ++tally.supported;
  for (const Instance& instance : test.instances) {
    if (!instance.valid) {
      const bool taken = takes(*ordered, instance.text) || takes(*loose, instance.text);
      if (taken) tally.wrong.push_back(test.name + ": " + instance.text);
      tally.invalid_refused += !taken;
    } else if (takes(*ordered, instance.text)) {
      ++tally.valid_taken;
    } else if (takes(*loose, instance.text)) {
      ++tally.other_order;
    } else if (takes(*loose, instance.integral)) {
      ++tally.other_form;
    } else if (is_narrowed(test.name)) {
      ++tally.narrowed;
    } else {
      tally.lost.push_back(test.name + ": " + instance.text.substr(0, 200) + " (" + instance.about + ")");
    }
  }
}

void Tally::print(const char* title) const {
  std::printf("%s: %d schemas supported, %d refused\n", title, supported, refused);
  std::vector<std::pair<int, std::string>> sorted;
  for (const auto& [reason, count] : reasons) sorted.emplace_back(-count, reason);
  std::sort(sorted.begin(), sorted.end());
  for (const auto& [count, reason] : sorted) std::printf("  %5d %s\n", -count, reason.c_str());
  std::printf(
      "  valid: %d taken, %d in another order, %d in another form, %zu lost; invalid: %d refused, %zu taken; "
      "narrowed as the specification permits: %d\n",
      valid_taken, other_order, other_form, lost.size(), invalid_refused, wrong.size(), narrowed);
  for (const std::string& text : lost) std::printf("  lost:  %s\n", text.c_str());
  for (const std::string& text : wrong) std::printf("  WRONG: %s\n", text.c_str());
}

}  // namespace tollgate::local
