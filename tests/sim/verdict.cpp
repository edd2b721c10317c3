#include "tests/sim/verdict.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "core/sse.h"

namespace tollgate::sim {
namespace {

using billing::CostRecord;
using billing::CostSource;

// Whether a row without a reply's id can be the one of this request.
bool may_be(const CostRecord& record, const Sight& sight) {
  const bool never_sent = record.error_code.starts_with("connect_") || record.error_code == "upstream_send_failed";
  return !never_sent && record.provider == sight.provider && record.started_us <= sight.at_us &&
         record.provider_request_id.empty() && (record.http_status == 0 || record.http_status == sight.status);
}

struct Pair {
  const Sight* sight = nullptr;
  const CostRecord* record = nullptr;
};

// One client request with all that the vendors and the ledger know of it.
struct Case {
  std::vector<const Sight*> sights;
  std::vector<const CostRecord*> records;
  std::vector<Pair> pairs;

  const CostRecord* ok_record() const {
    for (const CostRecord* record : records)
      if (record->outcome == billing::Outcome::ok) return record;
    return nullptr;
  }
  const Sight* sight_of(const CostRecord* record) const {
    for (const Pair& pair : pairs)
      if (pair.record == record) return pair.sight;
    return nullptr;
  }
};

constexpr std::int64_t kNoticeUs = 1'200'000;

class Judge {
 public:
  explicit Judge(const Outcome& outcome) : outcome_(outcome) {}

  std::vector<std::string> run() {
    if (!outcome_.problem.empty()) complain("run", outcome_.problem);
    gather(outcome_.records, outcome_.book.sights.size());
    for (auto& [token, one] : cases_) {
      check_numbers(token, one);
      check_pairs(token, one);
    }
    for (const Ask& ask : outcome_.asks) check_ask(ask);
    for (const Crash& crash : outcome_.crashes) check_crash(crash);
    return std::move(complaints_);
  }

 private:
  template <class... Args>
  void complain(const std::string& who, fmt::format_string<Args...> form, Args&&... args) {
    complaints_.push_back(who + ": " + fmt::format(form, std::forward<Args>(args)...));
  }
  void complain(const std::string& who, const std::string& what) { complaints_.push_back(who + ": " + what); }

  void gather(const std::vector<CostRecord>& records, std::size_t sights);
  void match(const std::string& token, Case& one);
  using Owners = std::map<const CostRecord*, const Sight*>;
  static bool find_row(const Sight& sight, const Case& one, Owners& owners, std::set<const CostRecord*>& tried);
  void check_numbers(const std::string& token, const Case& one);
  void check_pairs(const std::string& token, const Case& one);
  void check_cost(const std::string& token, const Pair& pair);
  void check_leaving(const Ask& ask, const Case& one);
  void check_ask(const Ask& ask);
  void check_stream(const Ask& ask, const Case& one);
  void check_crash(const Crash& crash);

  const Outcome& outcome_;
  std::unordered_map<std::string, Case> cases_;
  std::vector<std::string> complaints_;
};

void Judge::gather(const std::vector<CostRecord>& records, std::size_t sights) {
  cases_.clear();
  std::set<Id> ids;
  for (const CostRecord& record : records) {
    if (!ids.insert(record.id).second) complain(record.user_id, "attempt id {} stands twice", record.id.to_string());
    cases_[record.user_id].records.push_back(&record);
  }
  for (std::size_t i = 0; i < sights; ++i)
    cases_[outcome_.book.sights[i].token].sights.push_back(&outcome_.book.sights[i]);
  for (auto& [token, one] : cases_) {
    std::sort(one.records.begin(), one.records.end(), [](auto* a, auto* b) { return a->attempt < b->attempt; });
    match(token, one);
  }
}

// By the reply's id where the reply was seen; the others in any way that gives each vendor request a row of its own.
void Judge::match(const std::string& token, Case& one) {
  Owners owners;
  std::vector<const Sight*> open;
  for (const Sight* sight : one.sights) {
    const auto found = std::find_if(one.records.begin(), one.records.end(),
                                    [&](auto* record) { return record->provider_request_id == sight->reply.id; });
    if (found == one.records.end()) {
      open.push_back(sight);
    } else if (!owners.emplace(*found, sight).second) {
      complain(token, "two vendor requests share a row");
    }
  }
  for (const Sight* sight : open) {
    std::set<const CostRecord*> tried;
    if (!find_row(*sight, one, owners, tried))
      complain(token, "{} received a request that has no row ({}, {} bytes sent)", sight->provider,
               act_name(sight->act), sight->sent);
  }
  for (const auto& [record, sight] : owners) one.pairs.push_back({sight, record});
}

// One step of bipartite matching (Kuhn): takes a free row, or one whose owner can move to another. Rows that saw the
// same status first, and the latest first: a row that began when the one before it had just failed is not the other's.
bool Judge::find_row(const Sight& sight, const Case& one, Owners& owners, std::set<const CostRecord*>& tried) {
  for (const bool same_status : {true, false}) {
    for (auto record = one.records.rbegin(); record != one.records.rend(); ++record) {
      if (!may_be(**record, sight) || ((*record)->http_status == sight.status) != same_status) continue;
      if (!tried.insert(*record).second) continue;
      const auto owner = owners.find(*record);
      if (owner != owners.end() && !find_row(*owner->second, one, owners, tried)) continue;
      owners[*record] = &sight;
      return true;
    }
  }
  return false;
}

void Judge::check_numbers(const std::string& token, const Case& one) {
  std::size_t ok = 0;
  for (std::size_t i = 0; i < one.records.size(); ++i) {
    const CostRecord& record = *one.records[i];
    if (record.attempt != i + 1) complain(token, "attempt {} stands at place {}", record.attempt, i + 1);
    if (record.error_code == "gateway_crash") complain(token, "an attempt was never settled");
    if (record.error_code == "internal") complain(token, "an attempt ended unnoticed");
    if (record.request_id != one.records[0]->request_id) complain(token, "rows of one request disagree about its id");
    ok += record.outcome == billing::Outcome::ok;
    if (record.outcome == billing::Outcome::ok && !one.sight_of(&record))
      complain(token, "an ok row that no vendor knows of");
    if (!one.sight_of(&record) && record.http_status != 0)
      complain(token, "status {} from no vendor", record.http_status);
  }
  if (ok > 1) complain(token, "{} ok rows", ok);
}

// The vendor's last piece was the end of its answer (the terminal event of a stream).
bool vendor_finished(const Sight& sight) {
  return sight.said_all && (sight.act == Act::answer || sight.act == Act::plain_reply);
}

void Judge::check_pairs(const std::string& token, const Case& one) {
  for (const Pair& pair : one.pairs) {
    const auto& [sight, record] = pair;
    if (record->outcome == billing::Outcome::cached) complain(token, "a cached row");
    if (record->http_status != 0 && record->http_status != sight->status)
      complain(token, "status {} became {}", sight->status, record->http_status);
    const bool refused = sight->act == Act::refuse;
    if (record->outcome == billing::Outcome::ok &&
        (refused || (sight->act != Act::answer && sight->act != Act::plain_reply)))
      complain(token, "an ok row for {}", act_name(sight->act));
    if (refused && record->http_status != 0 && (!record->cost || !record->cost->is_zero()))
      complain(token, "a refusal with a cost");
    check_cost(token, pair);
    const bool drained = record->outcome == billing::Outcome::aborted && outcome_.drainers.contains(sight->provider) &&
                         vendor_finished(*sight) && sight->act == Act::answer && sight->reply.has_usage &&
                         sight->said_at_us <= record->finished_us;
    if (drained && !record->usage.reported) complain(token, "drained to its end, and the usage is lost");
  }
}

void Judge::check_cost(const std::string& token, const Pair& pair) {
  const auto& [sight, record] = pair;
  const Bill& bill = sight->reply.bill;
  const bool ok = record->outcome == billing::Outcome::ok;
  if (ok && sight->reply.has_usage && !record->usage.reported) complain(token, "usage was sent and is not in the row");
  if (!sight->reply.has_usage && record->usage.reported) complain(token, "usage was not sent and is in the row");
  if (ok && !sight->reply.has_usage && record->cost_source != CostSource::estimated)
    complain(token, "no usage came, yet the cost is {}", billing::cost_source_name(record->cost_source));
  if (!record->cost) return complain(token, "a row without cost");
  const bool exact = record->usage.reported && record->cost_source == CostSource::computed && record->http_status < 400;
  if (ok && sight->reply.has_usage && !exact)
    complain(token, "an exact answer became a {} row", billing::cost_source_name(record->cost_source));
  if (!exact) return;
  const Prices prices = prices_of(sight->provider);
  const Money::Femto per_token = 1'000'000'000;
  const Money::Femto cost =
      per_token * (bill.input * prices.input + bill.cache_read * prices.cache_read + bill.output * prices.output);
  const Usage& usage = record->usage;
  if (usage[Bucket::input] != bill.input || usage[Bucket::cache_read] != bill.cache_read ||
      usage[Bucket::output] != bill.output)
    complain(token, "the vendor billed {}+{}+{}, the row says {}+{}+{} ({}, {}, {})", bill.input, bill.cache_read,
             bill.output, usage[Bucket::input], usage[Bucket::cache_read], usage[Bucket::output], act_name(sight->act),
             billing::outcome_name(record->outcome), record->error_code);
  if (record->cost->femto() != cost)
    complain(token, "the vendor billed {}, the row says {}", Money::from_femto(cost).to_string(),
             record->cost->to_string());
}

std::vector<std::string> events_of(std::string_view bytes) {
  std::vector<std::string> list;
  SseScanner scanner;
  scanner.feed(bytes);
  for (SseEvent event; scanner.next(event);)
    if (event.has_data) list.emplace_back(event.data);
  return list;
}

// The events of an answer as this app should have got them.
std::vector<std::string> expected_events(const Sight& sight, const Ask& ask) {
  std::string all;
  const auto& events = sight.reply.events;
  const bool failing = sight.act == Act::error_event;
  for (std::size_t i = 0; i < events.size() && !(failing && i >= sight.error_event_at); ++i) {
    const bool injected = i == sight.reply.usage_only_at && i > 0 && !(ask.usage_asked && ask.dialect == Dialect::chat);
    if (!injected) all += events[i];
  }
  if (failing) all += error_event_of(ask.dialect);
  return events_of(all);
}

// `seen` must be the beginning of one vendor's answer, perhaps broken off inside an event, perhaps with our error after
// it.
bool is_begun(const std::vector<std::string>& seen, const std::vector<std::string>& expected) {
  std::size_t same = 0;
  while (same < seen.size() && same < expected.size() && seen[same] == expected[same]) ++same;
  const auto is_ours = [](const std::string& data) { return data.find("upstream_") != std::string::npos; };
  std::size_t left = seen.size() - same;
  if (left > 0 && is_ours(seen.back())) --left;
  if (left == 0) return true;
  return left == 1 && same < expected.size() && expected[same].starts_with(seen[same]);
}

void Judge::check_stream(const Ask& ask, const Case& one) {
  const std::vector<std::string> seen = events_of(ask.body);
  bool known = seen.empty() || (seen.size() == 1 && (seen[0].find("upstream_") != std::string::npos ||
                                                     seen[0].find("connect_") != std::string::npos));
  for (const Sight* sight : one.sights) known = known || is_begun(seen, expected_events(*sight, ask));
  if (!known)
    complain(ask.token, "the app saw a stream that no vendor sent: {} events, first {:.300}", seen.size(), seen[0]);
  const CostRecord* ok = one.ok_record();
  if (!ask.complete || !ok) return;
  const Sight* sight = one.sight_of(ok);
  if (sight && seen != expected_events(*sight, ask) && sight->act == Act::answer)
    complain(ask.token, "a whole stream of {} events reached the app as {}", expected_events(*sight, ask).size(),
             seen.size());
}

// Nobody waits: the attempt must not go on for longer than a dial may take, unless the vendor's row says drain.
void Judge::check_leaving(const Ask& ask, const Case& one) {
  if (ask.polite || ask.leaves_unseen || ask.minor == 0 || ask.complete || ask.ended_us == 0 || one.records.empty())
    return;
  const CostRecord& last = *one.records.back();
  const Sight* sight = one.sight_of(&last);
  const bool inside_event = sight && ask.event_stream && sight->act != Act::answer;  // no probe can be sent there
  if (inside_event) return;
  if (outcome_.drainers.contains(last.provider) || last.finished_us <= ask.ended_us + kNoticeUs) return;
  complain(ask.token, "the app left, the attempt went on for {} ms", (last.finished_us - ask.ended_us) / 1'000);
}

void Judge::check_ask(const Ask& ask) {
  const Case& one = cases_[ask.token];
  check_leaving(ask, one);
  if (ask.status != 200 && ask.complete && (one.ok_record() || ask.event_stream))
    complain(ask.token, "a good answer under status {}", ask.status);
  if (ask.status == -1) return complain(ask.token, "the app could not parse the answer");
  if (!ask.sent && !one.records.empty()) complain(ask.token, "a request that was not sent whole has rows");
  if (ask.sent && ask.ended_at - ask.sent_at > kLongestRequest && ask.polite)
    complain(ask.token, "took {} ms", (ask.ended_at - ask.sent_at) / std::chrono::milliseconds(1));
  // An HTTP/1.0 stream ends with the connection, whoever ends it: only its events tell.
  if (ask.event_stream) check_stream(ask, one);
  if (ask.polite && ask.sent && !outcome_.drained && !ask.complete)
    complain(ask.token, "a waiting app got no whole answer (status {}, {} bytes)", ask.status, ask.body.size());
  if (ask.status != 200 || !ask.complete) return;
  const CostRecord* ok = one.ok_record();
  const bool error_inside = ask.body.find("upstream_") != std::string::npos ||
                            ask.body.find("connect_") != std::string::npos ||
                            ask.body.find("\"overloaded") != std::string::npos;
  if (!ok && !error_inside && ask.minor == 1) complain(ask.token, "the app has a whole answer, the ledger no ok row");
  if (!ok || ask.event_stream) return;
  const Sight* sight = one.sight_of(ok);
  if (sight && sight->reply.body != ask.body) complain(ask.token, "the app's answer is not the vendor's");
  if (!ask.request_id.empty() && ask.request_id != ok->request_id.to_string())
    complain(ask.token, "the request id differs");
}

// After a crash: nothing that a vendor received is missing, and what an app saw whole is settled.
void Judge::check_crash(const Crash& crash) {
  gather(crash.records, crash.sights);
  for (const std::string& token : crash.completed) {
    const Case& one = cases_[token];
    const bool unknown =
        std::none_of(one.records.begin(), one.records.end(), [](auto* r) { return r->error_code != "gateway_crash"; });
    if (unknown && !one.sights.empty()) complain(token, "seen whole before the crash, no settled row after it");
    const auto whole = [&](const CostRecord* r) { return r->outcome == billing::Outcome::ok; };
    if (std::count_if(one.records.begin(), one.records.end(), whole) > 1) complain(token, "two ok rows after a crash");
    for (const Ask& ask : outcome_.asks)
      if (ask.token == token && !one.ok_record() && !ask.event_stream)
        complain(token, "a whole reply before the crash, no ok row after it");
  }
}

}  // namespace

std::vector<std::string> judge(const Outcome& outcome) { return Judge(outcome).run(); }

void count(const Outcome& outcome, Tally& tally) {
  for (const CostRecord& record : outcome.records) {
    ++tally[fmt::format("row {}", billing::outcome_name(record.outcome))];
    ++tally[fmt::format("cost {}", billing::cost_source_name(record.cost_source))];
    if (!record.error_code.empty()) ++tally["error " + record.error_code];
    if (record.outcome == billing::Outcome::aborted && record.usage.reported &&
        record.cost_source == CostSource::computed)
      ++tally["aborted, usage complete"];
  }
  for (const Sight& sight : outcome.book.sights) {
    ++tally[fmt::format("vendor {}", act_name(sight.act))];
    if (sight.reused && sight.sent == 0) ++tally["vendor silent on a reused connection"];
  }
  for (const Ask& ask : outcome.asks) {
    ++tally[ask.complete ? fmt::format("app complete {}", ask.status) : ask.status ? "app cut" : "app without answer"];
    if (ask.event_stream && ask.body.find(": ping") != std::string::npos) ++tally["app with heartbeat"];
  }
  tally["crash copies"] += outcome.crashes.size();
  tally["runs drained"] += outcome.drained;
}

}  // namespace tollgate::sim
