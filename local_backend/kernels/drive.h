// The order of work of the fast levels: cuts matmul and attention into chunks and calls a level's functions on each.
// Inside kernels/ only.
#pragma once

#include "local_backend/kernels/kernels.h"
#include "local_backend/kernels/level_ops.h"

namespace tollgate::local::drive {

std::size_t scratch_bytes(std::size_t max_m, std::size_t max_columns);
void matmul(const LevelOps& ops, std::span<const PackedMatrix* const> matrices, const float* x, std::size_t m,
            std::span<float* const> ys, std::byte* scratch, Workers& workers);
void write_kv(const LevelOps& ops, const AttentionArgs& args, const float* k, const float* v, Workers& workers);
void attention(const LevelOps& ops, const AttentionArgs& args, Workers& workers);

}  // namespace tollgate::local::drive
