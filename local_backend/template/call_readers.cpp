#include "local_backend/template/call_readers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "local_backend/template/marked_readers.h"

namespace tollgate::local {
namespace {

using Outcome = CallReader::Outcome;

constexpr std::size_t kMaxHeader = 512;  // white space, names and ids in front of the arguments

std::size_t skip_space(std::string_view text, std::size_t at) {
  const std::size_t found = text.find_first_not_of(" \t\r\n", at);
  return found == std::string_view::npos ? text.size() : found;
}

// A JSON object that is a call, or a list of such objects.
bool read_json_calls(std::string_view json, std::vector<ReadCall>& calls) {
  std::vector<ReadCall> read(1);
  if (json[0] == '{') {
    if (!read_json_call(json, read[0])) return false;
  } else {
    if (!nlohmann::json::accept(json)) return false;
    read.clear();
    for (std::size_t at = skip_space(json, 1); at < json.size() && json[at] == '{';) {
      JsonEnd object;
      if (object.look(json, at) != JsonEnd::State::closed) return false;
      read.emplace_back();
      if (!read_json_call(json.substr(at, object.end() - at), read.back())) return false;
      at = skip_space(json, object.end());
      if (at < json.size() && json[at] == ',') at = skip_space(json, at + 1);
    }
  }
  calls.insert(calls.end(), read.begin(), read.end());
  return !read.empty();
}

// JSON calls behind their mark: Hermes, Llama 3, the older Mistral form.
class JsonCallReader final : public CallReader {
 public:
  explicit JsonCallReader(std::size_t mark_size) : mark_size_(mark_size) {}

  Outcome read(std::string_view held, bool last, std::vector<ReadCall>& calls) override {
    const std::size_t begin = skip_space(held, mark_size_);
    if (begin > mark_size_ + kMaxHeader) return Outcome::no;
    if (begin == held.size()) return last ? Outcome::no : Outcome::more;
    if (held[begin] != '{' && held[begin] != '[') return Outcome::no;
    const JsonEnd::State state = end_.look(held, begin);
    if (state == JsonEnd::State::open) return last ? Outcome::no : Outcome::more;
    if (state == JsonEnd::State::wrong || !read_json_calls(held.substr(begin, end_.end() - begin), calls)) {
      return Outcome::no;
    }
    used_ = end_.end();
    return Outcome::yes;
  }

 private:
  std::size_t mark_size_;
  JsonEnd end_;
};

// [TOOL_CALLS][{...}, {...}] and [TOOL_CALLS]name[CALL_ID]id[ARGS]{...}.
class MistralReader final : public CallReader {
 public:
  static constexpr std::string_view kMark = "[TOOL_CALLS]";

  Outcome read(std::string_view held, bool last, std::vector<ReadCall>& calls) override {
    const std::size_t begin = skip_space(held, kMark.size());
    if (begin > kMark.size() + kMaxHeader) return Outcome::no;
    if (begin == held.size()) return last ? Outcome::no : Outcome::more;
    if (held[begin] != '[') return read_named(held, begin, last, calls);
    const Outcome outcome = list_.read(held, last, calls);
    used_ = list_.used();
    return outcome;
  }

 private:
  Outcome read_named(std::string_view held, std::size_t begin, bool last, std::vector<ReadCall>& calls) {
    static constexpr std::string_view kArguments = "[ARGS]";
    static constexpr std::string_view kId = "[CALL_ID]";
    const std::size_t mark = held.substr(0, begin + kMaxHeader).find(kArguments, begin);
    if (mark == std::string_view::npos) {
      const bool hopeless = held.size() >= begin + kMaxHeader || last;
      return hopeless ? Outcome::no : Outcome::more;
    }
    ReadCall call;
    call.name = held.substr(begin, mark - begin);
    if (const std::size_t id = call.name.find(kId); id != std::string::npos) {
      call.id = call.name.substr(id + kId.size());
      call.name.resize(id);
    }
    return read_arguments(held, mark + kArguments.size(), last, std::move(call), calls, end_, used_);
  }

  JsonCallReader list_{kMark.size()};
  JsonEnd end_;
};

// <function=name>{...}</function>
class FunctionTagReader final : public CallReader {
 public:
  static constexpr std::string_view kMark = "<function=";

  Outcome read(std::string_view held, bool last, std::vector<ReadCall>& calls) override {
    const std::size_t close = held.substr(0, kMark.size() + kMaxHeader).find('>', kMark.size());
    if (close == std::string_view::npos) {
      const bool hopeless = held.size() >= kMark.size() + kMaxHeader || last;
      return hopeless ? Outcome::no : Outcome::more;
    }
    ReadCall call;
    call.name = held.substr(kMark.size(), close - kMark.size());
    return read_arguments(held, close + 1, last, std::move(call), calls, end_, used_);
  }

 private:
  JsonEnd end_;
};

// <|python_tag|>{...} and <|python_tag|>name.call(key="value", ...), which ends with the answer.
class PythonTagReader final : public CallReader {
 public:
  static constexpr std::string_view kMark = "<|python_tag|>";
  PythonTagReader() : object_(kMark.size()) {}

  Outcome read(std::string_view held, bool last, std::vector<ReadCall>& calls) override {
    const std::size_t begin = skip_space(held, kMark.size());
    if (begin < held.size() && held[begin] == '{') {
      const Outcome outcome = object_.read(held, last, calls);
      used_ = object_.used();
      return outcome;
    }
    if (held.size() > kMaxCall) return Outcome::no;
    if (!last) return Outcome::more;
    ReadCall call;
    if (!read_python_call(held.substr(begin), call)) return Outcome::no;
    calls.push_back(std::move(call));
    used_ = held.size();
    return Outcome::yes;
  }

 private:
  static bool read_python_call(std::string_view text, ReadCall& out) {
    text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
    static constexpr std::string_view kCall = ".call(";
    const std::size_t call = text.find(kCall);
    if (call == std::string_view::npos || !text.ends_with(')') || !is_call_name(text.substr(0, call))) return false;
    out.name = text.substr(0, call);
    const std::string_view inside = text.substr(0, text.size() - 1);
    std::string arguments = "{";
    for (std::size_t at = skip_space(inside, call + kCall.size()); at < inside.size();) {
      const std::size_t equals = inside.find('=', at);
      if (equals == std::string_view::npos || !is_call_name(inside.substr(at, equals - at))) return false;
      const std::size_t end = value_end(inside, equals + 1);
      if (arguments.size() > 1) arguments += ", ";
      arguments += json_quoted(inside.substr(at, equals - at)) + ": ";
      arguments += inside.substr(equals + 1, end - equals - 1);
      at = skip_space(inside, end);
      if (at < inside.size() && inside[at] != ',') return false;
      at = skip_space(inside, at + 1);
    }
    out.arguments = arguments + "}";
    return is_json_object(out.arguments);
  }

  static std::size_t value_end(std::string_view text, std::size_t at) {
    if (at < text.size() && (text[at] == '{' || text[at] == '[')) {
      JsonEnd end;
      return end.look(text, at) == JsonEnd::State::closed ? end.end() : text.size();
    }
    if (at >= text.size() || text[at] != '"') return std::min(text.find(',', at), text.size());
    for (++at; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\') ++at;
    }
    return std::min(at + 1, text.size());
  }

  JsonCallReader object_;
};

}  // namespace

bool is_call_name(std::string_view name) {
  return !name.empty() && name.size() <= 256 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == ':' || c == '/' || (c & 0x80) != 0;
  });
}

Outcome read_arguments(std::string_view held, std::size_t from, bool last, ReadCall call, std::vector<ReadCall>& calls,
                       JsonEnd& end, std::size_t& used) {
  if (!is_call_name(call.name)) return Outcome::no;
  const std::size_t begin = skip_space(held, from);
  if (begin > from + kMaxHeader) return Outcome::no;
  if (begin == held.size()) return last ? Outcome::no : Outcome::more;
  if (held[begin] != '{') return Outcome::no;
  const JsonEnd::State state = end.look(held, begin);
  if (state == JsonEnd::State::open) return last ? Outcome::no : Outcome::more;
  if (state == JsonEnd::State::wrong) return Outcome::no;
  call.arguments = held.substr(begin, end.end() - begin);
  if (!is_json_object(call.arguments)) return Outcome::no;
  calls.push_back(std::move(call));
  used = end.end();
  return Outcome::yes;
}

const FormatMarks& marks_of(ToolFormat format) {
  static const FormatMarks kNone;
  static const FormatMarks kHermes = {
      {"<tool_call>", "<tool_calls>", "<TOOLCALL>"}, {}, {"</tool_call>", "</tool_calls>", "</TOOLCALL>"}, false};
  static const FormatMarks kLlama = {
      {PythonTagReader::kMark, FunctionTagReader::kMark}, {"{"}, {";", "</function>"}, false};
  static const FormatMarks kMistral = {{MistralReader::kMark}, {}, {}, false};
  static const FormatMarks kDeepseek = {{kCallsBegin, kCallBegin}, {}, {"```", kCallEnd, kCallsEnd}, false};
  static const FormatMarks kQwen = {
      {"<tool_call>", "<seed:tool_call>", FunctionTagReader::kMark}, {}, {"</tool_call>", "</seed:tool_call>"}, false};
  static const FormatMarks kFunctionary = {{">>>"}, {}, {}, true};
  switch (format) {
    case ToolFormat::hermes:
      return kHermes;
    case ToolFormat::llama3:
      return kLlama;
    case ToolFormat::mistral:
      return kMistral;
    case ToolFormat::deepseek:
      return kDeepseek;
    case ToolFormat::qwen_xml:
      return kQwen;
    case ToolFormat::functionary:
      return kFunctionary;
    case ToolFormat::none:
      break;
  }
  return kNone;
}

std::unique_ptr<CallReader> make_call_reader(ToolFormat format, std::string_view mark, const ArgumentKinds& kinds) {
  switch (format) {
    case ToolFormat::mistral:
      return std::make_unique<MistralReader>();
    case ToolFormat::deepseek:
      return make_deepseek_reader(mark);
    case ToolFormat::qwen_xml:
      return make_qwen_reader(mark, kinds);
    case ToolFormat::functionary:
      return make_functionary_reader(mark);
    case ToolFormat::llama3:
      if (mark == PythonTagReader::kMark) return std::make_unique<PythonTagReader>();
      if (mark == FunctionTagReader::kMark) return std::make_unique<FunctionTagReader>();
      return std::make_unique<JsonCallReader>(0);
    default:
      return std::make_unique<JsonCallReader>(mark.size());
  }
}

}  // namespace tollgate::local
