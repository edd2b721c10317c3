// Metrics: counters, gauges and histograms with bounded labels, exposed as Prometheus text (prometheus-cpp's
// serializer). Handles are looked up once (a lock) and then cost one relaxed atomic add each. Values are integers; a
// family's `scale` turns them into base units at scrape time (micro- to seconds, nano-USD to USD), so money is never
// summed as a double. A family that reaches its series limit sends further label sets to one series labelled "_other"
// and counts them in tollgate_metric_series_dropped_total. Thread rule: everything here is safe on any thread; handles
// live as long as the registry.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate {

using Labels = std::vector<std::pair<std::string, std::string>>;

class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(std::int64_t v) noexcept { value_.store(v, std::memory_order_relaxed); }
  void add(std::int64_t n) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

class Histogram {
 public:
  explicit Histogram(const std::vector<std::int64_t>& bounds);  // ascending upper bounds, +Inf is implied
  void observe(std::int64_t v) noexcept;
  struct Snapshot {
    std::vector<std::uint64_t> buckets;  // per bound, not cumulative, last = +Inf
    std::int64_t sum = 0;
  };
  Snapshot snapshot() const;
  const std::vector<std::int64_t>& bounds() const { return bounds_; }

 private:
  std::vector<std::int64_t> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<std::int64_t> sum_{0};
};

// Takes, during a scrape, values that are kept elsewhere: a series that is not told of again is gone from the next
// exposition. Name, help and type of a family are those of its first series, and must not be the registry's own.
class MetricsSink {
 public:
  virtual ~MetricsSink() = default;
  virtual void counter(std::string_view name, std::string_view help, const Labels& labels, std::uint64_t value,
                       double scale = 1) = 0;
  virtual void gauge(std::string_view name, std::string_view help, const Labels& labels, std::int64_t value,
                     double scale = 1) = 0;
  virtual void histogram(std::string_view name, std::string_view help, const Labels& labels, const Histogram& values,
                         double scale = 1) = 0;
};

class MetricsRegistry {
 public:
  MetricsRegistry();
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  // The handle of one series, made on first use. `scale` divides the stored integer when exposed; name, help, scale and
  // bounds of a family are those of its first use. References stay valid for the registry's life.
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {}, double scale = 1);
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {}, double scale = 1);
  Histogram& histogram(std::string_view name, std::string_view help, const Labels& labels,
                       const std::vector<std::int64_t>& bounds, double scale = 1);
  // Called at each scrape, before the text is made: for gauges that are read, not kept.
  void on_scrape(std::function<void()> update);
  // Called at each scrape, after those.
  void on_collect(std::function<void(MetricsSink&)> tell);
  // At most this many series in each family (default 2,000).
  void set_series_limit(std::size_t limit);
  // Prometheus text exposition format 0.0.4.
  std::string expose() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tollgate
