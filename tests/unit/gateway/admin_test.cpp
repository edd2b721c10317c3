// The admin pages: what is open, what asks for the token, what reload says.
#include "gateway/admin.h"

#include <gtest/gtest.h>

namespace tollgate::gateway {
namespace {

class AdminPages : public ::testing::Test {
 protected:
  AdminPages() {
    hooks_.metrics = [] { return std::string("tollgate_up 1\n"); };
    hooks_.effective_config = [] { return std::string("listen: x\n"); };
    hooks_.reload = [this]() -> Result<void> { return ++reloads_, reload_; };
    hooks_.ready = [this]() -> Result<void> { return ready_; };
  }
  AdminReply ask(std::string_view method, std::string_view target, std::string_view token = "") {
    http::Head head;
    head.method = method;
    head.target = target;
    const std::string value = "Bearer " + std::string(token);
    if (!token.empty()) head.headers.push_back({"authorization", value});
    return answer_admin(head, hooks_, token_);
  }

  AdminHooks hooks_;
  std::string token_;
  Result<void> ready_, reload_;
  int reloads_ = 0;
};

TEST_F(AdminPages, HealthAndReadinessAreOpen) {
  token_ = "admin-token";
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  EXPECT_EQ(ask("HEAD", "/healthz?x=1").status, 200);
  EXPECT_EQ(ask("GET", "/readyz").status, 200);
  ready_ = Error{.status = 503, .code = "spool_full", .message = "no room"};
  const AdminReply reply = ask("GET", "/readyz");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body, "spool_full: no room\n");
}

TEST_F(AdminPages, TheRestAsksForTheToken) {
  token_ = "admin-token";
  for (const char* path : {"/metrics", "/admin/config", "/nothing"}) {
    EXPECT_EQ(ask("GET", path).status, 401) << path;
    EXPECT_EQ(ask("GET", path, "admin-toke").status, 401) << path;
    EXPECT_EQ(ask("GET", path, "admin-token2").status, 401) << path;
    EXPECT_NE(ask("GET", path, "admin-token").status, 401) << path;
  }
  EXPECT_EQ(ask("POST", "/admin/reload", "wrong").status, 401);
  EXPECT_EQ(reloads_, 0);
}

TEST_F(AdminPages, GiveWhatTheHooksSay) {
  EXPECT_EQ(ask("GET", "/metrics").body, "tollgate_up 1\n");
  EXPECT_TRUE(ask("GET", "/metrics").content_type.starts_with("text/plain; version=0.0.4"));
  EXPECT_EQ(ask("GET", "/admin/config").body, "listen: x\n");
}

TEST_F(AdminPages, ReloadIsAPost) {
  EXPECT_EQ(ask("GET", "/admin/reload").status, 404);
  EXPECT_EQ(reloads_, 0);
  EXPECT_EQ(ask("POST", "/admin/reload").status, 200);
  reload_ = Error{.status = 400, .code = "bad_config", .message = "line 3"};
  const AdminReply reply = ask("POST", "/admin/reload");
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.body, "bad_config: line 3\n");
  EXPECT_EQ(reloads_, 2);
}

}  // namespace
}  // namespace tollgate::gateway
