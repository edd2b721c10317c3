"""A client that leaves: the vendor's call is cancelled or drained by the vendor's row, and what was used is recorded."""

import threading
import time

from support import dialects, http1
from support.case import GatewayCase
from support.gateway import DIMENSIONS, base_config
from support.script import Delay, Hold, WaitFor, chunk, reply, stream, stream_head


class Abort(GatewayCase):
    @classmethod
    def configure(cls, vendor):
        lab = {"dialect": "openai.chat", "base_url": f"{vendor.url}/v1", "api_key": "none"}
        return base_config(
            vendor,
            providers={"cancel": {**lab, "on_abort": "cancel"}, "drain": {**lab, "on_abort": "drain"}},
            prices=[{"target": f"{name}/*", "input": 2.50, "output": 10.00} for name in ("cancel", "drain", "lab")],
            timeouts={"drain": "5s"},
        )

    def leave(self, model, streaming=True, until=b"word1", how="close"):
        """Sends a request, leaves once `until` was read (at once when None), and returns when the gateway has seen it."""
        connection = self.gateway.connect()
        body = {"model": model, "messages": [{"role": "user", "content": "hello there"}], "stream": streaming}
        connection.send(http1.request_bytes("POST", "/v1/chat/completions", body, DIMENSIONS))
        if until is None:
            self.assertTrue(self.vendor.wait_for(lambda v: v.seen(model.split("/")[1])))
        else:
            connection.read(until=lambda text: until in text)
        getattr(connection, how)()

    def row(self, model):
        name = model.split("/")[1]
        rows = self.gateway.rows(1, f"model = '{name}'", limit=15)
        self.assertEqual(len(rows), 1, rows)
        return rows[0]

    def test_cancel_in_a_stream(self):
        for how in ("close", "reset"):
            with self.subTest(how):
                name = f"c-{how}"
                events = dialects.chat_events()
                self.vendor.script(name, [stream_head(), *(chunk(event) for event in events[:5]), Hold(10)])
                self.leave(f"cancel/{name}", how=how)
                self.assertTrue(self.vendor.wait_for(lambda v: v.seen(name)[0].aborted_at, limit=3), "the vendor goes on generating")
                row = self.row(f"cancel/{name}")
                self.assertEqual((row["outcome"], row["cost_source"]), ("aborted", "estimated"))
                self.assertGreater(row["output_tokens"], 0)
                self.assertIsNotNone(row["cost_usd"])

    def test_cancel_before_the_first_byte(self):
        for streaming in (False, True):
            with self.subTest(streaming=streaming):
                name = f"early-{streaming}"
                self.vendor.script(name, [Hold(10)])
                self.leave(f"cancel/{name}", streaming, until=None)
                self.assertTrue(self.vendor.wait_for(lambda v: v.seen(name)[0].aborted_at, limit=3))
                self.assertEqual(self.row(f"cancel/{name}")["outcome"], "aborted")

    def test_drain_reads_to_the_end_and_prices_exactly(self):
        gate = threading.Event()
        events = dialects.chat_events()
        self.vendor.script("drained", stream(events[:5] + [WaitFor(gate)] + events[5:]))
        self.leave("drain/drained", how="reset")
        time.sleep(0.3)
        self.assertIsNone(self.vendor.seen("drained")[0].aborted_at, "a drained call must not be cancelled")
        gate.set()
        row = self.row("drain/drained")
        self.assertEqual((row["outcome"], row["output_tokens"], row["cost_source"]), ("aborted", 8, "computed"))

    def test_drain_of_a_plain_reply(self):
        self.vendor.script("drained-plain", [Delay(0.7)] + reply(dialects.chat_body()))
        self.leave("drain/drained-plain", streaming=False, until=None, how="reset")
        row = self.row("drain/drained-plain")
        self.assertEqual((row["outcome"], row["output_tokens"], row["cost_source"]), ("aborted", 8, "computed"))

    def test_drain_is_bounded(self):
        events = dialects.chat_events()
        self.vendor.script("endless", [stream_head(), *(chunk(event) for event in events[:5]), Hold(30)])
        self.leave("drain/endless", how="reset")
        self.assertTrue(self.vendor.wait_for(lambda v: v.seen("endless")[0].aborted_at, limit=10))
        self.assertEqual(self.row("drain/endless")["outcome"], "aborted")

    def test_no_leak_after_many_departures(self):
        self.vendor.script("many", [stream_head(), *(chunk(event) for event in dialects.chat_events()[:5]), Hold(10)])
        for _ in range(50):
            self.leave("cancel/many", how="reset")
        self.assertEqual(len(self.gateway.rows(50, "model = 'many'", limit=15)), 50)
        end = time.monotonic() + 5
        while self.gateway.metric("tollgate_requests_in_flight") and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(self.gateway.metric("tollgate_requests_in_flight"), 0)
        self.assertEqual(self.gateway.chat().status, 200)
