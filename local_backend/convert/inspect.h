// What a model file is, for people and for programs. Thread rule: pure functions.
#pragma once

#include <string>

#include "local_backend/gguf/gguf_file.h"

namespace tollgate::local {

// Some lines of text: the architecture and its numbers, the tokenizer, sums per tensor type, then the tensors. Texts of
// the file are escaped, so it can be printed anywhere.
std::string describe_text(const GgufFile& file);

// The same as one JSON object:
// {"file", "bytes", "architecture", "name", "parameters", "bits_per_weight", "metadata": {key: value; arrays as
// {"elements": n}}, "tokenizer": {"model", "pre", "tokens", "merges", "bos", "eos", "chat_template_bytes"},
// "types": {type: {"tensors", "weights", "bytes"}}, "tensors": [{"name", "type", "shape", "bytes"}]}.
// "shape" has the contiguous dimension first, as the file. Numbers of the tokenizer that the file lacks are null.
std::string describe_json(const GgufFile& file);

}  // namespace tollgate::local
