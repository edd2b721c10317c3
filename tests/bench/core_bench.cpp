// Micro benchmarks of what every request passes through. Run a release build: core_bench --benchmark_repetitions=5.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "core/id.h"
#include "core/json.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/money.h"
#include "core/sse.h"

namespace tollgate {
namespace {

// A chat body of about `size` bytes: turns of 400 bytes with some escapes, as agents send them.
std::string chat_body(std::size_t size) {
  std::string body = R"({"model":"gpt-5-mini","stream":true,"stream_options":{"include_usage":true},"messages":[)";
  const std::string sentence = R"(The quick brown fox jumps over the lazy dog, \"again\" and again.\n)";
  for (bool first = true; body.size() + 450 < size; first = false) {
    body += first ? "" : ",";
    body += R"({"role":"user","content":")";
    for (int i = 0; i < 6; ++i) body += sentence;
    body += "\"}";
  }
  return body + R"(],"max_tokens":512,"temperature":0.2,"user":"u-1"})";
}

void scan_request_body(benchmark::State& state) {
  std::string body = chat_body(static_cast<std::size_t>(state.range(0)));
  const std::size_t size = body.size();
  body.append(kJsonPadding, ' ');
  for (auto _ : state) benchmark::DoNotOptimize(scan_request(std::string_view(body.data(), size)));
  state.SetBytesProcessed(static_cast<std::int64_t>(size) * static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(scan_request_body)->Arg(2'048)->Arg(24'576)->Arg(262'144)->Arg(1'048'576);

void scan_usage_of_reply(benchmark::State& state) {
  std::string reply =
      R"({"id":"chatcmpl-1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"content":")" +
      std::string(1500, 'x') + R"("}}],"usage":{"prompt_tokens":12,"completion_tokens":300}})";
  const std::size_t size = reply.size();
  reply.append(kJsonPadding, ' ');
  const std::string_view names[] = {"usage", "model"};
  ByteRange values[2];
  for (auto _ : state) benchmark::DoNotOptimize(scan_members(std::string_view(reply.data(), size), names, values));
}
BENCHMARK(scan_usage_of_reply);

void read_usage_object(benchmark::State& state) {
  const std::string usage =
      R"({"prompt_tokens":1200,"completion_tokens":300,"total_tokens":1500,"prompt_tokens_details":{"cached_tokens":1024},)"
      R"("completion_tokens_details":{"reasoning_tokens":128}})";
  JsonReader reader;
  for (auto _ : state) {
    const auto root = reader.parse(usage);
    benchmark::DoNotOptimize((*root)["completion_tokens_details"]["reasoning_tokens"].as_int());
  }
}
BENCHMARK(read_usage_object);

std::string stream_of(int events, std::size_t payload) {
  std::string out;
  for (int i = 0; i < events; ++i) write_sse_event(out, "", "{\"delta\":\"" + std::string(payload, 'x') + "\"}");
  return out;
}

// A stream of 32 events, each in a chunk of its own; the second argument is the size of an event's text.
void sse_stream(benchmark::State& state) {
  const std::string event = stream_of(1, static_cast<std::size_t>(state.range(0)));
  std::int64_t events = 0;
  for (auto _ : state) {
    SseScanner scanner;
    SseEvent found;
    for (int i = 0; i < 32; ++i) {
      scanner.feed(event);
      while (scanner.next(found)) ++events;
    }
    benchmark::DoNotOptimize(scanner.partial_bytes());
  }
  state.SetItemsProcessed(events);
  state.SetBytesProcessed(events * static_cast<std::int64_t>(event.size()));
}
BENCHMARK(sse_stream)->Arg(20)->Arg(300)->Arg(16'000);

// The same bytes in chunks of 1,460 that cut events anywhere.
void sse_cut_anywhere(benchmark::State& state) {
  const std::string stream = stream_of(32, static_cast<std::size_t>(state.range(0)));
  std::int64_t events = 0;
  for (auto _ : state) {
    SseScanner scanner;
    SseEvent found;
    for (std::size_t at = 0; at < stream.size(); at += 1'460) {
      scanner.feed(std::string_view(stream).substr(at, 1'460));
      while (scanner.next(found)) ++events;
    }
  }
  state.SetItemsProcessed(events);
  state.SetBytesProcessed(static_cast<std::int64_t>(stream.size()) * static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(sse_cut_anywhere)->Arg(300)->Arg(16'000);

void rate_times(benchmark::State& state) {
  const Rate rate = Rate::per_million(*Money::parse("2.50"));
  const std::vector<Factor> factors(static_cast<std::size_t>(state.range(0)), Factor{11, 1});
  std::int64_t units = 1'234;
  for (auto _ : state) benchmark::DoNotOptimize(rate.times(units++, factors.data(), static_cast<int>(factors.size())));
}
BENCHMARK(rate_times)->Arg(0)->Arg(2);

void rate_times_wide(benchmark::State& state) {
  const Rate rate = Rate::per_million(*Money::parse("1000000000"));
  const Factor factors[] = {{1'123'456'789, 9}, {1'987'654'321, 9}};
  for (auto _ : state) benchmark::DoNotOptimize(rate.times(5'000'000'000, factors, 2));
}
BENCHMARK(rate_times_wide);

void money_text(benchmark::State& state) {
  const Money amount = *Money::parse("0.000054399");
  for (auto _ : state) benchmark::DoNotOptimize(amount.to_string());
}
BENCHMARK(money_text);

void id_next(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Id::next());
}
BENCHMARK(id_next);

void id_text(benchmark::State& state) {
  const Id id = Id::next();
  for (auto _ : state) benchmark::DoNotOptimize(id.to_string());
}
BENCHMARK(id_text);

void histogram_observe(benchmark::State& state) {
  MetricsRegistry registry;
  Histogram& histogram = registry.histogram("t", "h", {}, {100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000});
  std::int64_t value = 0;
  for (auto _ : state) histogram.observe(value = (value * 31 + 7) % 20'000'000);
}
BENCHMARK(histogram_observe);

void counter_lookup(benchmark::State& state) {
  MetricsRegistry registry;
  const Labels labels = {{"surface", "chat"}, {"provider", "openai"}};
  for (auto _ : state) registry.counter("c_total", "h", labels).add();
}
BENCHMARK(counter_lookup);

void suppressed_log_line(benchmark::State& state) {
  for (auto _ : state) log_debug("below the level", {{"a", std::int64_t{1}}});
}
BENCHMARK(suppressed_log_line);

}  // namespace
}  // namespace tollgate
