#include "schema_corpus.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "../../core/test_data.h"

namespace tollgate::local {
namespace {

using Json = nlohmann::ordered_json;

Json with_integers(const Json& value) {
  if (value.is_number_float()) {
    const double number = value.get<double>();
    const bool whole = number == std::floor(number) && std::fabs(number) < 9e18;
    return whole ? Json(static_cast<std::int64_t>(number)) : value;
  }
  Json out = value;
  if (value.is_structured())
    for (auto& item : out) item = with_integers(item);
  return out;
}

SchemaCase case_of(std::string name, const Json& schema, const Json& tests) {
  SchemaCase out{std::move(name), schema.dump(), {}};
  for (const Json& test : tests)
    out.instances.push_back({test.at("data").dump(), with_integers(test.at("data")).dump(),
                             test.value("description", ""), test.at("valid").get<bool>()});
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

// Differences that are meant, by the beginning of a case's name: docs/formats/structured_output.md says why.
bool is_documented(const std::string& name, bool valid) {
  constexpr std::string_view kLost[] = {"format.json: ",
                                        "vocabulary.json: ",
                                        "optional/bignum.json: ",
                                        "optional/float-overflow.json: ",
                                        "optional/format/time.json: ",
                                        "optional/format/date-time.json: ",
                                        "optional/format/duration.json: ",
                                        "optional/format/hostname.json: validation of A-label"};
  if (!valid) return name.starts_with("optional/content.json: ");
  return std::any_of(std::begin(kLost), std::end(kLost), [&](auto start) { return name.starts_with(start); });
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
  for (const auto& path : files) {
    for (const Json& group : Json::parse(read_test_file(path)))
      out.push_back(
          case_of(std::filesystem::relative(path, folder).string() + ": " + group.at("description").get<std::string>(),
                  group.at("schema"), group.at("tests")));
  }
  return out;
}

std::vector<SchemaCase> bench_cases() {
  std::vector<SchemaCase> out;
  for (const std::string& line : lines_of(test_data_dir("json_schema") / "maskbench.jsonl.gz")) {
    const Json row = Json::parse(line);
    out.push_back(case_of(row.at("id").get<std::string>(), row.at("schema"), row.at("tests")));
  }
  return out;
}

std::vector<SchemaCase> large_schemas() {
  std::vector<SchemaCase> out;
  for (const std::string& line : lines_of(test_data_dir("json_schema") / "large_schemas.jsonl.gz")) {
    const Json row = Json::parse(line);
    out.push_back(case_of(row.at("id").get<std::string>(), row.at("schema"), Json::array()));
  }
  return out;
}

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
      const bool meant = taken && is_documented(test.name, false);
      tally.documented += meant;
      if (taken && !meant) tally.wrong.push_back(test.name + ": " + instance.text);
      tally.invalid_refused += !taken;
    } else if (takes(*ordered, instance.text)) {
      ++tally.valid_taken;
    } else if (takes(*loose, instance.text)) {
      ++tally.other_order;
    } else if (takes(*loose, instance.integral)) {
      ++tally.other_form;
    } else if (is_documented(test.name, true)) {
      ++tally.documented;
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
      "differences that are documented: %d\n",
      valid_taken, other_order, other_form, lost.size(), invalid_refused, wrong.size(), documented);
  for (const std::string& text : lost) std::printf("  lost:  %s\n", text.c_str());
  for (const std::string& text : wrong) std::printf("  WRONG: %s\n", text.c_str());
}

}  // namespace tollgate::local
