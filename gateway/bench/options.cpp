#include "gateway/bench/options.h"

#include <charconv>
#include <cmath>

#include "config/units.h"

namespace tollgate::gateway::bench {
namespace {

Error misuse(std::string message) {
  return Error{.kind = ErrorKind::client_fault, .status = 400, .code = "usage", .message = std::move(message)};
}

// Takes options out one by one and keeps the first complaint.
class Reader {
 public:
  explicit Reader(Arguments& arguments) : arguments_(arguments) {}

  void count(const char* name, std::size_t least, std::size_t most, std::size_t& out) {
    const auto text = arguments_.option(name);
    if (!text) return;
    const auto value = config::parse_integer(*text);
    if (!value || *value < 0 || static_cast<std::uint64_t>(*value) < least || static_cast<std::uint64_t>(*value) > most)
      return complain(name, *text, "a number from " + std::to_string(least) + " to " + std::to_string(most));
    out = static_cast<std::size_t>(*value);
  }

  // Positive, below a thousand million.
  void number(const char* name, const char* what, std::optional<double>& out) {
    const auto text = arguments_.option(name);
    if (!text) return;
    double value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size() || !(value > 0 && value < 1e9))
      return complain(name, *text, what);
    out = value;
  }

  void bytes(const char* name, std::size_t& out) {
    const auto text = arguments_.option(name);
    if (!text) return;
    const auto value = config::parse_bytes(*text);
    if (!value || *value <= 0) return complain(name, *text, "a size such as 512MiB or 4GiB");
    out = static_cast<std::size_t>(*value);
  }

  template <class T, class Parse>
  void parsed(const char* name, const Parse& parse, T& out) {
    const auto text = arguments_.option(name);
    if (!text) return;
    auto value = parse(*text);
    if (!value) return fail(std::move(value).error());
    out = *std::move(value);
  }

  void complain(const char* name, const std::string& text, const std::string& wanted) {
    fail(misuse(std::string(name) + ": '" + text + "' is not " + wanted));
  }
  void fail(Error error) {
    if (!problem_) problem_ = std::move(error);
  }
  const std::optional<Error>& problem() const { return problem_; }

 private:
  Arguments& arguments_;
  std::optional<Error> problem_;
};

void read_machine(Arguments& arguments, Reader& reader, Options& out) {
  out.device = arguments.option("--device").value_or(out.device);
  std::size_t threads = 0, seed = out.seed;
  reader.count("--threads", 1, 1024, threads);
  out.threads = static_cast<int>(threads);
  const std::string kv = arguments.option("--kv").value_or("f16");
  if (kv != "f16" && kv != "q8") reader.complain("--kv", kv, "f16 or q8");
  out.kv = kv == "q8" ? local::KvType::q8 : local::KvType::f16;
  reader.bytes("--kv-memory", out.kv_bytes);
  reader.count("--context", 16, 1u << 24, out.context);
  reader.count("--seed", 0, 1u << 30, seed);
  out.seed = seed;
  reader.parsed("--machine-hour", parse_hourly, out.hourly);
  reader.parsed("--gpu-hour", parse_hourly, out.hourly);
  out.json = arguments.option("--json").value_or("");
}

void read_grid(Arguments& arguments, Reader& reader, Options& out) {
  arguments.flag("--grid");
  GridOptions& grid = out.grid;
  grid.seed = out.seed;
  auto rows = parse_rows(arguments.option("--rows").value_or(std::string(kUsualRows)));
  if (!rows) return reader.fail(std::move(rows).error());
  grid.rows = *std::move(rows);
  reader.count("--depth", 0, kMostPrompt, grid.depth);
  reader.count("--steps", 1, kMostSteps, grid.steps);
  reader.count("--repeat", 1, kMostRepeats, grid.repeats);
  reader.number("--bandwidth", "a number of GB per second, such as 4800", out.bandwidth);
  reader.number("--peak", "a number of TFLOPS, such as 989", out.peak);
}

void read_hosted(Arguments& arguments, Reader& reader, Options& out) {
  const auto against = arguments.option("--against"), given = arguments.option("--hosted-price");
  if (!against && !given) return;
  if (against && given) return reader.fail(misuse("say --against or --hosted-price, not both"));
  auto price = against ? HostedPrice::shipped(*against) : HostedPrice::given(*given);
  if (!price) return reader.fail(std::move(price).error());
  out.hosted = *std::move(price);
  if (!out.hourly) reader.fail(misuse("a comparison needs the price of this machine, too: say --machine-hour USD"));
}

void read_serve(Arguments& arguments, Reader& reader, Options& out) {
  WorkloadOptions& load = out.workload;
  load.seed = out.seed;
  if (auto shape = parse_shape(out.shape_name); shape)
    load.shape = *shape;
  else
    reader.fail(std::move(shape).error());
  if (arguments.flag("--grid")) reader.fail(misuse("say --grid or --serve, not both"));
  const auto rate = arguments.option("--rate");
  if (rate && *rate != "max") {
    double value = 0;
    const auto [end, error] = std::from_chars(rate->data(), rate->data() + rate->size(), value);
    if (error != std::errc() || end != rate->data() + rate->size() || !(value >= 1e-3 && value <= 1e6))
      reader.complain("--rate", *rate, "a number of requests per second from 0.001 to 1000000, or max");
    load.rate = value;
  }
  reader.count("--requests", 1, kMostRequests, load.requests);
  reader.count("--group", 1, kMostRequests, load.group);
  reader.count("--max-running", 1, 4096, out.max_running);
  read_hosted(arguments, reader, out);
}

}  // namespace

Result<Options> read_options(Arguments& arguments) {
  Options out;
  Reader reader(arguments);
  read_machine(arguments, reader, out);
  if (const auto shape = arguments.option("--serve")) {
    out.serve = true;
    out.shape_name = *shape;
    read_serve(arguments, reader, out);
  } else {
    read_grid(arguments, reader, out);
  }
  const auto model = arguments.next();
  if (const std::string problem = arguments.problem(); !problem.empty()) return misuse(problem);
  if (reader.problem()) return *reader.problem();
  if (!model) return misuse("name the model: a GGUF file, or builtin:demo");
  out.model = *model;
  return out;
}

}  // namespace tollgate::gateway::bench
