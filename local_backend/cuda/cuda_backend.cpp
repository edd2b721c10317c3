#include "local_backend/cuda/cuda_backend.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "local_backend/cuda/cuda_decoder.h"
#include "local_backend/cuda/device_backend.h"
#include "local_backend/cuda/ranked_backend.h"
#include "local_backend/kernels/workers.h"
#include "local_backend/model/fingerprint.h"
#include "local_backend/model/plan_check.h"

namespace tollgate::local::gpu {
namespace {

constexpr std::size_t kExtraBytes = std::size_t{1} << 20;  // for masks, histories and biases to begin with

constexpr std::size_t kRowScratch = 1024;  // shared memory beside a row, in bytes

Error bad_plan(const char* what) { return Error{ErrorKind::fatal, 500, "bad_plan", what}; }

// One of the steps that are started and not finished.
struct Slot {
  Memory staging;  // pinned, the plan's arrays
  Memory drawn;    // pinned, [max_step_tokens] DrawnToken
  Memory logits;   // pinned, [max_step_tokens][vocabulary]; empty where they are not kept
  Event done;
  std::vector<int> logprobs;  // how many alternatives each row wants, see SamplingParams
};

class CudaBackend final : public Backend {
 public:
  CudaBackend(std::shared_ptr<Device> device, const CudaBackendOptions& options, const DecoderConfig& config,
              const Rank& rank)
      : device_(std::move(device)),
        options_(options),
        rank_(rank),
        softcap_(config.logit_softcap),
        pool_shape_{nullptr, options.fp8_kv, config.layers, config.kv_heads, config.head_dim},
        writer_(config.vocabulary) {
    info_.device = "cuda:" + std::to_string(device_->info().ordinal) + " (" + device_->info().name + ")";
    info_.vocabulary = config.vocabulary;
    info_.max_step_tokens = options.max_step_tokens;
    info_.block_bytes = pool_shape_.block_bytes();
  }
  ~CudaBackend() override {
    device_->select();
    (void)device_->compute().wait();
  }

  Result<void> load(const Shard& model, const GgufFile& file);

  const BackendInfo& info() const override { return info_; }
  bool overlaps() const override { return true; }
  Result<void> step(const StepPlan& plan, StepResult& result) override;
  Result<void> start(const StepPlan& plan) override;
  Result<void> finish(StepResult& result) override;
  bool read_block(std::int32_t block, std::span<std::byte> out) const override;
  bool write_block(std::int32_t block, std::span<const std::byte> in) override;

 private:
  Result<void> allocate();
  Result<void> allocate_pool(const std::string& file);
  Result<void> make_room(std::size_t bytes);
  DecoderStep step_of(const PlanShape& shape) const;
  void compute(const PlanShape& shape);
  Result<const Graph*> recorded(int rows);
  Result<Graph> record(int rows);
  Sampled told(const DrawnToken& drawn, int logprobs) const;
  std::byte* block(std::int32_t index) const {
    return pool_.data() + static_cast<std::size_t>(index) * info_.block_bytes;
  }

  std::shared_ptr<Device> device_;  // first: everything else lies in its memory
  CudaBackendOptions options_;
  Rank rank_;
  float softcap_;
  BackendInfo info_;
  std::unique_ptr<CudaDecoder> decoder_;
  Memory pool_;
  KvPool pool_shape_;
  PlanWriter writer_;
  Memory plan_;             // the arrays of the step that the device works on
  Memory logits_;           // [kLogitRows][vocabulary]
  Memory kept_;             // [max_step_tokens][vocabulary] before sampling; empty where they are not kept
  Memory sampled_, drawn_;  // [max_step_tokens]
  Memory sampled_copy_;     // while a step is recorded
  Memory block_copy_;       // pinned, one block on its way
  std::array<Slot, 2> slots_;
  std::size_t started_ = 0, finished_ = 0;  // steps so far
  std::map<int, Graph> graphs_;             // by size; an empty one cannot be recorded
};

Result<void> CudaBackend::load(const Shard& model, const GgufFile& file) {
  if (options_.context == 0) options_.context = model.config.context;
  auto decoder = CudaDecoder::make(
      *device_, model, {info_.max_step_tokens, options_.context, options_.exact, options_.fp8_products}, rank_);
  if (!decoder) return std::move(decoder).error();
  decoder_ = *std::move(decoder);
  if (auto done = allocate(); !done) return done;
  if (auto done = allocate_pool(file.name()); !done) return done;
  if (rank_.index == 0) {  // the others' would be the same
    Workers workers(0);
    const KvLayout layout{KvType::f16, model.config.layers, model.config.kv_heads, model.config.head_dim};
    info_.fingerprint = model_fingerprint(file, layout, workers) + (options_.fp8_kv ? "-cuda-fp8" : "-cuda-f16");
  }
  if (!options_.graphs || !options_.record_at_load) return {};
  for (const int rows : graph_sizes(info_.max_step_tokens))
    if (auto graph = recorded(rows); !graph) return std::move(graph).error();
  return {};
}

Result<void> CudaBackend::allocate() {
  const std::size_t tokens = info_.max_step_tokens, row = info_.vocabulary * sizeof(float);
  struct Part {
    Memory* memory;
    std::size_t bytes;
    bool pinned = false;
  };
  std::vector<Part> parts{{&logits_, std::min(tokens, kLogitRows) * row},
                          {&sampled_, tokens * sizeof(std::int32_t)},
                          {&sampled_copy_, tokens * sizeof(std::int32_t)},
                          {&drawn_, tokens * sizeof(DrawnToken)},
                          {&block_copy_, info_.block_bytes, true}};
  if (options_.keep_logits) parts.push_back({&kept_, tokens * row});
  for (Slot& slot : slots_) {
    parts.push_back({&slot.drawn, tokens * sizeof(DrawnToken), true});
    if (options_.keep_logits) parts.push_back({&slot.logits, tokens * row, true});
  }
  for (const Part& part : parts) {
    auto room = part.pinned ? device_->allocate_pinned(part.bytes, "the results of a step")
                            : device_->allocate(part.bytes, "the results of a step");
    if (!room) return std::move(room).error();
    *part.memory = *std::move(room);
  }
  return make_room(PlanLayout(graph_shape(kMostGraphRows, options_.context)).bytes() + kExtraBytes);
}

// Room for a plan's arrays. What was recorded names the old room, and is recorded anew.
Result<void> CudaBackend::make_room(std::size_t bytes) {
  if (bytes <= plan_.size()) return {};
  bytes = std::max(bytes, 2 * plan_.size());
  if (auto done = device_->compute().wait(); !done) return done;  // the old room is free
  graphs_.clear();
  auto room = device_->allocate(bytes, "the arrays of a step");
  if (!room) return std::move(room).error();
  plan_ = *std::move(room);
  for (Slot& slot : slots_) {
    auto staging = device_->allocate_pinned(bytes, "the arrays of a step");
    if (!staging) return std::move(staging).error();
    slot.staging = *std::move(staging);
  }
  return {};
}

Result<void> CudaBackend::allocate_pool(const std::string& file) {
  const std::size_t free = device_->free_memory(), spare = device_->info().memory / 10;
  const std::size_t context = (options_.context + kBlockTokens - 1) / kBlockTokens;  // blocks of one
  const bool rest = options_.kv_bytes == 0;
  const std::size_t bytes = !rest ? options_.kv_bytes : free > spare ? free - spare : 0;
  const std::size_t most = std::numeric_limits<std::int32_t>::max();
  info_.blocks = std::min(bytes / info_.block_bytes, most);
  if (info_.blocks == 0 || (rest && info_.blocks < context)) {
    const auto mebibytes = [](std::size_t count) { return std::to_string((count + (1 << 20) - 1) >> 20) + " MiB"; };
    return Error{ErrorKind::fatal, 507, "out_of_device_memory",
                 file + ": keys and values of one context of " + std::to_string(options_.context) + " tokens need " +
                     mebibytes(context * info_.block_bytes) + " of device memory, " + mebibytes(bytes) +
                     " are left for them; ask for a shorter context, 8-bit keys and values, or a smaller model"};
  }
  auto room = device_->allocate(info_.blocks * info_.block_bytes, "the pool of keys and values");
  if (!room) return std::move(room).error();
  pool_ = *std::move(room);
  pool_shape_.base = pool_.data();
  return {};
}

Result<void> CudaBackend::step(const StepPlan& plan, StepResult& result) {
  if (auto done = start(plan); !done) return done;
  return finish(result);
}

Result<void> CudaBackend::start(const StepPlan& plan) {
  if (started_ - finished_ >= slots_.size()) return bad_plan("two steps are started and not finished");
  const std::size_t drawn = started_ > finished_ ? slots_[(started_ - 1) % slots_.size()].logprobs.size() : 0;
  if (!plan_fits(plan, info_, drawn) || !rows_are_whole(plan, options_.context))
    return bad_plan("the step's plan does not fit the back end");
  device_->select();
  const int graph_rows = options_.graphs && is_uniform_decode(plan) ? graph_size(plan.rows.size()) : 0;
  const bool replay = graph_rows > 0 && static_cast<std::size_t>(graph_rows) <= info_.max_step_tokens;
  const PlanShape shape = replay ? graph_shape(graph_rows, options_.context) : shape_of(plan);
  if (auto done = make_room(writer_.bytes_for(plan, shape)); !done) return done;
  const Graph* graph = nullptr;
  if (replay) {
    auto found = recorded(graph_rows);
    if (!found) return std::move(found).error();
    graph = *found;
  }
  Slot& slot = slots_[started_ % slots_.size()];
  Stream& stream = device_->compute();
  const std::size_t bytes = writer_.write(plan, shape, slot.staging.data());
  for (const auto& [from, to] : plan.copies) stream.copy_within(block(to), block(from), info_.block_bytes);
  stream.copy_in(plan_.data(), slot.staging.data(), bytes);
  if (graph != nullptr && *graph) {
    stream.launch(*graph);
  } else {
    compute(shape);
    if (auto done = decoder_->trouble(); !done) return done;
  }
  const std::size_t rows = plan.logit_rows.size();
  stream.copy_out(slot.drawn.data(), drawn_.data(), rows * sizeof(DrawnToken));
  if (options_.keep_logits) stream.copy_out(slot.logits.data(), kept_.data(), rows * info_.vocabulary * sizeof(float));
  slot.done = stream.record();
  slot.logprobs.clear();
  for (const SampleRow& row : plan.samples) slot.logprobs.push_back(row.params->logprobs);
  ++started_;
  return {};
}

Result<void> CudaBackend::finish(StepResult& result) {
  if (started_ == finished_) return bad_plan("no step is started");
  device_->select();
  const Slot& slot = slots_[finished_++ % slots_.size()];
  if (auto done = device_->compute().wait(slot.done); !done) return done;
  const std::size_t rows = slot.logprobs.size();
  result.sampled.resize(rows);
  for (std::size_t i = 0; i < rows; ++i) result.sampled[i] = told(slot.drawn.as<DrawnToken>()[i], slot.logprobs[i]);
  result.logits.clear();
  if (!options_.keep_logits) return {};
  const float* logits = slot.logits.as<float>();
  result.logits.assign(logits, logits + rows * info_.vocabulary);
  if (softcap_ != 0)
    for (float& logit : result.logits) logit = softcap_ * std::tanh(logit / softcap_);
  return {};
}

Sampled CudaBackend::told(const DrawnToken& drawn, int logprobs) const {
  Sampled sampled{.token = drawn.token, .logprob = 0, .top = {}};
  if (logprobs < 0) return sampled;
  sampled.logprob = drawn.logprob;
  for (int i = 0; i < std::min(logprobs, kMaxAlternatives) && drawn.alternative[i] >= 0; ++i)
    sampled.top.emplace_back(drawn.alternative[i], drawn.alternative_logprob[i]);
  return sampled;
}

DecoderStep CudaBackend::step_of(const PlanShape& shape) const {
  const PlanLayout layout(shape);
  return {shape, layout.arrays(plan_.data()), layout.logit_rows(plan_.data()), sampled_.as<std::int32_t>(),
          pool_shape_};
}

// Everything between the plan's arrays and the drawn tokens, in the compute stream.
void CudaBackend::compute(const PlanShape& shape) {
  if (shape.tokens == 0) return;
  Stream& stream = device_->compute();
  const DecoderStep step = step_of(shape);
  decoder_->forward(step);
  const PlanLayout layout(shape);
  const std::byte* extras = layout.extras(plan_.data());
  const auto rows = static_cast<std::size_t>(shape.logits);
  for (std::size_t first = 0; first < rows; first += kLogitRows) {
    const std::size_t count = std::min(kLogitRows, rows - first), vocabulary = info_.vocabulary;
    decoder_->logits(step, first, count, logits_.as<float>());
    if (options_.keep_logits)
      stream.copy_within(kept_.as<float>() + first * vocabulary, logits_.data(), count * vocabulary * sizeof(float));
    sample_rows(stream, {.logits = logits_.as<float>(),
                         .rows = static_cast<int>(count),
                         .vocabulary = static_cast<int>(vocabulary),
                         .softcap = softcap_,
                         .samples = layout.samples(plan_.data()) + first,
                         .masks = reinterpret_cast<const std::uint32_t*>(extras),
                         .seen = reinterpret_cast<const SeenToken*>(extras),
                         .biases = reinterpret_cast<const TokenBias*>(extras),
                         .sampled = sampled_.as<std::int32_t>() + first,
                         .drawn = drawn_.as<DrawnToken>() + first});
  }
}

// The recorded step of this size; one that is not true where the device cannot record it.
Result<const Graph*> CudaBackend::recorded(int rows) {
  const auto found = graphs_.find(rows);
  if (found != graphs_.end()) return &found->second;
  // A slot's staging is written below: the steps that use it must have been copied in.
  if (auto done = device_->compute().wait(); !done) return std::move(done).error();
  auto graph = record(rows);
  if (!graph && graph.error().code == "capture_failed" && graph.error().kind == ErrorKind::retry_same)
    graph = record(rows);
  if (!graph && graph.error().code != "capture_failed") return std::move(graph).error();
  return &graphs_.emplace(rows, graph ? *std::move(graph) : Graph()).first->second;
}

// Runs the step once with nothing but padding, so that what is loaded at first use is there, then records it.
Result<Graph> CudaBackend::record(int rows) {
  Stream& stream = device_->compute();
  const PlanShape shape = graph_shape(rows, options_.context);
  Memory& staging = slots_[started_ % slots_.size()].staging;
  stream.copy_in(plan_.data(), staging.data(), writer_.write({}, shape, staging.data()));
  stream.copy_within(sampled_copy_.data(), sampled_.data(), sampled_.size());  // the next step may need them
  compute(shape);
  stream.copy_within(sampled_.data(), sampled_copy_.data(), sampled_.size());
  if (auto done = stream.wait(); !done) return std::move(done).error();
  if (auto done = decoder_->trouble(); !done) return std::move(done).error();
  stream.begin_capture();
  compute(shape);
  Result<Graph> graph = stream.end_capture();
  if (auto done = decoder_->trouble(); !done) return std::move(done).error();
  return graph;
}

bool CudaBackend::read_block(std::int32_t index, std::span<std::byte> out) const {
  device_->select();
  const std::size_t bytes = std::min(out.size(), info_.block_bytes);
  device_->copies().copy_out(block_copy_.data(), block(index), bytes);
  if (!device_->copies().wait()) return false;
  std::copy_n(block_copy_.data(), bytes, out.data());
  return true;
}

bool CudaBackend::write_block(std::int32_t index, std::span<const std::byte> in) {
  device_->select();
  const std::size_t bytes = std::min(in.size(), info_.block_bytes);
  std::copy_n(in.data(), bytes, block_copy_.data());
  device_->copies().copy_in(block(index), block_copy_.data(), bytes);
  return device_->copies().wait().has_value();
}

// Empty, or what of the model the kernels do not take.
std::string not_taken(const DecoderConfig& config, const DeviceInfo& device) {
  if (!attention_supports(config.head_dim))
    return "heads of " + std::to_string(config.head_dim) + " values (its kernels are for 64, 96, 128 and 256)";
  const int widest =
      std::max({config.width, config.ffn, config.expert_ffn, config.shared_expert_ffn, config.heads * config.head_dim});
  // A row is brought into another format within a multiprocessor's memory.
  const std::size_t row = static_cast<std::size_t>(widest) * sizeof(float) + kRowScratch;
  if (row > device.shared_per_block) return "rows of " + std::to_string(widest) + " values";
  return {};
}

bool can_be_ranks(std::vector<int> ordinals) {
  std::ranges::sort(ordinals);
  return std::has_single_bit(ordinals.size()) && ordinals.size() <= kMostRanks &&
         std::ranges::adjacent_find(ordinals) == ordinals.end();
}

}  // namespace

Result<std::unique_ptr<Backend>> make_device_backend(std::shared_ptr<Device> device, const Shard& model,
                                                     const GgufFile& file, const CudaBackendOptions& options,
                                                     const Rank& rank) {
  device->select();
  if (const std::string what = not_taken(model.config, device->info()); !what.empty())
    return Error{ErrorKind::client_fault, 400, "unsupported_on_device",
                 file.name() + ": the CUDA back end does not take " + what + "; set device: cpu for this model"};
  auto backend = std::make_unique<CudaBackend>(std::move(device), options, model.config, rank);
  if (auto done = backend->load(model, file); !done) return std::move(done).error();
  return std::unique_ptr<Backend>(std::move(backend));
}

Result<std::unique_ptr<Backend>> make_cuda_backend(std::shared_ptr<const GgufFile> file,
                                                   const CudaBackendOptions& options) {
  if (options.max_step_tokens == 0) return Error{ErrorKind::client_fault, 400, "bad_options", "a step has no room"};
  if (!can_be_ranks(options.ordinals))
    return Error{ErrorKind::client_fault, 400, "bad_options", "a model is on 1, 2, 4 or 8 GPUs, each named once"};
  Result<DecoderFile> model = read_decoder(*file);
  if (!model) return std::move(model).error();
  if (options.ordinals.size() > 1) return make_ranked_backend(std::move(file), *model, options);
  auto device = Device::open(options.ordinals.front());
  if (!device) return std::move(device).error();
  return make_device_backend(*std::move(device), shard_of(*model, 0, 1), *file, options);
}

}  // namespace tollgate::local::gpu
