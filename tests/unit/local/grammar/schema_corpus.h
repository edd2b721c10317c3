// The recorded schemas with their instances, and how a grammar takes them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "local_backend/grammar/grammar.h"

namespace tollgate::local {

struct Instance {
  std::string text;      // compact JSON, members in their written order
  std::string integral;  // the same with 1.0 written as 1
  std::string about;
  bool valid = false;
};

struct SchemaCase {
  std::string name, schema;
  std::vector<Instance> instances;
};

std::vector<SchemaCase> official_cases(const char* draft);  // folders below official/tests; optional ones too
std::vector<SchemaCase> bench_cases();
std::vector<SchemaCase> large_schemas();  // without instances

struct Tally {
  int supported = 0, refused = 0;
  int valid_taken = 0, invalid_refused = 0;
  int other_order = 0;                 // valid, but only in any order of members
  int other_form = 0;                  // valid, but a number written in another way
  int narrowed = 0;                    // valid, but never written, as the specification or the suite permits
  std::map<std::string, int> reasons;  // of refused schemas
  std::vector<std::string> lost;       // valid instances that no way of writing them helps
  std::vector<std::string> wrong;      // invalid instances that were taken
  void print(const char* title) const;
};

bool takes(const std::shared_ptr<const Grammar>& grammar, const std::string& text);
void tally_case(const SchemaCase& test, Tally& tally);

}  // namespace tollgate::local
