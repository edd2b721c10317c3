"""HTTP/1.x corners as real clients meet them: Expect, HEAD, HTTP/1.0, half-close, slow heads, methods and paths."""

import json
import time

from support import dialects, http1
from support.case import GatewayCase
from support.gateway import DIMENSIONS
from support.script import Delay, reply, stream

BODY = json.dumps({"model": "gpt-mock", "messages": [{"role": "user", "content": "hi"}]}).encode()
ANSWER = json.dumps(dialects.chat_body()).encode()


class Http(GatewayCase):
    overrides = {"timeouts": {"client_head": "1s", "client_body": "1s"}}

    def test_expect_100_continue(self):
        with self.gateway.connect() as connection:
            head = http1.request_bytes(
                "POST", "/v1/chat/completions", b"", {**DIMENSIONS, "Expect": "100-continue", "Content-Length": str(len(BODY))})
            connection.send(head)
            self.assertTrue(connection._more(), "no interim reply although the body is awaited")
            self.assertTrue(connection.buffer.startswith(b"HTTP/1.1 100 "))
            connection.send(BODY)
            response = connection.read()
        self.assertEqual((response.interim, response.status, response.body), ([100], 200, ANSWER))

    def test_expect_with_the_body_at_once(self):
        with self.gateway.connect() as connection:
            connection.send(http1.request_bytes("POST", "/v1/chat/completions", BODY, {**DIMENSIONS, "Expect": "100-continue"}))
            self.assertEqual(connection.read().body, ANSWER)

    def test_head(self):
        with self.gateway.connect() as connection:
            connection.send(http1.request_bytes("HEAD", "/v1/models"))
            response = connection.read(head_request=True)
            self.assertIn(response.status, (200, 405))
            connection.send(http1.request_bytes("GET", "/v1/models"))
            self.assertEqual(connection.read().status, 200, "a body after HEAD would stand here")

    def test_http_1_0(self):
        with self.gateway.connect() as connection:
            connection.send(b"POST /v1/chat/completions HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
            response = connection.read()
            self.assertEqual((response.status, response.body), (200, ANSWER))
            self.assertTrue(connection.closed_by_peer())

    def test_http_1_0_stream_has_no_chunks(self):
        body = json.dumps({"model": "gpt-mock", "messages": [], "stream": True, "stream_options": {"include_usage": True}}).encode()
        with self.gateway.connect() as connection:
            connection.send(b"POST /v1/chat/completions HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            response = connection.read()
        self.assertIsNone(response.header("transfer-encoding"))
        self.assertEqual(response.body, b"".join(dialects.chat_events()))

    def test_half_close_is_not_a_departure(self):
        """shutdown(SHUT_WR) after the request, as some clients do: the reply still comes, streamed or not."""
        events = dialects.chat_events()
        self.vendor.script("late", [Delay(0.5)] + reply(dialects.chat_body()))
        self.vendor.script("late-stream", stream([events[0], Delay(0.5)] + events[1:]))
        for model, streaming in (("lab/late", False), ("lab/late-stream", True)):
            with self.subTest(model), self.gateway.connect() as connection:
                body = {"model": model, "messages": [], "stream": streaming}
                connection.send(http1.request_bytes("POST", "/v1/chat/completions", body, DIMENSIONS))
                connection.half_close()
                response = connection.read()
                self.assertTrue(response.complete)
                self.assertIn(b"word", response.body)
                self.assertEqual(self.row_of(response)["outcome"], "ok")

    def test_slow_head_and_slow_body_time_out(self):
        for bytes_sent in (b"POST /v1/chat/completions HTTP/1.1\r\nHo", http1.request_bytes(
                "POST", "/v1/chat/completions", b"", {**DIMENSIONS, "Content-Length": "100"}) + b"{"):
            with self.subTest(bytes_sent[:20]), self.gateway.connect() as connection:
                started = time.monotonic()
                connection.send(bytes_sent)
                response = connection.read()
                self.assertIn(response.status, (0, 408))
                self.assertTrue(connection.closed_by_peer())
                self.assertLess(time.monotonic() - started, 5)

    def test_head_in_single_bytes(self):
        with self.gateway.connect() as connection:
            for byte in http1.request_bytes("POST", "/v1/chat/completions", BODY, DIMENSIONS):
                connection.send(bytes([byte]))
            self.assertEqual(connection.read().body, ANSWER)

    def test_query_strings_and_absolute_targets(self):
        self.assertEqual(self.gateway.post("/v1/chat/completions?api-version=1", BODY).status, 200)
        with self.gateway.connect() as connection:
            connection.send(http1.request_bytes("POST", "http://127.0.0.1/v1/chat/completions", BODY, DIMENSIONS))
            self.assertIn(connection.read().status, (200, 400))
