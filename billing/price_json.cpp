// A SAX handler is the one way in which the JSON library hands out the text of a number. Owner: billing, price half.
#include "billing/price_json.h"

#include "core/json_dom.h"

namespace tollgate::billing {
namespace {

constexpr std::size_t kMaxBytes = 64u << 20;
constexpr std::size_t kMaxDepth = 64;

class Handler : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Handler(PriceJson& root) : open_{&root} {}

  bool null() override { return scalar(PriceJson::Kind::null, {}); }
  bool boolean(bool value) override { return scalar(PriceJson::Kind::boolean, value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    return scalar(PriceJson::Kind::number, std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return scalar(PriceJson::Kind::number, std::to_string(value));
  }
  bool number_float(number_float_t, const string_t& text) override { return scalar(PriceJson::Kind::number, text); }
  bool string(string_t& value) override { return scalar(PriceJson::Kind::text, std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(PriceJson::Kind::object); }
  bool start_array(std::size_t) override { return open(PriceJson::Kind::array); }
  bool end_object() override { return open_.pop_back(), true; }
  bool end_array() override { return open_.pop_back(), true; }
  bool key(string_t& name) override { return key_ = std::move(name), true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    error_at = position;
    return false;
  }

  std::size_t error_at = 0;

 private:
  PriceJson& add(PriceJson::Kind kind) {
    PriceJson* node = open_.back();
    if (begun_) node = &node->children.emplace_back();
    begun_ = true;
    node->name = std::move(key_);
    key_.clear();
    node->kind = kind;
    return *node;
  }
  bool scalar(PriceJson::Kind kind, std::string value) {
    add(kind).value = std::move(value);
    return true;
  }
  // A container's address is stable while it is open: only its own children are appended.
  bool open(PriceJson::Kind kind) {
    if (open_.size() > kMaxDepth) return false;
    open_.push_back(&add(kind));
    return true;
  }

  std::vector<PriceJson*> open_;
  std::string key_;
  bool begun_ = false;
};

}  // namespace

const PriceJson& PriceJson::operator[](std::string_view key) const {
  static const PriceJson kAbsent;
  for (const PriceJson& child : children) {
    if (child.name == key) return child;
  }
  return kAbsent;
}

Result<PriceJson> parse_price_json(std::string_view text) {
  const auto fault = [](std::string message) {
    return Error{ErrorKind::client_fault, 400, "bad_price_file", std::move(message)};
  };
  if (text.size() > kMaxBytes) return fault("the price file is larger than 64 MiB");
  PriceJson root;
  Handler handler(root);
  try {
    if (nlohmann::json::sax_parse(text.begin(), text.end(), &handler)) return root;
  } catch (const std::exception&) {
    return fault("the price file holds an impossible number");
  }
  return fault("the price file is not JSON near byte " + std::to_string(handler.error_at));
}

}  // namespace tollgate::billing
