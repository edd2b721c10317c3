#include "local_backend/engine/model_drafter.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

namespace tollgate::local {
namespace {

constexpr std::size_t blocks_for(std::size_t tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens; }

std::size_t common(std::span<const Token> a, std::span<const Token> b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

std::int64_t ModelDrafter::steady_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

ModelDrafter::ModelDrafter(std::unique_ptr<Backend> backend, std::size_t context, std::size_t chunk, Clock& clock)
    : backend_(std::move(backend)), context_(context), clock_(&clock), free_(backend_->info().blocks) {
  chunk_ = std::clamp<std::size_t>(chunk, 1, backend_->info().max_step_tokens);
  std::iota(free_.rbegin(), free_.rend(), 0);
}

// A larger first model may have tokens behind those of the second.
bool ModelDrafter::known(std::span<const Token> tokens) const {
  return std::ranges::all_of(
      tokens, [&](Token token) { return token >= 0 && std::cmp_less(token, backend_->info().vocabulary); });
}

std::optional<std::size_t> ModelDrafter::missing(std::uint64_t sequence, std::span<const Token> tokens) const {
  if (lost_ || tokens.size() >= context_ || blocks_for(tokens.size() + 1) > backend_->info().blocks) return {};
  const auto found = texts_.find(sequence);
  const std::size_t sure = found == texts_.end() ? 0 : found->second.sure;
  if (!known(tokens.subspan(sure))) return {};
  if (found == texts_.end()) return tokens.size();
  const auto guessed = std::span(found->second.computed).subspan(sure);
  return tokens.size() - sure - common(guessed, tokens.subspan(sure));
}

std::int64_t ModelDrafter::draft(std::span<DraftRequest> requests) {
  const std::int64_t began = clock_();
  ++calls_;
  work_.clear();
  for (DraftRequest& request : requests) {
    request.drafted = 0;
    if (!lost_) begin(request);
  }
  while (!work_.empty()) {
    plan();
    if (!step()) break;
    std::size_t next = 0;
    for (Work& work : work_)
      if (work.draws) take(work, result_.sampled[next++]);
    // Those that only caught up, or could not even do that, are not worth further steps of the others.
    std::erase_if(work_, [](const Work& work) { return !work.draws; });
  }
  return clock_() - began;
}

// Joins the work if there are blocks for the request.
bool ModelDrafter::begin(DraftRequest& request) {
  const std::span<const Token> tokens = request.tokens.first(request.length);
  if (!missing(request.sequence, tokens)) return false;
  request.tokens = request.tokens.first(std::min(request.tokens.size(), context_));
  Text& text = texts_[request.sequence];
  text.used = calls_;
  const std::size_t right = text.sure + common(std::span(text.computed).subspan(text.sure), tokens.subspan(text.sure));
  // The last token is computed again if need be, for its logits.
  text.computed.resize(std::min(right, request.length - 1));
  text.sure = text.computed.size();
  if (!make_room(text, request.tokens.size())) return false;
  Work& work = work_.emplace_back(&request, &text, *request.sampling);
  work.sampling.logprobs = -1;
  return true;
}

// Blocks for so many tokens; if need be those of the texts that were used least recently.
bool ModelDrafter::make_room(Text& text, std::size_t tokens) {
  while (text.blocks.size() < blocks_for(tokens)) {
    if (free_.empty()) {
      const auto oldest = std::ranges::min_element(texts_, {}, [](const auto& entry) {
        return entry.second.blocks.empty() ? ~std::uint64_t{0} : entry.second.used;
      });
      if (oldest->second.used == calls_) return false;
      drop(oldest->second);
      continue;
    }
    text.blocks.push_back(free_.back());
    free_.pop_back();
  }
  return true;
}

void ModelDrafter::drop(Text& text) {
  free_.insert(free_.end(), text.blocks.begin(), text.blocks.end());
  text.blocks.clear();
  text.computed.clear();
  text.sure = 0;
}

void ModelDrafter::forget(std::uint64_t sequence) {
  const auto found = texts_.find(sequence);
  if (found == texts_.end()) return;
  drop(found->second);
  texts_.erase(found);
}

void ModelDrafter::plan() {
  plan_.clear();
  std::size_t left = chunk_;
  // Those that miss little first, so that they do not wait for one that catches up.
  std::ranges::sort(work_, {}, [](const Work& work) {
    return work.request->length + work.request->drafted - work.text->computed.size();
  });
  for (Work& work : work_) add_row(work, left);
}

void ModelDrafter::add_row(Work& work, std::size_t& left) {
  DraftRequest& request = *work.request;
  std::vector<Token>& computed = work.text->computed;
  const std::size_t known = request.length + request.drafted, from = computed.size();
  work.planned = std::min(known - from, left);
  work.draws = work.planned == known - from;
  if (work.planned == 0) return;
  left -= work.planned;
  const std::size_t end = from + work.planned;
  plan_.rows.push_back({.first_token = static_cast<std::int32_t>(plan_.tokens.size()),
                        .tokens = static_cast<std::int32_t>(work.planned),
                        .context = static_cast<std::int32_t>(end),
                        .first_block = static_cast<std::int32_t>(plan_.blocks.size()),
                        .sequence = request.sequence});
  const auto blocks = work.text->blocks.begin();
  plan_.blocks.insert(plan_.blocks.end(), blocks, blocks + static_cast<std::ptrdiff_t>(blocks_for(end)));
  const auto fresh = request.tokens.subspan(from, work.planned);
  plan_.tokens.insert(plan_.tokens.end(), fresh.begin(), fresh.end());
  computed.insert(computed.end(), fresh.begin(), fresh.end());
  for (std::size_t i = from; i < end; ++i) plan_.positions.push_back(static_cast<std::int32_t>(i));
  if (!work.draws) return;
  plan_.logit_rows.push_back(static_cast<std::int32_t>(plan_.tokens.size() - 1));
  plan_.samples.push_back({.params = &work.sampling,
                           .prompt = request.tokens.first(request.prompt_size),
                           .answer = request.tokens.subspan(request.prompt_size, known - request.prompt_size),
                           .position = static_cast<std::int64_t>(known),
                           .stream = request.stream,
                           .mask = request.owner->mask(request.tokens.subspan(request.length, request.drafted))});
}

bool ModelDrafter::step() {
  const std::int64_t began = clock_();
  const Result<void> done = backend_->step(plan_, result_);
  cost_.measured(plan_.tokens.size(), static_cast<double>(clock_() - began));
  if (done && result_.sampled.size() == plan_.samples.size()) {
    for (Work& work : work_) work.text->sure = std::min(work.text->computed.size(), work.request->length);
    return true;
  }
  lost_ = true;
  for (Work& work : work_) work.request->drafted = 0;
  for (auto& [id, text] : texts_) drop(text);
  return false;
}

void ModelDrafter::take(Work& work, const Sampled& sampled) {
  DraftRequest& request = *work.request;
  work.draws = std::ranges::find(request.ends, sampled.token) == request.ends.end();
  if (!work.draws) return;
  request.tokens[request.length + request.drafted++] = sampled.token;
  work.draws = request.length + request.drafted < request.tokens.size();
}

}  // namespace tollgate::local
