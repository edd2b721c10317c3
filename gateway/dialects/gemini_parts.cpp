#include "gateway/dialects/gemini_parts.h"

#include <algorithm>
#include <array>

#include "core/base64.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::gemini_form {
namespace {

using namespace chat;

constexpr std::string_view kPackedStart = "dG9sbGdhdGUu";  // "tollgate." in base64
constexpr std::string_view kPackedText = "tollgate.";
constexpr std::string_view kOwnFiles = "https://generativelanguage.googleapis.com/";

bool starts_in(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

Media::Kind kind_of(std::string_view mime) {
  if (mime.starts_with("image/")) return Media::Kind::image;
  if (mime.starts_with("audio/")) return Media::Kind::audio;
  if (mime.starts_with("video/")) return Media::Kind::video;
  return Media::Kind::document;
}

// By the ending of the path; what has none is taken for a document.
Media::Kind kind_of_place(std::string_view uri) {
  if (uri.find("://youtu.be/") != std::string_view::npos || uri.find("youtube.com/") != std::string_view::npos)
    return Media::Kind::video;
  return kind_of(mime_of_name(uri.substr(0, uri.find_first_of("?#"))));
}

std::string_view text_of(JsonValue value) { return value.as_string().value_or(std::string_view{}); }

// The members of one part, sorted out.
struct Members {
  JsonValue text, thought, signature, inline_data, file_data, call, response, resolution;
  Extra rest;             // decorations and unknown members
  std::string_view kind;  // the first member that is neither known nor a decoration
};

Members members_of(JsonValue value, std::string& scratch) {
  struct Row {
    std::string_view name;
    JsonValue Members::* place;
  };
  static constexpr std::array kRows{Row{"text", &Members::text},
                                    Row{"thought", &Members::thought},
                                    Row{"thoughtSignature", &Members::signature},
                                    Row{"functionCall", &Members::call},
                                    Row{"functionResponse", &Members::response},
                                    Row{"inlineData", &Members::inline_data},
                                    Row{"fileData", &Members::file_data},
                                    Row{"mediaResolution", &Members::resolution}};
  Members out;
  value.members([&](std::string_view key, JsonValue member) {
    if (member.is_null()) return;
    const std::string_view name = camel(key, scratch);
    for (const Row& row : kRows)
      if (row.name == name) return void(out.*row.place = member);
    if (out.kind.empty() && name != "videoMetadata" && name != "partMetadata") out.kind = key;
    keep_member(out.rest, {}, key, member);
  });
  return out;
}

void read_call(JsonValue value, const Spot& spot, FirstFault& faults, Part& part) {
  ToolCall& call = part.what.emplace<ToolCall>();
  std::string scratch;
  bool has_id = false;
  value.members([&](std::string_view key, JsonValue member) {
    const std::string_view name = camel(key, scratch);
    if (name == "name") {
      read_text(spot, "name", member, call.name, faults);
    } else if (name == "id") {
      read_text(spot, "id", member, call.id, faults);
      has_id = !call.id.empty();
    } else if (name == "args") {
      if (expect_object(spot, "args", member, faults)) call.arguments = member.text();
    } else if (!member.is_null()) {
      keep_member(part.extra, "functionCall", key, member);
    }
  });
  if (call.arguments.empty()) call.arguments = "{}";
  if (!has_id) part.extra.emplace_back("~id", "null");
}

// {"output": "text"}, {"result": "text"} and {"error": "text"} are how a plain text is said where only objects are
// taken.
void read_output(JsonValue response, ToolResult& result, Extra& extra) {
  std::string_view only;
  JsonValue inside;
  if (response.size() == 1)
    response.members([&](std::string_view key, JsonValue member) { only = key, inside = member; });
  result.is_error = only == "error";
  const auto text = inside.as_string();
  if (!text || (only != "output" && only != "result" && only != "error")) {
    result.json = response.text();
    return;
  }
  if (only == "result") extra.emplace_back("~key", R"("result")");
  result.content.push_back({.what = Text{.text = std::string(*text)}});
}

void read_response(JsonValue value, const Spot& spot, FirstFault& faults, Part& part) {
  ToolResult& result = part.what.emplace<ToolResult>();
  std::string scratch;
  JsonValue response, parts;
  value.members([&](std::string_view key, JsonValue member) {
    const std::string_view name = camel(key, scratch);
    if (name == "name") {
      read_text(spot, "name", member, result.name, faults);
    } else if (name == "id") {
      read_text(spot, "id", member, result.call_id, faults);
    } else if (name == "response") {
      if (expect_object(spot, "response", member, faults)) response = member;
    } else if (name == "parts") {
      parts = member;
    } else if (!member.is_null()) {
      keep_member(part.extra, "functionResponse", key, member);
    }
  });
  if (result.call_id.empty()) part.extra.emplace_back("~id", "null");
  if (response.present()) read_output(response, result, part.extra);
  if (parts.size() > 0) {
    // Text and media side by side have their place in `content` only.
    if (!result.json.empty()) {
      part.extra.emplace_back("~response", result.json);
      result.content.push_back({.what = Text{.text = std::move(result.json)}});
      result.json.clear();
    }
    read_parts(parts, spot, faults, result.content);
  }
}

Media read_blob(JsonValue value, const Spot& spot, FirstFault& faults, Extra& extra) {
  Media media;
  std::string scratch, uri;
  value.members([&](std::string_view key, JsonValue member) {
    const std::string_view name = camel(key, scratch);
    if (name == "mimeType") {
      read_text(spot, "mimeType", member, media.mime, faults);
    } else if (name == "data") {
      read_text(spot, "data", member, media.data, faults);
    } else if (name == "fileUri") {
      read_text(spot, "fileUri", member, uri, faults);
    } else if (name == "displayName") {
      read_text(spot, "displayName", member, media.name, faults);
    } else if (!member.is_null()) {
      keep_member(extra, "blob", key, member);
    }
  });
  media.kind = media.mime.empty() && !uri.empty() ? kind_of_place(uri) : kind_of(media.mime);
  const bool own = uri.starts_with(kOwnFiles) || uri.starts_with("files/");
  (own ? media.file_id : media.url) = std::move(uri);
  return media;
}

void read_resolution(JsonValue value, Media& media, Extra& extra) {
  const std::string level = text_or_empty(value["level"]);
  std::string_view word = level;
  if (media.kind == Media::Kind::image && starts_in(word, "MEDIA_RESOLUTION_")) {
    media.detail = word == "LOW" ? "low" : word == "HIGH" ? "high" : word == "ULTRA_HIGH" ? "original" : "";
  }
  extra.emplace_back(media.detail.empty() ? "mediaResolution" : "~mediaResolution", value.text());
}

void read_text_part(const Members& members, Part& part) {
  Packed packed;
  if (members.signature.present()) packed = unpack_signature(text_of(members.signature));
  if (members.thought.as_bool() == true) {
    Thinking& thought = part.what.emplace<Thinking>();
    thought.text = text_of(members.text);
    // This API shows summaries only; what a vendor signed that signs its thoughts' texts is the thought itself.
    thought.summary = packed.signature.origin != "anthropic" && packed.signature.origin != "bedrock";
    thought.id = std::move(packed.id);
    (packed.redacted ? thought.redacted : thought.signature) = std::move(packed.signature);
    return;
  }
  // `thought: false` says nothing, but is said.
  if (members.thought.present()) part.extra.emplace_back("~thought", "false");
  Text& text = part.what.emplace<Text>();
  text.text = text_of(members.text);
  text.signature = std::move(packed.signature);
}

}  // namespace

std::string_view camel(std::string_view name, std::string& scratch) {
  if (name.find('_') == std::string_view::npos) return name;
  scratch.clear();
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '_') {
      scratch += name[i];
      continue;
    }
    // Only what snake_case joins words with is taken for a joint.
    const bool joint = i > 0 && i + 1 < name.size() && name[i + 1] >= 'a' && name[i + 1] <= 'z';
    if (!joint) return name;
    scratch += static_cast<char>(name[++i] - 'a' + 'A');
  }
  return scratch;
}

void keep_member(Extra& extra, std::string_view prefix, std::string_view key, JsonValue value) {
  if (!value.present() || value.is_null()) return;
  std::string name(prefix);
  if (!prefix.empty()) name += '.';
  const std::size_t begin = name.size();
  name += key;
  std::replace(name.begin() + static_cast<std::ptrdiff_t>(begin), name.end(), '.', '-');
  if (key.starts_with('~')) name[begin] = '-';
  extra.emplace_back(std::move(name), value.text());
}

std::string pack_signature(const Signature& signature, bool redacted, std::string_view id) {
  const bool foreign = !signature.empty() || signature.origin == kUnsigned;
  if (!foreign || signature.origin == kFamily || signature.origin.empty()) return signature.value;
  std::string text(kPackedText);
  if (redacted) text += "redacted.";
  if (!id.empty() && id.find('.') == std::string_view::npos) text.append("id:").append(id).append(".");
  text.append(signature.origin).append(".").append(signature.value);
  return base64_encode(text);
}

Packed unpack_signature(std::string_view text) {
  Packed out;
  std::string inside;
  const bool packed =
      text.starts_with(kPackedStart) && (base64_decode(text, inside) || base64_decode(text, inside, Base64::url));
  if (!packed) {
    out.signature = unwrap_signature(text, kFamily);
    return out;
  }
  std::string_view rest = inside;
  rest.remove_prefix(kPackedText.size());
  out.redacted = starts_in(rest, "redacted.");
  if (starts_in(rest, "id:")) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    out.id = rest.substr(0, dot);
    rest.remove_prefix(std::min(dot + 1, rest.size()));
  }
  const std::size_t dot = std::min(rest.find('.'), rest.size());
  out.signature.origin = rest.substr(0, dot);
  out.signature.value = rest.substr(std::min(dot + 1, rest.size()));
  return out;
}

void read_part(JsonValue value, const Spot& spot, FirstFault& faults, Part& part) {
  if (!expect_object(spot, {}, value, faults)) return;
  std::string scratch;
  Members members = members_of(value, scratch);
  const bool media = members.inline_data.is_object() || members.file_data.is_object();
  const bool hidden = media && members.thought.as_bool() == true;  // a draft of an image, which is no answer
  const bool known = members.text.present() || members.call.present() || members.response.present() || media;
  if (hidden || (!known && !members.kind.empty())) {
    part.what = Opaque{.dialect = std::string(kDialect),
                       .type = hidden ? std::string("thought") : std::string(camel(members.kind, scratch)),
                       .json = value.text()};
    return;
  }
  part.extra = std::move(members.rest);
  if (members.call.present()) {
    const Spot inner{"functionCall", &spot};
    if (expect_object(inner, {}, members.call, faults)) read_call(members.call, inner, faults, part);
    auto* call = part.get<ToolCall>();
    if (call && members.signature.present()) call->signature = unpack_signature(text_of(members.signature)).signature;
  } else if (members.response.present()) {
    const Spot inner{"functionResponse", &spot};
    if (expect_object(inner, {}, members.response, faults)) read_response(members.response, inner, faults, part);
  } else if (media) {
    const bool data = members.inline_data.is_object();
    const Spot inner{data ? "inlineData" : "fileData", &spot};
    Media blob = read_blob(data ? members.inline_data : members.file_data, inner, faults, part.extra);
    if (blob.data.empty() && blob.url.empty() && blob.file_id.empty()) {
      part.extra.clear();
      part.what = Opaque{.dialect = std::string(kDialect), .type = std::string(inner.name), .json = value.text()};
      return;
    }
    if (members.resolution.present()) read_resolution(members.resolution, blob, part.extra);
    part.what = std::move(blob);
  } else {
    if (members.text.present() && !members.text.is_string()) faults.add(spot, "text", "must be a string");
    read_text_part(members, part);
    return;
  }
  // What has no place for a signature keeps one of its own vendor as it is.
  const bool homeless = members.signature.present() && !part.get<ToolCall>();
  if (homeless && unpack_signature(text_of(members.signature)).signature.origin == kFamily)
    keep_extra(part.extra, "thoughtSignature", members.signature);
  if (const auto thought = members.thought.as_bool())
    part.extra.emplace_back(*thought ? "thought" : "~thought", *thought ? "true" : "false");
}

namespace {

bool is_unsigned_thought(const Part& part) {
  const auto* thought = part.get<Thinking>();
  return thought && thought->signature.empty() && thought->redacted.empty() && part.extra.empty();
}

// The text of the unsigned thoughts at the end of `parts`, which are taken away.
std::string take_unsigned_tail(std::vector<Part>& parts) {
  std::size_t begin = parts.size();
  while (begin > 0 && is_unsigned_thought(parts[begin - 1])) --begin;
  std::string text;
  for (std::size_t i = begin; i < parts.size(); ++i) text += parts[i].get<Thinking>()->text;
  parts.resize(begin);
  return text;
}

}  // namespace

void read_parts(JsonValue value, const Spot& outer, FirstFault& faults, std::vector<Part>& out) {
  if (value.is_object()) {
    read_part(value, Spot{"parts", &outer}, faults, out.emplace_back());
    return;
  }
  if (!expect_array(outer, "parts", value, faults)) return;
  out.reserve(out.size() + value.size());
  Spot spot{"parts", &outer, 0};
  value.elements([&](JsonValue element) {
    read_part(element, spot, faults, out.emplace_back());
    ++spot.index;
  });
}

void join_signed_thoughts(std::vector<Message>& messages) {
  std::vector<std::size_t> emptied;
  for (std::size_t m = 0; m < messages.size(); ++m) {
    std::vector<Part> kept;
    for (Part& part : messages[m].parts) {
      auto* last = part.get<Thinking>();
      const bool lone = last && last->text.empty() && !last->signature.empty() && last->signature.origin != kFamily;
      if (lone) last->text = take_unsigned_tail(kept);
      for (std::size_t before = m; lone && kept.empty() && before > 0; --before) {
        std::vector<Part>& earlier = messages[before - 1].parts;
        if (messages[before - 1].role != messages[m].role) break;
        const bool had = !earlier.empty();
        last->text = take_unsigned_tail(earlier) + last->text;
        if (!earlier.empty()) break;
        if (had) emptied.push_back(before - 1);
      }
      kept.push_back(std::move(part));
    }
    messages[m].parts = std::move(kept);
  }
  std::sort(emptied.rbegin(), emptied.rend());
  for (const std::size_t at : emptied) messages.erase(messages.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace tollgate::gateway::gemini_form
