// Any bytes as segment files that a dead process left: opening, reading, committing and reading again never crash, hang
// or hand out more than the bytes can hold. The first byte says how the rest is split into two files and whether frames
// in it get right checksums, so that the fuzzer reaches what lies behind them.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "billing/spool.h"
#include "billing/spool_frame.h"
#include "core/log.h"

namespace {

constexpr std::uint32_t kSalt = 0x5a17;

// Seals whatever looks like a frame header, from the front.
void seal_frames(std::string& bytes) {
  using tollgate::billing::FrameKind;
  for (std::size_t at = 32; at + 9 <= bytes.size();) {
    const auto byte = [&](std::size_t i) {
      return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at + i]));
    };
    const std::size_t length = (byte(0) | byte(1) << 8) & 0x7fff;
    if (at + 9 + length > bytes.size()) break;
    const auto kind = bytes[at + 8] & 1 ? FrameKind::open : FrameKind::settle;
    tollgate::billing::seal_frame(bytes.data() + at, length, kind, kSalt);
    at += 9 + length;
  }
}

void save(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tollgate::billing;
  if (size == 0 || size > (128u << 10)) return 0;
  tollgate::set_log_level(tollgate::LogLevel::error);
  static const int kQuiet = [] { return tollgate::set_log_fd(-1), 0; }();
  (void)kQuiet;
  const std::string directory =
      (std::filesystem::temp_directory_path() / ("tollgate-fuzz-" + std::to_string(::getpid()))).string();
  std::filesystem::create_directories(directory);
  std::string first(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] & 1) seal_frames(first);
  const std::size_t half = data[0] & 2 ? first.size() / 2 : first.size();
  save(directory + "/0000000000000001-00005a17.seg", first.substr(0, half));
  save(directory + "/0000000000000002-00005a17." + (data[0] & 4 ? "carry" : "seg"), first.substr(half));
  if (data[0] & 8) save(directory + "/cursor", first.substr(0, 200));
  {
    SpoolOptions options;
    options.directory = directory;
    options.fsync_interval_ms = 60'000;
    auto spool = Spool::open(options);
    if (!spool) std::abort();
    std::vector<CostRecord> out;
    std::size_t handed_out = 0;
    while (const std::size_t n = (*spool)->read(out, 7)) {
      handed_out += n;
      if (handed_out > size) std::abort();
      data[0] & 16 && handed_out < 50 ? (*spool)->rewind() : (*spool)->commit();
    }
    (*spool)->commit();
    if ((*spool)->stats().segments != 0) std::abort();
  }
  std::filesystem::remove_all(directory);
  return 0;
}
