#include "local_backend/grammar/formats.h"

#include <map>
#include <mutex>
#include <string>

#include "local_backend/grammar/pattern.h"
#include "local_backend/grammar/work_meter.h"

namespace tollgate::local {
namespace {

std::string group(const std::string& inner) { return "(?:" + inner + ")"; }

// Days that the calendar has; the 29th of February in leap years only.
std::string date() {
  const std::string year = "[0-9]{4}";
  const std::string leap = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
  return group(year + "-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)" +
               "|02-(?:0[1-9]|1[0-9]|2[0-8]))|" + leap + "-02-29");
}

std::string two_digits(int value) { return {static_cast<char>('0' + value / 10), static_cast<char>('0' + value % 10)}; }

// Leap seconds are 23:59:60 in UTC, seen from all offsets of whole quarters of an hour (no other is in use).
std::string leap_seconds() {
  const std::string part = "(?:[.][0-9]{1,9})?";
  constexpr int kDay = 24 * 60, kLast = kDay - 1;
  const auto clock = [](int minutes) { return two_digits(minutes / 60) + ":" + two_digits(minutes % 60); };
  std::string out = "23:59:60" + part + "[Zz]";
  for (int offset = 0; offset < kDay; offset += 15)
    out += "|" + clock((kLast + offset) % kDay) + ":60" + part +
           group("[+]" + clock(offset) + "|-" + clock((kDay - offset) % kDay));
  return out;
}

std::string time() {
  const std::string part = "(?:[.][0-9]{1,18})?";
  return group("(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]" + part + "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])|" +
               leap_seconds());
}

std::string duration() {
  const std::string n = "[0-9]+";
  const std::string seconds = n + "S", minutes = n + "M(?:" + seconds + ")?", hours = n + "H(?:" + minutes + ")?";
  const std::string clock = "T" + group(hours + "|" + minutes + "|" + seconds);
  const std::string days = n + "D", months = n + "M(?:" + days + ")?", years = n + "Y(?:" + months + ")?";
  return "P" + group(n + "W|" + group(days + "|" + months + "|" + years) + "(?:" + clock + ")?|" + clock);
}

std::string ipv4() {
  const std::string part = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
  return group(part + "(?:[.]" + part + "){3}");
}

std::string ipv6() {
  const std::string h = "[0-9A-Fa-f]{1,4}", last = group(h + ":" + h + "|" + ipv4());
  std::string out = group(h + ":") + "{6}" + last + "|::" + group(h + ":") + "{5}" + last;
  for (int before = 1; before <= 5; ++before) {
    const std::string head = group(group(h + ":") + "{0," + std::to_string(before - 1) + "}" + h) + "?";
    out += "|" + head + "::" + group(h + ":") + "{" + std::to_string(5 - before) + "}" + last;
  }
  out += "|" + group(group(h + ":") + "{0,5}" + h) + "?::" + h;
  return group(out + "|" + group(group(h + ":") + "{0,6}" + h) + "?::");
}

// Up to 3 labels of 63 or 11 of 22: never beyond the 253 characters of a name, without counting all of them.
std::string hostname() {
  const auto labels = [](int longest, int count) {
    const std::string label = "[0-9A-Za-z](?:[0-9A-Za-z-]{0," + std::to_string(longest - 2) + "}[0-9A-Za-z])?";
    return label + "(?:[.]" + label + "){0," + std::to_string(count - 1) + "}";
  };
  return group(labels(63, 3) + "|" + labels(22, 11));
}

std::string email() {
  const std::string atom = "[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]+";
  const std::string quoted = "\"(?:[ !#-\\[\\]-~]|\\\\[ -~])*\"";
  return group(atom + "(?:[.]" + atom + ")*|" + quoted) + "@" +
         group(hostname() + "|\\[" + ipv4() + "\\]|\\[IPv6:" + ipv6() + "\\]");
}

// RFC 3986, appendix A.
const std::string kPlain = "0-9A-Za-z._~!$&'()*+,;=\\-";
std::string codes(const std::string& more) { return group("[" + kPlain + more + "]|%[0-9A-Fa-f]{2}"); }

std::string authority() {
  const std::string host =
      group("\\[" + group(ipv6() + "|[Vv][0-9A-Fa-f]+[.][" + kPlain + ":]+") + "\\]|" + codes("") + "*");
  return "//(?:" + codes(":") + "*@)?" + host + "(?::[0-9]*)?";
}
std::string uri_tail() { return "(?:[?]" + codes(":@/?") + "*)?(?:#" + codes(":@/?") + "*)?"; }

std::string uri() {
  const std::string segment = codes(":@"), rest = "(?:/" + segment + "*)*";
  return "[A-Za-z][0-9A-Za-z+.-]*:" + group(authority() + rest + "|/?" + segment + "+" + rest + "|/?") + uri_tail();
}

std::string uri_reference() {
  const std::string segment = codes(":@"), rest = "(?:/" + segment + "*)*";
  const std::string relative =
      group(authority() + rest + "|/(?:" + segment + "+" + rest + ")?|" + codes("@") + "+" + rest + "|") + uri_tail();
  return group(uri() + "|" + relative);
}

struct Format {
  std::string (*pattern)();
  const char* never;  // a pattern that no text may match; null: none
};

const std::map<std::string_view, Format>& known_formats() {
  static const std::map<std::string_view, Format> formats = {
      {"date", {date, nullptr}},
      {"time", {time, nullptr}},
      {"date-time", {[] { return date() + "[Tt]" + time(); }, nullptr}},
      {"duration", {duration, nullptr}},
      {"uuid", {[] { return std::string("[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"); }, nullptr}},
      {"email", {email, nullptr}},
      {"hostname", {hostname, "(?:^|[.])[^.]{2}--"}},
      {"ipv4", {ipv4, nullptr}},
      {"ipv6", {ipv6, nullptr}},
      {"uri", {uri, nullptr}},
      {"uri-reference", {uri_reference, nullptr}},
      {"json-pointer", {[] { return std::string("(?:/(?:[^~/]|~[01])*)*"); }, nullptr}},
      {"relative-json-pointer", {[] { return std::string("(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~[01])*)*)"); }, nullptr}},
  };
  return formats;
}

// Made once for all grammars, so that no schema pays for it.
Result<TextSet> build(const Format& format) {
  const WorkMeter unlimited(UINT64_MAX);
  auto set = pattern_texts("^(?:" + format.pattern() + ")$");
  if (!set) return set;
  if (format.never != nullptr) {
    auto never = pattern_texts(format.never);
    if (!never) return never;
    set = intersect(*set, complement(*never));
  }
  return set;
}

}  // namespace

Result<std::optional<TextSet>> format_texts(std::string_view name) {
  for (const std::string_view hard : {"idn-email", "idn-hostname", "iri", "iri-reference", "uri-template", "regex"})
    if (name == hard)
      return Error{ErrorKind::client_fault, 400, "unsupported_schema", "the format " + std::string(name)};
  const auto known = known_formats().find(name);
  if (known == known_formats().end()) return std::optional<TextSet>();
  static std::mutex mutex;
  static std::map<std::string, TextSet, std::less<>> made;  // some take milliseconds; shared by all grammars
  const std::lock_guard lock(mutex);
  auto& set = made[std::string(name)];
  if (set == nullptr) {
    auto built = build(known->second);
    if (!built) return std::move(built).error();
    set = *built;
  }
  return std::optional<TextSet>(set);
}

const TextSet& base64_texts() {
  static const TextSet set = pattern_texts("^(?:[0-9A-Za-z+/]{4})*(?:[0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)?$").value();
  return set;
}

}  // namespace tollgate::local
