// BatchTally: the results of one batch, line by line, into ledger rows at batch price, one row per model. Each line is
// priced by itself (context size decides the tier), and the rows' ids depend on nothing but batch and model, so that
// settling the same batch again inserts nothing. Pure. Thread rule: one owner.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "billing/price_book.h"
#include "billing/record.h"
#include "billing/usage_reader.h"
#include "config/schema.h"
#include "gateway/batches/binding.h"

namespace tollgate::gateway {

class BatchTally {
 public:
  // All must stay as long as the tally.
  BatchTally(const BatchBinding& binding, const billing::PriceBook& prices, const config::Provider& provider);
  // One line of an OpenAI output file or of Anthropic's results. Blank lines are passed over.
  void line(std::string_view json);
  // The rows so far; one row without usage and cost 0 when no line was billed.
  std::vector<billing::CostRecord> records(std::int64_t finished_us) const;
  std::size_t lines() const { return lines_; }

 private:
  struct ModelSum {
    Usage usage;
    Money cost, baseline;
    bool cost_known = true, baseline_known = true, estimated = false;
    std::set<std::string> price_ids;
    std::size_t requests = 0;
  };
  void add(std::string_view reply);
  std::string priced_name(const std::string& served) const;
  billing::CostRecord row(const std::string& model, std::int64_t finished_us) const;

  const BatchBinding& binding_;
  const billing::PriceBook& prices_;
  const config::Provider& provider_;
  billing::UsageDialect dialect_;
  billing::UsageReader reader_;
  std::map<std::string, ModelSum> models_;
  std::string padded_;
  std::size_t lines_ = 0, failed_ = 0;
};

}  // namespace tollgate::gateway
