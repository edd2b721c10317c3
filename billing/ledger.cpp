// open_ledger: the one place that knows which URL means which store. Owner: billing. Thread rule: ledger.h.
#include "billing/ledger.h"

#include <filesystem>

#include "billing/ledger_rows.h"

namespace tollgate::billing {

Result<std::unique_ptr<Ledger>> open_ledger(const std::string& url, const std::string& base_dir) {
  if (url.starts_with("sqlite:")) {
    const std::string file = url.substr(7);
    if (file.empty()) return Error{ErrorKind::client_fault, 400, "bad_ledger_url", "ledger: sqlite: needs a file name"};
    const std::filesystem::path path(file);
    return open_sqlite_ledger(path.is_absolute() ? file : (std::filesystem::path(base_dir) / path).string());
  }
  if (url.starts_with("postgres://") || url.starts_with("postgresql://")) return open_postgres_ledger(url);
  return Error{ErrorKind::client_fault, 400, "bad_ledger_url",  // the URL itself may hold a password
               "ledger: unknown kind of URL; use sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE"};
}

}  // namespace tollgate::billing
