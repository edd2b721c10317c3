"""Retries and fallbacks: only before the first content, every attempt that reached a vendor is a row of its own."""

import json
import time
from decimal import Decimal

from support import dialects
from support.case import GatewayCase
from support.gateway import base_config, free_port
from support.script import Close, Delay, Reset, reply, stream_head

OVERLOADED = reply({"error": {"message": "overloaded", "type": "server_error", "param": None, "code": None}}, status=503)
LIMITED = reply({"error": {"message": "slow down", "type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"}},
                status=429, headers={"Retry-After": "0"})
GOOD = reply(dialects.chat_body())


class Retry(GatewayCase):
    @classmethod
    def configure(cls, vendor):
        dead = f"http://127.0.0.1:{free_port()}/v1"
        return base_config(
            vendor,
            threads=1,
            retry={"max_attempts": 2, "base_delay": "20ms", "max_delay": "100ms"},
            providers={"dead": {"dialect": "openai.chat", "base_url": dead, "api_key": "none", "connect_timeout": "500ms"}},
            models={
                "pair": {"targets": ["lab/first", "lab/second"]},
                "dead-first": {"targets": ["dead/x", "lab/second"]},
                "all-dead": {"targets": ["dead/x", "dead/y"]},
            },
        )

    def drop_kept_connections(self):
        """A kept connection that breaks before its first byte is stale and replaced in silence; these tests need fresh ones."""
        self.vendor.script("closing", reply(dialects.chat_body(), headers={"Connection": "close"}) + [Close()])
        self.gateway.chat("lab/closing")

    def attempts(self, response, count):
        rows = self.rows_of(response, count)
        self.assertEqual([row["attempt"] for row in rows], list(range(1, count + 1)))
        self.assertEqual(response.header("x-tollgate-attempts"), str(count))
        return rows

    def test_second_try_on_the_same_target(self):
        for name, bad in (("503", OVERLOADED), ("429", LIMITED), ("reset", [Reset()]), ("closed", [Close()]), ("half-head", [b"HTTP/1.1 200", Reset()])):
            with self.subTest(name):
                self.drop_kept_connections()
                self.vendor.turns("flaky", [bad, GOOD])
                response = self.gateway.chat("lab/flaky")
                self.assertEqual((response.status, response.body), (200, json.dumps(dialects.chat_body()).encode()))
                rows = self.attempts(response, 2)
                self.assertEqual([row["outcome"] for row in rows], ["error", "ok"])
                self.assertEqual(rows[0]["http_status"] or 0, {"503": 503, "429": 429}.get(name, 0))

    def test_next_target_when_the_first_keeps_failing(self):
        self.vendor.script("first", OVERLOADED)
        self.vendor.script("second", GOOD)
        response = self.gateway.chat("pair")
        self.assertEqual(response.status, 200)
        self.assertEqual(response.header("x-tollgate-target"), "lab/second")
        self.assertEqual([row["model"] for row in self.attempts(response, 3)], ["first", "first", "second"])

    def test_unreachable_vendor_falls_back(self):
        self.vendor.script("second", GOOD)
        response = self.gateway.chat("dead-first")
        self.assertEqual((response.status, response.header("x-tollgate-target")), (200, "lab/second"))

    def test_everything_down(self):
        response = self.gateway.chat("all-dead")
        self.assertIn(response.status, (502, 503))
        self.assertIn("error", response.json())

    def test_client_faults_are_not_retried(self):
        for status in (400, 401, 403, 404, 413, 422):
            with self.subTest(status):
                self.vendor.script(f"fault{status}", reply({"error": {"message": "no", "type": "x"}}, status=status))
                response = self.gateway.chat(f"lab/fault{status}")
                self.assertEqual(response.status, status)
                self.assertEqual(len(self.vendor.seen(f"fault{status}")), 1)
                self.attempts(response, 1)

    def test_the_last_error_reaches_the_client_as_the_vendor_wrote_it(self):
        self.vendor.script("limited", LIMITED)
        response = self.gateway.chat("lab/limited")
        self.assertEqual(response.status, 429)
        self.assertEqual(response.json()["error"]["code"], "rate_limit_exceeded")
        self.assertEqual(len(self.vendor.seen("limited")), 2)

    def test_a_stream_that_fails_before_content_is_retried(self):
        from support.script import chunk, stream

        role_only = chunk(dialects.chat_events()[0])
        self.vendor.turns("early", [[stream_head(), role_only, Reset()], stream(dialects.chat_events())])
        response = self.gateway.chat("lab/early", stream=True, extra={"stream_options": {"include_usage": True}})
        self.assertTrue(response.complete)
        self.assertTrue(response.body.endswith(b"".join(dialects.chat_events()[1:])), response.body[:600])
        self.assertEqual([row["outcome"] for row in self.attempts_rows(response)], ["error", "ok"])

    def attempts_rows(self, response):
        return self.rows_of(response, 2)

    def test_rows_add_up(self):
        """The failed attempt told no usage: it costs nothing known, and the good one costs its price."""
        self.vendor.turns("sum", [OVERLOADED, GOOD])
        rows = self.attempts(self.gateway.chat("lab/sum"), 2)
        self.assertEqual(Decimal(rows[1]["cost_usd"]), (Decimal("2.5") * 21 + Decimal("10") * 8) / 1_000_000)
        self.assertEqual((rows[0]["output_tokens"], rows[0]["input_tokens"]), (0, 0))

    def test_waiting_before_a_retry_is_bounded(self):
        self.vendor.turns("later", [reply({"error": {}}, status=429, headers={"Retry-After": "3600"}), GOOD])
        started = time.monotonic()
        response = self.gateway.chat("lab/later")
        self.assertLess(time.monotonic() - started, 5)
        self.assertIn(response.status, (200, 429))

    def test_slow_but_fine_is_not_retried(self):
        self.vendor.script("slow", [Delay(0.5)] + GOOD)
        self.attempts(self.gateway.chat("lab/slow"), 1)
        self.assertEqual(len(self.vendor.seen("slow")), 1)
