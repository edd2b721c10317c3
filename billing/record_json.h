// Inside of billing: a record as one JSON object with the ledger's column names, for poison.jsonl. Pure.
#pragma once

#include <string>

#include "billing/record.h"

namespace tollgate::billing {

// Appends the object, without a line end. Money is decimal text, times are microseconds, raw usage is a string.
void append_record_json(const CostRecord& record, std::string& out);

}  // namespace tollgate::billing
