#include "tests/unit/credentials/test_key.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace tollgate {
namespace {

EVP_PKEY* rsa_key() {
  static EVP_PKEY* const key = EVP_RSA_gen(2048);
  return key;
}

std::string pem_of(EVP_PKEY* key, const char* passphrase) {
  BIO* out = BIO_new(BIO_s_mem());
  const EVP_CIPHER* cipher = passphrase == nullptr ? nullptr : EVP_aes_128_cbc();
  PEM_write_bio_PKCS8PrivateKey(out, key, cipher, passphrase, passphrase == nullptr ? 0 : 6, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  BIO_free(out);
  return pem;
}

}  // namespace

const std::string& test_rsa_key() {
  static const std::string pem = pem_of(rsa_key(), nullptr);
  return pem;
}

std::string test_rsa_key_with_passphrase() { return pem_of(rsa_key(), "secret"); }

std::string test_ec_key() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  std::string pem = pem_of(key, nullptr);
  EVP_PKEY_free(key);
  return pem;
}

bool signed_by_test_key(std::string_view data, std::string_view signature) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, rsa_key());
  const int good = EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                                    reinterpret_cast<const unsigned char*>(data.data()), data.size());
  EVP_MD_CTX_free(context);
  return good == 1;
}

}  // namespace tollgate
