// tollgate model: fetch model files (command_pull.cpp), look at them and make smaller ones. Needs no configuration.
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "gateway/commands.h"
#include "local_backend/convert/convert.h"
#include "local_backend/convert/inspect.h"

namespace tollgate::gateway {
namespace {

int failed(const Error& error) {
  std::fprintf(stderr, "tollgate model: %s\n", error.message.c_str());
  return 1;
}

int wrong(const char* what) {
  std::fprintf(stderr, "tollgate model: %s; see `tollgate model --help`\n", what);
  return 2;
}

int inspect(Arguments& arguments) {
  const bool json = arguments.flag("--json");
  const auto path = arguments.next();
  if (!path) return wrong("inspect needs a FILE");
  if (const std::string problem = arguments.problem(); !problem.empty()) return wrong(problem.c_str());
  auto file = local::GgufFile::open(*path);
  if (!file) return failed(file.error());
  std::fputs((json ? local::describe_json(**file) : local::describe_text(**file)).c_str(), stdout);
  if (json) std::fputc('\n', stdout);
  return 0;
}

// A line that is drawn over itself; nothing where nobody looks.
void draw_progress(const local::ConvertProgress& progress) {
  static const bool watched = ::isatty(STDERR_FILENO) == 1;
  if (!watched) return;
  constexpr int kWidth = 30;
  const double part =
      progress.total == 0 ? 1 : static_cast<double>(progress.done) / static_cast<double>(progress.total);
  const int full = static_cast<int>(part * kWidth);
  std::fprintf(stderr, "\r[%.*s%.*s] %3d %%  %-40.40s", full, "##############################", kWidth - full,
               "..............................", static_cast<int>(part * 100), std::string(progress.tensor).c_str());
  if (progress.tensor.empty()) std::fputc('\n', stderr);
}

double megabytes(std::uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

int quantize(Arguments& arguments) {
  const auto type_name = arguments.option("--type");
  const bool force = arguments.flag("--force");
  const auto in = arguments.next(), out = arguments.next();
  if (!in || !out) return wrong("quantize needs IN and OUT");
  if (const std::string problem = arguments.problem(); !problem.empty()) return wrong(problem.c_str());
  const bool folder = std::filesystem::is_directory(*in);
  if (!type_name && !folder) return wrong("quantize needs --type");
  const local::TensorTypeInfo* type = type_name ? local::tensor_type_info(*type_name) : nullptr;
  if (type_name && !type) return wrong("the type is not known");
  if (!force && std::filesystem::exists(*out)) return wrong("OUT is there already; --force writes over it");
  const local::ConvertOptions options{.progress = draw_progress};
  std::string source = *in;
  const std::string whole = *out + ".unquantized";
  if (folder) {  // first the folder as it is, then fewer bits
    auto imported = local::import_folder(*in, type ? whole : *out, options);
    if (!imported) return failed(imported.error());
    for (const std::string& note : imported->notes) std::fprintf(stderr, "%s\n", note.c_str());
    if (!type) return 0;
    source = whole;
  }
  auto done = local::quantize_file(source, *out, type->type, options);
  std::error_code ignored;
  if (folder) std::filesystem::remove(whole, ignored);
  if (!done) return failed(done.error());
  for (const std::string& note : done->notes) std::fprintf(stderr, "%s\n", note.c_str());
  std::printf(
      "%s: %llu tensors, %.1f MB to %.1f MB, %.2f bits per weight\n", out->c_str(),
      static_cast<unsigned long long>(done->tensors), megabytes(done->bytes_in), megabytes(done->bytes_out),
      done->weights == 0 ? 0.0 : 8.0 * static_cast<double>(done->bytes_out) / static_cast<double>(done->weights));
  return 0;
}

}  // namespace

int run_model(Arguments& arguments) {
  const auto action = arguments.next();
  if (action == "inspect") return inspect(arguments);
  if (action == "quantize") return quantize(arguments);
  if (action == "pull") return pull_model(arguments);
  return wrong(action ? "no such action" : "an action is missing: pull, inspect or quantize");
}

}  // namespace tollgate::gateway
