#include "core/aws_event_stream.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace tollgate {
namespace {

constexpr std::size_t kPrelude = 12;  // two lengths and their CRC
constexpr std::size_t kTrailer = 4;   // CRC of the message
constexpr std::size_t kUuid = 16;

// Eight tables, so that eight bytes are taken at a time.
using CrcTables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr CrcTables make_crc_tables() {
  CrcTables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320u : 0u);
    tables[0][i] = crc;
  }
  for (std::size_t table = 1; table < tables.size(); ++table)
    for (std::size_t i = 0; i < 256; ++i)
      tables[table][i] = (tables[table - 1][i] >> 8) ^ tables[0][tables[table - 1][i] & 0xFF];
  return tables;
}
constexpr CrcTables kCrc = make_crc_tables();

std::uint32_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value = value << 8 | byte_at(bytes, i);
  return value;
}

std::uint32_t u32_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint32_t>(big_endian(bytes.substr(at, 4)));
}

void put_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
}

// CRC-32 with zlib's polynomial; the ledger's CRC-32C is another one.
std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFu;
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    crc ^=
        byte_at(bytes, at) | byte_at(bytes, at + 1) << 8 | byte_at(bytes, at + 2) << 16 | byte_at(bytes, at + 3) << 24;
    crc = kCrc[7][crc & 0xFF] ^ kCrc[6][crc >> 8 & 0xFF] ^ kCrc[5][crc >> 16 & 0xFF] ^ kCrc[4][crc >> 24] ^
          kCrc[3][byte_at(bytes, at + 4)] ^ kCrc[2][byte_at(bytes, at + 5)] ^ kCrc[1][byte_at(bytes, at + 6)] ^
          kCrc[0][byte_at(bytes, at + 7)];
  }
  for (; at < bytes.size(); ++at) crc = (crc >> 8) ^ kCrc[0][(crc ^ byte_at(bytes, at)) & 0xFF];
  return ~crc;
}

// Bytes of a number header; 0 for the other types.
std::size_t number_bytes(AwsHeader::Type type) {
  switch (type) {
    case AwsHeader::Type::byte:
      return 1;
    case AwsHeader::Type::int16:
      return 2;
    case AwsHeader::Type::int32:
      return 4;
    case AwsHeader::Type::int64:
    case AwsHeader::Type::timestamp:
      return 8;
    default:
      return 0;
  }
}

bool is_text(AwsHeader::Type type) { return type == AwsHeader::Type::bytes || type == AwsHeader::Type::string; }

// Cuts `count` bytes off the front; false when there are fewer.
bool take(std::string_view& from, std::size_t count, std::string_view& out) {
  if (from.size() < count) return false;
  out = from.substr(0, count);
  from.remove_prefix(count);
  return true;
}

bool take_value(std::string_view& left, AwsHeader& header) {
  std::string_view bytes;
  if (const std::size_t size = number_bytes(header.type); size != 0) {
    if (!take(left, size, bytes)) return false;
    const std::uint64_t unused = 64 - 8 * size;  // shifted up and back down, which spreads the sign
    header.number = static_cast<std::int64_t>(big_endian(bytes) << unused) >> unused;
    return true;
  }
  if (header.type == AwsHeader::Type::uuid) return take(left, kUuid, header.value);
  if (!is_text(header.type)) {
    header.number = header.type == AwsHeader::Type::boolean_true ? 1 : 0;
    return true;
  }
  if (!take(left, 2, bytes)) return false;
  const std::size_t size = big_endian(bytes);
  return size <= kAwsMaxHeaderValue && take(left, size, header.value);
}

bool read_headers(std::string_view left, std::vector<AwsHeader>& headers) {
  headers.clear();
  while (!left.empty()) {
    AwsHeader header;
    std::string_view bytes;
    const std::size_t name = byte_at(left, 0);
    left.remove_prefix(1);
    if (name == 0 || !take(left, name, header.name) || !take(left, 1, bytes)) return false;
    const std::uint32_t type = byte_at(bytes, 0);
    if (type > static_cast<std::uint32_t>(AwsHeader::Type::uuid)) return false;
    header.type = static_cast<AwsHeader::Type>(type);
    if (!take_value(left, header)) return false;
    headers.push_back(header);
  }
  return true;
}

void put_header(std::string& out, const AwsHeader& header) {
  out += static_cast<char>(header.name.size());
  out += header.name;
  out += static_cast<char>(header.type);
  if (const std::size_t size = number_bytes(header.type); size != 0) {
    put_big_endian(out, static_cast<std::uint64_t>(header.number), static_cast<int>(size));
    return;
  }
  if (is_text(header.type)) put_big_endian(out, header.value.size(), 2);
  if (is_text(header.type) || header.type == AwsHeader::Type::uuid) out += header.value;
}

void write_json_message(std::string& out, std::string_view message_type, std::string_view type_name,
                        std::string_view type, std::string_view payload) {
  const std::array headers{AwsHeader{.name = type_name, .value = type},
                           AwsHeader{.name = ":content-type", .value = "application/json"},
                           AwsHeader{.name = ":message-type", .value = message_type}};
  write_aws_message(out, headers, payload);
}

}  // namespace

std::string_view AwsMessage::text(std::string_view name) const {
  for (const AwsHeader& header : headers)
    if (header.type == AwsHeader::Type::string && header.name == name) return header.value;
  return {};
}

// Moves bytes of the piece into carry_ until it holds `bytes`; false when the piece ends first.
bool AwsMessageReader::gather(std::size_t bytes) {
  const std::size_t missing = bytes - std::min(bytes, carry_.size());
  const std::size_t taken = std::min(missing, chunk_.size());
  carry_ += chunk_.substr(0, taken);
  chunk_.remove_prefix(taken);
  return taken == missing;
}

bool AwsMessageReader::check_prelude(std::string_view prelude) {
  const std::size_t total = u32_at(prelude, 0), headers = u32_at(prelude, 4);
  if (crc32(prelude.substr(0, 8)) != u32_at(prelude, 8)) {
    failure_ = "a message of the stream has a wrong prelude checksum";
  } else if (total < kPrelude + kTrailer || headers > total - kPrelude - kTrailer || headers > kAwsMaxHeaders) {
    failure_ = "a message of the stream has impossible lengths";
  } else if (total > max_) {
    failure_ = "a message of the stream is larger than the limit";
  }
  total_ = total;
  return failure_.empty();
}

bool AwsMessageReader::open(std::string_view whole, AwsMessage& message) {
  const std::size_t headers = u32_at(whole, 4), end = whole.size() - kTrailer;
  if (crc32(whole.substr(0, end)) != u32_at(whole, end)) {
    failure_ = "a message of the stream has a wrong checksum";
  } else if (!read_headers(whole.substr(kPrelude, headers), message.headers)) {
    failure_ = "a message of the stream has broken headers";
  }
  message.payload = whole.substr(kPrelude + headers, end - kPrelude - headers);
  total_ = 0;
  return failure_.empty();
}

bool AwsMessageReader::next(AwsMessage& message) {
  if (!failure_.empty()) return false;
  if (given_) carry_.clear(), given_ = false;
  if (carry_.empty() && chunk_.size() >= kPrelude) {  // most messages lie whole in one piece and are not copied
    if (!check_prelude(chunk_.substr(0, kPrelude))) return false;
    if (chunk_.size() >= total_) {
      const std::string_view whole = chunk_.substr(0, total_);
      chunk_.remove_prefix(total_);
      return open(whole, message);
    }
  }
  if (total_ == 0 && (!gather(kPrelude) || !check_prelude(carry_))) return false;
  if (!gather(total_)) return false;
  given_ = true;
  return open(carry_, message);
}

void write_aws_message(std::string& out, std::span<const AwsHeader> headers, std::string_view payload) {
  const std::size_t begin = out.size();
  out.append(kPrelude, '\0');
  for (const AwsHeader& header : headers) put_header(out, header);
  const std::size_t header_bytes = out.size() - begin - kPrelude;
  out += payload;
  std::string prelude;
  put_big_endian(prelude, out.size() - begin + kTrailer, 4);
  put_big_endian(prelude, header_bytes, 4);
  put_big_endian(prelude, crc32(prelude), 4);
  out.replace(begin, kPrelude, prelude);
  put_big_endian(out, crc32(std::string_view(out).substr(begin)), 4);
}

void write_aws_event(std::string& out, std::string_view event_type, std::string_view payload) {
  write_json_message(out, "event", ":event-type", event_type, payload);
}

void write_aws_exception(std::string& out, std::string_view exception_type, std::string_view payload) {
  write_json_message(out, "exception", ":exception-type", exception_type, payload);
}

}  // namespace tollgate
