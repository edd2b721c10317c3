// tollgate bench engine: what the local engine gives on this machine. Needs no configuration and no network. Thread
// rule: one thread beside the engine's.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "config/schema.h"
#include "gateway/bench/bandwidth.h"
#include "gateway/bench/options.h"
#include "gateway/bench/prefill_run.h"
#include "gateway/bench/report.h"
#include "gateway/commands.h"
#include "models/embedded.h"

namespace tollgate::gateway {
namespace {

using bench::Options;

constexpr std::size_t kUsualContext = 8192;  // what a context of 0 is to the engine, or the model's if that is shorter

// What a run needs of the engine that depends on what is measured.
struct Needs {
  std::size_t blocks = 1, running = 1;
  std::vector<bench::PlannedRequest> plan;  // of a serving bench
};

// The most of the machine's memory that KV blocks take unless more is asked for.
std::size_t most_kv_bytes() {
  const long pages = ::sysconf(_SC_PHYS_PAGES), size = ::sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? static_cast<std::size_t>(pages) * static_cast<std::size_t>(size) / 4
                               : std::size_t{1} << 30;
}

Result<std::shared_ptr<const local::GgufFile>> open_model(const std::string& name) {
  return name == config::kBuiltinModel ? local::GgufFile::parse(models::demo(), name) : local::GgufFile::open(name);
}

Result<Needs> needs_of(const Options& options, std::size_t context) {
  Needs needs;
  if (!options.serve) {
    needs.blocks = blocks_for(options.grid, context);
    needs.running = largest_batch(options.grid.rows);
    return needs;
  }
  bench::WorkloadOptions workload = options.workload;
  workload.context = context;
  auto plan = plan_requests(workload);
  if (!plan) return std::move(plan).error();
  needs.plan = *std::move(plan);
  needs.running = options.max_running;
  needs.blocks = blocks_for(needs.plan, needs.running);
  return needs;
}

local::EngineOptions engine_options(const Options& options, const local::ModelConfig& model, const Needs& needs) {
  local::EngineOptions out;
  out.file = options.model;
  if (options.model == config::kBuiltinModel) out.image = models::demo();
  out.device = options.device;
  out.threads = options.threads;
  out.kv = options.kv;
  out.context = options.context;
  out.kv_bytes = options.kv_bytes;
  if (out.kv_bytes == 0 && !options.device.starts_with("cuda")) {  // those devices have memory of their own
    const local::KvLayout kv{options.kv, model.layers, model.kv_heads, model.head_dim};
    out.kv_bytes = std::min(needs.blocks * kv.block_bytes(), std::max(most_kv_bytes(), kv.block_bytes()));
  }
  out.scheduler.max_running = needs.running;
  out.scheduler.max_waiting = std::max(needs.plan.size(), needs.running);
  out.scheduler.max_drafts = 0;  // random text is guessed as no other text is
  return out;
}

bench::Setting setting_of(const Options& options, const local::GgufFile& file, const local::ModelConfig& model,
                          const local::Engine& engine, bench::Progress& progress) {
  const local::BackendInfo& device = engine.backend();
  bench::Setting out{.file = options.model,
                     .name = engine.name(),
                     .architecture = model.architecture,
                     .device = device.device,
                     .kv = options.kv == local::KvType::q8 ? "q8" : "f16",
                     .file_bytes = file.size(),
                     .context = engine.context(),
                     .kv_blocks = device.blocks,
                     .step_tokens = std::min(device.max_step_tokens, local::SchedulerOptions().max_step_tokens),
                     .bandwidth = options.bandwidth,
                     .peak = options.peak,
                     .hourly = options.hourly};
  if (!out.bandwidth && !options.serve && device.device.starts_with("cpu")) {
    progress.say("memory", true);
    out.bandwidth = bench::read_bandwidth(bench::beyond_caches(), options.threads);
    out.bandwidth_measured = out.bandwidth.has_value();
  }
  return out;
}

// The file of --json, open before anything is measured: a wrong name should not cost an hour.
struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using Output = std::unique_ptr<std::FILE, Closer>;

Error no_output(const std::string& path) {
  return Error{.kind = ErrorKind::client_fault, .status = 400, .code = "no_output", .message = "cannot write " + path};
}

Result<Output> open_output(const Options& options) {
  if (options.json.empty() || options.json == "-") return Output();
  Output file(std::fopen(options.json.c_str(), "wb"));
  if (!file) return no_output(options.json);
  return file;
}

Result<void> tell(const Options& options, std::FILE* file, const bench::Setting& setting, const bench::GridReport* grid,
                  const bench::ServeReport* serve) {
  const std::string json = bench::report_json(setting, grid, serve);
  if (options.json == "-") {
    std::fputs(json.c_str(), stdout);
    return {};
  }
  std::fputs(bench::setting_text(setting).c_str(), stdout);
  std::fputs((grid ? bench::grid_text(setting, *grid) : bench::serve_text(*serve)).c_str(), stdout);
  if (file && (std::fwrite(json.data(), 1, json.size(), file) != json.size() || std::fflush(file) != 0))
    return no_output(options.json);
  return {};
}

Result<void> measure(const Options& options, std::FILE* file, local::Engine& engine, const bench::Setting& setting,
                     const bench::ModelWork& work, const Needs& needs, bench::Progress& progress) {
  progress.say("first steps", true);
  if (auto warm = bench::warm_up(engine, bench::kPatience); !warm) return warm;
  if (options.serve) {
    auto figures = bench::run_serve(engine, needs.plan, options.seed, bench::kPatience, progress);
    if (!figures) return std::move(figures).error();
    bench::ServeReport report{options.shape_name, options.workload, *std::move(figures), {}};
    report.cost = bench::cost_of(report.figures, options.hourly, options.hosted);
    return tell(options, file, setting, nullptr, &report);
  }
  auto figures = bench::run_grid(engine, options.grid, progress);
  if (!figures) return std::move(figures).error();
  bench::GridReport report{options.grid, {}};
  for (const bench::GridFigure& figure : *figures)
    report.rows.push_back(bench::speed_of(figure, options.grid, work, setting));
  return tell(options, file, setting, &report, nullptr);
}

Result<void> run(const Options& options) {
  auto file = open_model(options.model);
  if (!file) return std::move(file).error();
  auto model = local::read_model_config(**file);
  if (!model) return std::move(model).error();
  const std::size_t context = std::min(options.context == 0 ? kUsualContext : options.context, model->context);
  auto needs = needs_of(options, context);
  if (!needs) return std::move(needs).error();
  needs->blocks = std::max(needs->blocks, (context + local::kBlockTokens - 1) / local::kBlockTokens);
  auto output = open_output(options);
  if (!output) return std::move(output).error();
  bench::Progress progress;
  progress.say("loading " + options.model, true);
  auto engine = local::Engine::load(engine_options(options, *model, *needs));
  if (!engine) return std::move(engine).error();
  const bench::Setting setting = setting_of(options, **file, *model, **engine, progress);
  const bench::ModelWork work = bench::work_of(**file, *model, (*engine)->backend().block_bytes);
  auto done = measure(options, output->get(), **engine, setting, work, *needs, progress);
  progress.clear();
  if (!done && done.error().code == bench::kStalled) {
    // The engine's thread is in a step that does not end, and ending it would wait for that.
    std::fprintf(stderr, "tollgate bench: %s\n", done.error().message.c_str());
    std::fflush(nullptr);
    std::_Exit(1);
  }
  return done;
}

}  // namespace

int run_bench(Arguments& arguments) {
  if (arguments.next() != "engine") {
    std::fputs("tollgate bench: say `tollgate bench engine MODEL`; `tollgate bench --help` tells the options\n",
               stderr);
    return 2;
  }
  auto options = bench::read_options(arguments);
  if (!options) {
    std::fprintf(stderr, "tollgate bench: %s; `tollgate bench --help` tells the options\n",
                 options.error().message.c_str());
    return 2;
  }
  if (auto done = run(*options); !done) {
    std::fprintf(stderr, "tollgate bench: %s\n", done.error().message.c_str());
    return done.error().kind == ErrorKind::client_fault && done.error().code == "bad_workload" ? 2 : 1;
  }
  return 0;
}

}  // namespace tollgate::gateway
