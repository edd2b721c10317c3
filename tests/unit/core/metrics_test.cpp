#include "core/metrics.h"

#include <gtest/gtest.h>

#include <thread>

namespace tollgate {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, ExposesCountersAndGauges) {
  MetricsRegistry registry;
  registry.counter("tollgate_requests_total", "Requests.", {{"surface", "chat"}}).add(3);
  registry.counter("tollgate_cost_usd_total", "Cost.", {}, 1e9).add(1'500'000'000);
  registry.gauge("tollgate_streams", "Open streams.").set(-4);
  const std::string text = registry.expose();
  EXPECT_TRUE(has_line(text, "# HELP tollgate_requests_total Requests."));
  EXPECT_TRUE(has_line(text, "# TYPE tollgate_requests_total counter"));
  EXPECT_TRUE(has_line(text, "tollgate_requests_total{surface=\"chat\"} 3"));
  EXPECT_TRUE(has_line(text, "tollgate_cost_usd_total 1.5"));
  EXPECT_TRUE(has_line(text, "# TYPE tollgate_streams gauge"));
  EXPECT_TRUE(has_line(text, "tollgate_streams -4"));
}

TEST(Metrics, ExposesCumulativeHistograms) {
  MetricsRegistry registry;
  Histogram& latency = registry.histogram("tollgate_seconds", "Time.", {{"m", "a"}}, {1000, 500'000, 1'000'000}, 1e6);
  for (const std::int64_t micros : {1, 1000, 1001, 500'000, 2'000'000}) latency.observe(micros);
  EXPECT_EQ(latency.snapshot().buckets, (std::vector<std::uint64_t>{2, 2, 0, 1}));
  const std::string text = registry.expose();
  EXPECT_TRUE(has_line(text, "tollgate_seconds_count{m=\"a\"} 5"));
  EXPECT_TRUE(has_line(text, "tollgate_seconds_bucket{m=\"a\",le=\"0.001\"} 2"));
  EXPECT_TRUE(has_line(text, "tollgate_seconds_bucket{m=\"a\",le=\"0.5\"} 4"));
  EXPECT_TRUE(has_line(text, "tollgate_seconds_bucket{m=\"a\",le=\"1\"} 4"));
  EXPECT_TRUE(has_line(text, "tollgate_seconds_bucket{m=\"a\",le=\"+Inf\"} 5"));
  EXPECT_NE(text.find("tollgate_seconds_sum{m=\"a\"} 2.502002"), std::string::npos) << text;
}

TEST(Metrics, OneSeriesPerLabelSetInAnyOrder) {
  MetricsRegistry registry;
  Counter& first = registry.counter("c_total", "h", {{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(&first, &registry.counter("c_total", "h", {{"b", "2"}, {"a", "1"}}));
  EXPECT_NE(&first, &registry.counter("c_total", "h", {{"a", "12"}, {"b", ""}}));
  EXPECT_NE(&first, &registry.counter("c_total", "h"));
}

TEST(Metrics, LimitsSeries) {
  MetricsRegistry registry;
  registry.set_series_limit(3);
  for (int i = 0; i < 10; ++i) registry.counter("c_total", "h", {{"model", std::to_string(i)}}).add();
  registry.counter("c_total", "h", {{"model", "0"}}).add();
  const std::string text = registry.expose();
  EXPECT_TRUE(has_line(text, "c_total{model=\"0\"} 2"));
  EXPECT_TRUE(has_line(text, "c_total{model=\"1\"} 1"));
  EXPECT_TRUE(has_line(text, "c_total{model=\"_other\"} 8"));
  EXPECT_EQ(text.find("model=\"2\""), std::string::npos);
  EXPECT_TRUE(has_line(text, "tollgate_metric_series_dropped_total{family=\"c_total\"} 8"));
}

TEST(Metrics, LabelsCannotBreakTheText) {
  MetricsRegistry registry;
  registry.counter("c_total", "h", {{"user", "a\"b\\c\nd\xff"}}).add();
  registry.counter("d_total", "h", {{"user", std::string(10'000, 'x')}}).add();
  const std::string text = registry.expose();
  EXPECT_TRUE(has_line(text, "c_total{user=\"a\\\"b\\\\c\\nd\xEF\xBF\xBD\"} 1")) << text;
  EXPECT_LT(text.size(), 1000u);
}

TEST(Metrics, UpdatesBeforeEachScrape) {
  MetricsRegistry registry;
  int calls = 0;
  registry.on_scrape([&] { registry.gauge("g", "h").set(++calls); });
  EXPECT_TRUE(has_line(registry.expose(), "g 1"));
  EXPECT_TRUE(has_line(registry.expose(), "g 2"));
}

TEST(Metrics, CollectsWhatIsKeptElsewhere) {
  MetricsRegistry registry;
  registry.counter("a_total", "h").add();
  Histogram took({10, 20});
  took.observe(15);
  bool both = true;
  registry.on_collect([&](MetricsSink& sink) {
    sink.counter("other:c_total", "h", {{"model", "x"}}, 2'500, 1e3);
    if (both) sink.counter("other:c_total", "h", {{"model", "y"}}, 1'000, 1e3);
    sink.gauge("other:g", "h", {{"model", "bad\xff"}}, -1);
    sink.histogram("other:h", "h", {}, took, 10);
  });
  const std::string text = registry.expose();
  for (const char* line : {"a_total 1", "other:c_total{model=\"x\"} 2.5", "other:c_total{model=\"y\"} 1",
                           "other:g{model=\"bad\xEF\xBF\xBD\"} -1", "other:h_bucket{le=\"1\"} 0",
                           "other:h_bucket{le=\"2\"} 1", "other:h_sum 1.5", "# TYPE other:c_total counter"})
    EXPECT_TRUE(has_line(text, line)) << line << "\n" << text;
  both = false;
  const std::string after = registry.expose();
  EXPECT_TRUE(has_line(after, "other:c_total{model=\"x\"} 2.5"));
  EXPECT_EQ(after.find("model=\"y\""), std::string::npos) << "what is not told of again is gone";
}

TEST(Metrics, ThreadsLoseNothing) {
  MetricsRegistry registry;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&registry, t] {
      Counter& shared = registry.counter("c_total", "h");
      Histogram& histogram = registry.histogram("t", "h", {}, {10, 20});
      for (int i = 0; i < 10'000; ++i) {
        shared.add();
        histogram.observe(i % 30);
        if (i % 1000 == 0) registry.counter("own_total", "h", {{"t", std::to_string(t)}}).add();
        if (i % 2000 == 0) EXPECT_FALSE(registry.expose().empty());
      }
    });
  for (auto& thread : threads) thread.join();
  const std::string text = registry.expose();
  EXPECT_TRUE(has_line(text, "c_total 40000"));
  EXPECT_TRUE(has_line(text, "t_count 40000"));
  EXPECT_TRUE(has_line(text, "own_total{t=\"3\"} 10"));
}

}  // namespace
}  // namespace tollgate
