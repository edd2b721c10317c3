// Requests and replies of every form of embeddings and rerank from any bytes: no crash, valid JSON out, and a second
// round that changes nothing. The first byte chooses the form, the second a request or a reply.
#include "dialect_rounds.h"
#include "gateway/dialects/embeddings.h"
#include "gateway/dialects/rerank.h"

namespace tollgate::gateway {
namespace {

// What `form` makes of a body that it wrote itself; "" when it cannot read it.
std::string rewritten(const EmbedForm& form, const std::string& body) {
  const auto request = form.read_request(body, "");
  if (!request) return {};
  chat::Losses losses;
  const auto written = form.write_request(*request, request->model, losses);
  return written ? *written : std::string();
}

void embed_request(const EmbedForm& form, std::string_view body) {
  const auto request = form.read_request(body, "");
  if (!request) return;
  for (const EmbedForm& named : embed_forms()) {
    const EmbedForm& to = form_for(named, *request);
    chat::Losses losses;
    const auto once = to.write_request(*request, request->model, losses);
    if (!once) continue;
    expect_json(*once);
    if (to.name != form.name) continue;
    // Members that stood twice are sorted out by the first round.
    const std::string twice = rewritten(to, *once);
    if (twice.empty()) broken("what was written cannot be read", *once);
    if (rewritten(to, twice) != twice) broken("a further round changes the request", *once);
  }
}

void embed_reply(const EmbedForm& form, std::string_view body) {
  const auto reply = form.read_reply(body);
  if (!reply) return;
  EmbedRequest asked;
  for (const bool base64 : {false, true}) {
    asked.base64 = base64;
    for (const EmbedForm& to : embed_forms()) expect_json(to.write_reply(*reply, asked, {}));
  }
}

void rerank_round(const RerankForm& form, std::string_view body) {
  RerankRequest asked;
  asked.return_documents = true;
  if (auto request = form.read_request(body)) {
    for (const RerankForm& to : rerank_forms()) {
      chat::Losses losses;
      const auto once = to.write_request(*request, "m", losses);
      if (!once) continue;
      expect_json(*once);
      if (!to.read_request(*once)) broken("what was written cannot be read", *once);
    }
    asked = *request;
  }
  if (const auto reply = form.read_reply(body))
    for (const RerankForm& to : rerank_forms()) expect_json(to.write_reply(*reply, asked, {}));
}

}  // namespace
}  // namespace tollgate::gateway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tollgate::gateway;
  if (size < 2) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t forms = embed_forms().size() + rerank_forms().size();
  const std::size_t which = data[0] % forms;
  if (which >= embed_forms().size()) {
    rerank_round(rerank_forms()[which - embed_forms().size()], body);
  } else if (data[1] % 2 == 0) {
    embed_request(embed_forms()[which], body);
  } else {
    embed_reply(embed_forms()[which], body);
  }
  return 0;
}
