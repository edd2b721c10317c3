// usageMetadata from disjoint buckets: cached tokens inside the prompt, thoughts beside the candidates. Thread rule:
// pure.
#include "gateway/dialects/gemini_parts.h"
#include "gateway/dialects/gemini_reply.h"

namespace tollgate::gateway::gemini_form {
namespace {

using namespace chat;

struct Modality {
  std::string_view name;
  std::int64_t tokens;
};

// A detail that is all text says nothing that the total does not say, but the vendor sends it.
void write_details(JsonWriter& writer, std::string_view name, std::initializer_list<Modality> modalities) {
  std::int64_t total = 0;
  for (const Modality& one : modalities) total += one.tokens;
  if (total == 0) return;
  writer.key(name).begin_array();
  for (const Modality& one : modalities)
    if (one.tokens > 0)
      writer.begin_object().member("modality", one.name).member("tokenCount", one.tokens).end_object();
  writer.end_array();
}

std::string_view tier_word(std::string_view tier) {
  return tier == "default" || tier == "auto" ? std::string_view("standard") : tier;
}

// The tier that the reply names, else the one that was billed, if it is one of this vendor.
std::string_view tier_of(const Reply& reply, const Usage& usage) {
  if (!reply.service_tier.empty()) return tier_word(reply.service_tier);
  const std::string_view billed = tier_word(usage.served_tier);
  return billed == "standard" || billed == "flex" || billed == "priority" ? billed : std::string_view{};
}

void write_usage(JsonWriter& writer, const Reply& reply, const Usage& usage) {
  const auto tokens = [&](Bucket bucket) { return usage[bucket]; };
  const auto member = [&](std::string_view name, std::int64_t count) {
    if (count != 0) writer.member(name, count);
  };
  const std::int64_t audio = tokens(Bucket::audio_input) + tokens(Bucket::audio_cache_read);
  const std::int64_t images = tokens(Bucket::image_input) + tokens(Bucket::image_cache_read);
  const std::int64_t video = tokens(Bucket::video_input);
  const std::int64_t cached =
      tokens(Bucket::cache_read) + tokens(Bucket::audio_cache_read) + tokens(Bucket::image_cache_read);
  const std::int64_t prompt = usage.input_side();
  const std::int64_t candidates = tokens(Bucket::output) + tokens(Bucket::audio_output) + tokens(Bucket::image_output);
  writer.key("usageMetadata").begin_object();
  writer.member("promptTokenCount", prompt);
  member("cachedContentTokenCount", cached);
  member("candidatesTokenCount", candidates);
  member("thoughtsTokenCount", tokens(Bucket::reasoning));
  writer.member("totalTokenCount", prompt + candidates + tokens(Bucket::reasoning));
  write_details(writer, "promptTokensDetails",
                {{"TEXT", prompt - audio - images - video}, {"IMAGE", images}, {"VIDEO", video}, {"AUDIO", audio}});
  write_details(writer, "cacheTokensDetails",
                {{"TEXT", tokens(Bucket::cache_read)},
                 {"IMAGE", tokens(Bucket::image_cache_read)},
                 {"AUDIO", tokens(Bucket::audio_cache_read)}});
  write_details(writer, "candidatesTokensDetails",
                {{"TEXT", tokens(Bucket::output)},
                 {"IMAGE", tokens(Bucket::image_output)},
                 {"AUDIO", tokens(Bucket::audio_output)}});
  writer.member_if("serviceTier", tier_of(reply, usage));
  if (reply.dialect == kDialect) write_extras(writer, reply.extra, "usageMetadata");
  writer.end_object();
}

}  // namespace

void write_tail(JsonWriter& writer, const Reply& reply, const Usage& usage, const StreamOptions& options) {
  if (usage.reported) {
    write_usage(writer, reply, usage);
  } else {
    // What is known before the counts: streams say it in their first frame.
    std::string inside;
    JsonWriter known(inside);
    known.begin_object().member_if("serviceTier", tier_word(reply.service_tier));
    if (reply.dialect == kDialect) write_extras(known, reply.extra, "usageMetadata");
    known.end_object();
    if (inside.size() > 2) writer.raw_member("usageMetadata", inside);
  }
  const std::string& model = options.model.empty() ? reply.model : options.model;
  const std::string& id = reply.id.empty() ? options.id : reply.id;
  writer.member_if("modelVersion", model).member_if("responseId", id);
}

}  // namespace tollgate::gateway::gemini_form
