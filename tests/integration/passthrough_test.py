"""Raw passthrough: the provider's own paths, tagged, recorded, priced where the usage is known; and nothing beyond its base URL."""

from support import dialects
from support.case import GatewayCase
from support.script import LAST_CHUNK, Delay, chunk, reply, sse, stream, stream_head


class Passthrough(GatewayCase):
    overrides = {"retry": {"max_attempts": 1}, "stream": {"heartbeat": "200ms"}}

    def test_bytes_tags_and_price(self):
        response = self.gateway.post("/passthrough/lab/chat/completions?x=1", {"model": "raw", "messages": []}, {"x-custom": "1"})
        request = self.vendor.seen("raw")[-1]
        self.assertEqual(request.target, "/v1/chat/completions?x=1")
        self.assertEqual(request.header("x-custom"), "1")
        self.assertEqual(response.json(), dialects.chat_body())
        row = self.row_of(response)
        self.assertEqual((row["surface"], row["provider"], row["model"]), ("passthrough", "lab", "raw"))
        self.assertEqual((row["input_tokens"], row["output_tokens"], row["cost_source"]), (21, 8, "computed"))

    def test_streams_with_usage(self):
        self.vendor.script("raw-stream", stream([sse({"candidates": [], "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}})]))
        response = self.gateway.post("/passthrough/lab/models/raw-stream:streamGenerateContent", {"contents": []})
        self.assertEqual(response.body.count(b"data: "), 1)
        row = self.row_of(response)
        self.assertEqual((row["model"], row["input_tokens"], row["output_tokens"]), ("raw-stream", 5, 2))

    def test_unknown_usage_has_an_unknown_cost(self):
        self.vendor.script("speech", reply(b"\x00\x01binary\xff" * 1000, content_type="audio/mpeg"))
        response = self.gateway.post("/passthrough/lab/audio/speech", {"model": "speech", "input": "hello"})
        self.assertEqual(response.body, b"\x00\x01binary\xff" * 1000)
        self.assertEqual(response.header("content-type"), "audio/mpeg")
        row = self.row_of(response)
        self.assertEqual((row["cost_usd"], row["cost_source"]), (None, "unpriced"))

    def test_other_methods_cost_nothing(self):
        self.vendor.script("gone", reply({"deleted": True}))
        for method in ("GET", "DELETE"):
            response = self.gateway.call(method, "/passthrough/lab/models/gone")
            self.assertEqual(response.json(), {"deleted": True})
            self.assertEqual(self.vendor.requests[-1].method, method)
            self.assertEqual(self.row_of(response)["cost_usd"], "0")

    def test_nothing_is_put_into_silent_bytes(self):
        first, second = b"\x01\n\n" * 4, b"\x02" * 10  # what looks like the end of an event is none
        self.vendor.script("slow", [Delay(0.5), stream_head(content_type="audio/mpeg"), chunk(first), Delay(0.5), chunk(second), LAST_CHUNK])
        response = self.gateway.post("/passthrough/lab/audio/speech", {"model": "slow", "stream": True})
        self.assertEqual((response.header("content-type"), response.body), ("audio/mpeg", first + second))

    def test_the_path_says_which_model_it_is(self):
        self.vendor.script("cheap", reply({"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}}))
        response = self.gateway.post("/passthrough/lab/models/dear:generateContent", {"model": "cheap"})
        self.assertEqual(self.row_of(response)["model"], "dear")

    def test_nothing_leaves_the_base_url(self):
        before = len(self.vendor.requests)
        for path in ("/../admin", "/a/../../b", "/%2e%2e/x", "/a/%2E%2e%2fb", "/.%2e/x", "/a\\..\\b", "/%00", "/./a"):
            response = self.gateway.call("GET", "/passthrough/lab" + path)
            self.assertEqual(response.status, 400, path)
        for path in ("/passthrough/nobody/x", "/passthrough//x", "/passthrough/lab"):
            self.assertIn(self.gateway.call("GET", path).status, (400, 404), path)
        self.assertEqual(len(self.vendor.requests), before)

    def test_the_vendors_refusal(self):
        self.vendor.script("refused", reply({"error": {"message": "no"}}, 422))
        response = self.gateway.post("/passthrough/lab/anything", {"model": "refused"})
        self.assertEqual((response.status, response.json()), (422, {"error": {"message": "no"}}))
        self.assertEqual(self.row_of(response)["outcome"], "error")
