#include "gateway/bench/grid.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/units.h"
#include "gateway/bench/decode_run.h"
#include "gateway/bench/prefill_run.h"

namespace tollgate::gateway::bench {
namespace {

Error wrong(std::string message) {
  return Error{.kind = ErrorKind::client_fault, .status = 400, .code = "bad_rows", .message = std::move(message)};
}

bool parse_row(std::string_view text, GridRow& row) {
  row.prefill = text.starts_with("pp");
  if (!row.prefill && !text.starts_with("tg")) return false;
  const auto size = config::parse_integer(text.substr(2));
  if (!size || *size < 1 || static_cast<std::uint64_t>(*size) > (row.prefill ? kMostPrompt : kMostBatch)) return false;
  row.size = static_cast<std::size_t>(*size);
  return true;
}

// A sequence's tokens at the end of a decoding run.
std::size_t longest(const GridOptions& options) { return options.depth + 1 + decoded_tokens(options.steps); }

std::size_t blocks_of(const GridOptions& options, const GridRow& row) {
  const auto blocks = [](std::size_t tokens) { return (tokens + local::kBlockTokens - 1) / local::kBlockTokens; };
  if (row.prefill) return blocks(row.size + 1);
  return row.size * blocks(longest(options)) + row.size / 8 + 1;  // the scheduler keeps some back for growth
}

bool fits_context(const GridOptions& options, const GridRow& row, std::size_t context) {
  return (row.prefill ? row.size + 1 : longest(options)) <= context;
}

std::string why_not(const local::Engine& engine, const GridOptions& options, const GridRow& row) {
  if (!fits_context(options, row, engine.context()))
    return fmt::format("needs a context of {}, the model has {}", row.prefill ? row.size + 1 : longest(options),
                       engine.context());
  const std::size_t wanted = blocks_of(options, row), there = engine.backend().blocks;
  if (wanted > there)
    return fmt::format("needs {} KV blocks, there are {}: say --kv-memory {}MiB", wanted, there,
                       (wanted * engine.backend().block_bytes >> 20) + 1);
  if (!row.prefill && row.size > engine.backend().max_step_tokens)
    return fmt::format("a step of this device has {} tokens", engine.backend().max_step_tokens);
  return {};
}

// `number`: of the row.
Result<void> fill(local::Engine& engine, const GridOptions& options, std::size_t number, GridFigure& figure,
                  Progress& progress) {
  const GridRow& row = figure.row;
  figure.left_out = why_not(engine, options, row);
  if (!figure.left_out.empty()) return {};
  DecodeRun decode(engine, {row.size, options.depth, options.steps, options.seed, options.patience});
  if (!row.prefill) {
    progress.say(fmt::format("{}: contexts of {} tokens", row.name(), options.depth), true);
    if (auto ready = decode.prepare(); !ready) return ready;
  }
  for (std::size_t repeat = 0; repeat < options.repeats; ++repeat) {
    progress.say(fmt::format("{}: {} of {}", row.name(), repeat + 1, options.repeats), true);
    if (row.prefill) {
      auto us = time_prefill(engine, row.size, options.seed + number * kMostRepeats + repeat, options.patience);
      if (!us) return std::move(us).error();
      figure.us.push_back(*us);
      figure.tokens = static_cast<std::int64_t>(row.size);
      continue;
    }
    auto timed = decode.time();
    if (!timed) return std::move(timed).error();
    if (!timed->disturbed.empty()) {
      figure.us.clear();
      figure.left_out = timed->disturbed;
      return {};
    }
    figure.us.push_back(timed->us);
    figure.tokens = static_cast<std::int64_t>(row.size * options.steps);
    figure.context = timed->context;
  }
  return {};
}

}  // namespace

Result<std::vector<GridRow>> parse_rows(std::string_view text) {
  std::vector<GridRow> rows;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    GridRow row;
    if (!parse_row(text.substr(0, comma), row))
      return wrong(
          fmt::format("'{}' is no row; say a list such as pp512,tg1,tg8: ppN is a prompt of N tokens, tgN "
                      "decodes N sequences at once (at most {})",
                      text.substr(0, comma), kMostBatch));
    rows.push_back(row);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  if (rows.empty()) return wrong("--rows needs at least one row, such as tg1");
  return rows;
}

std::size_t blocks_for(const GridOptions& options, std::size_t context) {
  std::size_t most = 1;
  for (const GridRow& row : options.rows)
    if (fits_context(options, row, context)) most = std::max(most, blocks_of(options, row));
  return most;
}

std::size_t largest_batch(const std::vector<GridRow>& rows) {
  std::size_t most = 1;
  for (const GridRow& row : rows)
    if (!row.prefill) most = std::max(most, row.size);
  return most;
}

Result<std::vector<GridFigure>> run_grid(local::Engine& engine, const GridOptions& options, Progress& progress) {
  std::vector<GridFigure> figures;
  for (const GridRow& row : options.rows) {
    figures.push_back({.row = row});
    if (auto done = fill(engine, options, figures.size(), figures.back(), progress); !done)
      return std::move(done).error();
  }
  progress.clear();
  return figures;
}

}  // namespace tollgate::gateway::bench
