// The checks behind GgufFile: walks the header of a file in memory once, bounds everything, builds the tables.
// Internal to gguf/. Thread rule: one parser belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/gguf/gguf_value.h"

namespace tollgate::local {

class GgufParser {
 public:
  // `bytes` must outlive the results, which point into them.
  GgufParser(std::span<const std::byte> bytes, const GgufLimits& limits) : bytes_(bytes), limits_(limits) {}

  // False: `problem` and `problem_at` (an offset in the file) say why.
  bool parse();

  std::vector<Tensor> tensors;
  std::vector<GgufFile::Pair> pairs;
  std::vector<std::uint32_t> tensors_by_name, pairs_by_key;  // indices in the order of the names
  std::string problem;
  std::uint64_t problem_at = 0;

 private:
  struct Extent {  // a tensor's data, relative to the data section
    std::uint64_t offset = 0, bytes = 0;
    std::uint64_t told_at = 0;  // where the file states it
  };

  bool fail(std::uint64_t at, std::string what);
  template <class T>
  bool read(T& out, std::string_view what) {
    const std::uint64_t from = at_;
    if (!skip(sizeof(T), what)) return false;
    std::memcpy(&out, bytes_.data() + from, sizeof(T));
    return true;
  }
  bool read_text(std::string_view& out, std::uint64_t limit, std::string_view what);
  bool skip(std::uint64_t count, std::string_view what);

  bool parse_header();
  bool parse_pairs();
  bool parse_pair();
  bool parse_array(GgufFile::Pair& pair);
  bool check_scalar(const GgufFile::Pair& pair, std::uint64_t at);
  bool find_alignment();
  bool parse_tensors();
  bool parse_tensor();
  bool measure_tensor(Tensor& tensor, std::uint32_t type, std::uint64_t at, Extent& extent);
  bool place_tensors();
  bool no_overlap();
  bool no_twins();

  std::span<const std::byte> bytes_;
  GgufLimits limits_;
  std::uint64_t at_ = 0;
  std::uint64_t tensor_count_ = 0, pair_count_ = 0;
  std::uint64_t alignment_ = 32;
  std::vector<Extent> extents_;  // by tensor
};

}  // namespace tollgate::local
