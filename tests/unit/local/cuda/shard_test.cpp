// Every number of a model lies on one rank, or on all where it must; for every type and number of ranks.
#include "local_backend/cuda/shard.h"

#include <gtest/gtest.h>

#include <random>

#include "local_backend/cuda/device_matrix.h"
#include "tests/unit/local/cuda/random_matrix.h"

namespace tollgate::local::gpu {
namespace {

constexpr std::size_t kWidth = 256, kDim = 32, kHeads = 8, kKvHeads = 8, kVocabulary = 8 * 16 - 5;

// A layer with everything, of one type.
class Model {
 public:
  Model(TensorType type, std::size_t ffn) {
    file_.config.heads = kHeads;
    file_.config.kv_heads = kKvHeads;
    file_.config.head_dim = kDim;
    file_.config.vocabulary = kVocabulary;
    file_.config.ffn = file_.config.expert_ffn = file_.config.shared_expert_ffn = static_cast<int>(ffn);
    file_.weights.embedding = matrix(type, kVocabulary, kWidth);
    DecoderLayer<MatrixView>& layer = file_.weights.layers.emplace_back();
    layer.q = linear(type, kHeads * kDim, kWidth);
    layer.k = linear(type, kKvHeads * kDim, kWidth);
    layer.v = linear(type, kKvHeads * kDim, kWidth);
    layer.output = linear(type, kWidth, kHeads * kDim);
    layer.ffn = layer.shared_expert = {linear(type, ffn, kWidth), linear(type, ffn, kWidth), linear(type, kWidth, ffn)};
    layer.experts = {layer.ffn, layer.shared_expert};
    layer.router = layer.shared_router = matrix(type, 2, kWidth);
    layer.attention_norm = layer.ffn_norm = std::vector<float>(kWidth, 1.0f);
  }
  const DecoderFile& file() const { return file_; }

 private:
  MatrixView matrix(TensorType type, std::size_t rows, std::size_t columns) {
    matrices_.push_back(std::make_unique<FileMatrix>(random_matrix(type, rows, columns, ++seed_)));
    return matrices_.back()->view();
  }
  Linear<MatrixView> linear(TensorType type, std::size_t rows, std::size_t columns) {
    std::vector<float> bias;
    for (std::size_t i = 0; i < rows; ++i) bias.push_back(static_cast<float>(i));
    return {matrix(type, rows, columns), bias};
  }

  std::vector<std::unique_ptr<FileMatrix>> matrices_;
  unsigned seed_ = 0;
  DecoderFile file_;
};

HostMatrix laid_out(const MatrixPart& part) {
  return lay_out(MatrixPieces({part.view}).column_range(part.first_column, part.columns));
}

std::vector<float> row_of(const HostMatrix& matrix, int row) {
  std::vector<float> values;
  for (int column = 0; column < matrix.matrix.columns; ++column)
    values.push_back(device_value(matrix.matrix, row, column));
  return values;
}

// The ranks' rows one on top of the other, or their columns side by side, are the matrix.
void expect_whole(const std::vector<MatrixPart>& parts, const MatrixView& all, bool by_columns, const char* what) {
  const HostMatrix wanted = lay_out(MatrixPieces({all}));
  std::vector<HostMatrix> got;
  for (const MatrixPart& part : parts) got.push_back(laid_out(part));
  int row = 0;
  if (by_columns) {
    for (; row < wanted.matrix.rows; ++row) {
      std::vector<float> values;
      for (const HostMatrix& each : got) {
        const std::vector<float> of_rank = row_of(each, row);
        values.insert(values.end(), of_rank.begin(), of_rank.end());
      }
      ASSERT_EQ(values, row_of(wanted, row)) << what << " row " << row;
    }
    return;
  }
  for (const HostMatrix& each : got) {
    for (int i = 0; i < each.matrix.rows; ++i, ++row)
      ASSERT_EQ(row_of(each, i), row_of(wanted, row)) << what << " row " << row;
  }
  EXPECT_EQ(row, wanted.matrix.rows) << what;
}

using Pick = const Linear<MatrixPart>& (*)(const DecoderLayer<MatrixPart>&);
using PickWhole = const Linear<MatrixView>& (*)(const DecoderLayer<MatrixView>&);

struct Place {
  const char* name;
  bool by_columns;
  Pick part;
  PickWhole all;
};

#define TOLLGATE_PLACE(member, by_columns)                                                                       \
  {#member, by_columns, [](const DecoderLayer<MatrixPart>& l) -> const Linear<MatrixPart>& { return l.member; }, \
   [](const DecoderLayer<MatrixView>& l) -> const Linear<MatrixView>& { return l.member; }}

constexpr Place kPlaces[] = {TOLLGATE_PLACE(q, false),
                             TOLLGATE_PLACE(k, false),
                             TOLLGATE_PLACE(v, false),
                             TOLLGATE_PLACE(output, true),
                             TOLLGATE_PLACE(ffn.gate, false),
                             TOLLGATE_PLACE(ffn.up, false),
                             TOLLGATE_PLACE(ffn.down, true),
                             TOLLGATE_PLACE(experts[1].gate, false),
                             TOLLGATE_PLACE(experts[1].down, true),
                             TOLLGATE_PLACE(shared_expert.up, false),
                             TOLLGATE_PLACE(shared_expert.down, true)};

void expect_all_there(const Model& model, int ranks) {
  ASSERT_EQ(why_not_shared(model.file(), ranks), "");
  std::vector<Shard> shards;
  for (int rank = 0; rank < ranks; ++rank) shards.push_back(shard_of(model.file(), rank, ranks));
  const DecoderLayer<MatrixView>& whole = model.file().weights.layers[0];
  for (const Place& place : kPlaces) {
    std::vector<MatrixPart> parts;
    std::vector<float> biases;
    for (const Shard& shard : shards) {
      const Linear<MatrixPart>& part = place.part(shard.weights.layers[0]);
      parts.push_back(part.weight);
      if (place.by_columns) EXPECT_EQ(part.bias, place.all(whole).bias) << "added once, behind the sum";
      biases.insert(biases.end(), part.bias.begin(), part.bias.end());
    }
    expect_whole(parts, place.all(whole).weight, place.by_columns, place.name);
    if (!place.by_columns) EXPECT_EQ(biases, place.all(whole).bias) << place.name;
  }
  std::vector<MatrixPart> heads;
  for (const Shard& shard : shards) {
    const DecoderLayer<MatrixPart>& layer = shard.weights.layers[0];
    heads.push_back(shard.weights.head);
    EXPECT_EQ(shard.weights.embedding.view.rows, kVocabulary);
    EXPECT_EQ(layer.router.view.rows, 2u);
    EXPECT_EQ(layer.attention_norm.size(), kWidth);
    // What the decoder is told is what is there.
    EXPECT_EQ(layer.q.weight.view.rows, static_cast<std::size_t>(shard.config.heads) * kDim);
    EXPECT_EQ(layer.k.weight.view.rows, static_cast<std::size_t>(shard.config.kv_heads) * kDim);
    EXPECT_EQ(layer.ffn.gate.weight.view.rows, static_cast<std::size_t>(shard.config.ffn));
    EXPECT_EQ(layer.experts[1].up.weight.view.rows, static_cast<std::size_t>(shard.config.expert_ffn));
    EXPECT_EQ(layer.shared_expert.gate.weight.view.rows, static_cast<std::size_t>(shard.config.shared_expert_ffn));
  }
  if (ranks > 1) expect_whole(heads, model.file().weights.embedding, false, "head");
}

TEST(Shards, EveryNumberIsThereOnce) {
  for (const TensorType type : kFileTypes) {
    const bool large = tensor_type_info(type)->elements == 256;
    // Of the types with blocks of 256 columns a share may begin within a block.
    const Model model(type, large ? 256 + 256 : 32 * 11);
    for (const int ranks : {1, 2, 4, 8}) {
      SCOPED_TRACE(std::string(tensor_type_info(type)->name) + " on " + std::to_string(ranks));
      expect_all_there(model, ranks);
    }
  }
}

TEST(Shards, WhatDoesNotDivideIsToldWithWhatDoes) {
  Model model(TensorType::q8_0, 32 * 4);
  EXPECT_EQ(why_not_shared(model.file(), 8),
            "8 GPUs cannot share a feed-forward part of 128 values; use 4 GPUs or one for this model");
  DecoderFile file = model.file();
  file.config.kv_heads = 2;
  EXPECT_EQ(why_not_shared(file, 4),
            "4 GPUs cannot share 2 heads of keys and values; use 2 GPUs or one for this model");
  file.config.heads = 7;
  EXPECT_EQ(why_not_shared(file, 2), "2 GPUs cannot share 7 heads; use one GPU for this model");
  file = model.file();
  file.config.vocabulary = 100;
  EXPECT_EQ(why_not_shared(file, 8), "8 GPUs cannot share a vocabulary of 100; use 4 GPUs or one for this model");
  EXPECT_EQ(why_not_shared(file, 1), "");
}

}  // namespace
}  // namespace tollgate::local::gpu
