#include "gateway/dialects/reference.h"

#include <array>

#include "gateway/dialects/dialect.h"

namespace tollgate::gateway {
namespace {

using chat::Carry;
using chat::Field;

constexpr std::array kDialects{"openai.chat",      "openai.responses", "anthropic.messages", "gemini.generate",
                               "bedrock.converse", "cohere.chat",      "ollama.chat"};
// The first ones are spoken by callers too.
constexpr std::size_t kClientDialects = 4;

constexpr std::string_view kHead = R"(# Dialects

What each dialect carries, made from the tables that the translation itself works by (`gateway/dialects/*_fields.cpp`);
`dialect_pairs_test` holds every promise of them to account, and fails when this page is out of date
(`TOLLGATE_UPDATE_DOCS=1` writes it anew).

Where caller and vendor speak the same dialect nothing is translated: the bytes pass through. Elsewhere a field is

- **carried**: it has a place of its own, named in the table;
- **mapped** (marked ~): it is said by other means;
- **dropped** (—): it cannot be said. The answer then names it in the header `x-tollgate-dropped`; with
  `fidelity: strict` (in the file, on a model, or by the caller's header `x-tollgate-fidelity: strict`) the request is
  refused with status 400 before anything is sent. Members that no dialect knows are named as `extra.<member>`.

A field can be lost under a condition only (an image by URL where the vendor takes data); such losses are named with their
place: `messages[2].image.url`. Rows of config/providers.yaml narrow a dialect further by `request_flags`.
)";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string cell(const Dialect& dialect, Field field) {
  const Carry carry = dialect.fields().carry(field);
  const std::string where = escaped(dialect.fields().where(field));
  if (carry == Carry::dropped) return where.empty() ? "—" : "— (" + where + ")";
  return (carry == Carry::mapped ? "~ " : "") + where;
}

void write_fields(std::string& out, std::string_view title, Field first, Field last) {
  out.append("\n## ").append(title).append("\n\n| field |");
  for (const char* name : kDialects) out.append(" ").append(name).append(" |");
  out += "\n|---|---|---|---|---|---|---|---|\n";
  for (std::size_t i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
    const auto field = static_cast<Field>(i);
    out.append("| `").append(chat::field_name(field)).append("` |");
    for (const char* name : kDialects) out.append(" ").append(cell(*find_dialect(name), field)).append(" |");
    out += '\n';
  }
}

// What `from` can say and `to` cannot, of a request or, the other way round, of a reply.
std::string lost(const Dialect& from, const Dialect& to, Field first, Field last) {
  std::string names;
  for (std::size_t i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
    const auto field = static_cast<Field>(i);
    if (from.fields().carry(field) == Carry::dropped || to.fields().carry(field) != Carry::dropped) continue;
    names.append(names.empty() ? "" : ", ").append(chat::field_name(field));
  }
  return names.empty() ? "nothing" : names;
}

void write_pairs(std::string& out) {
  out += "\n## Losses by pair\n\n| caller | vendor | of the request | of the reply |\n|---|---|---|---|\n";
  for (std::size_t c = 0; c < kClientDialects; ++c) {
    for (const char* name : kDialects) {
      const Dialect& caller = *find_dialect(kDialects[c]);
      const Dialect& vendor = *find_dialect(name);
      if (&caller == &vendor) continue;
      out.append("| ").append(caller.name()).append(" | ").append(vendor.name()).append(" | ");
      out.append(lost(caller, vendor, Field::system, Field::reply_thinking)).append(" | ");
      out.append(lost(vendor, caller, Field::reply_thinking, Field::count_)).append(" |\n");
    }
  }
}

}  // namespace

std::string dialect_reference() {
  std::string out(kHead);
  write_fields(out, "Requests", Field::system, Field::reply_thinking);
  write_fields(out, "Replies", Field::reply_thinking, Field::count_);
  write_pairs(out);
  return out;
}

}  // namespace tollgate::gateway
