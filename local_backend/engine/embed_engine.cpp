#include "local_backend/engine/embed_engine.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "local_backend/engine/machine_time.h"
#include "local_backend/gguf/gguf_file.h"
#include "local_backend/kernels/workers.h"

namespace tollgate::local {
namespace {

constexpr std::string_view kBert = "bert";
constexpr double kNewest = 0.1;  // weight of the newest pass in the moving rate
constexpr double kLeastWait = 1, kMostWait = 60;

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Error stopped() {
  return Error{.kind = ErrorKind::retry_elsewhere,
               .status = 503,
               .code = "engine_stopped",
               .message = "the local engine is stopping"};
}

struct Job {
  std::uint64_t id = 0;
  std::vector<std::vector<Token>> texts;
  EmbedDone done;
  std::size_t next = 0;    // first text that is in no pass yet
  std::size_t tokens = 0;  // of the texts from `next` on
  bool cancelled = false;
  EmbedAnswer answer;
};

// A text of a pass.
struct Taken {
  std::uint64_t job = 0;
  std::size_t text = 0;
};

}  // namespace

struct EmbedEngine::Impl {
  Impl(std::unique_ptr<Embedder> model, std::shared_ptr<const Tokenizer> words, std::string title,
       const EmbedOptions& wanted)
      : embedder(std::move(model)), tokenizer(std::move(words)), name(std::move(title)), options(wanted) {
    context = options.context == 0 ? embedder->context() : std::min(options.context, embedder->context());
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      wake.notify_all();
    }
    if (thread.joinable()) thread.join();
  }

  // How long the queue takes at the speed of late. REQUIRES the lock.
  std::chrono::milliseconds drain_time() const {
    std::size_t tokens = 0;
    for (const Job& job : jobs) tokens += job.tokens;
    const double seconds = tokens_per_us > 0 ? static_cast<double>(tokens) / tokens_per_us / 1e6 : kLeastWait;
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::clamp(seconds, kLeastWait, kMostWait) * 1000));
  }

  void run() {
    std::unique_lock lock(mutex);
    while (!stopping) {
      machine.rest();
      wake.wait(lock, [this] { return stopping || !jobs.empty(); });
      machine.wake(now_us());
      while (!stopping && !jobs.empty()) pass(lock);
    }
    std::deque<Job> rest;
    rest.swap(jobs);
    lock.unlock();
    for (Job& job : rest) job.done(stopped());
  }

  // Takes one text of each request in turn until the pass is full. The texts are copied: a request may be cancelled
  // while they are computed.
  void fill(std::vector<std::vector<Token>>& texts, std::vector<Taken>& taken, std::size_t& tokens) {
    for (bool found = true; found && tokens < options.max_step_tokens;) {
      found = false;
      for (Job& job : jobs) {
        if (job.next == job.texts.size()) continue;
        const std::vector<Token>& text = job.texts[job.next];
        if (tokens > 0 && tokens + text.size() > options.max_step_tokens) continue;
        texts.push_back(text);
        taken.push_back({job.id, job.next++});
        tokens += text.size();
        job.tokens -= text.size();
        found = true;
      }
    }
  }

  Job* find(std::uint64_t id) {
    const auto job = std::ranges::find(jobs, id, &Job::id);
    return job == jobs.end() ? nullptr : &*job;
  }

  // Gives the lock away while it computes and while it tells.
  void pass(std::unique_lock<std::mutex>& lock) {
    std::vector<std::vector<Token>> texts;
    std::vector<Taken> taken;
    std::size_t tokens = 0;
    fill(texts, taken, tokens);
    if (texts.empty()) return tell(lock, taken, nullptr);  // all that were left are cancelled
    lock.unlock();
    machine.begin_step();
    auto vectors = embedder->embed(texts);
    const std::int64_t took = machine.end_step(now_us());
    lock.lock();
    ++passes;
    computed += tokens;
    const double rate = static_cast<double>(tokens) / static_cast<double>(std::max<std::int64_t>(1, took));
    tokens_per_us = tokens_per_us == 0 ? rate : tokens_per_us + kNewest * (rate - tokens_per_us);
    // Each text gets its share; rounding gives what is left over to the last, so that the pass's time is shared whole.
    std::size_t before = 0;
    for (std::size_t i = 0; i < taken.size(); ++i) {
      const std::size_t after = before + texts[i].size();
      const auto at = [&](std::size_t part) {
        return took * static_cast<std::int64_t>(part) / static_cast<std::int64_t>(tokens);
      };
      if (Job* job = find(taken[i].job)) {
        job->answer.machine_us += at(after) - at(before);
        job->answer.tokens += texts[i].size();
        if (vectors) job->answer.vectors[taken[i].text] = std::move((*vectors)[i]);
      }
      before = after;
    }
    tell(lock, taken, vectors ? nullptr : &vectors.error());
  }

  // Ends the requests that are whole or cancelled, and those whose pass failed.
  void tell(std::unique_lock<std::mutex>& lock, const std::vector<Taken>& taken, const Error* failed) {
    std::vector<Job> ended;
    for (auto job = jobs.begin(); job != jobs.end();) {
      const bool in_pass = std::ranges::find(taken, job->id, &Taken::job) != taken.end();
      const bool over = in_pass ? failed || job->next == job->texts.size() : job->cancelled;
      if (!over) {
        ++job;
        continue;
      }
      ended.push_back(std::move(*job));
      job = jobs.erase(job);
    }
    lock.unlock();
    for (Job& job : ended) failed && !job.cancelled ? job.done(*failed) : job.done(std::move(job.answer));
    lock.lock();
  }

  const std::unique_ptr<Embedder> embedder;
  const std::shared_ptr<const Tokenizer> tokenizer;
  const std::string name;
  const EmbedOptions options;
  std::size_t context = 0;

  MachineTime machine{now_us()};
  std::mutex mutex;  // guards what follows
  std::condition_variable wake;
  std::deque<Job> jobs;  // in the order of arrival
  std::uint64_t passes = 0, computed = 0;
  std::uint64_t last_id = 0;
  double tokens_per_us = 0;
  bool stopping = false;
  std::thread thread;
};

bool EmbedEngine::serves(const std::string& file) {
  const auto opened = GgufFile::open(file);
  return opened && (*opened)->text("general.architecture") == kBert;
}

Result<std::shared_ptr<EmbedEngine>> EmbedEngine::load(const EmbedOptions& options) {
  auto file = GgufFile::open(options.file);
  if (!file) return std::move(file).error();
  auto tokenizer = Tokenizer::load(*file);
  if (!tokenizer) return std::move(tokenizer).error();
  CpuBackendOptions cpu;
  cpu.level = options.level;
  cpu.threads = options.threads;
  cpu.max_step_tokens = options.max_step_tokens;
  auto embedder = make_cpu_embedder(*file, cpu);
  if (!embedder) return std::move(embedder).error();
  std::string name((*file)->text("general.name").value_or(""));
  return over(*std::move(embedder), *std::move(tokenizer), std::move(name), options);
}

std::shared_ptr<EmbedEngine> EmbedEngine::over(std::unique_ptr<Embedder> embedder,
                                               std::shared_ptr<const Tokenizer> tokenizer, std::string name,
                                               const EmbedOptions& options) {
  auto impl = std::make_unique<Impl>(std::move(embedder), std::move(tokenizer), std::move(name), options);
  impl->thread = std::thread([impl = impl.get()] {
    step_back();
    impl->run();
  });
  return std::shared_ptr<EmbedEngine>(new EmbedEngine(std::move(impl)));
}

EmbedEngine::EmbedEngine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbedEngine::~EmbedEngine() { impl_->stop(); }
void EmbedEngine::stop() { impl_->stop(); }

Result<std::uint64_t> EmbedEngine::submit(std::vector<std::vector<Token>> texts, EmbedDone done) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->stopping) return stopped();
  if (impl_->jobs.size() >= impl_->options.max_waiting)
    return Error{.kind = ErrorKind::limited,
                 .status = 429,
                 .code = "queue_full",
                 .message = "too many requests wait for this local model; come back later",
                 .retry_after = impl_->drain_time()};
  Job& job = impl_->jobs.emplace_back();
  job.id = ++impl_->last_id;
  for (const std::vector<Token>& text : texts) job.tokens += text.size();
  job.answer.vectors.resize(texts.size());
  job.texts = std::move(texts);
  job.done = std::move(done);
  impl_->wake.notify_one();
  return job.id;
}

void EmbedEngine::cancel(std::uint64_t id) {
  const std::lock_guard lock(impl_->mutex);
  Job* job = impl_->find(id);
  if (!job) return;
  job->cancelled = true;
  job->next = job->texts.size();
  job->tokens = 0;
  impl_->wake.notify_one();
}

EmbedStats EmbedEngine::stats() const {
  const std::lock_guard lock(impl_->mutex);
  const MachineTime::Sums sums = impl_->machine.read(now_us());
  return {.requests = impl_->jobs.size(),
          .passes = impl_->passes,
          .tokens = impl_->computed,
          .busy_us = sums.busy_us,
          .idle_us = sums.idle_us};
}

const Tokenizer& EmbedEngine::tokenizer() const { return *impl_->tokenizer; }
std::size_t EmbedEngine::context() const { return impl_->context; }
std::size_t EmbedEngine::width() const { return impl_->embedder->width(); }
const std::string& EmbedEngine::name() const { return impl_->name; }

}  // namespace tollgate::local
