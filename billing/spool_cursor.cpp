// The durable position of the reader: a small text file, replaced by rename. It only saves re-reading after a restart:
// without it, or with a stale one, rows are delivered again and the store ignores them by id. Owner: billing.
// Thread rule: ledger thread.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "billing/crc32c.h"
#include "billing/spool_reader.h"

namespace tollgate::billing {
namespace {

constexpr std::int64_t kSaveEveryNs = 1'000'000'000;
constexpr std::size_t kMaxCursorBytes = 1u << 20;

std::string with_checksum(const std::string& lines) {
  return lines + fmt::format("crc {:08x}\n", crc32c(0, lines.data(), lines.size()));
}

// The lines of a whole cursor file, "" when there is none or it is damaged.
std::string load_lines(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxCursorBytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  const auto crc_line = text.rfind("crc ");
  if (crc_line == std::string::npos) return {};
  std::string lines = text.substr(0, crc_line);
  return with_checksum(lines) == text ? lines : std::string{};
}

}  // namespace

void SpoolReader::load_cursor() {
  std::istringstream lines(load_lines(core_->options.directory + "/cursor"));
  std::string name;
  std::uint64_t offset = 0;
  while (lines >> name >> offset) {
    for (auto& segment : chains_[kOldChain].segments) {
      if (segment->file->name() != name || offset < kSegmentHeaderBytes) continue;
      segment->read_pos = segment->commit_pos = std::min(offset, segment->file->end.load(std::memory_order_relaxed));
    }
  }
}

void SpoolReader::save_cursor(bool now) {
  const std::int64_t clock = steady_ns();
  if (!now && clock - cursor_saved_ns_ < kSaveEveryNs) return;
  cursor_saved_ns_ = clock;
  // Reading resumes at the first open that still waits, so that it is found again.
  for (auto& chain : chains_)
    for (auto& segment : chain.segments) segment->resume = segment->commit_pos;
  for (const auto& [id, entry] : waiting_) entry.segment->resume = std::min(entry.segment->resume, entry.offset);
  std::string lines;
  for (const auto& chain : chains_)
    for (const auto& segment : chain.segments)
      if (segment->resume > kSegmentHeaderBytes)
        lines += fmt::format("{} {}\n", segment->file->name(), segment->resume);
  if (lines == cursor_lines_) return;
  const std::string path = core_->options.directory + "/cursor", fresh = path + ".new", text = with_checksum(lines);
  const int fd = ::open(fresh.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const bool whole = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  if (whole && std::rename(fresh.c_str(), path.c_str()) == 0) cursor_lines_ = std::move(lines);
}

}  // namespace tollgate::billing
