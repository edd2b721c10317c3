#include "local_backend/convert/safetensors.h"

#include <gtest/gtest.h>

#include "model_folder.h"

namespace tollgate::local {
namespace {

std::string problem(const std::string& bytes) {
  const auto parsed = parse_safetensors(std::as_bytes(std::span(bytes)), "made");
  return parsed ? std::string() : parsed.error().message;
}

std::string with_entry(const std::string& entry, std::size_t data = 16) {
  return safetensors_bytes("{\"t\":" + entry + "}", std::string(data, '\0'));
}

void expect_problem(const std::string& bytes, std::string_view what) {
  EXPECT_NE(problem(bytes).find(what), std::string::npos) << problem(bytes) << ", not " << what;
}

TEST(Safetensors, ReadsTensors) {
  const std::string bytes = safetensors_bytes(
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"BF16","shape":[],"data_offsets":[8,10]},"c":{"dtype":"I64","shape":[1],"data_offsets":[10,18]}})",
      std::string(18, 'x'));
  const auto parsed = parse_safetensors(std::as_bytes(std::span(bytes)), "made");
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->size(), 3u);
  EXPECT_EQ(parsed->at("a").type, TensorType::f32);
  EXPECT_EQ(parsed->at("a").shape, (std::vector<std::uint64_t>{2, 1}));
  EXPECT_EQ(parsed->at("b").data.data(), parsed->at("a").data.data() + 8);
  EXPECT_EQ(parsed->at("c").type, std::nullopt);
}

TEST(Safetensors, RefusesWhatIsWrong) {
  expect_problem("", "made: offset 0: too short");
  expect_problem(std::string(8, '\xFF'), "a header of 18446744073709551615 bytes");
  expect_problem(std::string("\x09\0\0\0\0\0\0\0{}", 10), "a header of 9 bytes");
  expect_problem(safetensors_bytes("{\"a\":x}", ""), "made: offset 13: not JSON");
  expect_problem(safetensors_bytes("[]", ""), "no JSON object");
  expect_problem(safetensors_bytes(std::string(70, '['), ""), "made: offset 72: JSON nests too deep");
  expect_problem(with_entry("7"), "tensor \"t\" has no dtype");
  expect_problem(with_entry(R"({"dtype":"F33","shape":[4],"data_offsets":[0,16]})"), "an unknown dtype");
  expect_problem(with_entry(R"({"dtype":"F32","shape":[-4],"data_offsets":[0,16]})"), "no positive integer");
  expect_problem(with_entry(R"({"dtype":"F32","shape":[4.0],"data_offsets":[0,16]})"), "no positive integer");
  expect_problem(with_entry(R"({"dtype":"F32","shape":[0],"data_offsets":[0,0]})"), "no positive integer");
  expect_problem(with_entry(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,4],"data_offsets":[0,16]})"),
                 "too many dimensions");
  expect_problem(with_entry(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]})"), "64 bits");
  expect_problem(with_entry(R"({"dtype":"F32","shape":[4],"data_offsets":[0,17]})"), "outside of the file");
  expect_problem(with_entry(R"({"dtype":"F32","shape":[4],"data_offsets":[16,0]})"), "outside of the file");
  expect_problem(with_entry(R"({"dtype":"F32","shape":[3],"data_offsets":[0,16]})"), "do not fit to its shape");
  expect_problem(safetensors_bytes(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                                   R"("b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}})",
                                   "12345678"),
                 "overlap");
}

TEST(Safetensors, ReadsTheShardsOfAFolder) {
  const ModelFolderFiles files;
  files.write_safetensors("one.safetensors", {{"a", {2}}});
  files.write_safetensors("two.safetensors", {{"b", {3}}, {"c", {1}}});
  const auto index = [&](std::string_view second) {
    files.write("model.safetensors.index.json", Json{{"weight_map", {{"a", "one.safetensors"}, {"b", second}}}}.dump());
    return SafetensorsFolder::open(files.path());
  };
  const auto folder = index("two.safetensors");
  ASSERT_TRUE(folder) << folder.error().message;
  ASSERT_EQ(folder->tensors().size(), 3u);
  float last = 0;
  std::memcpy(&last, folder->tensors().at("b").data.data() + 8, 4);
  EXPECT_EQ(last, 2);
  for (const char* outside : {"../one.safetensors", "/etc/passwd", "", ".", ".."}) {
    EXPECT_NE(index(outside).error().message.find("no file of its folder"), std::string::npos) << outside;
  }
  EXPECT_NE(index("absent.safetensors").error().message.find("cannot open"), std::string::npos);
  files.write_safetensors("two.safetensors", {{"a", {3}}});
  EXPECT_NE(index("two.safetensors").error().message.find("another file"), std::string::npos);
}

}  // namespace
}  // namespace tollgate::local
