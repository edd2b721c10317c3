#include "exchange_corpus.h"

#include <fstream>

#include "../core/test_data.h"

namespace tollgate {
namespace {

// Fields of one CSV line (RFC 4180 quotes).
std::vector<std::string> csv_fields(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += line[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  return fields;
}

std::string base64_decoded(std::string_view text) {
  std::string out;
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    const std::size_t value =
        std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").find(c);
    if (value == std::string_view::npos) continue;
    bits = bits << 6 | static_cast<unsigned>(value);
    if ((held += 6) >= 8) out += static_cast<char>(bits >> (held -= 8) & 0xFF);
  }
  return out;
}

std::string body_bytes(const Json& side) {
  if (!side.is_object() || !side.contains("body")) return {};
  const Json& body = side["body"];
  const std::string encoding = side.value("body_encoding", "");
  if (encoding == "base64") return base64_decoded(body.get<std::string>());
  if (body.is_string() && encoding == "text") return body.get<std::string>();
  return body.is_null() ? std::string() : dump_json(body);
}

RecordedExchange load(const std::filesystem::path& path) {
  const auto parsed = parse_json_dom(read_test_file(path));
  RecordedExchange out;
  if (!parsed) return out;
  const Json& file = *parsed;
  const auto text = [&](const char* name) {
    return file.contains(name) && file[name].is_string() ? file[name].get<std::string>() : std::string();
  };
  out.id = text("id");
  out.provider = text("provider");
  out.protocol = text("protocol");
  out.endpoint = text("endpoint");
  out.model = text("model");
  out.stream = file.value("stream", false);
  if (const Json& request = file["request"]; request.is_object()) {
    if (request.contains("url") && request["url"].is_string()) out.request_url = request["url"].get<std::string>();
    if (request.contains("body") && request["body"].is_object()) out.request = request["body"];
  }
  if (file["response"].is_object()) {
    const Json& response = file["response"];
    if (response.contains("status") && response["status"].is_number()) out.status = response["status"].get<int>();
    if (response.contains("headers")) out.reply_headers = response["headers"];
    out.reply = body_bytes(response);
  }
  if (file.contains("usage_reported")) out.usage = file["usage_reported"];
  if (const Json& source = file["source"]; source.contains("framing") && source["framing"].is_string())
    if (source["framing"] != "sse") out.framing = "payload_lines";
  return out;
}

}  // namespace

bool have_exchanges() { return std::filesystem::exists(test_data_dir("exchanges") / "index.csv"); }

std::size_t each_exchange(std::string_view protocol, std::string_view endpoint,
                          const std::function<void(const RecordedExchange&)>& see) {
  const auto folder = test_data_dir("exchanges");
  std::ifstream index(folder / "index.csv");
  std::string line;
  if (!std::getline(index, line)) return 0;
  const auto names = csv_fields(line);
  const auto column = [&](std::string_view name) {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == name) return i;
    return names.size();
  };
  const std::size_t file = column("file"), protocols = column("protocol"), endpoints = column("endpoint");
  std::size_t count = 0;
  while (std::getline(index, line)) {
    const auto row = csv_fields(line);
    if (row.size() != names.size()) continue;
    if (!protocol.empty() && row[protocols] != protocol) continue;
    if (!endpoint.empty() && row[endpoints] != endpoint) continue;
    see(load(folder / row[file]));
    ++count;
  }
  return count;
}

}  // namespace tollgate
