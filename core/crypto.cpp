// SHA-256, HMAC and RSA over OpenSSL's EVP interface: crypto.h and sha256.h. Thread rule: see the headers.
#include "core/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstdlib>

namespace tollgate {
namespace {

// Frees whatever OpenSSL made, by the function that belongs to it.
template <auto kFree>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freer<&EVP_MD_CTX_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Freer<&EVP_MAC_CTX_free>>;
using Bio = std::unique_ptr<BIO, Freer<&BIO_free_all>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freer<&EVP_PKEY_free>>;

// Looking an algorithm up by name costs more than hashing a key, so it is done once.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return md;
}

EVP_MAC* hmac_algorithm() {
  static EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  return mac;
}

// A wrong digest could let a caller in, so a broken crypto library ends the program.
void require(bool ok) {
  if (!ok) std::abort();
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// Without it OpenSSL would ask at the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

Error bad_key(std::string message) {
  ERR_clear_error();
  return Error{ErrorKind::fatal, 500, "bad_private_key", std::move(message), {}};
}

}  // namespace

Sha256 sha256(std::string_view data) {
  static thread_local const DigestContext context(EVP_MD_CTX_new());
  Sha256 digest{};
  require(sha256_algorithm() != nullptr && context != nullptr &&
          EVP_DigestInit_ex2(context.get(), sha256_algorithm(), nullptr) == 1 &&
          EVP_DigestUpdate(context.get(), data.data(), data.size()) == 1 &&
          EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1);
  return digest;
}

std::string sha256_hex(std::string_view data) { return hex(sha256(data)); }

bool constant_time_equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

struct Sha256Sum::Impl {
  DigestContext context{EVP_MD_CTX_new()};
  void begin() {
    require(sha256_algorithm() != nullptr && context != nullptr &&
            EVP_DigestInit_ex2(context.get(), sha256_algorithm(), nullptr) == 1);
  }
};

Sha256Sum::Sha256Sum() : impl_(std::make_unique<Impl>()) { impl_->begin(); }
Sha256Sum::~Sha256Sum() = default;

void Sha256Sum::add(std::string_view part) {
  require(EVP_DigestUpdate(impl_->context.get(), part.data(), part.size()) == 1);
}

Sha256 Sha256Sum::finish() {
  Sha256 digest{};
  require(EVP_DigestFinal_ex(impl_->context.get(), digest.data(), nullptr) == 1);
  impl_->begin();
  return digest;
}

Sha256 hmac_sha256(std::string_view key, std::string_view data) {
  static thread_local const MacContext context(EVP_MAC_CTX_new(hmac_algorithm()));
  static char name[] = "SHA256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                               OSSL_PARAM_construct_end()};
  // A null pointer would mean "the key of last time".
  const unsigned char* key_bytes = key.empty() ? bytes_of("") : bytes_of(key);
  Sha256 digest{};
  std::size_t size = 0;
  require(context != nullptr && EVP_MAC_init(context.get(), key_bytes, key.size(), params) == 1 &&
          EVP_MAC_update(context.get(), bytes_of(data), data.size()) == 1 &&
          EVP_MAC_final(context.get(), digest.data(), &size, digest.size()) == 1 && size == digest.size());
  return digest;
}

Result<std::string> rsa_sha256_sign(std::string_view pem, std::string_view data) {
  const Bio source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const PrivateKey key(source ? PEM_read_bio_PrivateKey(source.get(), nullptr, &no_passphrase, nullptr) : nullptr);
  if (!key) return bad_key("not a private key in PEM form without a passphrase");
  if (EVP_PKEY_is_a(key.get(), "RSA") != 1) return bad_key("the private key is not an RSA key");
  const DigestContext context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, sha256_algorithm(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes_of(data), data.size()) != 1)
    return bad_key("the private key cannot sign");
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes_of(data),
                     data.size()) != 1)
    return bad_key("the private key cannot sign");
  signature.resize(size);
  return signature;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace tollgate
