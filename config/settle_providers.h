// What a provider's row leaves open is settled here, once all values are read: references in shipped rows, credentials
// from the environment, placeholders. Thread rule: start-up and reload only (environment and files).
#pragma once

#include <string>

#include "config/reader.h"
#include "config/schema.h"

namespace tollgate::config {

// Makes every provider ready to use, or says in `unusable` why it cannot be and which key would help; that is an error
// where the user's file has an entry for it.
void settle_providers(Config& config, Reader& reader, const std::string& base_dir);

}  // namespace tollgate::config
