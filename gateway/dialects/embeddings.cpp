#include "gateway/dialects/embeddings.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "core/base64.h"
#include "gateway/dialects/embeddings_forms.h"

namespace tollgate::gateway {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors are copied as they lie in memory");

bool is_float(const EmbedVector& vector) { return vector.type.empty() || vector.type == "float"; }
bool is_signed(const EmbedVector& vector) { return vector.type == "int8" || vector.type == "binary"; }

// The shortest text that reads back as this number.
void append_number(std::string& out, float number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), std::isfinite(number) ? number : 0.0F).ptr;
  out.append(text.data(), end);
}

std::string numbers_of_bytes(const EmbedVector& vector, std::string_view bytes) {
  const std::size_t width = is_float(vector) ? sizeof(float) : 1;
  if (bytes.size() % width != 0) return {};
  std::string out = "[";
  for (std::size_t at = 0; at < bytes.size(); at += width) {
    if (at > 0) out += ',';
    if (is_float(vector)) {
      float number = 0;
      std::memcpy(&number, bytes.data() + at, sizeof number);
      append_number(out, number);
    } else {
      const auto byte = static_cast<unsigned char>(bytes[at]);
      out += std::to_string(is_signed(vector) ? static_cast<int>(static_cast<signed char>(byte)) : byte);
    }
  }
  out += ']';
  return out;
}

void append_element(std::string& bytes, const EmbedVector& vector, double number) {
  if (!is_float(vector)) {
    bytes += static_cast<char>(static_cast<int>(std::clamp(number, -128.0, 255.0)));
    return;
  }
  const float narrow = static_cast<float>(number);
  std::array<char, sizeof(float)> four{};
  std::memcpy(four.data(), &narrow, sizeof narrow);
  bytes.append(four.data(), four.size());
}

// The numbers of an array's compact text; false when it holds anything else.
bool append_numbers(std::string& bytes, const EmbedVector& vector) {
  const char* at = vector.value.data();
  const char* end = at + vector.value.size();
  if (vector.value == "[]") return true;
  if (at == end || *at != '[') return false;
  do {
    double number = 0;
    const auto [next, fault] = std::from_chars(at + 1, end, number);
    if (next == at + 1 || fault == std::errc::invalid_argument) return false;
    append_element(bytes, vector, number);
    at = next;
  } while (at != end && *at == ',');
  return at + 1 == end && *at == ']';
}

constexpr std::array kRules{
    ErrorRule{0, "too large to process", ErrorKind::client_fault, "input_too_long"},
    ErrorRule{0, "does not support", ErrorKind::retry_elsewhere, "unsupported_by_model"},
    ErrorRule{0, "invalid model", ErrorKind::retry_elsewhere, "model_not_found"},
    ErrorRule{400, "does not exist", ErrorKind::retry_elsewhere, "model_not_found"},
    ErrorRule{404, "", ErrorKind::retry_elsewhere, "model_not_found"},
    ErrorRule{401, "", ErrorKind::auth, "invalid_api_key"},
    ErrorRule{403, "", ErrorKind::auth, "permission_denied"},
    ErrorRule{402, "", ErrorKind::retry_elsewhere, "quota_exceeded"},
    ErrorRule{429, "quota", ErrorKind::retry_elsewhere, "quota_exceeded"},
    ErrorRule{429, "", ErrorKind::limited, "rate_limited"},
    ErrorRule{501, "", ErrorKind::retry_elsewhere, "not_implemented"},
    ErrorRule{503, "", ErrorKind::retry_elsewhere, "overloaded"},
    ErrorRule{529, "", ErrorKind::retry_elsewhere, "overloaded"},
};

std::string message_of(std::string_view body) {
  JsonReader reader;
  const auto root = reader.parse(body);
  if (!root || !root->is_object()) return std::string(body.substr(0, 500));
  const JsonValue error = (*root)["error"];
  for (const JsonValue candidate : {error["message"], error, (*root)["message"], (*root)["detail"]})
    if (const auto text = candidate.as_string(); text && !text->empty()) return std::string(*text);
  return std::string(body.substr(0, 500));
}

}  // namespace

namespace embed {

EmbedPurpose purpose_of(std::span<const PurposeWord> words, std::string_view word) {
  for (const PurposeWord& known : words)
    if (!word.empty() && known.word == word) return known.purpose;
  return EmbedPurpose::unset;
}

std::string_view word_of(std::span<const PurposeWord> words, EmbedPurpose purpose) {
  for (const PurposeWord& known : words)
    if (known.purpose == purpose) return known.word;
  return {};
}

EmbedPart text_part(std::string_view text) { return {.text = std::string(text)}; }

EmbedPart image_part(std::string_view url) {
  EmbedPart part{.kind = EmbedPart::Kind::image};
  if (!parse_data_url(url, part.mime, part.data)) part.url = url;
  return part;
}

const std::string* lone_text(const EmbedInput& input) {
  const bool lone = input.parts.size() == 1 && input.parts[0].kind == EmbedPart::Kind::text;
  return lone ? &input.parts[0].text : nullptr;
}

Error refused_input(std::size_t index, std::string_view what, std::string_view form) {
  return bad_request(Place("input", index).text(),
                     std::string(what) + " cannot be sent in the form " + std::string(form) + "; choose another model");
}

void lose_extra(const EmbedRequest& request, chat::Losses& losses) {
  for (const auto& [name, value] : request.extra)
    if (value != "null" && !name.starts_with('~')) losses.add("extra." + name);
  for (const EmbedInput& input : request.inputs)
    for (const auto& [name, value] : input.extra) losses.add("extra.input." + name);
}

bool wants_other_types(const EmbedRequest& request) {
  return std::any_of(request.types.begin(), request.types.end(),
                     [](const std::string& type) { return type != "float"; });
}

void write_value(JsonWriter& writer, const EmbedVector& vector, bool base64) {
  if (vector.base64 == base64) {
    base64 ? writer.string(vector.value) : writer.raw(vector.value.empty() ? "[]" : std::string_view(vector.value));
    return;
  }
  const std::string converted = base64 ? vector_as_base64(vector) : vector_as_numbers(vector);
  if (base64) {
    writer.string(converted);
  } else if (converted.empty()) {
    writer.string(vector.value);  // bytes of a kind that only the vendor knows
  } else {
    writer.raw(converted);
  }
}

std::vector<const EmbedVector*> in_order(const EmbedReply& reply, std::string_view type) {
  std::vector<const EmbedVector*> out;
  for (const EmbedVector& vector : reply.vectors)
    if (vector.type == type) out.push_back(&vector);
  // Where a vendor repeats an index, the order of its list.
  std::sort(out.begin(), out.end(),
            [](const auto* a, const auto* b) { return a->index != b->index ? a->index < b->index : a < b; });
  return out;
}

}  // namespace embed

std::span<const EmbedForm> embed_forms() {
  static const std::array kForms{embed::kOpenaiForm, embed::kCohereForm, embed::kVoyageForm, embed::kGeminiForm,
                                 embed::kGeminiBatchForm};
  return kForms;
}

const EmbedForm* find_embed_form(std::string_view name) {
  for (const EmbedForm& form : embed_forms())
    if (form.name == name) return &form;
  return nullptr;
}

const EmbedForm& form_for(const EmbedForm& form, const EmbedRequest& request) {
  return form.name == embed::kGemini && request.inputs.size() != 1 ? embed::kGeminiBatchForm : form;
}

std::string vector_as_numbers(const EmbedVector& vector) {
  if (!vector.base64) return vector.value;
  std::string bytes;
  return base64_decode(vector.value, bytes) ? numbers_of_bytes(vector, bytes) : std::string();
}

std::string vector_as_base64(const EmbedVector& vector) {
  if (vector.base64) return vector.value;
  std::string bytes;
  bytes.reserve(vector.value.size() / 2);
  return append_numbers(bytes, vector) ? base64_encode(bytes) : std::string();
}

Error read_form_error(int status, std::string_view body) {
  Error error{.kind = status >= 500 ? ErrorKind::retry_same : ErrorKind::client_fault,
              .status = status,
              .code = status >= 500 ? "server_error" : "invalid_request",
              .message = message_of(body)};
  if (error.message.empty()) error.message = "the vendor answered with status " + std::to_string(status);
  judge_error(kRules, error);
  return error;
}

}  // namespace tollgate::gateway
