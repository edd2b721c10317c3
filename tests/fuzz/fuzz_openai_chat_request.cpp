// The first bytes choose a vendor's quirks; the rest is a request, a reply and an error at once. Whatever comes in,
// what is written is JSON that reads back, and writing it once more changes nothing.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/json.h"
#include "gateway/dialects/dialect.h"

namespace {

using namespace tollgate;
using namespace tollgate::gateway;

constexpr std::size_t kChoiceBytes = 6;

void need(bool holds) {
  if (!holds) std::abort();
}

Quirks quirks_of(std::string_view choice) {
  std::vector<std::string> names;
  const auto all = quirk_names();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (static_cast<unsigned char>(choice[1 + i / 8 % (kChoiceBytes - 1)]) >> i % 8 & 1) names.emplace_back(all[i]);
  return quirks_from(names);
}

std::string written(const chat::Request& request, const Quirks& quirks, bool same, bool stream) {
  chat::Losses losses;
  auto body = openai_chat().write_request(
      request, {.model = "m", .stream = stream, .quirks = quirks, .same_dialect = same}, losses);
  need(body.has_value());
  return *body;
}

void try_request(std::string_view body, const Quirks& quirks, bool stream) {
  auto request = openai_chat().read_request(body, {});
  if (!request) {
    need(!request.error().message.empty() && request.error().status == 400);
    return;
  }
  for (const bool same : {false, true}) {
    need(JsonReader().parse(written(*request, quirks, same, stream)).has_value());
    const std::string once = written(*request, {}, same, stream);
    auto again = openai_chat().read_request(once, {});
    need(again.has_value());
    need(again->messages.empty() == request->messages.empty());
    if (same) need(written(*again, {}, true, stream) == once);
  }
}

void try_reply(std::string_view body) {
  auto reply = openai_chat().read_reply(body);
  if (!reply) {
    need(!reply.error().message.empty());
    return;
  }
  for (const char* dialect : {"openai.chat", "another"}) {
    reply->dialect = dialect;
    const std::string text = openai_chat().write_reply(*reply, {.id = "x"});
    auto again = openai_chat().read_reply(text);
    // Members that make a reply look like an error are kept, too, so only the other form has to read back.
    need(JsonReader().parse(text).has_value());
    if (reply->dialect == "another") need(again && again->choices.size() == reply->choices.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kChoiceBytes) return 0;
  const std::string choice(reinterpret_cast<const char*>(data), kChoiceBytes);
  const std::string body(reinterpret_cast<const char*>(data) + kChoiceBytes, size - kChoiceBytes);
  try_request(body, quirks_of(choice), (choice[0] & 1) != 0);
  try_reply(body);
  const Error error = openai_chat().read_error(200 + static_cast<unsigned char>(choice[0]) * 2, body);
  need(!error.message.empty() && !error.code.empty() && error.status >= 400);
  need(JsonReader().parse(openai_chat().write_error(error)).has_value());
  return 0;
}
