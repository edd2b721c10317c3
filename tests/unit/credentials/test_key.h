// Private keys made at test time, and checking what they signed. Thread rule: one thread.
#pragma once

#include <string>
#include <string_view>

namespace tollgate {

// PEM, PKCS#8. The RSA key is made once per process.
const std::string& test_rsa_key();
std::string test_rsa_key_with_passphrase();
std::string test_ec_key();
// Whether `signature` is the RS256 signature of `data` by test_rsa_key().
bool signed_by_test_key(std::string_view data, std::string_view signature);

}  // namespace tollgate
