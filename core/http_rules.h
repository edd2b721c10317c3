// Private to core/http*.cpp: character classes, and the rules that decide what a parsed head means for its framing.
// Thread rule: pure functions and plain values.
#pragma once

#include <array>
#include <string_view>

#include "core/http.h"

namespace tollgate::http {

inline constexpr unsigned char kToken = 1, kTarget = 2, kHost = 4, kHex = 8;

constexpr std::array<unsigned char, 256> make_classes() {
  std::array<unsigned char, 256> classes{};
  auto mark = [&classes](std::string_view chars, unsigned char bits) {
    for (char c : chars) classes[static_cast<unsigned char>(c)] |= bits;
  };
  mark("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", kToken | kTarget | kHost);
  mark("0123456789abcdefABCDEF", kHex);
  mark("-._~", kToken | kTarget | kHost);
  mark("!#$%&'*+^`|", kToken);
  // RFC 3986 pchar, "/" and "?"; the brackets stand raw in the queries of common clients.
  mark("!$&'()*+,;=:@/?[]%", kTarget);
  return classes;
}
inline constexpr std::array<unsigned char, 256> kClasses = make_classes();

inline bool is(char c, unsigned char bits) { return (kClasses[static_cast<unsigned char>(c)] & bits) != 0; }

// Why a head is refused; status 0 = it is fine.
struct Refusal {
  int status = 0;
  const char* why = nullptr;
};

// What the framing hangs on, noted while the fields pass by.
struct Facts {
  unsigned hosts = 0, lengths = 0, codings = 0;
  std::string_view host, length, coding;
  bool close = false, keep_alive = false, expect = false;
  bool disguised = false;  // a framing header spelled with an underscore
};

// Takes the next element off a comma-separated list, without the blanks around it.
std::string_view next_element(std::string_view& list);

// Judge a head with good syntax, and set its framing, authority and target form (RFC 9112 3.2, 6.1 to 6.3).
Refusal check_request(const Facts& facts, Head& head);
Refusal check_response(const Facts& facts, bool head_request, Head& head);

}  // namespace tollgate::http
