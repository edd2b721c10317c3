// tollgate: an LLM gateway that knows what every token costs.
#include <cstdio>
#include <exception>

#include "gateway/app.h"
#include "gateway/commands.h"

namespace {

using namespace tollgate::gateway;

void print_help(std::FILE* to) {
  std::fputs(
      "tollgate: an LLM gateway that knows what every token costs\n\n"
      "usage: tollgate COMMAND [--config FILE] [options]\n\ncommands:\n"
      "  serve      run the gateway (without --config: a built-in configuration that needs no key)\n",
      to);
  for (const Command& command : commands())
    std::fprintf(to, "  %-10.*s %.*s\n", static_cast<int>(command.name.size()), command.name.data(),
                 static_cast<int>(command.summary.size()), command.summary.data());
  std::fputs("\n`tollgate COMMAND --help` tells a command's options. Documentation: docs/ in the source tree.\n", to);
}

constexpr const char* kServeUsage =
    "usage: tollgate serve [--config FILE]\n\n"
    "Runs until SIGTERM or SIGINT; running requests are finished first. SIGHUP or a change of FILE reloads it.\n";

int serve(Arguments& arguments) {
  if (arguments.flag("--help")) {
    std::fputs(kServeUsage, stdout);
    return 0;
  }
  const auto config = arguments.option("--config");
  if (const std::string problem = arguments.problem(); !problem.empty()) {
    std::fprintf(stderr, "tollgate serve: %s\n%s", problem.c_str(), kServeUsage);
    return 2;
  }
  App app(config.value_or(""));
  return app.run();
}

int run(int argc, char** argv) {
  if (argc < 2) {
    print_help(stderr);
    return 2;
  }
  const std::string_view name = argv[1];
  if (name == "--help" || name == "-h" || name == "help") {
    print_help(stdout);
    return 0;
  }
  if (name == "--version") {
    std::printf("tollgate %s\n", TOLLGATE_VERSION);
    return 0;
  }
  Arguments arguments(std::vector<std::string>(argv + 2, argv + argc));
  if (name == "serve") return serve(arguments);
  for (const Command& command : commands()) {
    if (command.name != name) continue;
    if (arguments.flag("--help")) {
      std::printf("%.*s", static_cast<int>(command.usage.size()), command.usage.data());
      return 0;
    }
    const int status = command.run(arguments);
    return status;
  }
  std::fprintf(stderr, "tollgate: no command '%s'; `tollgate --help` lists them\n", argv[1]);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tollgate: %s\n", e.what());
    return 1;
  }
}
