"""Every surface, plain and streamed: the vendor's bytes reach the client untouched, and one priced row says what they cost."""

import gzip
import json
from decimal import Decimal

from support import dialects
from support.case import GatewayCase
from support.script import reply

CHAT = {"model": "gpt-mock", "messages": [{"role": "user", "content": "hi"}]}
MESSAGES = {"model": "claude-mock", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}]}
SURFACES = [
    ("chat", "/v1/chat/completions", CHAT, dialects.chat_body(), dialects.chat_events()),
    ("completions", "/v1/completions", {"model": "gpt-mock", "prompt": "hi"}, dialects.completion_body(), dialects.completion_events()),
    ("responses", "/v1/responses", {"model": "gpt-mock", "input": "hi"}, dialects.responses_body(), dialects.responses_events()),
    ("messages", "/v1/messages", MESSAGES, dialects.messages_body(), dialects.messages_events()),
]


class Relay(GatewayCase):
    def check_row(self, row, surface, stream, output=8):
        lab = surface not in ("messages", "count_tokens")
        self.assertEqual(row["surface"], surface)
        self.assertEqual(row["outcome"], "ok")
        self.assertEqual(row["http_status"], 200)
        self.assertEqual((row["provider"], row["model"]), ("lab", "gpt-mock") if lab else ("ant", "claude-mock"))
        self.assertEqual(row["attempt"], 1)
        self.assertEqual((row["team"], row["feature"], row["environment"]), ("search", "answers", "dev"))
        self.assertEqual((row["input_tokens"], row["output_tokens"], row["reasoning_tokens"]), (dialects.INPUT_TOKENS, output, 0))
        self.assertEqual(row["cost_source"], "computed")
        rates = (Decimal("2.50"), Decimal("10")) if lab else (Decimal("1"), Decimal("5"))
        expected = (rates[0] * dialects.INPUT_TOKENS + rates[1] * output) / 1_000_000
        self.assertEqual(Decimal(row["cost_usd"]), expected)

    def test_plain_replies(self):
        for surface, path, body, answer, _ in SURFACES:
            with self.subTest(surface):
                response = self.gateway.post(path, body)
                self.assertEqual(response.status, 200, response.body)
                self.assertEqual(response.body, json.dumps(answer).encode())
                row = self.row_of(response)
                self.check_row(row, surface, stream=False)
                self.assertEqual(Decimal(response.header("x-tollgate-cost-usd")), Decimal(row["cost_usd"]))
                self.assertEqual(response.header("x-tollgate-target"), f"{row['provider']}/{row['model']}")
                self.assertEqual(response.header("x-tollgate-attempts"), "1")

    def test_streams(self):
        for surface, path, body, _, events in SURFACES:
            with self.subTest(surface):
                extra = {"stream_options": {"include_usage": True}} if surface in ("chat", "completions") else {}
                response = self.gateway.post(path, {**body, "stream": True, **extra})
                self.assertTrue(response.complete)
                self.assertTrue(response.header("content-type").startswith("text/event-stream"))
                self.assertEqual(response.body, b"".join(events))
                self.assertIsNone(response.header("x-tollgate-cost-usd"))
                self.check_row(self.row_of(response), surface, stream=True)

    def test_a_stream_tells_its_cost_on_demand(self):
        response = self.gateway.chat(stream=True, headers={"x-tollgate-echo": "cost"})
        plain = self.gateway.chat(stream=True)
        self.assertTrue(response.body.startswith(plain.body), "what is added stands behind the stream")
        comment = response.body[len(plain.body):].decode()
        self.assertRegex(comment, r"^: .*cost_usd=[0-9.]+\n\n$")
        self.assertEqual(Decimal(comment.split("=")[1].strip()), Decimal(self.row_of(response)["cost_usd"]))

    def test_embeddings(self):
        response = self.gateway.post("/v1/embeddings", {"model": "gpt-mock", "input": ["a"]})
        self.assertEqual(response.json(), dialects.embeddings_body())
        self.check_row(self.row_of(response), "embeddings", stream=False, output=0)

    def test_count_tokens(self):
        response = self.gateway.post("/v1/messages/count_tokens", {"model": "claude-mock", "messages": CHAT["messages"]})
        self.assertEqual(response.json(), {"input_tokens": dialects.INPUT_TOKENS})
        row = self.row_of(response)
        self.assertEqual((row["surface"], row["outcome"], row["output_tokens"]), ("count_tokens", "ok", 0))

    def test_only_the_model_name_of_the_body_changes(self):
        """Odd spacing, unknown fields, key order and number forms pass through; the alias is replaced in place."""
        text = '{ "zeta" : 1.50e3,\n "model":\t"gpt-mock" , "messages":[{"role":"user","content":"\\u00e9\\u2028 \\/ \U0001f600"}],"x":{"model":"inner"}, "big":12345678901234567890 }'
        self.gateway.post("/v1/chat/completions", text.encode())
        sent = self.vendor.requests[-1]
        self.assertEqual(sent.body.decode(), text)
        direct = text.replace('"gpt-mock"', '"lab/some-other"')
        self.gateway.post("/v1/chat/completions", direct.encode())
        self.assertEqual(self.vendor.requests[-1].body.decode(), text.replace('"gpt-mock"', '"some-other"'))

    def test_upstream_request_form(self):
        self.gateway.chat(headers={"Authorization": "Bearer client-secret", "X-Custom": "kept?", "Accept-Encoding": "gzip, br"})
        sent = self.vendor.requests[-1]
        self.assertEqual((sent.method, sent.target), ("POST", "/v1/chat/completions"))
        self.assertEqual(sent.header("host"), f"127.0.0.1:{self.vendor.port}")
        self.assertEqual(int(sent.header("content-length")), len(sent.body))
        self.assertIn(sent.header("accept-encoding"), (None, "identity"))
        self.assertNotIn("client-secret", sent.raw_head.decode())
        self.assertFalse([name for name, _ in sent.headers if name.lower().startswith("x-tollgate-")], "tags are ours, not the vendor's")

    def test_vendor_reply_headers(self):
        self.vendor.script("headers", reply(dialects.chat_body(), headers={
            "x-request-id": "req_vendor", "x-ratelimit-remaining-tokens": "149984", "Connection": "X-Hop, keep-alive",
            "X-Hop": "1", "Keep-Alive": "timeout=5"}))
        response = self.gateway.chat("lab/headers")
        self.assertEqual(response.header("x-ratelimit-remaining-tokens"), "149984")
        self.assertIsNone(response.header("x-hop"))
        self.assertIsNone(response.header("keep-alive"))
        self.assertEqual(len([1 for name, _ in response.headers if name.lower() == "content-length"]), 1)

    def test_vendor_errors_pass_through(self):
        for status, kind in ((400, "invalid_request_error"), (401, "authentication_error"), (404, "not_found_error"), (422, "invalid_request_error")):
            with self.subTest(status):
                body = {"error": {"message": "the vendor says no", "type": kind, "param": None, "code": "x"}}
                self.vendor.script(f"status-{status}", reply(body, status=status))
                response = self.gateway.chat(f"lab/status-{status}")
                self.assertEqual(response.status, status)
                self.assertEqual(response.json(), body)
                row = self.row_of(response)
                self.assertEqual((row["outcome"], row["http_status"]), ("error", status))

    def test_models_list(self):
        listed = self.gateway.call("GET", "/v1/models").json()
        self.assertEqual(listed["object"], "list")
        self.assertLessEqual({"gpt-mock", "claude-mock"}, {model["id"] for model in listed["data"]})

    def test_refusals_have_the_callers_form(self):
        openai = self.gateway.chat("no-such-model")
        self.assertEqual(openai.status, 404)
        self.assertIn("no-such-model", openai.json()["error"]["message"])
        anthropic = self.gateway.post("/v1/messages", {**MESSAGES, "model": "no-such-model"})
        self.assertEqual((anthropic.status, anthropic.json()["type"]), (404, "error"))
        self.assertEqual(self.gateway.call("GET", "/nowhere").status, 404)
        self.assertEqual(self.gateway.call("GET", "/v1/chat/completions").status, 405)
        for body in (b"", b"[]", b"{", b'{"model":5}', b'{"messages":[]}', b'{"model":"gpt-mock","model":"x"}', b"\xff\xfe"):
            with self.subTest(body=body):
                response = self.gateway.post("/v1/chat/completions", body)
                self.assertEqual(response.status, 400, response.body)
                self.assertIn("error", response.json())
                self.assertTrue(response.header("x-tollgate-request-id"))

    def test_a_vendor_that_lacks_the_surface(self):
        response = self.gateway.post("/v1/completions", {"model": "claude-mock", "prompt": "hello"})
        self.assertEqual(response.status, 400)
        self.assertEqual(response.json()["error"]["code"], "target_not_capable")

    def test_a_vendor_that_compresses_all_the_same(self):
        packed = gzip.compress(json.dumps(dialects.chat_body()).encode())
        self.vendor.script("packed", reply(packed, headers={"Content-Encoding": "gzip"}))
        response = self.gateway.chat("lab/packed")
        self.assertEqual((response.header("content-encoding"), response.body), ("gzip", packed))
        self.assertEqual(self.row_of(response)["cost_source"], "estimated")
