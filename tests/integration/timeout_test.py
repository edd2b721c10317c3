"""Every wait for a vendor has a limit of its own; each ends in an answer to the client and a row that says timeout."""

import socket
import time

from support import dialects
from support.case import GatewayCase
from support.gateway import base_config
from support.script import Delay, Hold, chunk, reply, split, stream, stream_head


class Timeouts(GatewayCase):
    @classmethod
    def configure(cls, vendor):
        # A listening socket whose queue is full takes no further connection: the SYN is never answered.
        cls.full = socket.socket()
        cls.full.bind(("127.0.0.1", 0))
        cls.full.listen(0)
        cls.fillers = [socket.socket() for _ in range(8)]
        for filler in cls.fillers:
            filler.setblocking(False)
            filler.connect_ex(cls.full.getsockname())
        limits = {"dialect": "openai.chat", "base_url": f"{vendor.url}/v1", "api_key": "none"}
        return base_config(
            vendor,
            retry={"max_attempts": 1},
            prices=[{"target": "idle/*", "input": 2.50, "output": 10.00}],
            providers={
                "full": {**limits, "base_url": f"http://127.0.0.1:{cls.full.getsockname()[1]}/v1", "connect_timeout": "300ms"},
                "first": {**limits, "first_byte_timeout": "300ms"},
                "idle": {**limits, "idle_timeout": "300ms"},
                "total": {**limits, "total_timeout": "700ms"},
            },
        )

    @classmethod
    def tearDownClass(cls):
        for sock in [cls.full, *cls.fillers]:
            sock.close()

    def timed(self, model, stream=False, low=0.2, high=3.0):
        started = time.monotonic()
        response = self.gateway.chat(model, stream=stream)
        self.assertGreater(time.monotonic() - started, low)
        self.assertLess(time.monotonic() - started, high)
        return response

    def check_timeout(self, response):
        self.assertIn(response.status, (502, 503, 504), response.body)
        self.assertIn("error", response.json())
        self.assertEqual(self.row_of(response)["outcome"], "timeout")

    def test_connect(self):
        self.check_timeout(self.timed("full/x"))

    def test_first_byte(self):
        self.vendor.script("quiet", [Hold()])
        self.check_timeout(self.timed("first/quiet"))
        self.assertTrue(self.vendor.wait_for(lambda v: v.seen("quiet")[0].aborted_at), "the vendor's connection is closed")

    def test_first_byte_of_a_stream(self):
        self.vendor.script("quiet-stream", [Hold()])
        self.check_timeout(self.timed("first/quiet-stream", stream=True))

    def test_silence_inside_a_plain_reply(self):
        whole = reply(dialects.chat_body())[0]
        self.vendor.script("stuck", [whole[:-20], Hold()])
        self.check_timeout(self.timed("idle/stuck"))

    def test_silence_inside_a_stream(self):
        events = dialects.chat_events()
        self.vendor.script("stuck-stream", [stream_head(), *(chunk(event) for event in events[:4]), Hold()])
        response = self.timed("idle/stuck-stream", stream=True)
        self.assertEqual(response.status, 200)
        self.assertTrue(response.body.startswith(b"".join(events[:4])))
        self.assertIn(b'"error"', response.body[len(b"".join(events[:4])):])
        row = self.row_of(response)
        self.assertEqual((row["outcome"], row["cost_source"]), ("timeout", "estimated"))
        self.assertGreater(row["output_tokens"], 0)

    def test_total_although_bytes_keep_coming(self):
        self.vendor.script("drip", stream(split(b"".join(dialects.chat_events(40)), [60]), gap=0.05))
        response = self.timed("total/drip", stream=True, low=0.5)
        self.assertIn(b'"error"', response.body)
        self.assertEqual(self.row_of(response)["outcome"], "timeout")

    def test_just_in_time_is_fine(self):
        self.vendor.script("ok", [Delay(0.1)] + reply(dialects.chat_body()))
        for provider in ("first", "idle", "total"):
            self.assertEqual(self.gateway.chat(f"{provider}/ok").status, 200)
