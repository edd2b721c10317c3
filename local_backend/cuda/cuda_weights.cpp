#include "local_backend/cuda/cuda_weights.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>

#include "local_backend/cuda/device_matrix.h"
#include "local_backend/cuda/matrix_layout.h"
#include "local_backend/kernels/workers.h"

namespace tollgate::local::gpu {
namespace {

constexpr std::size_t kAlignment = 256;
constexpr std::size_t kPieceBytes = std::size_t{32} << 20;  // of what is on its way at a time

// What goes where in device memory.
struct Job {
  std::optional<MatrixPieces> matrix;  // else `bytes` as they are
  std::vector<std::byte> bytes;
  DeviceMatrix to;
  std::byte* at = nullptr;
};

// Gives everything its place. Done twice: first from nullptr on, to know how much there is.
class Placement {
 public:
  explicit Placement(std::byte* base) : base_(base) {}

  DeviceWeights place(const DecoderWeights<MatrixPart>& weights) {
    DeviceWeights placed;
    const DeviceStack embedding = stack({weights.embedding});
    placed.head = weights.head.view.rows > 0 ? stack({weights.head}) : embedding;
    if (!failed()) placed.embedding = embedding.matrices.front();
    placed.output_norm = floats(weights.output_norm);
    for (const DecoderLayer<MatrixPart>& layer : weights.layers) placed.layers.push_back(place(layer));
    return placed;
  }
  bool failed() const { return !problem_.empty(); }
  const std::string& problem() const { return problem_; }
  std::size_t bytes() const { return bytes_; }
  const std::vector<Job>& jobs() const { return jobs_; }

 private:
  DeviceLayer place(const DecoderLayer<MatrixPart>& layer) {
    DeviceLayer placed;
    placed.attention_norm = floats(layer.attention_norm);
    placed.attention_post_norm = floats(layer.attention_post_norm);
    placed.ffn_norm = floats(layer.ffn_norm);
    placed.ffn_post_norm = floats(layer.ffn_post_norm);
    placed.q_norm = floats(layer.q_norm);
    placed.k_norm = floats(layer.k_norm);
    placed.qkv = stack({layer.q.weight, layer.k.weight, layer.v.weight});
    placed.q_bias = floats(layer.q.bias);
    placed.k_bias = floats(layer.k.bias);
    placed.v_bias = floats(layer.v.bias);
    placed.output = stack({layer.output.weight});
    placed.output_bias = floats(layer.output.bias);
    if (layer.experts.empty()) {
      placed.ffn = place(layer.ffn);
    } else {
      place_experts(layer, placed);
    }
    return placed;
  }

  DeviceFfn place(const GatedFfn<MatrixPart>& ffn) {
    DeviceFfn placed{.gate_up = stack({ffn.gate.weight, ffn.up.weight}), .down = stack({ffn.down.weight})};
    placed.gate_bias = floats(ffn.gate.bias);
    placed.up_bias = floats(ffn.up.bias);
    placed.down_bias = floats(ffn.down.bias);
    return placed;
  }

  void place_experts(const DecoderLayer<MatrixPart>& layer, DeviceLayer& placed) {
    if (!layer.ffn_post_norm.empty()) fail("experts with a norm behind them");
    if (!layer.shared_expert.down.bias.empty()) fail("a shared expert with a bias behind it");
    placed.router = stack({layer.router});
    std::vector<DeviceStack> gate_up, down;
    for (const GatedFfn<MatrixPart>& expert : layer.experts) {
      gate_up.push_back(stack({expert.gate.weight, expert.up.weight}));
      down.push_back(stack({expert.down.weight}));
    }
    placed.expert_gate_up = tables(gate_up);
    placed.expert_down = tables(down);
    if (layer.shared_router.view.rows == 0) return;
    placed.shared_router = stack({layer.shared_router});
    placed.shared_expert = place(layer.shared_expert);
  }

  // Parts of the same columns.
  static MatrixPieces pieces(std::span<const MatrixPart> parts) {
    std::vector<MatrixView> views;
    for (const MatrixPart& part : parts) views.push_back(part.view);
    return MatrixPieces(std::move(views)).column_range(parts.front().first_column, parts.front().columns);
  }

  DeviceStack stack(const std::vector<MatrixPart>& parts) {
    DeviceStack placed;
    for (const MatrixPart& part : parts) placed.rows.push_back(static_cast<int>(part.view.rows));
    const MatrixPieces together = pieces(parts);
    if (can_lay_out(together)) {
      placed.matrices = {matrix(together)};
    } else {
      for (const MatrixPart& part : parts) placed.matrices.push_back(matrix(pieces({&part, 1})));
    }
    return placed;
  }

  DeviceMatrix matrix(const MatrixPieces& from) {
    if (!can_lay_out(from)) {
      fail("a matrix of " + std::to_string(from.columns) + " columns, which is no multiple of 32");
      return {};
    }
    Job job{.matrix = from, .to = device_shape(from)};
    job.to.values = take(value_bytes(job.to));
    job.to.scales = take(scale_bytes(job.to));
    jobs_.push_back(job);
    return job.to;
  }

  // Of stacks that are alike.
  DeviceExperts tables(const std::vector<DeviceStack>& stacks) {
    DeviceExperts placed{.shape = stacks.front()};
    for (std::size_t i = 0; i < placed.shape.matrices.size(); ++i) {
      std::vector<DeviceMatrix> table;
      for (const DeviceStack& each : stacks) table.push_back(each.matrices[i]);
      placed.experts.push_back(reinterpret_cast<const DeviceMatrix*>(raw(std::as_bytes(std::span(table)))));
      placed.shape.matrices[i].values = placed.shape.matrices[i].scales = nullptr;
    }
    return placed;
  }

  const float* floats(const std::vector<float>& values) {
    return values.empty() ? nullptr : reinterpret_cast<const float*>(raw(std::as_bytes(std::span(values))));
  }

  const std::byte* raw(std::span<const std::byte> bytes) {
    std::byte* at = take(bytes.size());
    jobs_.push_back({.matrix = {}, .bytes = {bytes.begin(), bytes.end()}, .to = {}, .at = at});
    return at;
  }

  std::byte* take(std::size_t bytes) {
    std::byte* at = base_ == nullptr ? nullptr : base_ + bytes_;
    bytes_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    return at;
  }

  void fail(std::string what) {
    if (problem_.empty()) problem_ = std::move(what);
  }

  std::byte* base_;
  std::size_t bytes_ = 0;
  std::vector<Job> jobs_;
  std::string problem_;
};

// Brings jobs to the device through two pieces of pinned memory in turn.
class Carrier {
 public:
  explicit Carrier(Device& device) : device_(device), stream_(device.compute()), workers_(0) {}

  Result<void> carry(const std::vector<Job>& jobs) {
    std::size_t room = kPieceBytes;
    for (const Job& job : jobs)
      room = std::max(
          room, job.matrix ? tile(value_bytes(job.to), job.to) + tile(scale_bytes(job.to), job.to) : job.bytes.size());
    for (Piece& piece : pieces_) {
      auto memory = device_.allocate_pinned(room, "the way of the weights");
      if (!memory) return std::move(memory).error();
      piece.memory = *std::move(memory);
    }
    for (const Job& job : jobs) {
      if (auto done = job.matrix ? carry_matrix(job) : carry_bytes(job); !done) return done;
    }
    return stream_.wait();
  }

 private:
  struct Piece {
    Memory memory;
    std::optional<Event> copied;
  };

  static std::size_t tile(std::size_t bytes, const DeviceMatrix& matrix) {
    return bytes / static_cast<std::size_t>(matrix_tiles(matrix.rows));
  }

  // Memory whose last copy is done.
  Result<std::byte*> next() {
    turn_ = 1 - turn_;
    Piece& piece = pieces_[turn_];
    if (piece.copied) {
      if (auto done = stream_.wait(*piece.copied); !done) return std::move(done).error();
    }
    return piece.memory.data();
  }

  Result<void> carry_bytes(const Job& job) {
    auto memory = next();
    if (!memory) return std::move(memory).error();
    std::memcpy(*memory, job.bytes.data(), job.bytes.size());
    stream_.copy_in(job.at, *memory, job.bytes.size());
    pieces_[turn_].copied = stream_.record();
    return {};
  }

  Result<void> carry_matrix(const Job& job) {
    const std::size_t values = tile(value_bytes(job.to), job.to), scales = tile(scale_bytes(job.to), job.to);
    const auto at_once = static_cast<int>(pieces_[0].memory.size() / (values + scales));
    const int tiles = matrix_tiles(job.to.rows);
    for (int first = 0; first < tiles; first += at_once) {
      const int count = std::min(at_once, tiles - first);
      auto memory = next();
      if (!memory) return std::move(memory).error();
      const auto before = static_cast<std::size_t>(first), here = static_cast<std::size_t>(count);
      lay_out_tiles(*job.matrix, first, count, *memory, values, *memory + here * values, scales);
      stream_.copy_in(const_cast<std::byte*>(job.to.values) + before * values, *memory, here * values);
      stream_.copy_in(const_cast<std::byte*>(job.to.scales) + before * scales, *memory + here * values, here * scales);
      pieces_[turn_].copied = stream_.record();
    }
    return {};
  }

  // Tiles [first, first + count) to memory that begins with the first of them; `value_tile` and `scale_tile`: bytes.
  void lay_out_tiles(const MatrixPieces& from, int first, int count, std::byte* values, std::size_t value_tile,
                     std::byte* scales, std::size_t scale_tile) {
    auto chunk = [&](int index) {
      const auto skipped = static_cast<std::ptrdiff_t>(first);
      lay_out(from, first + index, 1, values - skipped * static_cast<std::ptrdiff_t>(value_tile),
              scales - skipped * static_cast<std::ptrdiff_t>(scale_tile));
    };
    workers_.run(count, std::ref(chunk));
  }

  Device& device_;
  Stream& stream_;
  Workers workers_;
  std::array<Piece, 2> pieces_;
  std::size_t turn_ = 0;
};

}  // namespace

Result<DeviceWeights> upload_weights(Device& device, const DecoderWeights<MatrixPart>& weights) {
  Placement measure(nullptr);
  (void)measure.place(weights);
  if (measure.failed())
    return Error{ErrorKind::client_fault, 400, "unsupported_on_device",
                 "the CUDA back end does not take " + measure.problem() + "; set device: cpu for this model"};
  auto memory = device.allocate(measure.bytes(), "the model's weights");
  if (!memory) return std::move(memory).error();
  Placement placement(memory->data());
  DeviceWeights placed = placement.place(weights);
  if (auto done = Carrier(device).carry(placement.jobs()); !done) return std::move(done).error();
  placed.memory = *std::move(memory);
  return placed;
}

}  // namespace tollgate::local::gpu
