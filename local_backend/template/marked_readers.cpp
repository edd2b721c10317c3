#include "local_backend/template/marked_readers.h"

#include <nlohmann/json.hpp>
#include <string>

namespace tollgate::local {
namespace {

using Outcome = CallReader::Outcome;

constexpr std::size_t kMaxHeader = 512;

std::size_t skip_space(std::string_view text, std::size_t at) {
  const std::size_t found = text.find_first_not_of(" \t\r\n", at);
  return found == std::string_view::npos ? text.size() : found;
}

std::string_view trimmed(std::string_view text) {
  text = text.substr(skip_space(text, 0));
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

// V3 and R1: type, separator, name, newline, a fenced block of JSON. V3.1: name, separator, JSON.
class DeepseekReader final : public CallReader {
 public:
  explicit DeepseekReader(bool section) : section_(section) {}

  Outcome read(std::string_view held, bool last, std::vector<ReadCall>& calls) override {
    std::size_t at = section_ ? kCallsBegin.size() : 0;
    if (section_) {
      at = skip_space(held, at);
      if (at > kCallsBegin.size() + kMaxHeader) return Outcome::no;
      const std::string_view rest = held.substr(at);
      if (!rest.starts_with(kCallBegin)) return kCallBegin.starts_with(rest) && !last ? Outcome::more : Outcome::no;
    }
    at += kCallBegin.size();
    const std::string_view head = held.substr(at, kMaxHeader);
    const Outcome missing = head.size() == kMaxHeader || last ? Outcome::no : Outcome::more;
    const std::size_t separator = head.find(kSeparator);
    if (separator == std::string_view::npos) return missing;
    ReadCall call;
    call.name = trimmed(head.substr(0, separator));
    std::size_t begin = separator + kSeparator.size();
    if (call.name == "function") {
      static constexpr std::string_view kFence = "```json";
      const std::size_t fence = head.find(kFence, begin);
      const std::size_t brace = head.find('{', begin);
      const bool is_fenced = fence != std::string_view::npos && (brace == std::string_view::npos || fence < brace);
      if (!is_fenced && brace == std::string_view::npos) return missing;
      // Without a fence it is V3.1 and a function of that name.
      if (is_fenced) {
        call.name = trimmed(head.substr(begin, fence - begin));
        begin = fence + kFence.size();
      }
    }
    return read_arguments(held, at + begin, last, std::move(call), calls, end_, used_);
  }

 private:
  bool section_;
  JsonEnd end_;
};

// <tool_call><function=name><parameter=key>value</parameter>...</function>
class QwenReader final : public CallReader {
 public:
  // `wrapper`: the size of the mark around the function's own; 0 if there is none.
  QwenReader(std::size_t wrapper, const ArgumentKinds& kinds) : wrapper_(wrapper), kinds_(kinds) {}

  Outcome read(std::string_view held, bool last, std::vector<ReadCall>& calls) override {
    static constexpr std::string_view kFunction = "<function=";
    static constexpr std::string_view kEnd = "</function>";
    std::size_t at = 0;
    if (wrapper_ > 0) {
      at = skip_space(held, wrapper_);
      if (at > wrapper_ + kMaxHeader) return Outcome::no;
      const std::string_view rest = held.substr(at);
      if (!rest.starts_with(kFunction)) return kFunction.starts_with(rest) && !last ? Outcome::more : Outcome::no;
    }
    at += kFunction.size();
    const std::string_view head = held.substr(at, kMaxHeader);
    const std::size_t close = head.find('>');
    if (close == std::string_view::npos) return head.size() == kMaxHeader || last ? Outcome::no : Outcome::more;
    ReadCall call;
    call.name = trimmed(head.substr(0, close));
    if (!is_call_name(call.name)) return Outcome::no;
    const std::size_t body = at + close + 1;
    const std::size_t end = held.substr(0, body + kMaxCall).find(kEnd, std::max(body, looked_));
    if (end == std::string_view::npos) {
      if (last && is_whole(held.substr(body))) return take(held, body, held.size(), held.size(), call, calls);
      looked_ = held.size() < kEnd.size() ? 0 : held.size() - kEnd.size() + 1;
      return held.size() >= body + kMaxCall || last ? Outcome::no : Outcome::more;
    }
    return take(held, body, end, end + kEnd.size(), call, calls);
  }

 private:
  static constexpr std::string_view kParameter = "<parameter=";
  static constexpr std::string_view kParameterEnd = "</parameter>";

  // A cut call is whole if its last parameter is.
  static bool is_whole(std::string_view body) { return trimmed(body).ends_with(kParameterEnd); }

  Outcome take(std::string_view held, std::size_t body, std::size_t end, std::size_t used, ReadCall& call,
               std::vector<ReadCall>& calls) {
    if (!read_parameters(held.substr(body, end - body), call)) return Outcome::no;
    calls.push_back(std::move(call));
    used_ = used;
    return Outcome::yes;
  }

  bool read_parameters(std::string_view body, ReadCall& call) const {
    std::string& out = call.arguments;
    out = "{";
    for (std::size_t at = skip_space(body, 0); at < body.size();) {
      const std::size_t close = body.find('>', at);
      if (!body.substr(at).starts_with(kParameter) || close == std::string_view::npos) return false;
      // A value ends at its own mark, or, where that is missing, at the next parameter.
      const std::size_t next = body.find(kParameter, close);
      std::size_t end = std::min(body.find(kParameterEnd, close), body.size());
      const bool unclosed = next < end;
      if (unclosed) end = next;
      if (out.size() > 1) out += ", ";
      const std::string_view name = trimmed(body.substr(at + kParameter.size(), close - at - kParameter.size()));
      out += json_quoted(name) + ": ";
      out += as_json(body.substr(close + 1, end - close - 1), kinds_ ? kinds_(call.name, name) : 0);
      at = skip_space(body, std::min(body.size(), end + (unclosed ? 0 : kParameterEnd.size())));
    }
    out += "}";
    return is_json_object(out);
  }

  // One newline on each side belongs to the marks. What reads as JSON, or as Python's constants, is no text, unless the
  // argument may be a text and may not be of that kind.
  static std::string as_json(std::string_view value, unsigned kinds) {
    if (value.starts_with('\n')) value.remove_prefix(1);
    if (value.ends_with('\n')) value.remove_suffix(1);
    std::string_view plain = trimmed(value);
    if (plain == "True" || plain == "False" || plain == "None")
      plain = plain == "True" ? "true" : plain == "False" ? "false" : "null";
    const bool literal = !plain.empty() && plain[0] != '"' && nlohmann::json::accept(plain);
    const bool text = (kinds & kTextArgument) != 0 && (!literal || (kinds & kind_of(plain)) == 0);
    return literal && !text ? std::string(plain) : json_quoted(value);
  }

  static unsigned kind_of(std::string_view literal) {
    switch (literal[0]) {
      case '{':
        return kObjectArgument;
      case '[':
        return kArrayArgument;
      case 'n':
        return kNullArgument;
      case 't':
      case 'f':
        return kBooleanArgument;
      default:
        return kNumberArgument;
    }
  }

  std::size_t wrapper_;
  const ArgumentKinds& kinds_;
  std::size_t looked_ = 0;
};

// >>>name, newline, JSON; `all` is followed by text.
class FunctionaryReader final : public CallReader {
 public:
  explicit FunctionaryReader(std::size_t mark_size) : mark_size_(mark_size) {}

  Outcome read(std::string_view held, bool last, std::vector<ReadCall>& calls) override {
    const std::string_view head = held.substr(mark_size_, kMaxHeader);
    const std::size_t line = head.find('\n');
    const std::string_view name = head.substr(0, line);
    if (!name.empty() && !is_call_name(name)) return Outcome::no;
    if (line == std::string_view::npos) return head.size() == kMaxHeader || last ? Outcome::no : Outcome::more;
    if (name == "all") {
      used_ = mark_size_ + line + 1;
      return Outcome::yes;
    }
    ReadCall call;
    call.name = name;
    return read_arguments(held, mark_size_ + line + 1, last, std::move(call), calls, end_, used_);
  }

 private:
  std::size_t mark_size_;
  JsonEnd end_;
};

}  // namespace

std::unique_ptr<CallReader> make_deepseek_reader(std::string_view mark) {
  return std::make_unique<DeepseekReader>(mark == kCallsBegin);
}

std::unique_ptr<CallReader> make_qwen_reader(std::string_view mark, const ArgumentKinds& kinds) {
  return std::make_unique<QwenReader>(mark == "<function=" ? 0 : mark.size(), kinds);
}

std::unique_ptr<CallReader> make_functionary_reader(std::string_view mark) {
  return std::make_unique<FunctionaryReader>(mark.size());
}

}  // namespace tollgate::local
