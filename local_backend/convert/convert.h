// Makes GGUF files: from other GGUF files with fewer bits per weight, and from the folders in which models are
// published. What becomes what: docs/formats/gguf.md. Thread rule: a call uses its own threads and no shared state.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "local_backend/gguf/tensor_type.h"

namespace tollgate::local {

struct ConvertProgress {
  std::string_view tensor;            // that is written next; empty at the end
  std::uint64_t done = 0, total = 0;  // bytes of the source's tensors
};

struct ConvertOptions {
  int threads = 0;                                       // 0 = cores
  std::function<void(const ConvertProgress&)> progress;  // may be empty; called on the calling thread
};

struct ConvertReport {
  std::uint64_t tensors = 0, weights = 0;     // weights = elements
  std::uint64_t bytes_in = 0, bytes_out = 0;  // of tensors
  std::vector<std::string> notes;             // for people: tensors that got another type than asked for, and why
};

// Writes `in`, a GGUF file, to `out` with its matrices as `type`: f32, f16, bf16, q8_0, q4_0, q5_0, q4_k or q6_k. With
// q4_k the tensors that matter most become q6_k, with the other q types the output matrix becomes q6_k, or q8_0 with
// that. Vectors, norms, biases and routers of experts stay as they are, and so does all metadata but general.file_type.
// Errors: status 400 "bad_model_file"; status 400 "bad_tensor_type" (a `type` that cannot be written, a source that is
// quantised already); status 400 "bad_weights" (NaN, or beyond 65504 where halves are needed); status 500
// "model_file_not_written".
Result<ConvertReport> quantize_file(const std::string& in, const std::string& out, TensorType type,
                                    const ConvertOptions& options = {});

// Writes the model of `folder` (config.json, tokenizer.json, model*.safetensors; tokenizer_config.json,
// chat_template.jinja and generation_config.json where they exist) to `out`, matrices in the type that they have,
// vectors as f32. Model types: llama, mistral, qwen2, qwen3. Errors: as above; status 400 "unsupported_model" names
// what the folder asks for.
Result<ConvertReport> import_folder(const std::string& folder, const std::string& out,
                                    const ConvertOptions& options = {});

}  // namespace tollgate::local
