// ModelConfig: what every caller may know of a model file, whatever its family.
#include <utility>

#include "local_backend/model/bert_file.h"
#include "local_backend/model/decoder_file.h"

namespace tollgate::local {

Result<ModelConfig> read_model_config(const GgufFile& file) {
  if (file.text("general.architecture") == kBertArchitecture) {
    Result<BertFile> model = read_bert(file);
    if (!model) return std::move(model).error();
    return std::move(model->config);
  }
  Result<DecoderFile> model = read_decoder(file);
  if (!model) return std::move(model).error();
  return ModelConfig(std::move(model->config));
}

}  // namespace tollgate::local
