// What signing needs besides SHA-256 (sha256.h): a digest over several parts, HMAC, RSA signatures, hex.
// Thread rule: functions are safe on any thread; a Sha256Sum has one owner.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/sha256.h"

namespace tollgate {

// SHA-256 of parts, one after the other.
class Sha256Sum {
 public:
  Sha256Sum();
  ~Sha256Sum();
  Sha256Sum(const Sha256Sum&) = delete;
  Sha256Sum& operator=(const Sha256Sum&) = delete;
  void add(std::string_view part);
  // Of what was added so far; begins anew.
  Sha256 finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

Sha256 hmac_sha256(std::string_view key, std::string_view data);

// The signature RSASSA-PKCS1-v1_5 with SHA-256 (RS256 of JWT), as bytes. `pem`: a private key, PKCS#8 or PKCS#1, not
// encrypted. Errors: code bad_private_key; the message holds nothing of the key. Milliseconds of work.
Result<std::string> rsa_sha256_sign(std::string_view pem, std::string_view data);

// Lower case.
std::string hex(std::span<const std::uint8_t> bytes);

}  // namespace tollgate
