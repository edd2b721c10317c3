// The words of providers.yaml and the code that knows them: each has what the other names.
#include "config/vendor_words.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "billing/usage_reader.h"
#include "config/load.h"
#include "gateway/dialects/quirks.h"

namespace tollgate::gateway {
namespace {

template <class Words>
std::set<std::string> set_of(const Words& words) {
  std::set<std::string> out;
  for (const auto& word : words) EXPECT_TRUE(out.emplace(word).second) << word << " stands twice";
  return out;
}

TEST(VendorWords, RequestFlagsAreTheQuirksThereAre) {
  EXPECT_EQ(set_of(config::request_flag_words()), set_of(quirk_names()));
}

TEST(VendorWords, ShippedRowsUseEachQuirkTheyName) {
  for (const config::Provider& row : config::shipped_providers())
    for (const std::string& flag : row.request_flags) EXPECT_TRUE(is_quirk(flag)) << row.name << ": " << flag;
}

TEST(VendorWords, PathNamesAreSurfaces) {
  for (const std::string_view surface : config::surface_words()) {
    EXPECT_TRUE(config::is_path_name(surface));
    EXPECT_TRUE(config::is_path_name(std::string(surface) + "_stream"));
  }
  for (const char* bad : {"", "_stream", "chat_", "chats", "stream", "chat_stream_stream"})
    EXPECT_FALSE(config::is_path_name(bad)) << bad;
}

TEST(VendorWords, FixedKindsAreKinds) {
  const auto words = config::auth_words();
  EXPECT_EQ(std::count_if(words.begin(), words.end(), config::auth_is_fixed), 4);
}

}  // namespace
}  // namespace tollgate::gateway
