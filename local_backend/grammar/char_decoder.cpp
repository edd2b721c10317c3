#include "local_backend/grammar/char_decoder.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>

#include "local_backend/grammar/work_meter.h"

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
  spend_work(rows.size() * 64);
  std::vector<unsigned> firsts;  // the first byte of each column
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto same = [&](unsigned other) {
      return std::all_of(rows.begin(), rows.end(), [&](const Row& row) { return row[byte] == row[other]; });
    };
    const auto known = std::find_if(firsts.begin(), firsts.end(), same);
    column_[byte] = static_cast<std::uint8_t>(known - firsts.begin());
    if (known == firsts.end()) firsts.push_back(byte);
  }
  columns_ = firsts.size();
  for (const Row& row : rows)
    for (const unsigned first : firsts) next_.push_back(row[first]);
  find_classes(classes.classes);
}

void CharDecoder::find_classes(std::uint32_t classes) {
  const std::size_t rows = next_.size() / columns_;
  may_.assign(rows, std::vector<std::uint64_t>((classes + 63) / 64));
  // To a fixed point; what is still to come of a character mostly stands behind it, so backwards is quick.
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t row = rows; row-- > 0;) {
      std::vector<std::uint64_t> may = may_[row];
      for (std::size_t column = 0; column < columns_; ++column) {
        const std::uint16_t to = next_[row * columns_ + column];
        if (to == kDead) continue;
        if (to >= kClass) {
          const std::uint32_t id = to - kClass;
          may[id / 64] |= std::uint64_t{1} << (id % 64);
        } else {
          for (std::size_t word = 0; word < may.size(); ++word) may[word] |= may_[to][word];
        }
      }
      changed = changed || may != may_[row];
      may_[row] = std::move(may);
    }
  }
}

}  // namespace tollgate::local
