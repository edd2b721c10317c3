// Requests, replies, errors and streams of the dialect "bedrock.converse" from any bytes; see dialect_rounds.h. A
// stream whose cuts begin with "m" is given as lines "event=data", which are made AWS messages: a fuzzer cannot guess
// checksums.
#include <algorithm>
#include <vector>

#include "core/aws_event_stream.h"
#include "dialect_rounds.h"

namespace {

std::string as_messages(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    const std::string_view name = line.substr(0, std::min<std::size_t>(line.find('='), 200));
    const std::string_view data = line.substr(std::min(line.size(), name.size() + 1));
    if (name.ends_with("Exception")) {
      tollgate::write_aws_exception(out, name, data);
    } else {
      tollgate::write_aws_event(out, name, data);
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto& dialect = tollgate::gateway::bedrock_converse();
  const bool stream = size >= 4 && data[0] == 's' && data[1] == 'm';
  if (!stream) {
    tollgate::gateway::fuzz_dialect(dialect, data, size);
    return 0;
  }
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string bytes = "s" + std::string(input.substr(1, 3)) + as_messages(input.substr(4));
  tollgate::gateway::fuzz_dialect(dialect, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return 0;
}
