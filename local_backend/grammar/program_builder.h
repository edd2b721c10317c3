// From value sets to a program. Thread rule: one owner, used while one grammar is compiled.
#pragma once

#include <map>
#include <memory>

#include "local_backend/grammar/grammar.h"
#include "local_backend/grammar/program.h"
#include "local_backend/grammar/schema_reader.h"

namespace tollgate::local {

// What holds for some kind of unlisted names; `some`: one of them may be the member that must be there.
struct OtherNames {
  Literals literals;
  bool some = false;
  auto operator<=>(const OtherNames&) const = default;
};

class ProgramBuilder {
 public:
  ProgramBuilder(SchemaReader& reader, const GrammarLimits& limits);
  // Errors: those of the reader; "unsupported_schema" where a limit is passed; "bad_schema" when nothing is valid.
  Result<std::shared_ptr<const Program>> build();

 private:
  std::uint32_t node_of(const Literals& literals);
  void build_node(std::uint32_t id, const Literals& literals);
  std::uint32_t add_string(const StringSet& set, const JsonNode& where);
  static bool count_at_least(StringLexeme& lexeme, std::uint64_t least);
  std::uint32_t add_number(const NumberSet& set, const JsonNode& where);
  std::uint32_t add_array(const ArrayClause& clause, const JsonNode& where);
  void add_objects(const ObjectClause& clause, const JsonNode& where, std::vector<std::uint32_t>& out);
  std::uint32_t add_object(const ObjectClause& clause, const JsonNode& where);
  TextSet key_automaton(const ObjectClause& clause, const std::vector<std::string>& names, std::uint32_t listed,
                        std::vector<OtherNames>& others) const;
  void fail(const JsonNode& where, std::string why);
  bool count_states(std::size_t states, const JsonNode& where);

  void find_heights();
  std::uint32_t height_of(const ArrayProgram& array) const;
  std::uint32_t height_of(const ObjectProgram& object) const;
  void cut_dead();
  void finish_object(ObjectProgram& object);

  SchemaReader& reader_;
  const GrammarLimits& limits_;
  std::shared_ptr<Program> program_;
  std::map<Literals, std::uint32_t> ids_;
  std::vector<Literals> open_;  // of each node, in the order of their ids
  std::size_t states_ = 0;
  std::optional<Error> error_;
};

}  // namespace tollgate::local
