#include "cache/redis_codec.h"

#include <hiredis/hiredis.h>

#include <vector>

namespace tollgate::cache {
namespace {

constexpr std::size_t kFrame = 64;  // bytes around a value

Error bad_reply(std::string what) {
  return Error{.kind = ErrorKind::retry_elsewhere,
               .status = 502,
               .code = "bad_reply",
               .message = "the server is no Redis that we understand: " + what};
}

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};

RedisReply taken(const redisReply& from) {
  RedisReply reply;
  switch (from.type) {
    case REDIS_REPLY_STATUS:
      reply.kind = RedisReply::Kind::status;
      break;
    case REDIS_REPLY_ERROR:
      reply.kind = RedisReply::Kind::error;
      break;
    case REDIS_REPLY_INTEGER:
      reply.kind = RedisReply::Kind::integer;
      reply.integer = from.integer;
      break;
    case REDIS_REPLY_STRING:
      reply.kind = RedisReply::Kind::value;
      break;
    default:
      break;
  }
  if (from.str) reply.text.assign(from.str, from.len);
  return reply;
}

}  // namespace

std::string redis_command(std::span<const std::string_view> words) {
  std::vector<const char*> starts;
  std::vector<std::size_t> sizes;
  for (const std::string_view word : words) {
    starts.push_back(word.data() ? word.data() : "");
    sizes.push_back(word.size());
  }
  char* command = nullptr;
  const int size = redisFormatCommandArgv(&command, static_cast<int>(words.size()), starts.data(), sizes.data());
  if (size < 0) return {};
  std::string bytes(command, static_cast<std::size_t>(size));
  redisFreeCommand(command);
  return bytes;
}

struct RedisReader::Impl {
  std::unique_ptr<redisReader, decltype(&redisReaderFree)> reader{redisReaderCreate(), &redisReaderFree};
  std::size_t max_bytes = 0, taken = 0;
};

RedisReader::RedisReader(std::size_t max_bytes) : impl_(std::make_unique<Impl>()) { impl_->max_bytes = max_bytes; }
RedisReader::~RedisReader() = default;

Result<std::optional<RedisReply>> RedisReader::push(std::string_view bytes) {
  if (!impl_->reader) return bad_reply("out of memory");
  if (bytes.empty()) return std::optional<RedisReply>();
  // Before hiredis sees an array it would make room for as many elements as it announces.
  if (impl_->taken == 0 && std::string_view("+-:$").find(bytes[0]) == std::string_view::npos)
    return bad_reply("its reply begins with byte " + std::to_string(static_cast<unsigned char>(bytes[0])));
  impl_->taken += bytes.size();
  if (impl_->taken > impl_->max_bytes + kFrame)
    return bad_reply("its reply has more than " + std::to_string(impl_->max_bytes) + " bytes");
  void* raw = nullptr;
  redisReader* reader = impl_->reader.get();
  if (redisReaderFeed(reader, bytes.data(), bytes.size()) != REDIS_OK || redisReaderGetReply(reader, &raw) != REDIS_OK)
    return bad_reply(reader->errstr);
  if (!raw) return std::optional<RedisReply>();
  const std::unique_ptr<redisReply, FreeReply> whole(static_cast<redisReply*>(raw));
  if (reader->pos < reader->len) return bad_reply("more than one reply to a command");
  impl_->taken = 0;
  return std::optional<RedisReply>(taken(*whole));
}

}  // namespace tollgate::cache
