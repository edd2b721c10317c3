#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "local_backend/sampling/sampler.h"

namespace tollgate::local {
namespace {

using Fields = std::map<std::string, std::string>;

std::vector<Fields> read_cases() {
  const char* root = std::getenv("TOLLGATE_SOURCE_DIR");
  std::ifstream file(std::string(root ? root : ".") + "/tests/fixtures/local/sampling/golden.txt");
  std::vector<Fields> cases;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    Fields fields;
    for (std::string word; words >> word;) {
      const auto equals = word.find('=');
      fields[word.substr(0, equals)] = word.substr(equals + 1);
    }
    cases.push_back(std::move(fields));
  }
  return cases;
}

// A row as tests/fixtures/local/sampling/make_golden.py makes it.
struct Case {
  explicit Case(Fields given) : fields(std::move(given)) {
    make_row();
    params = {.temperature = real("temperature"),
              .top_k = static_cast<int>(number("top_k")),
              .top_p = real("top_p"),
              .min_p = real("min_p"),
              .repetition_penalty = real("repetition_penalty"),
              .presence_penalty = real("presence_penalty"),
              .frequency_penalty = real("frequency_penalty"),
              .logit_bias = bias,
              .seed = number("seed"),
              .logprobs = 5};
  }

  std::uint64_t number(const char* name) const { return std::stoull(fields.at(name)); }
  float real(const char* name) const { return std::stof(fields.at(name)); }

  SampleRow row() const {
    return {.params = &params,
            .prompt = prompt,
            .answer = answer,
            .position = static_cast<std::int64_t>(number("position")),
            .stream = static_cast<std::uint32_t>(number("stream")),
            .mask = mask};
  }

  void make_row() {
    const std::size_t size = number("vocabulary"), masked = number("masked");
    if (masked != 0) mask.resize((size + 31) / 32);
    std::map<Token, float> biases;
    for (std::size_t i = 0; i < size; ++i) {
      std::uint32_t words[4];
      Philox::words(i, 1, number("row"), words);
      logits.push_back(static_cast<float>(words[0] >> 20) / 256 - 8);
      if (i < number("prompt")) prompt.push_back(static_cast<Token>(words[1] % size));
      if (i < number("answer")) answer.push_back(static_cast<Token>(words[2] % size));
      if (masked != 0 && words[3] % masked != 0) mask[i / 32] |= 1u << (i % 32);
      if (i < number("biases")) biases[static_cast<Token>(words[3] % size)] = static_cast<float>(words[0] % 9) - 4;
    }
    bias.assign(biases.begin(), biases.end());
  }

  Fields fields;
  std::vector<float> logits;
  std::vector<Token> prompt, answer;
  std::vector<std::uint32_t> mask;
  std::vector<std::pair<Token, float>> bias;
  SamplingParams params;
};

std::vector<std::pair<Token, float>> told(const std::string& text) {
  std::vector<std::pair<Token, float>> out;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');)
    out.emplace_back(std::stoi(part), std::stof(part.substr(part.find(':') + 1)));
  return out;
}

TEST(SamplerGolden, EqualsThePlainImplementation) {
  const std::vector<Fields> cases = read_cases();
  ASSERT_EQ(cases.size(), 400u);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE("line " + std::to_string(i + 1));
    Case one(cases[i]);
    const Sampled sampled = sample(one.logits, one.row());
    EXPECT_EQ(sampled.token, static_cast<Token>(one.number("token")));
    EXPECT_NEAR(sampled.logprob, one.real("logprob"), 1e-5);
    const auto top = told(one.fields.at("top"));
    ASSERT_EQ(sampled.top.size(), top.size());
    for (std::size_t at = 0; at < top.size(); ++at) {
      EXPECT_EQ(sampled.top[at].first, top[at].first) << at;
      EXPECT_NEAR(sampled.top[at].second, top[at].second, 1e-5) << at;
    }
  }
}

}  // namespace
}  // namespace tollgate::local
