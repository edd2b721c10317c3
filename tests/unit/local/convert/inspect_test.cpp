#include "local_backend/convert/inspect.h"

#include <gtest/gtest.h>

#include "../../core/test_data.h"
#include "local_backend/convert/convert.h"
#include "local_backend/gguf/gguf_writer.h"
#include "model_folder.h"

namespace tollgate::local {
namespace {

std::shared_ptr<const GgufFile> tiny(const ModelFolderFiles& files) {
  files.write_model("qwen2");
  const auto done = import_folder(files.path(), files.path("out.gguf"));
  EXPECT_TRUE(done) << done.error().message;
  return *GgufFile::open(files.path("out.gguf"));
}

TEST(Inspect, SaysItAsJson) {
  const ModelFolderFiles files;
  const Json told = Json::parse(describe_json(*tiny(files)));
  EXPECT_EQ(told["architecture"], "qwen2");
  EXPECT_EQ(told["file"], files.path("out.gguf"));
  EXPECT_EQ(told["metadata"]["qwen2.block_count"], 2);
  EXPECT_EQ(told["metadata"]["tokenizer.ggml.tokens"]["elements"], 10);
  EXPECT_EQ(told["metadata"]["tokenizer.ggml.add_bos_token"], false);
  EXPECT_EQ(told["tokenizer"]["model"], "gpt2");
  EXPECT_EQ(told["tokenizer"]["merges"], 2);
  EXPECT_TRUE(told["tokenizer"]["bos"].is_null());
  EXPECT_EQ(told["types"]["bf16"]["weights"], 80);
  EXPECT_EQ(told["tensors"].size(), 27u);
  std::uint64_t weights = 0, bytes = 0;
  for (const Json& tensor : told["tensors"]) {
    std::uint64_t count = 1;
    for (const Json& dim : tensor["shape"]) count *= dim.get<std::uint64_t>();
    weights += count;
    bytes += tensor["bytes"].get<std::uint64_t>();
  }
  EXPECT_EQ(told["parameters"], weights);
  EXPECT_DOUBLE_EQ(told["bits_per_weight"], 8.0 * static_cast<double>(bytes) / static_cast<double>(weights));
}

TEST(Inspect, SaysItAsText) {
  const ModelFolderFiles files;
  const std::string told = describe_text(*tiny(files));
  for (const char* part : {"qwen2", "bits per weight", "  qwen2.block_count                     2\n", "gpt2",
                           "  blk.1.ffn_down.weight                 f32  6 x 8  192 B\n"}) {
    EXPECT_NE(told.find(part), std::string::npos) << part << "\n" << told;
  }
}

TEST(Inspect, EscapesWhatTheFileSays) {
  const ModelFolderFiles files;
  {
    GgufWriter writer(files.path("evil.gguf"));
    writer.add_text("general.name", "\x1b[2J\xff");
    writer.add_text("k\n", "a\rb");
    ASSERT_TRUE(writer.begin() && writer.finish());
  }
  const auto file = *GgufFile::open(files.path("evil.gguf"));
  const std::string told = describe_text(*file);
  EXPECT_EQ(told.find('\x1b'), std::string::npos);
  EXPECT_EQ(told.find('\r'), std::string::npos);
  EXPECT_NE(told.find("k\\x0a"), std::string::npos) << told;
  EXPECT_TRUE(Json::accept(describe_json(*file)));
}

TEST(Inspect, RecordedVocabularies) {
  const auto folder = test_data_dir("tokenizers");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".gguf") continue;
    const auto file = *GgufFile::open(entry.path().string());
    EXPECT_TRUE(Json::accept(describe_json(*file))) << entry.path();
    EXPECT_LT(describe_text(*file).size(), 8000u) << entry.path();
  }
}

}  // namespace
}  // namespace tollgate::local
