// Where recorded test data lies, for tests that skip when there is none.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace tollgate {

// A folder of the data, by TOLLGATE_DATA_DIR or beside the source tree; may not exist.
inline std::filesystem::path test_data_dir(const char* folder) {
  if (const char* data = std::getenv("TOLLGATE_DATA_DIR")) return std::filesystem::path(data) / folder;
  const char* source = std::getenv("TOLLGATE_SOURCE_DIR");
  return std::filesystem::path(source != nullptr ? source : ".") / ".." / "shared" / "data" / folder;
}

inline std::string read_test_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace tollgate
