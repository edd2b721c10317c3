// Metric storage and Prometheus exposition. Owner: core. Thread rule: one mutex for looking series up and for scraping;
// values are atomics.
#include "core/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cassert>
#include <limits>
#include <map>
#include <mutex>

#include "core/utf8.h"

namespace tollgate {
namespace {

constexpr std::size_t kDefaultSeriesLimit = 2000;
constexpr std::size_t kMaxLabelBytes = 128;
constexpr std::string_view kOther = "_other";
constexpr std::string_view kDroppedName = "tollgate_metric_series_dropped_total";
constexpr std::string_view kDroppedHelp = "Look-ups of label sets that went to the _other series of their family.";

using prometheus::MetricType;

struct Series {
  Labels labels;
  Counter counter;
  Gauge gauge;
  std::unique_ptr<Histogram> histogram;
};

struct Family {
  MetricType type = MetricType::Untyped;
  std::string help;
  double scale = 1;
  std::vector<std::int64_t> bounds;
  std::map<std::string, Series> series;  // nodes stay where they are: handles point into them
};

// One invalid byte in a label would make Prometheus refuse the whole scrape.
std::string clean_label(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size() && out.size() < kMaxLabelBytes;) {
    const std::size_t length = utf8_length(text, at);
    out.append(length > 0 ? text.substr(at, length) : kReplacementCharacter);
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

Labels canonical(const Labels& labels) {
  Labels out;
  for (const auto& [name, value] : labels) out.emplace_back(name, clean_label(value));
  std::sort(out.begin(), out.end());
  return out;
}

std::string key_of(const Labels& labels) {
  std::string key;
  for (const auto& [name, value] : labels) key.append(name).append(1, '\0').append(value).append(1, '\0');
  return key;
}

prometheus::ClientMetric::Histogram expose_histogram(const Histogram& histogram, double scale) {
  prometheus::ClientMetric::Histogram out;
  const auto snapshot = histogram.snapshot();
  for (std::size_t i = 0; i < snapshot.buckets.size(); ++i) {
    out.sample_count += snapshot.buckets[i];
    const bool last = i == histogram.bounds().size();
    const double bound =
        last ? std::numeric_limits<double>::infinity() : static_cast<double>(histogram.bounds()[i]) / scale;
    out.bucket.push_back({out.sample_count, bound});
  }
  out.sample_sum = static_cast<double>(snapshot.sum) / scale;
  return out;
}

// The families of one scrape that the registry does not keep.
class Collected final : public MetricsSink {
 public:
  void counter(std::string_view name, std::string_view help, const Labels& labels, std::uint64_t value,
               double scale) override {
    add(name, help, MetricType::Counter, labels).counter.value = static_cast<double>(value) / scale;
  }
  void gauge(std::string_view name, std::string_view help, const Labels& labels, std::int64_t value,
             double scale) override {
    add(name, help, MetricType::Gauge, labels).gauge.value = static_cast<double>(value) / scale;
  }
  void histogram(std::string_view name, std::string_view help, const Labels& labels, const Histogram& values,
                 double scale) override {
    add(name, help, MetricType::Histogram, labels).histogram = expose_histogram(values, scale);
  }
  void move_to(std::vector<prometheus::MetricFamily>& out) {
    for (auto& [name, family] : families_) out.push_back(std::move(family));
  }

 private:
  prometheus::ClientMetric& add(std::string_view name, std::string_view help, MetricType type, const Labels& labels) {
    const auto [it, fresh] = families_.try_emplace(std::string(name));
    if (fresh) it->second = {std::string(name), std::string(help), type, {}};
    assert(it->second.type == type);
    prometheus::ClientMetric& metric = it->second.metric.emplace_back();
    for (auto& [label, value] : canonical(labels)) metric.label.push_back({label, value});
    return metric;
  }

  std::map<std::string, prometheus::MetricFamily, std::less<>> families_;
};

prometheus::MetricFamily expose_family(const std::string& name, const Family& family) {
  prometheus::MetricFamily out{name, family.help, family.type, {}};
  for (const auto& [key, series] : family.series) {
    prometheus::ClientMetric metric;
    for (const auto& [label, value] : series.labels) metric.label.push_back({label, value});
    if (family.type == MetricType::Histogram) metric.histogram = expose_histogram(*series.histogram, family.scale);
    metric.counter.value = static_cast<double>(series.counter.value()) / family.scale;
    metric.gauge.value = static_cast<double>(series.gauge.value()) / family.scale;
    out.metric.push_back(std::move(metric));
  }
  return out;
}

}  // namespace

Histogram::Histogram(const std::vector<std::int64_t>& bounds)
    : bounds_(bounds), counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds.size() + 1)) {
  assert(std::is_sorted(bounds_.begin(), bounds_.end()));
}

void Histogram::observe(std::int64_t v) noexcept {
  const auto bucket = static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), v) - bounds_.begin());
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(v, std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot out;
  for (std::size_t i = 0; i <= bounds_.size(); ++i) out.buckets.push_back(counts_[i].load(std::memory_order_relaxed));
  out.sum = sum_.load(std::memory_order_relaxed);
  return out;
}

struct MetricsRegistry::Impl {
  std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;
  std::vector<std::function<void()>> updates;
  std::vector<std::function<void(MetricsSink&)>> collectors;
  std::size_t series_limit = kDefaultSeriesLimit;

  Family& family(std::string_view name, std::string_view help, MetricType type, double scale) {
    const auto [it, fresh] = families.try_emplace(std::string(name));
    Family& found = it->second;
    if (fresh) {
      found.type = type;
      found.help = help;
      found.scale = scale;
    }
    assert(found.type == type);
    return found;
  }

  Series& series(Family& owner, std::string_view name, const Labels& wanted) {
    Labels labels = canonical(wanted);
    std::string key = key_of(labels);
    if (const auto it = owner.series.find(key); it != owner.series.end()) return it->second;
    if (!labels.empty() && owner.series.size() + 1 >= series_limit) {
      count_dropped(name);
      for (auto& label : labels) label.second = kOther;
      key = key_of(labels);
    }
    Series& found = owner.series[key];
    found.labels = std::move(labels);
    if (owner.type == MetricType::Histogram && !found.histogram)
      found.histogram = std::make_unique<Histogram>(owner.bounds);
    return found;
  }

  void count_dropped(std::string_view name) {
    Labels labels = {{"family", std::string(name)}};
    Series& dropped = family(kDroppedName, kDroppedHelp, MetricType::Counter, 1).series[key_of(labels)];
    dropped.labels = std::move(labels);
    dropped.counter.add();
  }
};

MetricsRegistry::MetricsRegistry() : impl_(std::make_unique<Impl>()) {}
MetricsRegistry::~MetricsRegistry() = default;

Counter& MetricsRegistry::counter(std::string_view name, std::string_view help, const Labels& labels, double scale) {
  const std::lock_guard lock(impl_->mutex);
  return impl_->series(impl_->family(name, help, MetricType::Counter, scale), name, labels).counter;
}

Gauge& MetricsRegistry::gauge(std::string_view name, std::string_view help, const Labels& labels, double scale) {
  const std::lock_guard lock(impl_->mutex);
  return impl_->series(impl_->family(name, help, MetricType::Gauge, scale), name, labels).gauge;
}

Histogram& MetricsRegistry::histogram(std::string_view name, std::string_view help, const Labels& labels,
                                      const std::vector<std::int64_t>& bounds, double scale) {
  const std::lock_guard lock(impl_->mutex);
  Family& family = impl_->family(name, help, MetricType::Histogram, scale);
  if (family.series.empty()) family.bounds = bounds;
  return *impl_->series(family, name, labels).histogram;
}

void MetricsRegistry::on_scrape(std::function<void()> update) {
  const std::lock_guard lock(impl_->mutex);
  impl_->updates.push_back(std::move(update));
}

void MetricsRegistry::on_collect(std::function<void(MetricsSink&)> tell) {
  const std::lock_guard lock(impl_->mutex);
  impl_->collectors.push_back(std::move(tell));
}

void MetricsRegistry::set_series_limit(std::size_t limit) {
  const std::lock_guard lock(impl_->mutex);
  impl_->series_limit = limit;
}

std::string MetricsRegistry::expose() const {
  std::vector<std::function<void()>> updates;
  std::vector<std::function<void(MetricsSink&)>> collectors;
  {
    const std::lock_guard lock(impl_->mutex);
    updates = impl_->updates;
    collectors = impl_->collectors;
  }
  for (const auto& update : updates) update();  // without the lock: they look gauges up
  std::vector<prometheus::MetricFamily> families;
  {
    const std::lock_guard lock(impl_->mutex);
    for (const auto& [name, family] : impl_->families) families.push_back(expose_family(name, family));
  }
  Collected collected;
  for (const auto& tell : collectors) tell(collected);
  collected.move_to(families);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace tollgate
