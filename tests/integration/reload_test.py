"""Reloading: SIGHUP or a changed file puts the new configuration in place at once; a bad file changes nothing."""

import signal
import threading
import time
from decimal import Decimal

from support import dialects
from support.case import GatewayCase
from support.gateway import merged
from support.script import WaitFor, stream


class Reload(GatewayCase):
    def setUp(self):
        self.original = self.gateway.config

    def tearDown(self):
        self.gateway.write_config(self.original)
        self.gateway.signal(signal.SIGHUP)
        self.until(lambda: self.gateway.chat().status == 200)

    def until(self, predicate, limit=8.0):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if predicate():
                return
            time.sleep(0.05)
        self.fail(f"not within {limit} s; log: {self.gateway.log()[-1500:]}")

    def change(self, changes):
        self.gateway.write_config(merged(self.original, changes))

    def test_sighup_brings_new_models_and_prices(self):
        self.assertEqual(self.gateway.chat("added").status, 404)
        self.change({"models": {"added": {"targets": ["lab/added"]}}, "prices": [{"target": "lab/*", "input": 1, "output": 1}]})
        self.gateway.signal(signal.SIGHUP)
        answers = []  # each thread takes the new file in its own time: the next request may still meet an old one
        self.until(lambda: answers.append(self.gateway.chat("added")) or answers[-1].status == 200)
        row = self.row_of(answers[-1])
        self.assertEqual(Decimal(row["cost_usd"]), Decimal(29) / 1_000_000)

    def test_a_changed_file_is_noticed(self):
        self.change({"models": {"noticed": {"targets": ["lab/noticed"]}}})
        self.until(lambda: self.gateway.chat("noticed").status == 200)

    def test_a_bad_file_changes_nothing_and_says_where(self):
        for text in ("models: [", "listen: 127.0.0.1:1\nunknown_key: 3\n"):
            with self.subTest(text):
                before = len(self.gateway.log())
                self.gateway.write_config(text)
                self.gateway.signal(signal.SIGHUP)
                self.until(lambda: "tollgate.yaml:" in self.gateway.log()[before:])
                self.assertTrue(self.gateway.running())
                self.assertEqual(self.gateway.chat().status, 200)

    def test_running_streams_keep_their_configuration(self):
        gate = threading.Event()
        events = dialects.chat_events()
        self.vendor.script("long", stream(events[:4] + [WaitFor(gate)] + events[4:]))
        result = {}
        body_extra = {"stream_options": {"include_usage": True}}
        worker = threading.Thread(target=lambda: result.update(r=self.gateway.chat("lab/long", stream=True, extra=body_extra)))
        worker.start()
        self.assertTrue(self.vendor.wait_for(lambda v: v.seen("long")))
        self.change({"models": {"other": {"targets": ["lab/other"]}}, "prices": [{"target": "lab/*", "input": 1, "output": 1}]})
        self.gateway.signal(signal.SIGHUP)
        self.until(lambda: self.gateway.chat("other").status == 200)
        gate.set()
        worker.join(10)
        self.assertEqual(result["r"].body, b"".join(events))
        row = self.row_of(result["r"])
        self.assertEqual(Decimal(row["cost_usd"]), (Decimal("2.5") * 21 + 10 * 8) / 1_000_000, "priced as of its start")
