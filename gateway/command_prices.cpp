// tollgate prices: what is in effect, and what other price files would change.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "billing/price_book.h"
#include "billing/price_import.h"
#include "config/load.h"
#include "core/log.h"
#include "gateway/commands.h"

namespace tollgate::gateway {
namespace {

constexpr std::size_t kMaxPriceFile = 64u << 20;

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    if (comma > at) out.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return out;
}

bool read_file(const std::string& path, std::string& out) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return false;
  out.assign(std::istreambuf_iterator<char>(in), {});
  return out.size() <= kMaxPriceFile;
}

// The user's rows, then the shipped ones; false when the configuration is wrong (already reported).
bool rows_in_use(const std::optional<std::string>& path, std::vector<config::PriceRow>& rows) {
  auto loaded = path ? config::load_file(*path) : config::load_text(config::default_yaml(), "default");
  for (const auto& d : loaded.errors) std::fprintf(stderr, "%s\n", redacted(d.to_string()).c_str());
  rows = config::prices_in_use(loaded.config);
  return loaded.ok();
}

int list_prices(const std::vector<config::PriceRow>& rows, const std::string& prefix) {
  std::printf("%-58s %12s %12s %12s  %s\n", "row", "input", "cache_read", "output", "source");
  for (const config::PriceRow& row : rows) {
    const std::string id = row.id.empty() ? billing::price_row_id(row) : row.id;
    if (!id.starts_with(prefix)) continue;
    auto rate = [&](Bucket bucket) {
      auto found = row.rates.find(bucket);
      return found == row.rates.end() ? std::string("-") : found->second.per_million().to_string();
    };
    std::printf("%-58s %12s %12s %12s  %s %s\n", id.c_str(), rate(Bucket::input).c_str(),
                rate(Bucket::cache_read).c_str(), rate(Bucket::output).c_str(), row.source.c_str(),
                row.source_date.c_str());
  }
  return 0;
}

void print_left_out(const billing::ImportReport& report) {
  for (const auto& skipped : report.skipped)
    std::fprintf(stderr, "skipped %s: %s\n", skipped.key.c_str(), skipped.reason.c_str());
  for (const auto& q : report.quarantined)
    std::fprintf(
        stderr,
        "put aside %s: %s moves from %s to %s USD per million, more than 10x; check it and add the row by hand\n",
        billing::price_row_id(q.row).c_str(), q.what.c_str(), q.old_text.c_str(), q.new_text.c_str());
  std::fprintf(stderr, "%zu rows, %zu skipped, %zu put aside, %zu with rounded float noise\n", report.rows.size(),
               report.skipped.size(), report.quarantined.size(), report.rounded.size());
}

int print_changes(const std::vector<billing::PriceChange>& changes) {
  for (const auto& change : changes) {
    switch (change.kind) {
      case billing::PriceChangeKind::added:
        std::printf("+ %s\n", change.row.c_str());
        break;
      case billing::PriceChangeKind::removed:
        std::printf("- %s\n", change.row.c_str());
        break;
      case billing::PriceChangeKind::changed:
        std::printf("~ %s %s: %s -> %s\n", change.row.c_str(), change.what.c_str(),
                    change.old_text.empty() ? "none" : change.old_text.c_str(),
                    change.new_text.empty() ? "none" : change.new_text.c_str());
        break;
    }
  }
  std::fprintf(stderr, "%zu changes\n", changes.size());
  return 0;
}

int usage_error(const std::string& what) {
  std::fprintf(stderr, "tollgate prices: %s; `tollgate prices --help` tells the options\n", what.c_str());
  return 2;
}

}  // namespace

int run_prices(Arguments& arguments) {
  const auto verb = arguments.next();
  const auto config_path = arguments.option("--config");
  const std::string target = arguments.option("--target").value_or("");
  const auto format_name = arguments.option("--format");
  billing::ImportOptions options;
  options.vendors = split_list(arguments.option("--vendor").value_or(""));
  options.provider = arguments.option("--provider").value_or("");
  options.source_date = arguments.option("--source-date").value_or("");
  const auto file = arguments.next();
  if (const std::string problem = arguments.problem(); !problem.empty()) return usage_error(problem);
  std::vector<config::PriceRow> rows;
  if (!verb || (*verb != "list" && *verb != "import" && *verb != "diff"))
    return usage_error("say list, import or diff");
  if (!rows_in_use(config_path, rows)) return 2;
  if (*verb == "list") return list_prices(rows, target.substr(0, target.find('*')));
  billing::PriceFormat format{};
  if (!format_name || !billing::price_format_from_name(*format_name, format))
    return usage_error("--format must be litellm, genai-prices, openrouter or portkey");
  if (!file) return usage_error("name the price FILE");
  std::string text;
  if (!read_file(*file, text)) return usage_error("cannot read " + *file + " (or it is larger than 64 MiB)");
  options.against = &rows;
  auto report = billing::import_prices(format, text, options);
  if (!report) {
    std::fprintf(stderr, "tollgate prices: %s: %s\n", file->c_str(), report.error().message.c_str());
    return 1;
  }
  if (*verb == "diff") {
    // Only the vendors that the file knows: the rows of all others are not gone.
    std::erase_if(rows, [&](const config::PriceRow& row) {
      return std::none_of(report->rows.begin(), report->rows.end(),
                          [&](const auto& theirs) { return theirs.provider == row.provider; });
    });
    return print_changes(billing::diff_prices(rows, report->rows));
  }
  std::fputs(billing::prices_to_yaml(report->rows).c_str(), stdout);
  print_left_out(*report);
  return report->quarantined.empty() ? 0 : 1;
}

}  // namespace tollgate::gateway
