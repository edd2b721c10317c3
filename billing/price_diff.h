// Text forms of price rows that comparison, quarantine and YAML share. Owner: billing, price half. Pure functions.
#pragma once

#include <string>

#include "config/schema.h"

namespace tollgate::billing {

// Target and conditions, as price_row_id() without the date of the source: rows with one key state the same price.
std::string price_row_key(const config::PriceRow& row);
// USD per 1M units as shortest decimal text.
std::string rate_text(Rate rate);

}  // namespace tollgate::billing
