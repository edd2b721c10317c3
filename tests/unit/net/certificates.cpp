#include "tests/unit/net/certificates.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>

namespace tollgate::net {
namespace {

std::filesystem::path make_folder(const std::string& name) {
  static std::atomic<int> count{0};
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() /
      ("tollgate-certs-" + name + "-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
  std::filesystem::create_directories(folder);
  return folder;
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (!extension) throw std::runtime_error("bad certificate extension " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* make_certificate(EVP_PKEY* key, const std::string& name, long serial, long from, long until) {
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), from);
  X509_gmtime_adj(X509_getm_notAfter(certificate), until);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

template <class Write>
std::string write_pem(const std::filesystem::path& path, Write write) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (!file) throw std::runtime_error("cannot write " + path.string());
  write(file);
  std::fclose(file);
  return path.string();
}

}  // namespace

Authority::Authority(const std::string& name) : folder_(make_folder(name)), key_(EVP_EC_gen("P-256")) {
  certificate_ = make_certificate(key_, "Test authority " + name, serial_++, -3600, 86400);
  X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
  add_extension(certificate_, certificate_, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate_, certificate_, NID_key_usage, "critical,keyCertSign");
  X509_sign(certificate_, key_, EVP_sha256());
  ca_file_ = write_pem(folder_ / "ca.pem", [this](std::FILE* file) { PEM_write_X509(file, certificate_); });
}

Authority::~Authority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Leaf Authority::issue(const std::string& file_name, const std::string& names, long from_seconds, long until_seconds) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* leaf = make_certificate(key, file_name, serial_++, from_seconds, until_seconds);
  X509_set_issuer_name(leaf, X509_get_subject_name(certificate_));
  add_extension(leaf, certificate_, NID_subject_alt_name, names);
  X509_sign(leaf, key_, EVP_sha256());
  Leaf files;
  files.cert_file = write_pem(folder_ / (file_name + ".pem"), [leaf](std::FILE* file) { PEM_write_X509(file, leaf); });
  files.key_file = write_pem(folder_ / (file_name + ".key"), [key](std::FILE* file) {
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
  X509_free(leaf);
  EVP_PKEY_free(key);
  return files;
}

}  // namespace tollgate::net
