// Writes a GGUF file of version 3 front to back: metadata and descriptions of the tensors are collected, begin() writes
// them, then the tensors' data follows in the same order. The file has another name until finish() succeeds, so a
// reader never sees half of one. Format: the GGUF specification (ggml/docs/gguf.md). Thread rule: one owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "local_backend/gguf/gguf_file.h"

namespace tollgate::local {

class GgufWriter {
 public:
  explicit GgufWriter(std::string path) : path_(std::move(path)) {}
  GgufWriter(const GgufWriter&) = delete;
  GgufWriter& operator=(const GgufWriter&) = delete;
  ~GgufWriter();  // removes what was not finished

  // REQUIRES for all of these: before begin(); a key or name that was not given before.
  void add_text(std::string_view key, std::string_view value);
  void add_u32(std::string_view key, std::uint32_t value);
  void add_f32(std::string_view key, float value);
  void add_flag(std::string_view key, bool value);
  void add_texts(std::string_view key, std::span<const std::string> values);
  void add_i32s(std::string_view key, std::span<const std::int32_t> values);
  void add_f32s(std::string_view key, std::span<const float> values);
  // As it stands in another file. general.alignment is passed over: the data of this file is aligned to 32 bytes.
  void add(const GgufFile::Pair& pair);
  // REQUIRES: dims[0] a multiple of the type's block; the product of sizes fits into 63 bits.
  void add_tensor(std::string_view name, TensorType type, const std::array<std::uint64_t, 4>& dims);

  // Errors of the last three: status 500, code "model_file_not_written", message "PATH: what happened".
  Result<void> begin();
  // The next bytes of the tensor that is not complete yet. REQUIRES: no more than that tensor lacks.
  Result<void> write(std::span<const std::byte> bytes);
  // Syncs the file and gives it its name. Fails when a tensor is incomplete.
  Result<void> finish();

 private:
  template <class T>
  void put(std::string& to, T value);
  void put_text(std::string& to, std::string_view text);
  void put_head(std::string_view key, std::uint32_t type);
  Result<void> write_all(const void* data, std::size_t size);
  Error trouble(std::string_view what, int code) const;

  std::string path_;
  int file_ = -1;
  std::uint64_t pair_count_ = 0;
  std::string pairs_, descriptions_;
  std::vector<std::uint64_t> sizes_;  // bytes, by tensor
  std::uint64_t data_bytes_ = 0;      // of all tensors so far, padded
  std::size_t current_ = 0;           // the tensor that write() continues
  std::uint64_t written_ = 0;         // bytes of it
};

}  // namespace tollgate::local
