// Inside of billing: the file of records that the store refuses for their content. Thread rule: the ledger thread.
#pragma once

#include <string>
#include <unordered_set>

#include "billing/record.h"
#include "billing/spool_reader.h"

namespace tollgate::billing {

// Lines {"at", "store_message", "record"}. Each of them is money that is in no report, so nothing is ever thrown away:
// a file past 64 MiB is renamed to FILE.<microseconds> and a new one begun.
class PoisonFile {
 public:
  explicit PoisonFile(std::string path) : path_(std::move(path)) {}
  // True when the record is safely on disk (or already was); false = the caller must keep it and try again.
  bool add(const CostRecord& record, const std::string& message);

 private:
  std::string path_;
  std::unordered_set<Id, IdHash> known_;  // written by this process; a redelivered batch does not repeat them
};

}  // namespace tollgate::billing
