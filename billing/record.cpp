// The binary form of a cost record: a version byte, then {u8 field, value}. The field's number says how its value is
// laid out, so that an older reader can skip what it does not know. Owner: billing. Thread rule: pure.
#include "billing/record.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "billing/record_wire.h"

namespace tollgate::billing {
namespace {

constexpr std::uint8_t kVersion = 1;

// 1..127: zigzag varint. 128..191: varint length and bytes. 192..207: 16 bytes.
enum Field : std::uint8_t {
  kAttempt = 1,
  kStarted,
  kFinished,
  kTtft,
  kDuration,
  kHttpStatus,
  kOutcome,
  kCostSource,
  kFlags,
  kFirstBucket = 64,
  kTeam = 128,
  kFeature,
  kEnvironment,
  kUserId,
  kKeyId,
  kSurface,
  kRequestedModel,
  kProvider,
  kModel,
  kServedModel,
  kProviderRequestId,
  kRoute,
  kErrorCode,
  kServedTier,
  kGeo,
  kSpeed,
  kReportedCost,
  kRaw,
  kTag = 160,
  kPriceId,
  kId = 192,
  kRequestId,
  kCost,
  kBaseline,
};
enum Flag : std::uint64_t { kStream = 1, kQuarantined = 2, kReported = 4, kIdentityBroken = 8 };

constexpr std::size_t kMaxVarint = 10;
constexpr std::size_t kFixedBound = 1 + 4 * 17 + (9 + kBuckets) * (1 + kMaxVarint);
constexpr std::size_t kTextCount = 18;
constexpr std::size_t kMinRecordBytes = 18;  // version and id

struct Writer {
  char* p;

  void varint(std::uint64_t v) {
    while (v >= 0x80) *p++ = static_cast<char>(v | 0x80), v >>= 7;
    *p++ = static_cast<char>(v);
  }
  void number(std::uint8_t field, std::int64_t v) {
    if (v == 0) return;
    *p++ = static_cast<char>(field);
    varint((static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63));
  }
  void raw(std::string_view s) {
    if (!s.empty()) std::memcpy(p, s.data(), s.size());
    p += s.size();
  }
  void text(std::uint8_t field, std::string_view s) {
    if (s.empty()) return;
    *p++ = static_cast<char>(field);
    varint(s.size());
    raw(s);
  }
  void fixed(std::uint8_t field, const void* bytes) {
    *p++ = static_cast<char>(field);
    std::memcpy(p, bytes, 16);
    p += 16;
  }
  void money(std::uint8_t field, const std::optional<Money>& m) {
    if (!m) return;
    const auto femto = m->femto();
    fixed(field, &femto);
  }
};

std::string_view cut(std::string_view s, std::size_t limit) {
  if (s.size() <= limit) return s;
  while (limit > 0 && (static_cast<unsigned char>(s[limit]) & 0xc0) == 0x80) --limit;
  return s.substr(0, limit);
}

void write_begun(Writer& w, const CostRecord& r, const CutLimits& limits) {
  w.fixed(kRequestId, r.request_id.bytes.data());
  w.number(kAttempt, r.attempt);
  w.number(kStarted, r.started_us);
  const auto text = [&](std::uint8_t field, const std::string& s) { w.text(field, cut(s, limits.text)); };
  text(kTeam, r.team);
  text(kFeature, r.feature);
  text(kEnvironment, r.environment);
  text(kUserId, r.user_id);
  text(kKeyId, r.key_id);
  text(kSurface, r.surface);
  text(kRequestedModel, r.requested_model);
  text(kProvider, r.provider);
  text(kModel, r.model);
  text(kRoute, r.route);
  const std::size_t tags = std::min(r.tags.size(), limits.tags);
  for (std::size_t i = 0; i < tags; ++i) {
    const auto key = cut(r.tags[i].first, limits.tag_text), value = cut(r.tags[i].second, limits.tag_text);
    char head[kMaxVarint];
    Writer size{head};
    size.varint(key.size());
    const auto head_bytes = static_cast<std::size_t>(size.p - head);
    *w.p++ = static_cast<char>(kTag);
    w.varint(head_bytes + key.size() + value.size());
    w.raw({head, head_bytes});
    w.raw(key);
    w.raw(value);
  }
}

void write_rest(Writer& w, const CostRecord& r, const CutLimits& limits) {
  w.number(kFinished, r.finished_us);
  w.number(kTtft, r.ttft_us + 1);  // so that -1, "none", is the absent value
  w.number(kDuration, r.duration_us);
  w.number(kHttpStatus, r.http_status);
  w.number(kOutcome, static_cast<int>(r.outcome));
  w.number(kCostSource, static_cast<int>(r.cost_source) + 1);  // absent = unpriced, the default
  for (std::size_t i = 0; i < kBuckets; ++i) w.number(static_cast<std::uint8_t>(kFirstBucket + i), r.usage.counts[i]);
  const auto text = [&](std::uint8_t field, const std::string& s) { w.text(field, cut(s, limits.text)); };
  text(kServedModel, r.served_model);
  text(kProviderRequestId, r.provider_request_id);
  text(kErrorCode, r.error_code);
  text(kServedTier, r.usage.served_tier);
  text(kGeo, r.usage.geo);
  text(kSpeed, r.usage.speed);
  text(kReportedCost, r.usage.reported_cost);
  if (r.usage.raw.size() <= limits.raw) w.text(kRaw, r.usage.raw);
  const std::size_t ids = std::min(r.price_ids.size(), limits.price_ids);
  for (std::size_t i = 0; i < ids; ++i) text(kPriceId, r.price_ids[i]);
  w.money(kCost, r.cost);
  w.money(kBaseline, r.baseline_cost);
}

struct Reader {
  const char* p;
  const char* end;

  bool varint(std::uint64_t& v) {
    v = 0;
    for (int shift = 0; shift < 64 && p < end; shift += 7) {
      const auto byte = static_cast<unsigned char>(*p++);
      if (shift == 63 && byte > 1) return false;
      v |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool number(std::int64_t& v) {
    std::uint64_t u;
    if (!varint(u)) return false;
    v = static_cast<std::int64_t>((u >> 1) ^ (~(u & 1) + 1));
    return true;
  }
  bool text(std::string_view& s) {
    std::uint64_t size;
    if (!varint(size) || size > static_cast<std::uint64_t>(end - p)) return false;
    s = {p, static_cast<std::size_t>(size)};
    p += size;
    return true;
  }
};

bool apply_number(CostRecord& r, std::uint8_t field, std::int64_t v) {
  if (field >= kFirstBucket && field < kFirstBucket + kBuckets) return r.usage.counts[field - kFirstBucket] = v, true;
  switch (field) {
    case kAttempt:
      return v > 0 && v <= UINT32_MAX ? (r.attempt = static_cast<std::uint32_t>(v), true) : false;
    case kStarted:
      return r.started_us = v, true;
    case kFinished:
      return r.finished_us = v, true;
    case kTtft:
      return v > INT64_MIN ? (r.ttft_us = v - 1, true) : false;
    case kDuration:
      return r.duration_us = v, true;
    case kHttpStatus:
      return v >= 0 && v <= 999 ? (r.http_status = static_cast<int>(v), true) : false;
    case kOutcome:
      return v >= 0 && v <= 4 ? (r.outcome = static_cast<Outcome>(v), true) : false;
    case kCostSource:
      return v >= 1 && v <= 6 ? (r.cost_source = static_cast<CostSource>(v - 1), true) : false;
    case kFlags:
      r.stream = v & kStream;
      r.quarantined = v & kQuarantined;
      r.usage.reported = v & kReported;
      r.usage.identity_ok = !(v & kIdentityBroken);
      return true;
    default:
      return true;  // of a later version
  }
}

std::string* text_slot(CostRecord& r, std::uint8_t field) {
  switch (field) {
    case kTeam:
      return &r.team;
    case kFeature:
      return &r.feature;
    case kEnvironment:
      return &r.environment;
    case kUserId:
      return &r.user_id;
    case kKeyId:
      return &r.key_id;
    case kSurface:
      return &r.surface;
    case kRequestedModel:
      return &r.requested_model;
    case kProvider:
      return &r.provider;
    case kModel:
      return &r.model;
    case kServedModel:
      return &r.served_model;
    case kProviderRequestId:
      return &r.provider_request_id;
    case kRoute:
      return &r.route;
    case kErrorCode:
      return &r.error_code;
    case kServedTier:
      return &r.usage.served_tier;
    case kGeo:
      return &r.usage.geo;
    case kSpeed:
      return &r.usage.speed;
    case kReportedCost:
      return &r.usage.reported_cost;
    case kRaw:
      return &r.usage.raw;
    default:
      return nullptr;
  }
}

bool apply_text(CostRecord& r, std::uint8_t field, std::string_view s) {
  if (field == kPriceId) return r.price_ids.emplace_back(s), true;
  if (field == kTag) {
    Reader in{s.data(), s.data() + s.size()};
    std::string_view key;
    if (!in.text(key)) return false;
    r.tags.emplace_back(key, std::string_view(in.p, static_cast<std::size_t>(in.end - in.p)));
    return true;
  }
  if (auto* slot = text_slot(r, field)) slot->assign(s);
  return true;
}

void apply_fixed(CostRecord& r, std::uint8_t field, const char* bytes) {
  Money::Femto femto;
  switch (field) {
    case kId:
      std::memcpy(r.id.bytes.data(), bytes, 16);
      break;
    case kRequestId:
      std::memcpy(r.request_id.bytes.data(), bytes, 16);
      break;
    case kCost:
      std::memcpy(&femto, bytes, 16), r.cost = Money::from_femto(femto);
      break;
    case kBaseline:
      std::memcpy(&femto, bytes, 16), r.baseline_cost = Money::from_femto(femto);
      break;
    default:
      break;
  }
}

}  // namespace

const char* outcome_name(Outcome outcome) {
  static constexpr const char* kNames[] = {"ok", "error", "aborted", "timeout", "cached"};
  return kNames[static_cast<std::size_t>(outcome)];
}

const char* cost_source_name(CostSource source) {
  static constexpr const char* kNames[] = {"provider", "computed", "estimated", "cache", "local", "unpriced"};
  return kNames[static_cast<std::size_t>(source)];
}

std::size_t encoded_bound(const CostRecord& r, const CutLimits& limits) {
  const auto text = [&](const std::string& s) { return std::min(s.size(), limits.text); };
  std::size_t n = kFixedBound + kTextCount * (1 + kMaxVarint);
  n += text(r.team) + text(r.feature) + text(r.environment) + text(r.user_id) + text(r.key_id) + text(r.surface) +
       text(r.requested_model) + text(r.provider) + text(r.model) + text(r.served_model) + text(r.provider_request_id) +
       text(r.route) + text(r.error_code) + text(r.usage.served_tier) + text(r.usage.geo) + text(r.usage.speed) +
       text(r.usage.reported_cost);
  if (r.usage.raw.size() <= limits.raw) n += r.usage.raw.size();
  for (std::size_t i = 0; i < std::min(r.tags.size(), limits.tags); ++i)
    n += 1 + 2 * kMaxVarint + std::min(r.tags[i].first.size(), limits.tag_text) +
         std::min(r.tags[i].second.size(), limits.tag_text);
  for (std::size_t i = 0; i < std::min(r.price_ids.size(), limits.price_ids); ++i)
    n += 1 + kMaxVarint + text(r.price_ids[i]);
  return n;
}

char* encode_record(const CostRecord& r, RecordForm form, const CutLimits& limits, char* out) {
  Writer w{out};
  *w.p++ = static_cast<char>(kVersion);
  w.fixed(kId, r.id.bytes.data());
  std::uint64_t flags = (r.stream ? kStream : 0) | (r.quarantined ? kQuarantined : 0);
  if (form == RecordForm::whole)
    flags |= (r.usage.reported ? kReported : 0) | (r.usage.identity_ok ? 0 : kIdentityBroken);
  w.number(kFlags, static_cast<std::int64_t>(flags));
  write_begun(w, r, limits);
  if (form == RecordForm::whole) write_rest(w, r, limits);
  return w.p;
}

void encode(const CostRecord& record, std::string& out) {
  const std::size_t before = out.size();
  out.resize(before + encoded_bound(record, kNoCut));
  const char* end = encode_record(record, RecordForm::whole, kNoCut, out.data() + before);
  out.resize(static_cast<std::size_t>(end - out.data()));
}

bool decode(std::string_view bytes, CostRecord& record) {
  record = CostRecord{};
  if (bytes.empty() || static_cast<std::uint8_t>(bytes[0]) != kVersion) return false;
  Reader in{bytes.data() + 1, bytes.data() + bytes.size()};
  while (in.p < in.end) {
    const auto field = static_cast<std::uint8_t>(*in.p++);
    std::int64_t number;
    std::string_view text;
    if (field == 0 || field > 207) return false;
    if (field < 128) {
      if (!in.number(number) || !apply_number(record, field, number)) return false;
    } else if (field < 192) {
      if (!in.text(text) || !apply_text(record, field, text)) return false;
    } else {
      if (in.end - in.p < 16) return false;
      apply_fixed(record, field, in.p);
      in.p += 16;
    }
  }
  return !record.id.is_zero();
}

bool peek_id(std::string_view bytes, Id& id) {
  if (bytes.size() < kMinRecordBytes || static_cast<std::uint8_t>(bytes[0]) != kVersion ||
      static_cast<std::uint8_t>(bytes[1]) != kId)
    return false;
  std::memcpy(id.bytes.data(), bytes.data() + 2, 16);
  return !id.is_zero();
}

}  // namespace tollgate::billing
