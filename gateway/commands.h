// The commands of the `tollgate` binary but for `serve`. Each takes its own arguments and gives the exit status: 0
// fine, 1 it failed, 2 bad usage or configuration. Results go to stdout, everything else to stderr.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::gateway {

// Options of the form --name VALUE or --name=VALUE, and what is left.
class Arguments {
 public:
  explicit Arguments(std::vector<std::string> words) : words_(std::move(words)) {}
  // Takes an option out; nullopt if absent. A missing value is reported by problem().
  std::optional<std::string> option(std::string_view name);
  bool flag(std::string_view name);
  // Takes the next word that is no option.
  std::optional<std::string> next();
  // What is wrong, or what was not understood, in words; empty if nothing.
  std::string problem() const;

 private:
  std::vector<std::string> words_;
  std::string problem_;
};

struct Command {
  std::string_view name, summary, usage;
  int (*run)(Arguments& arguments);
};
const std::vector<Command>& commands();

int run_check(Arguments& arguments);
int run_migrate(Arguments& arguments);
int run_report(Arguments& arguments);
int run_prices(Arguments& arguments);
int run_keys(Arguments& arguments);
int run_model(Arguments& arguments);
int run_bench(Arguments& arguments);
int run_spool(Arguments& arguments);

int pull_model(Arguments& arguments);  // `tollgate model pull`

}  // namespace tollgate::gateway
