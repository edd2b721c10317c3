// The shipped rows: their surfaces are known to the gateway, and lead to the addresses that recorded requests of SDKs
// were sent to.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "config/load.h"
#include "config/template.h"
#include "config/vendor_words.h"
#include "core/json_dom.h"
#include "core/percent.h"
#include "gateway/endpoint.h"
#include "gateway/surface.h"
#include "tests/unit/core/test_data.h"

namespace tollgate::gateway {
namespace {

// What stands between two texts, "" if they do not.
std::string between(const std::string& text, const std::string& before, const std::string& after) {
  const std::size_t begin = text.find(before);
  if (begin == std::string::npos) return {};
  const std::size_t from = begin + before.size();
  const std::size_t end = after.empty() ? text.size() : text.find(after, from);
  return end == std::string::npos ? std::string() : text.substr(from, end - from);
}

// The parts of a recorded address that a user would configure.
void take_places(const std::string& url, config::Provider& p) {
  const std::string host = between(url, "://", "/");
  p.project = between(url, "/projects/", "/");
  p.api_version = between(url + "&", "api-version=", "&");
  p.region = between(url, "/locations/", "/");
  if (const std::string region = between(host, "bedrock-runtime.", ".amazonaws"); !region.empty()) p.region = region;
  if (const std::string region = between(host, "bedrock-mantle.", ".api.aws"); !region.empty()) p.region = region;
  p.resource = host.substr(0, host.find('.'));
}

std::string model_of(const std::string& url) {
  std::string model;
  if (url.find("/publishers/") != std::string::npos || url.find("/models/") != std::string::npos)
    model = between(url, "/models/", ":");
  if (model.empty()) model = between(url, "/deployments/", "/");
  if (model.empty()) model = between(url, "/model/", "/");
  return percent_decoded(model);
}

// Without what says nothing about the place: clients' own parameters, escapes, doubled slashes.
std::string plain(std::string url) {
  for (const char* parameter : {"?beta=true", "?$alt=json", "?%24alt=json%3Benum-encoding%3Dint", "#stream"})
    if (const std::size_t at = url.find(parameter); at != std::string::npos)
      url.erase(at, std::string(parameter).size());
  url = percent_decoded(url);
  return url;
}

std::string_view path_of(const config::Provider& row, const Surface& surface, bool stream) {
  return path_template(row, surface.name, stream, surface.upstream_path, surface.stream_path);
}

bool leads_to(const config::Provider& row, const Surface& surface, bool stream, const std::string& url) {
  config::Provider p = row;
  take_places(url, p);
  const auto base = config::fill_template(p.base_url, p, false);
  if (!base) return false;
  for (auto& [name, path] : p.paths) {
    const auto filled = config::fill_template(path, p, true);
    if (!filled) return false;
    path = *filled;
  }
  const std::size_t slash = std::min(base->find('/', base->find("://") + 3), base->size());
  const std::string made =
      base->substr(0, slash) + request_target(base->substr(slash), path_of(p, surface, stream), p, model_of(url), "");
  return plain(made) == plain(url);
}

// Recorded addresses, with how many requests went there.
std::map<std::string, int> recorded_urls() {
  std::map<std::string, int> urls;
  const auto root = test_data_dir("exchanges");
  std::ifstream index(root / "index.csv");
  std::string line;
  std::getline(index, line);
  while (std::getline(index, line)) {
    const std::size_t first = line.find(',');
    const auto json =
        parse_json_dom(read_test_file(root / line.substr(first + 1, line.find(',', first + 1) - first - 1)));
    if (!json || !(*json)["request"].is_object()) continue;
    const Json& request = (*json)["request"];
    const std::string url = request.value("url", std::string());
    if (request.value("method", std::string()) == "POST" && url.starts_with("http")) ++urls[url];
  }
  return urls;
}

// "row surface", with " stream" behind it where streams have a path of their own -> requests.
std::map<std::string, int> requests_by_row(const std::map<std::string, int>& urls) {
  std::map<std::string, int> found;
  for (const auto& [url, count] : urls) {
    for (const config::Provider& row : config::shipped_providers()) {
      for (const Surface& surface : surfaces()) {
        if (std::find(row.surfaces.begin(), row.surfaces.end(), surface.name) == row.surfaces.end()) continue;
        const std::string name = row.name + " " + std::string(surface.name);
        if (leads_to(row, surface, false, url)) found[name] += count;
        if (path_of(row, surface, true) != path_of(row, surface, false) && leads_to(row, surface, true, url))
          found[name + " stream"] += count;
      }
    }
  }
  return found;
}

TEST(RecordedTargets, EachSurfaceOfARowIsOneOfTheGateway) {
  for (const std::string_view word : config::surface_words()) EXPECT_NE(surface_named(word), nullptr) << word;
  for (const Surface& surface : surfaces()) {
    const auto words = config::surface_words();
    const bool word = std::find(words.begin(), words.end(), surface.name) != words.end();
    EXPECT_TRUE(word || surface.operation == Operation::passthrough) << surface.name;
  }
  for (const std::string_view dialect : config::dialect_words())
    EXPECT_FALSE(default_surfaces(dialect).empty()) << dialect;
}

TEST(RecordedTargets, RowsLeadWhereRequestsWent) {
  const auto urls = recorded_urls();
  if (urls.empty()) GTEST_SKIP() << "no recorded data";
  auto found = requests_by_row(urls);
  for (const auto& [name, count] : found) std::printf("%5d %s\n", count, name.c_str());
  for (const char* name : {"openai chat",
                           "openai responses",
                           "openai embeddings",
                           "anthropic messages",
                           "anthropic count_tokens",
                           "azure chat",
                           "azure embeddings",
                           "azure_v1 chat",
                           "azure_v1 responses",
                           "azure_ai chat",
                           "google generate",
                           "google generate stream",
                           "google gemini_count",
                           "google gemini_batch_embed",
                           "gemini chat",
                           "vertex generate",
                           "vertex generate stream",
                           "vertex_anthropic messages",
                           "vertex_anthropic messages stream",
                           "bedrock converse",
                           "bedrock converse stream",
                           "bedrock_anthropic messages",
                           "bedrock_anthropic messages stream",
                           "bedrock_mantle responses",
                           "mistral chat",
                           "deepseek chat",
                           "deepseek responses",
                           "xai chat",
                           "xai responses",
                           "cohere cohere_chat",
                           "cohere cohere_embed",
                           "cohere rerank",
                           "groq chat",
                           "openrouter chat",
                           "openrouter responses",
                           "together chat",
                           "cerebras chat",
                           "perplexity chat",
                           "perplexity embeddings",
                           "huggingface chat",
                           "vercel chat",
                           "zai chat",
                           "crusoe chat",
                           "avian chat",
                           "ai21 chat",
                           "heroku chat",
                           "snowflake chat",
                           "writer chat",
                           "ollama_cloud chat",
                           "ollama_native ollama_chat",
                           "voyage voyage_embeddings",
                           "voyage voyage_rerank"}) {
    EXPECT_GT(found[name], 0) << name;
  }
}

}  // namespace
}  // namespace tollgate::gateway
