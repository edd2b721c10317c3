// Where requests go: paths of rows, models in paths, queries joined.
#include "gateway/endpoint.h"

#include <gtest/gtest.h>

namespace tollgate::gateway {
namespace {

std::string target(std::string_view path, std::string_view model, std::string_view query = "") {
  config::Provider p;
  p.name = "x";
  return request_target("/v1", path, p, model, query);
}

TEST(Endpoint, AModelIsOnePathSegment) {
  EXPECT_EQ(target("/chat/completions", "any/model"), "/v1/chat/completions");
  EXPECT_EQ(target("/model/{model}/converse", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
            "/v1/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse");
  EXPECT_EQ(target("/model/{model}/invoke", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab"),
            "/v1/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fab/invoke");
  EXPECT_EQ(target("/models/{model}:rawPredict", "claude-3-7-sonnet@20250219"),
            "/v1/models/claude-3-7-sonnet@20250219:rawPredict");
  EXPECT_EQ(target("/m/{model}", "../a?b#c\r\n d\x7f%"), "/v1/m/..%2Fa%3Fb%23c%0D%0A%20d%7F%25");
  EXPECT_EQ(target("/{model}/{model}", "a b"), "/v1/a%20b/a%20b");
}

TEST(Endpoint, PathsFromTheRootOfTheHost) {
  EXPECT_EQ(target("//anthropic/v1/messages", "m"), "/anthropic/v1/messages");
  EXPECT_EQ(target("//x/{model}?a=1", "m", "?b=2"), "/x/m?a=1&b=2");
}

TEST(Endpoint, QueriesAreJoined) {
  EXPECT_EQ(target("/m/{model}:s?alt=sse", "g", "?key=1"), "/v1/m/g:s?alt=sse&key=1");
  EXPECT_EQ(target("/m", "g", "?beta=true"), "/v1/m?beta=true");
  EXPECT_EQ(target("/m", "g", "beta=true"), "/v1/m?beta=true");
  EXPECT_EQ(target("/m", "g", "&beta=true"), "/v1/m?beta=true");
  EXPECT_EQ(target("/m?a=1", "g", "?"), "/v1/m?a=1");
  // A question mark inside of a model's name begins no query.
  EXPECT_EQ(target("/m/{model}", "a?b", "c=d"), "/v1/m/a%3Fb?c=d");
}

TEST(Endpoint, PlaceholdersOfUsualPaths) {
  config::Provider p;
  p.name = "v";
  p.region = "us-central1";
  p.project = "proj";
  EXPECT_EQ(request_target("", "/projects/{project}/locations/{region}/m/{model}", p, "g", ""),
            "/projects/proj/locations/us-central1/m/g");
}

TEST(Endpoint, RowsChangePaths) {
  config::Provider p;
  const auto path = [&p](bool stream, std::string_view usual_stream) {
    return path_template(p, "messages", stream, "/messages", usual_stream);
  };
  EXPECT_EQ(path(false, ""), "/messages");
  EXPECT_EQ(path(true, ""), "/messages");
  EXPECT_EQ(path(true, "/messages-stream"), "/messages-stream");
  p.paths["messages"] = "/own";
  EXPECT_EQ(path(false, ""), "/own");
  EXPECT_EQ(path(true, ""), "/own");
  EXPECT_EQ(path(true, "/messages-stream"), "/messages-stream");
  EXPECT_EQ(path_template(p, "chat", false, "/chat", ""), "/chat");
  p.paths["messages_stream"] = "/own-stream";
  EXPECT_EQ(path(true, ""), "/own-stream");
  EXPECT_EQ(path(true, "/messages-stream"), "/own-stream");
  EXPECT_EQ(path(false, ""), "/own");
}

}  // namespace
}  // namespace tollgate::gateway
