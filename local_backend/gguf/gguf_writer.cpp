#include "local_backend/gguf/gguf_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "local_backend/gguf/gguf_value.h"

namespace tollgate::local {
namespace {

constexpr std::uint64_t kAlignment = 32;  // the format's default

std::uint64_t padded(std::uint64_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

std::string unfinished(const std::string& path) { return path + ".part"; }

}  // namespace

GgufWriter::~GgufWriter() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(unfinished(path_).c_str());
}

template <class T>
void GgufWriter::put(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

void GgufWriter::put_text(std::string& to, std::string_view text) {
  put(to, std::uint64_t{text.size()});
  to.append(text);
}

void GgufWriter::put_head(std::string_view key, std::uint32_t type) {
  ++pair_count_;
  put_text(pairs_, key);
  put(pairs_, type);
}

void GgufWriter::add_text(std::string_view key, std::string_view value) {
  put_head(key, static_cast<std::uint32_t>(GgufValue::text));
  put_text(pairs_, value);
}

void GgufWriter::add_u32(std::string_view key, std::uint32_t value) {
  put_head(key, static_cast<std::uint32_t>(GgufValue::u32));
  put(pairs_, value);
}

void GgufWriter::add_f32(std::string_view key, float value) {
  put_head(key, static_cast<std::uint32_t>(GgufValue::f32));
  put(pairs_, value);
}

void GgufWriter::add_flag(std::string_view key, bool value) {
  put_head(key, static_cast<std::uint32_t>(GgufValue::flag));
  put(pairs_, std::uint8_t{value});
}

void GgufWriter::add_texts(std::string_view key, std::span<const std::string> values) {
  put_head(key, static_cast<std::uint32_t>(GgufValue::array));
  put(pairs_, GgufValue::text);
  put(pairs_, std::uint64_t{values.size()});
  for (const std::string& value : values) put_text(pairs_, value);
}

void GgufWriter::add_i32s(std::string_view key, std::span<const std::int32_t> values) {
  put_head(key, static_cast<std::uint32_t>(GgufValue::array));
  put(pairs_, GgufValue::i32);
  put(pairs_, std::uint64_t{values.size()});
  for (const std::int32_t value : values) put(pairs_, value);
}

void GgufWriter::add_f32s(std::string_view key, std::span<const float> values) {
  put_head(key, static_cast<std::uint32_t>(GgufValue::array));
  put(pairs_, GgufValue::f32);
  put(pairs_, std::uint64_t{values.size()});
  for (const float value : values) put(pairs_, value);
}

void GgufWriter::add(const GgufFile::Pair& pair) {
  if (pair.key == "general.alignment") return;
  put_head(pair.key, pair.array ? static_cast<std::uint32_t>(GgufValue::array) : pair.type);
  if (pair.array) {
    put(pairs_, pair.type);
    put(pairs_, pair.count);
  } else if (static_cast<GgufValue>(pair.type) == GgufValue::text) {
    put(pairs_, std::uint64_t{pair.value.size()});
  }
  pairs_.append(reinterpret_cast<const char*>(pair.value.data()), pair.value.size());
}

void GgufWriter::add_tensor(std::string_view name, TensorType type, const std::array<std::uint64_t, 4>& dims) {
  std::size_t count = dims.size();
  while (count > 1 && dims[count - 1] == 1) --count;
  put_text(descriptions_, name);
  put(descriptions_, static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) put(descriptions_, dims[i]);
  put(descriptions_, type);
  put(descriptions_, data_bytes_);
  sizes_.push_back(tensor_bytes(type, dims[0] * dims[1] * dims[2] * dims[3]));
  data_bytes_ += padded(sizes_.back());
}

Result<void> GgufWriter::begin() {
  file_ = ::open(unfinished(path_).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file_ < 0) return trouble("cannot create the file", errno);
  std::string head = "GGUF";
  put(head, std::uint32_t{3});
  put(head, std::uint64_t{sizes_.size()});
  put(head, pair_count_);
  head += pairs_;
  head += descriptions_;
  head.resize(padded(head.size()));
  return write_all(head.data(), head.size());
}

Result<void> GgufWriter::write(std::span<const std::byte> bytes) {
  assert(file_ >= 0 && current_ < sizes_.size() && bytes.size() <= sizes_[current_] - written_);
  if (auto done = write_all(bytes.data(), bytes.size()); !done) return done;
  written_ += bytes.size();
  if (written_ < sizes_[current_]) return {};
  constexpr std::array<char, kAlignment> kZeros{};
  const std::size_t padding = padded(written_) - written_;
  ++current_;
  written_ = 0;
  return write_all(kZeros.data(), padding);
}

Result<void> GgufWriter::finish() {
  if (file_ < 0 || current_ != sizes_.size()) return trouble("not all tensors were written", 0);
  if (::fsync(file_) != 0) return trouble("cannot sync the file", errno);
  if (std::rename(unfinished(path_).c_str(), path_.c_str()) != 0) return trouble("cannot name the file", errno);
  ::close(file_);
  file_ = -1;
  return {};
}

Result<void> GgufWriter::write_all(const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t done = ::write(file_, at, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return trouble("cannot write", errno);
    at += done;
    size -= static_cast<std::size_t>(done);
  }
  return {};
}

Error GgufWriter::trouble(std::string_view what, int code) const {
  const std::string reason = code == 0 ? std::string() : ": " + std::generic_category().message(code);
  return Error{ErrorKind::fatal, 500, "model_file_not_written", path_ + ": " + std::string(what) + reason};
}

}  // namespace tollgate::local
