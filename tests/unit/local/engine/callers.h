// Random requests to a real small model, and what each must be answered: computed alone, in one go and token by token,
// by a back end that does nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../model/tiny_model.h"
#include "local_backend/model/cpu_backend.h"
#include "local_backend/scheduler/scheduler.h"

namespace tollgate::local::testing {

// A family at a level, with a KV type.
struct ModelCase {
  std::string family;
  KvType kv = KvType::f16;
  CpuLevel level = CpuLevel::scalar;
};

struct Request {
  std::vector<Token> prompt;
  SamplingParams sampling;
  std::uint32_t stream = 0;
  std::size_t answer_tokens = 1;
  std::uint64_t mask_seed = 0;  // 0 = every token may be drawn
  Lane lane = Lane::interactive;
  std::string salt;
};

// The allowed tokens after an answer: some of them, by its last two tokens. Empty for requests without masks.
std::vector<std::uint32_t> mask_after(const Request& request, std::span<const Token> answer, std::size_t vocabulary);

// Prompts that repeat themselves and share beginnings, greedy and drawn, with penalties, masks and several answers.
std::vector<Request> random_requests(std::mt19937_64& random, std::size_t count, std::size_t context);

// The file of a family, with room for `context` tokens.
std::shared_ptr<const GgufFile> small_file(const ModelCase& model, std::size_t context);
// The same file after every value of its matrices was moved by up to `noise` of itself: a model that often agrees.
std::shared_ptr<const GgufFile> similar_file(const ModelCase& model, std::size_t context, float noise);

// What the tests are about: each of their programs defines the rest.
struct UnderTest {
  std::vector<const char*> families;
  std::vector<CpuLevel> levels;
  std::size_t requests = 12;
  bool all_happen = true;  // enough requests that every shape of a schedule is what it is named for
  bool long_answers = true;
};
const UnderTest& under_test();
// The fixture's model as the back end takes it.
TinyModel shaped(TinyModel model);
std::unique_ptr<Backend> small_backend(const ModelCase& model, std::shared_ptr<const GgufFile> file, std::size_t blocks,
                                       std::size_t max_step_tokens);

// Answers one request at a time.
class Alone {
 public:
  explicit Alone(std::unique_ptr<Backend> backend) : backend_(std::move(backend)) {}
  std::vector<Sampled> answer(const Request& request);

 private:
  std::unique_ptr<Backend> backend_;
};

// Empty when tokens, log probabilities and alternatives are the same, bit for bit; else the first difference.
std::string difference(const std::vector<Sampled>& got, const std::vector<Sampled>& wanted);

}  // namespace tollgate::local::testing
