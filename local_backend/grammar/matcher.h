// Runs a program over bytes. The stacks of open arrays and objects are shared, immutable frames in an arena; a text
// stands at one or several positions at once, where alternatives begin alike. Thread rule: one owner.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "local_backend/grammar/program.h"

namespace tollgate::local {

enum class Mode : std::uint8_t {
  value,   // ref: node
  text,    // ref: lexeme, q and d its state, count: characters so far
  number,  // ref: lexeme, q
  word,    // true, false, null: ref says which, q: bytes so far
  first,   // behind [ or {
  next,    // behind a comma
  key,     // q, d
  colon,   // ref: node of the value to come
  after,   // behind a value inside an array or object
  fixed,   // ref: literal, q: bytes so far
  done,
};

struct Position {
  Mode mode = Mode::done;
  std::uint8_t gap = 0;  // white space so far at this place, see matcher.cpp
  std::uint16_t d = 0;
  std::uint32_t frame = 0;  // innermost open array or object; 0: none
  std::uint32_t ref = 0, q = 0, count = 0;
  bool operator==(const Position&) const = default;
};
using Positions = std::vector<Position>;

// Also where a value stands behind a literal, which is the clause then.
struct Frame {
  std::uint32_t parent = 0, clause = 0;
  std::uint32_t depth = 0;            // 1: outermost
  bool array = false, other = false;  // other: an unlisted member was written
  bool witnessed = false;             // the element or member that must be there is
  bool literal = false;
  std::uint32_t listed = 0;    // listed members written
  std::uint64_t count = 0;     // elements, or unlisted members where they are limited
  std::uint32_t progress = 0;  // listed labels below are past; in any order: which set of labels is used up
  bool operator==(const Frame&) const = default;
};

class Matcher {
 public:
  explicit Matcher(std::shared_ptr<const Program> program);

  Positions start();
  // Where `byte` leads from `from`, each place once, appended to `out`.
  void step(const Position& from, unsigned char byte, Positions& out);
  void step_all(const Positions& from, unsigned char byte, Positions& out);
  bool may_end(const Position& at) const;
  // For strings and names only: from right behind the closing quote, for the label or lexeme that it ends.
  void end_text(const Position& at, Positions& out);
  void end_key(const Position& at, std::uint32_t state, Positions& out);
  // What a name may mean here.
  const std::vector<std::uint64_t>& labels(std::uint32_t frame) { return allowed(frame).labels; }
  // Whether an unlisted name may stand here.
  bool takes_others(std::uint32_t frame);

  const Program& program() const { return *program_; }
  const Frame& frame(std::uint32_t id) const { return frames_[id]; }
  // A text that is equal for equal places of any two matchers of this program.
  std::string describe(const Positions& at) const;
  // Frees frames that `kept` does not need, once there are many. Positions change their frame ids.
  void tidy(Positions& kept);

 private:
  struct Allowed {
    std::vector<std::uint64_t> labels, plain;  // plain: need not be the member that must be there
    bool any = false, may_close = false, others = false;
  };
  struct FrameHash {
    std::size_t operator()(const Frame& frame) const;
  };
  struct BitsHash {
    std::size_t operator()(const std::vector<std::uint64_t>& bits) const;
  };

  std::uint32_t intern(const Frame& frame);
  std::uint32_t with_label(std::uint32_t id, std::uint32_t label, bool witnessed);
  bool used(const Frame& frame, std::uint32_t label) const;
  const Allowed& allowed(std::uint32_t id);
  void find_allowed(const Frame& frame, Allowed& out) const;
  bool may_close(std::uint32_t id);
  bool more_fit(std::uint32_t id);
  bool plain_element(const Frame& frame) const;
  bool witness_element(const Frame& frame) const;
  bool fits(std::uint32_t node, std::uint32_t depth) const;

  void begin_value(std::uint32_t node, std::uint32_t frame, unsigned char byte, Positions& out);
  void step_text(const Position& at, unsigned char byte, Positions& out);
  void step_key(const Position& at, unsigned char byte, Positions& out);
  void step_number(const Position& at, unsigned char byte, Positions& out);
  void step_word(const Position& at, unsigned char byte, Positions& out);
  void step_literal(const Position& at, unsigned char byte, Positions& out);
  void enter_literal(std::uint32_t literal, Positions& out);
  void behind_literal(std::uint32_t literal, Positions& out);
  void leave_literal(const LiteralText& literal, Positions& out);
  void step_inside(const Position& at, unsigned char byte, Positions& out);
  void step_after(const Position& at, unsigned char byte, Positions& out);
  void begin_item(const Position& at, unsigned char byte, Positions& out);
  void end_value(std::uint32_t frame, Positions& out);
  static void put(const Position& at, Positions& out);

  std::shared_ptr<const Program> program_;
  std::vector<Frame> frames_{1};
  std::unordered_map<Frame, std::uint32_t, FrameHash> ids_;
  std::vector<std::optional<Allowed>> allowed_{1};  // beside frames_
  std::vector<std::vector<std::uint64_t>> used_sets_;
  std::unordered_map<std::vector<std::uint64_t>, std::uint32_t, BitsHash> used_ids_;
};

}  // namespace tollgate::local
