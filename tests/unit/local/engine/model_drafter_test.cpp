// The second model by itself: what it guesses, what it computes for that, and what happens when it has no room.
#include "local_backend/engine/model_drafter.h"

#include <gtest/gtest.h>

#include "callers.h"
#include "local_backend/engine/draft_model.h"

namespace tollgate::local::testing {
namespace {

constexpr std::size_t kContext = 128;
const ModelCase kModel{"llama"};

struct Permissive : SequenceOwner {
  bool on_token(const Sampled&) override { return true; }
  std::span<const std::uint32_t> mask(std::span<const Token>) override { return allowed; }
  void on_end(StopReason) override {}
  std::vector<std::uint32_t> allowed;
};

// A text that grows, and the request for its guesses.
struct Asked {
  explicit Asked(std::uint64_t number, std::size_t size) : id(number), length(size) {
    std::mt19937_64 random(number);
    for (std::size_t i = 0; i < size; ++i) request.prompt.push_back(static_cast<Token>(random() % 256));
    request.sampling.temperature = 0;
    request.answer_tokens = 8;
    tokens = request.prompt;
  }
  std::size_t ask(ModelDrafter& drafter, std::size_t guesses) {
    tokens.resize(length + guesses);
    DraftRequest draft{.sequence = id,
                       .tokens = tokens,
                       .length = length,
                       .prompt_size = request.prompt.size(),
                       .sampling = &request.sampling,
                       .ends = ends,
                       .owner = &owner};
    drafter.draft({&draft, 1});
    return draft.drafted;
  }
  std::optional<std::size_t> missing(const ModelDrafter& drafter) const {
    return drafter.missing(id, std::span(tokens).first(length));
  }
  std::vector<Token> guesses(std::size_t count) const {
    return {tokens.begin() + static_cast<std::ptrdiff_t>(length),
            tokens.begin() + static_cast<std::ptrdiff_t>(length + count)};
  }
  void say(Token token) {
    tokens.resize(length++);
    tokens.push_back(token);
  }

  std::uint64_t id;
  std::size_t length;
  Request request;
  std::vector<Token> tokens, ends;
  Permissive owner;
};

std::unique_ptr<Backend> backend(std::size_t blocks) {
  return small_backend(kModel, small_file(kModel, kContext), blocks, 64);
}

std::vector<Token> answer(const Asked& asked) {
  std::vector<Token> tokens;
  for (const Sampled& drawn : Alone(backend(4)).answer(asked.request)) tokens.push_back(drawn.token);
  return tokens;
}

TEST(ModelDrafter, GuessesWhatItWouldAnswerItself) {
  ModelDrafter drafter(backend(8), kContext, 64);
  Asked one(1, 40);
  const std::vector<Token> right = answer(one);
  EXPECT_EQ(one.missing(drafter), 40u);
  ASSERT_EQ(one.ask(drafter, 4), 4u);
  EXPECT_EQ(one.guesses(4), std::vector<Token>(right.begin(), right.begin() + 4));
  // The first two were right, then another token was drawn: what was computed of the wrong ones does not count.
  one.say(right[0]);
  one.say(right[1]);
  EXPECT_EQ(one.missing(drafter), 0u);
  one.say(right[2] ^ 1);
  EXPECT_EQ(one.missing(drafter), 1u);
  ASSERT_EQ(one.ask(drafter, 3), 3u);
  ModelDrafter fresh(backend(8), kContext, 64);
  Asked same = one;
  ASSERT_EQ(same.ask(fresh, 3), 3u);
  EXPECT_EQ(one.guesses(3), same.guesses(3));
  EXPECT_TRUE(drafter.cost().known());
}

TEST(ModelDrafter, CatchesUpInChunksBeforeItGuesses) {
  ModelDrafter drafter(backend(8), kContext, 16);
  Asked one(2, 50);
  for (const std::size_t left : {34u, 18u, 2u}) {
    EXPECT_EQ(one.ask(drafter, 4), 0u);
    EXPECT_EQ(one.missing(drafter), left);
  }
  ASSERT_EQ(one.ask(drafter, 4), 4u);
  const std::vector<Token> right = answer(one);
  EXPECT_EQ(one.guesses(4), std::vector<Token>(right.begin(), right.begin() + 4));
}

TEST(ModelDrafter, TheTextUsedLeastRecentlyMakesRoom) {
  ModelDrafter drafter(backend(4), kContext, 64);
  Asked first(3, 50), second(4, 50), third(5, 50);  // two blocks each
  EXPECT_EQ(first.ask(drafter, 2), 2u);
  EXPECT_EQ(second.ask(drafter, 2), 2u);
  EXPECT_EQ(first.ask(drafter, 2), 2u);
  EXPECT_EQ(third.ask(drafter, 2), 2u);
  EXPECT_LE(first.missing(drafter), 1u);
  EXPECT_EQ(second.missing(drafter), 50u);
  const std::vector<Token> right = answer(second);
  ASSERT_EQ(second.ask(drafter, 2), 2u);
  EXPECT_EQ(second.guesses(2), std::vector<Token>(right.begin(), right.begin() + 2));
  for (const Asked* one : {&first, &second, &third}) drafter.forget(one->id);
  drafter.forget(99);
  EXPECT_EQ(drafter.free_blocks(), 4u);
}

TEST(ModelDrafter, KnowsItsLimits) {
  ModelDrafter drafter(backend(2), 60, 64);
  EXPECT_EQ(Asked(6, 60).missing(drafter), std::nullopt);  // the context is full
  Asked nearly(7, 58);
  EXPECT_EQ(nearly.ask(drafter, 5), 2u);
  Asked strange(8, 10);
  strange.tokens[3] = 256;  // behind its vocabulary
  EXPECT_EQ(strange.missing(drafter), std::nullopt);
  EXPECT_EQ(strange.ask(drafter, 2), 0u);
  EXPECT_EQ(Asked(9, 64).missing(ModelDrafter(backend(2), kContext, 64)), std::nullopt);  // the pool is too small
}

TEST(ModelDrafter, GuessesNeitherEndsNorWhatIsMaskedOut) {
  ModelDrafter drafter(backend(8), kContext, 64);
  Asked one(10, 20);
  const std::vector<Token> right = answer(one);
  one.ends = {right[2]};
  const auto first_end = static_cast<std::size_t>(std::ranges::find(right, right[2]) - right.begin());
  EXPECT_EQ(one.ask(drafter, 5), first_end);
  one.ends.clear();
  one.owner.allowed.assign(8, 0);
  one.owner.allowed[1] = 2;
  ASSERT_EQ(one.ask(drafter, 3), 3u);
  EXPECT_EQ(one.guesses(3), std::vector<Token>(3, 33));
}

struct Dying : Backend {
  explicit Dying(std::unique_ptr<Backend> other) : real(std::move(other)) {}
  const BackendInfo& info() const override { return real->info(); }
  Result<void> step(const StepPlan& plan, StepResult& result) override {
    if (steps_left-- > 0) return real->step(plan, result);
    return Error{.code = "device_lost", .message = "asked for"};
  }
  bool read_block(std::int32_t, std::span<std::byte>) const override { return true; }
  bool write_block(std::int32_t, std::span<const std::byte>) override { return true; }
  std::unique_ptr<Backend> real;
  int steps_left = 2;
};

TEST(ModelDrafter, GuessesNothingOnceItsDeviceIsLost) {
  ModelDrafter drafter(std::make_unique<Dying>(backend(8)), kContext, 64);
  Asked one(11, 20);
  EXPECT_EQ(one.ask(drafter, 4), 0u);  // the third step fails
  EXPECT_TRUE(drafter.lost());
  EXPECT_EQ(one.missing(drafter), std::nullopt);
  EXPECT_EQ(one.ask(drafter, 4), 0u);
  EXPECT_EQ(drafter.free_blocks(), 8u);
}

class Words final : public Tokenizer {
 public:
  explicit Words(std::vector<std::string> words, std::size_t unused = 0) : words_(std::move(words)), unused_(unused) {
    for (std::size_t i = 0; i < unused; ++i) words_.push_back("[pad" + std::to_string(i) + "]");
  }
  std::vector<Token> encode(std::string_view, EncodeOptions) const override { return {}; }
  std::string_view bytes(Token token, bool) const override { return words_[static_cast<std::size_t>(token)]; }
  std::size_t size() const override { return words_.size(); }
  TokenKind kind(Token token) const override {
    return static_cast<std::size_t>(token) + unused_ < words_.size() ? TokenKind::normal : TokenKind::unused;
  }
  std::optional<Token> find(std::string_view) const override { return {}; }

 private:
  std::vector<std::string> words_;
  std::size_t unused_;
};

TEST(DraftVocabulary, MustBeTheSame) {
  EXPECT_TRUE(same_vocabulary(Words({"a", "b"}), Words({"a", "b"}), "small.gguf"));
  EXPECT_TRUE(same_vocabulary(Words({"a", "b"}, 3), Words({"a", "b"}), "small.gguf"));
  EXPECT_TRUE(same_vocabulary(Words({"a", "b"}), Words({"a", "b"}, 1), "small.gguf"));
  const auto other = same_vocabulary(Words({"a", "b", "c"}), Words({"a", "\n", "d"}), "small.gguf");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, "other_vocabulary");
  EXPECT_EQ(
      other.error().message,
      "small.gguf cannot guess for this model: token 1 is \"\\x0a\" there and \"b\" here; take a smaller model of "
      "the same family");
  const auto shorter = same_vocabulary(Words({"a", "b"}), Words({"a"}), "small.gguf");
  ASSERT_FALSE(shorter);
  EXPECT_NE(shorter.error().message.find("token 1 is none there and \"b\" here"), std::string::npos);
}

}  // namespace
}  // namespace tollgate::local::testing
