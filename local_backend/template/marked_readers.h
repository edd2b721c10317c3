// Readers of the formats whose names and arguments stand between marks of their own, and what readers share.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "local_backend/template/call_readers.h"

namespace tollgate::local {

inline constexpr std::string_view kCallsBegin = "<｜tool▁calls▁begin｜>";
inline constexpr std::string_view kCallsEnd = "<｜tool▁calls▁end｜>";
inline constexpr std::string_view kCallBegin = "<｜tool▁call▁begin｜>";
inline constexpr std::string_view kCallEnd = "<｜tool▁call▁end｜>";
inline constexpr std::string_view kSeparator = "<｜tool▁sep｜>";

std::unique_ptr<CallReader> make_deepseek_reader(std::string_view mark);
std::unique_ptr<CallReader> make_qwen_reader(std::string_view mark, const ArgumentKinds& kinds);
std::unique_ptr<CallReader> make_functionary_reader(std::string_view mark);

// Letters, digits, `_-.:/` and anything beyond ASCII.
bool is_call_name(std::string_view name);
// White space and one JSON object from `from` on: the arguments of `call`.
CallReader::Outcome read_arguments(std::string_view held, std::size_t from, bool last, ReadCall call,
                                   std::vector<ReadCall>& calls, JsonEnd& end, std::size_t& used);

}  // namespace tollgate::local
