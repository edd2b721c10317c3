// Credentials of `auth: google`: the JSON file of a service account, or the one that gcloud writes for a user's login.
// Pure, but for find_google_account(), which reads the environment and files, at start-up and reload only.
#pragma once

#include <string>
#include <string_view>

#include "config/schema.h"
#include "core/result.h"

namespace tollgate::config {

struct GoogleAccount {
  bool service_account = false;
  std::string token_uri;  // https, or http on a loopback address
  std::string project;    // may be empty
  // A service account: who signs for itself.
  std::string client_email, private_key, private_key_id;
  // A user's login: who once agreed.
  std::string client_id, client_secret, refresh_token;
};
// Errors name what is wrong, never a value.
Result<GoogleAccount> parse_google_account(std::string_view json);

// Fills p.credentials where it is empty, and p.project from it.
Result<void> find_google_account(Provider& p);

}  // namespace tollgate::config
