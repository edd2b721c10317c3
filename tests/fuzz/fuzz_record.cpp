// Any bytes as an encoded record: decode() refuses or yields a record that survives a round trip, and every cut of it
// keeps its limits.
#include <cstdlib>

#include "billing/record_wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tollgate::billing;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  CostRecord record;
  if (!decode(bytes, record)) return 0;
  std::string once, twice;
  encode(record, once);
  CostRecord again;
  if (!decode(once, again)) std::abort();
  encode(again, twice);
  if (once != twice) std::abort();
  tollgate::Id id;
  if (!peek_id(once, id) || id != record.id) std::abort();
  for (const CutLimits& cut : kCutLevels) {
    std::string out(encoded_bound(record, cut), '\0');
    const char* end = encode_record(record, RecordForm::whole, cut, out.data());
    const auto written = static_cast<std::size_t>(end - out.data());
    if (written > out.size() || !decode(std::string_view(out).substr(0, written), again)) std::abort();
    if (again.usage.counts != record.usage.counts || !(again.cost == record.cost)) std::abort();
  }
  return 0;
}
