// The files embedded in the binary: the default configuration, vendor rows (parsed once, on first use) and price rows.
// They are part of the program, so an error in them is a bug (and fails the tests). Thread rule: safe on any thread.
#include <iterator>
#include <string>

#include "config/describe.h"
#include "config/load.h"
#include "config/reader.h"
#include "config/yaml_tree.h"
#include "core/log.h"

namespace tollgate::embedded {
std::string_view default_yaml();
std::string_view providers_yaml();
std::string_view prices_yaml();
}  // namespace tollgate::embedded

namespace tollgate::config {
namespace {

void complain(const LoadResult& result) {
  for (const Diagnostic& diagnostic : result.errors) log_error(diagnostic.to_string());
}

std::optional<YamlTree> parse_shipped(std::string_view text, const char* file, LoadResult& result) {
  std::vector<YamlProblem> problems;
  std::optional<YamlTree> tree = parse_yaml(text, problems);
  for (const YamlProblem& problem : problems) {
    result.errors.push_back({file, problem.mark.line, problem.mark.column, problem.message});
  }
  return tree;
}

std::vector<Provider> read_providers() {
  constexpr const char* kFile = "providers.yaml";
  LoadResult result;
  std::vector<Provider> rows;
  if (const auto tree = parse_shipped(embedded::providers_yaml(), kFile, result)) {
    Reader reader(*tree, kFile, {.references = false, .marks = false, .base_dir = {}}, result);
    reader.start();
    named_items(reader, {"providers", {}}, rows);
    reader.finish();
  }
  complain(result);
  return rows;
}

}  // namespace

std::vector<PriceRow> parse_price_rows(std::string_view yaml, const std::string& name,
                                       std::vector<Diagnostic>& errors) {
  LoadResult result;
  std::vector<PriceRow> rows;
  if (const auto tree = parse_shipped(yaml, name.c_str(), result)) {
    Reader reader(*tree, name, {.references = false, .marks = false, .base_dir = {}}, result);
    const YamlNode& root = tree->root();
    if (root.kind != YamlNode::Kind::list) reader.error(root.mark, "the file must be a list of price rows");
    for (std::size_t i = 0; i < root.children.size() && root.kind == YamlNode::Kind::list; ++i) {
      PriceEntry entry;
      reader.read_map(tree->at(root.children[i]), "", entry);
      for (PriceRow& row : price_rows(entry, name)) rows.push_back(std::move(row));
    }
  }
  errors.insert(errors.end(), result.errors.begin(), result.errors.end());
  return rows;
}

std::string_view default_yaml() { return embedded::default_yaml(); }

std::vector<PriceRow> shipped_prices() {
  LoadResult result;
  std::vector<PriceRow> rows = parse_price_rows(embedded::prices_yaml(), "prices.yaml", result.errors);
  complain(result);
  return rows;
}

std::vector<PriceRow> prices_in_use(const Config& config) {
  std::vector<PriceRow> rows = config.prices;
  if (config.shipped_prices) {
    std::vector<PriceRow> shipped = shipped_prices();
    rows.insert(rows.end(), std::make_move_iterator(shipped.begin()), std::make_move_iterator(shipped.end()));
  }
  return rows;
}

const std::vector<Provider>& shipped_providers() {
  static const std::vector<Provider> rows = read_providers();
  return rows;
}

}  // namespace tollgate::config
