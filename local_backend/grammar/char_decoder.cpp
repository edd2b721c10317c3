#include "local_backend/grammar/char_decoder.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>

namespace tollgate::local {
namespace {

using Row = std::array<std::uint16_t, 256>;

// What is still to come of a character.
enum class Form : unsigned char { utf8, hex, high, low };

class Builder {
 public:
  explicit Builder(const TextDfa& dfa) : dfa_(dfa) {}
  std::vector<Row> rows;

  void build() {
    new_row();
    for (unsigned byte = 0x20; byte < 0x80; ++byte)
      if (byte != '"' && byte != '\\') rows[0][byte] = class_code(byte);
    for (unsigned byte = 0xC2; byte < 0xE0; ++byte) rows[0][byte] = utf8((byte & 0x1F) << 6, 1);
    for (unsigned byte = 0xE0; byte < 0xF0; ++byte) rows[0][byte] = utf8((byte & 0x0F) << 12, 2);
    for (unsigned byte = 0xF0; byte < 0xF5; ++byte) rows[0][byte] = utf8((byte & 0x07) << 18, 3);
    const std::uint16_t escape = new_row();
    rows[0]['\\'] = escape;
    constexpr std::string_view kLetters = "\"\\/bfnrt", kCodes = "\"\\/\b\f\n\r\t";
    for (std::size_t i = 0; i < kLetters.size(); ++i)
      rows[escape][static_cast<unsigned char>(kLetters[i])] = class_code(static_cast<unsigned char>(kCodes[i]));
    rows[escape]['u'] = hex(0, 4);
  }

 private:
  std::uint16_t new_row() {
    Row row;
    row.fill(CharDecoder::kDead);
    rows.push_back(row);
    return static_cast<std::uint16_t>(rows.size() - 1);
  }
  std::uint16_t class_code(char32_t code) const {
    return static_cast<std::uint16_t>(CharDecoder::kClass + dfa_.class_of(code));
  }
  // The one class of all codes from `first` to `last`, or -1.
  int uniform(char32_t first, char32_t last) const {
    const auto after = std::upper_bound(dfa_.starts.begin(), dfa_.starts.end(), first);
    return after == dfa_.starts.end() || *after > last ? static_cast<int>(dfa_.class_of(first)) : -1;
  }
  // The row for this place; `fresh` when it has still to be filled. Places with the same future share one.
  std::uint16_t row_of(Form form, int left, char32_t first, char32_t last, bool whole, bool& fresh) {
    const int only = whole ? uniform(first, last) : -1;
    const auto key = std::tuple(form, left, only, only < 0 ? first : char32_t{0});
    const auto [at, added] = ids_.try_emplace(key, std::uint16_t{0});
    fresh = added;
    if (added) at->second = new_row();
    return at->second;
  }
  static void set_hex(Row& row, unsigned digit, std::uint16_t to) {
    row[static_cast<unsigned char>("0123456789abcdef"[digit])] = to;
    row[static_cast<unsigned char>("0123456789ABCDEF"[digit])] = to;
  }

  // `left` continuation bytes to come, for the codes of the block that begins with `base`.
  std::uint16_t utf8(char32_t base, int left) {
    const char32_t last = base + (char32_t{1} << (6 * left)) - 1;
    const bool cut = (left == 2 && (base == 0 || base == 0xD000)) || (left == 3 && (base == 0 || base >= 0x100000));
    bool fresh = false;
    const std::uint16_t id = row_of(Form::utf8, left, base, last, !cut, fresh);
    for (unsigned low = 0; fresh && low < 64; ++low) {
      const char32_t part = base + (char32_t{low} << (6 * (left - 1)));
      const bool overlong = (left == 2 && part < 0x800) || (left == 3 && part < 0x10000);
      if (overlong || part > kLastCode || (part >= 0xD800 && part < 0xE000)) continue;
      const std::uint16_t to = left == 1 ? class_code(part) : utf8(part, left - 1);
      rows[id][0x80 + low] = to;
    }
    return id;
  }

  // `left` hexadecimal digits of \uXXXX to come, `base` the least value.
  std::uint16_t hex(char32_t base, int left) {
    const char32_t last = base + (char32_t{1} << (4 * left)) - 1;
    if (base >= 0xD800 && last <= 0xDBFF) return high(base, left);
    const bool mixed = base < 0xE000 && last >= 0xD800;
    bool fresh = false;
    const std::uint16_t id = row_of(Form::hex, left, base, last, !mixed, fresh);
    for (unsigned digit = 0; fresh && digit < 16; ++digit) {
      const char32_t part = base + (char32_t{digit} << (4 * (left - 1)));
      if (part >= 0xDC00 && part < 0xE000) continue;  // a low half alone
      const std::uint16_t to = left == 1 ? class_code(part) : hex(part, left - 1);
      set_hex(rows[id], digit, to);
    }
    return id;
  }

  // Inside or behind the high half of a pair.
  std::uint16_t high(char32_t base, int left) {
    const char32_t first = 0x10000 + ((base - 0xD800) << 10);
    const char32_t last = first + ((char32_t{1} << (4 * left)) << 10) - 1;
    bool fresh = false;
    const std::uint16_t id = row_of(Form::high, left, first, last, true, fresh);
    if (!fresh) return id;
    if (left == 0) return chain(id, first);
    for (unsigned digit = 0; digit < 16; ++digit) {
      const std::uint16_t to = high(base + (char32_t{digit} << (4 * (left - 1))), left - 1);
      set_hex(rows[id], digit, to);
    }
    return id;
  }

  // Behind a whole high half, row `id`: \uDCxx..\uDFxx for the 1024 codes from `first` on.
  std::uint16_t chain(std::uint16_t id, char32_t first) {
    const std::uint16_t u = new_row(), d = new_row(), half = new_row();
    rows[id]['\\'] = u;
    rows[u]['u'] = d;
    set_hex(rows[d], 0xD, half);
    for (unsigned digit = 0xC; digit < 0x10; ++digit) {
      const std::uint16_t to = low(first + (digit - 0xC) * 256, 2);
      set_hex(rows[half], digit, to);
    }
    return id;
  }

  std::uint16_t low(char32_t base, int left) {
    bool fresh = false;
    const std::uint16_t id = row_of(Form::low, left, base, base + (char32_t{1} << (4 * left)) - 1, true, fresh);
    for (unsigned digit = 0; fresh && digit < 16; ++digit) {
      const char32_t part = base + (char32_t{digit} << (4 * (left - 1)));
      const std::uint16_t to = left == 1 ? class_code(part) : low(part, left - 1);
      set_hex(rows[id], digit, to);
    }
    return id;
  }

  const TextDfa& dfa_;
  std::map<std::tuple<Form, int, int, char32_t>, std::uint16_t> ids_;
};

}  // namespace

CharDecoder::CharDecoder(const TextDfa& classes) {
  Builder builder(classes);
  builder.build();
  const std::vector<Row>& rows = builder.rows;
  std::map<std::vector<std::uint16_t>, std::uint8_t> ids;
  std::vector<std::vector<std::uint16_t>> columns;
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::vector<std::uint16_t> column;
    for (const Row& row : rows) column.push_back(row[byte]);
    const auto [id, fresh] = ids.try_emplace(column, static_cast<std::uint8_t>(columns.size()));
    if (fresh) columns.push_back(std::move(column));
    column_[byte] = id->second;
  }
  columns_ = columns.size();
  for (std::size_t row = 0; row < rows.size(); ++row)
    for (const auto& column : columns) next_.push_back(column[row]);
  may_.assign(rows.size(), std::vector<std::uint64_t>((classes.classes + 63) / 64));
  // A character has at most 12 bytes, so that the classes of later states reach every earlier one in as many rounds.
  for (int round = 0; round < 12; ++round) {
    for (std::size_t row = 0; row < rows.size(); ++row) {
      for (const auto& column : columns) {
        const std::uint16_t to = column[row];
        if (to == kDead) continue;
        if (to >= kClass) {
          const std::uint32_t id = to - kClass;
          may_[row][id / 64] |= std::uint64_t{1} << (id % 64);
        } else {
          for (std::size_t word = 0; word < may_[row].size(); ++word) may_[row][word] |= may_[to][word];
        }
      }
    }
  }
}

}  // namespace tollgate::local
