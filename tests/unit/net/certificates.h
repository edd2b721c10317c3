// Certificates made at test time: an authority and leaves signed by it, as PEM files in a folder of their own.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <filesystem>
#include <string>

namespace tollgate::net {

struct Leaf {
  std::string cert_file, key_file;
};

class Authority {
 public:
  explicit Authority(const std::string& name);
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  const std::string& ca_file() const { return ca_file_; }
  // `names` in the form of the subjectAltName extension: "DNS:localhost,IP:127.0.0.1". Valid from now + `from_seconds`
  // to now + `until_seconds`.
  Leaf issue(const std::string& file_name, const std::string& names, long from_seconds, long until_seconds);

 private:
  std::filesystem::path folder_;
  EVP_PKEY* key_ = nullptr;
  X509* certificate_ = nullptr;
  std::string ca_file_;
  long serial_ = 1;
};

}  // namespace tollgate::net
