"""kill -9 under load, the small run (the big one: crash_soak.py), and what becomes of an attempt that was cut by it."""

import unittest

from crash_soak import soak
from support import dialects, gateway
from support.case import GatewayCase
from support.gateway import DIMENSIONS
from support.http1 import request_bytes
from support.script import Hold, chunk, stream_head


class Crash(unittest.TestCase):
    def test_no_complete_response_is_lost(self):
        counts, problems = soak(gateway.BINARY, requests=3000, kill_every=300)
        self.assertEqual(problems, [], counts)
        self.assertGreaterEqual(counts["kills"], 3, counts)
        self.assertGreater(counts["complete"], 1000, counts)


class CutAttempt(GatewayCase):
    def test_an_attempt_cut_by_the_crash_is_a_row(self):
        self.vendor.script("cut", [stream_head(), *(chunk(event) for event in dialects.chat_events()[:4]), Hold(20)])
        with self.gateway.connect() as connection:
            body = {"model": "lab/cut", "stream": True, "messages": []}
            connection.send(request_bytes("POST", "/v1/chat/completions", body, DIMENSIONS))
            connection.read(until=lambda text: b"word1" in text)
            self.gateway.kill()
        self.gateway.start()
        rows = self.gateway.rows(1, "model = 'cut'")
        self.assertEqual(len(rows), 1)
        self.assertEqual((rows[0]["outcome"], rows[0]["error_code"], rows[0]["cost_usd"]), ("error", "gateway_crash", None))
        self.assertEqual((rows[0]["team"], rows[0]["feature"]), ("search", "answers"))
