// What a cost record costs: on the request thread (admit, open, settle) and on the ledger thread (read back, decode,
// store). Run with --benchmark_min_time=2 on a quiet machine; "CPU" is the figure to look at. TOLLGATE_BENCH_POSTGRES
// may name an empty database to measure that store too.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "billing/crc32c.h"
#include "billing/ledger.h"
#include "billing/ledger_writer.h"
#include "ledger_samples.h"

namespace tollgate::billing {
namespace {

constexpr std::size_t kBatch = 2'000;

double process_cpu_us() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto micros = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return micros(usage.ru_utime) + micros(usage.ru_stime);
}

SpoolOptions bench_spool(const TempDir& dir) {
  SpoolOptions options;
  options.directory = dir / "spool";
  options.max_bytes = 8ull << 30;
  return options;
}

void encode_record_bytes(benchmark::State& state) {
  const CostRecord record = sample_record();
  std::string out;
  for (auto _ : state) {
    out.clear();
    encode(record, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["bytes"] = static_cast<double>(out.size());
}
BENCHMARK(encode_record_bytes);

void decode_record_bytes(benchmark::State& state) {
  std::string bytes;
  encode(sample_record(), bytes);
  CostRecord record;
  for (auto _ : state) benchmark::DoNotOptimize(decode(bytes, record));
}
BENCHMARK(decode_record_bytes);

void checksum_600_bytes(benchmark::State& state) {
  const std::string bytes(600, 'x');
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(1, bytes.data(), bytes.size()));
}
BENCHMARK(checksum_600_bytes);

// The request thread's part; a drained spool behind it, so that segments come and go as in service.
void admit_open_settle(benchmark::State& state) {
  const TempDir dir;
  auto spool = must_open(bench_spool(dir));
  auto writer = spool->make_writer();
  const CostRecord record = sample_record();
  std::vector<CostRecord> out;
  std::size_t n = 0;
  for (auto _ : state) {
    if (!writer->admit() || !writer->open(record) || !writer->settle(record)) state.SkipWithError("spool refused");
    if (++n % 100'000 == 0) {
      state.PauseTiming();
      while (out.clear(), spool->read(out, kBatch) > 0) spool->commit();
      state.ResumeTiming();
    }
  }
}
BENCHMARK(admit_open_settle);

void read_back(benchmark::State& state) {
  const TempDir dir;
  auto spool = must_open(bench_spool(dir));
  auto writer = spool->make_writer();
  for (std::size_t i = 0; i < 20 * kBatch; ++i) {
    const CostRecord record = sample_record(i);
    if (!writer->admit() || !writer->open(record) || !writer->settle(record)) state.SkipWithError("spool refused");
  }
  std::vector<CostRecord> out;
  std::int64_t records = 0;
  for (auto _ : state) {
    out.clear();
    if (spool->read(out, kBatch) == 0) spool->rewind();
    records += static_cast<std::int64_t>(out.size());
  }
  state.SetItemsProcessed(records);
}
BENCHMARK(read_back);

void append_batches(benchmark::State& state, const std::string& url) {
  const TempDir dir;
  auto ledger = open_ledger(url, dir.path());
  if (!ledger || !(*ledger)->migrate()) return state.SkipWithError("no ledger");
  std::uint64_t n = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<CostRecord> batch;
    for (std::size_t i = 0; i < kBatch; ++i) batch.push_back(sample_record(n++));
    state.ResumeTiming();
    if ((*ledger)->append(batch).verdict != AppendVerdict::ok) state.SkipWithError("append failed");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(n));
}
void append_sqlite(benchmark::State& state) { append_batches(state, "sqlite:ledger.db"); }
BENCHMARK(append_sqlite);
void append_postgres(benchmark::State& state) {
  const char* url = std::getenv("TOLLGATE_BENCH_POSTGRES");
  if (!url) return state.SkipWithError("TOLLGATE_BENCH_POSTGRES is not set");
  append_batches(state, url);
}
BENCHMARK(append_postgres);

// Everything that a record costs the process, all threads: written, read back, stored, segments removed.
void whole_path_sqlite(benchmark::State& state) {
  const TempDir dir;
  auto spool = must_open(bench_spool(dir));
  auto producer = spool->make_writer();
  MetricsRegistry metrics;
  auto ledger = open_ledger("sqlite:ledger.db", dir.path());
  LedgerWriter writer(*spool, std::move(*ledger), {}, metrics);
  std::vector<CostRecord> records;
  const double before = process_cpu_us();
  double making = 0;
  std::int64_t n = 0;
  for (auto _ : state) {
    const double begun = process_cpu_us();
    records.clear();
    for (std::size_t i = 0; i < 10 * kBatch; ++i) records.push_back(sample_record(i));
    making += process_cpu_us() - begun;
    for (const auto& record : records)
      if (!producer->admit() || !producer->open(record) || !producer->settle(record))
        state.SkipWithError("spool refused");
    if (!writer.drain_once()) state.SkipWithError("drain failed");
    n += static_cast<std::int64_t>(records.size());
  }
  state.SetItemsProcessed(n);
  state.counters["cpu_us_per_record"] = (process_cpu_us() - before - making) / static_cast<double>(n);
}
BENCHMARK(whole_path_sqlite)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tollgate::billing
