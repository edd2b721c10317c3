"""Callers of the local engine who leave: their answers end early, and the machine time until then is on the row."""

import json
import os
import tempfile
import time
from fractions import Fraction

from support import tiny_gguf
from support.case import GatewayCase
from support.gateway import DIMENSIONS
from support.http1 import request_bytes

HOURLY = Fraction("0.36")
NO_END = {str(token): -100 for token in (257, 258, 259)}  # of tiny_gguf
LONG = 7500  # tokens: seconds of work


class LocalAbort(GatewayCase):
    @classmethod
    def configure(cls, vendor):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        file = os.path.join(folder, "slow.gguf")
        tiny_gguf.write(file, layers=32, context=8192)
        rows = [{"name": name, "file": file, "hourly_cost_usd": 0.36, "threads": 1, "context": 8192, "max_running": running} for name, running in (("slow", 4), ("single", 1))]
        embedder = os.path.join(folder, "embedder.gguf")
        tiny_gguf.write_bert(embedder, layers=768)
        rows.append({"name": "embedder", "file": embedder, "hourly_cost_usd": 0.36, "threads": 1})
        cls.overrides = {"retry": {"max_attempts": 1}, "local": {"models": rows}}
        return super().configure(vendor)

    def ask(self, feature, model="local/slow", path="/v1/chat/completions", **extra):
        """A connection on which a long answer was asked for; the row is found by its feature."""
        body = {"model": model, "max_tokens": LONG, "logit_bias": NO_END, "messages": [{"role": "user", "content": "tell me all"}], **extra}
        connection = self.gateway.connect()
        connection.send(request_bytes("POST", path, body, {**DIMENSIONS, "x-tollgate-feature": feature}))
        return connection

    def row(self, feature, limit=10.0):
        rows = self.gateway.rows(1, f"feature = '{feature}'", limit=limit)
        self.assertEqual(len(rows), 1, rows)
        row = rows[0]
        self.assertEqual((row["outcome"], row["error_code"], row["cost_source"]), ("aborted", "client_gone", "local"), row)
        machine_us = json.loads(row["usage_raw"])["machine_us"]
        self.assertLessEqual(abs(Fraction(row["cost_usd"]) - HOURLY * machine_us / 3_600_000_000), Fraction(1, 2 * 10**15))
        return row, machine_us

    def check_cut_short(self, feature, most=LONG // 2):
        row, machine_us = self.row(feature)
        self.assertGreater(machine_us, 0)
        self.assertGreater(row["input_tokens"] + row["cache_read_tokens"], 0)
        self.assertLess(row["output_tokens"], most, "it ran on for nobody")
        return row

    def test_in_the_middle_of_a_stream(self):
        for how in ("close", "reset"):
            with self.subTest(how):
                connection = self.ask(f"stream-{how}", stream=True)
                connection.read(until=lambda text: text.count(b"data:") > 5)
                getattr(connection, how)()
                self.assertGreater(self.check_cut_short(f"stream-{how}")["output_tokens"], 3)

    def test_in_the_middle_of_another_form_of_stream(self):
        # Logit biases cannot be said there; the likeliest tokens of this model hold no end.
        connection = self.ask("messages", path="/v1/messages", logit_bias=None, temperature=0, stream=True)
        connection.read(until=lambda text: text.count(b"content_block_delta") > 2)
        connection.close()
        self.check_cut_short("messages")

    def test_before_a_whole_answer(self):
        for how in ("close", "reset"):
            with self.subTest(how):
                connection = self.ask(f"whole-{how}")
                time.sleep(0.3)
                getattr(connection, how)()
                self.check_cut_short(f"whole-{how}")

    def test_several_answers(self):
        connection = self.ask("several", stream=True, n=3)
        connection.read(until=lambda text: b'"index":2' in text)
        connection.close()
        self.check_cut_short("several")

    def test_before_embeddings(self):
        texts, tokens = 2000, 42  # of each: the words, and the marks around them
        body = {"model": "local/embedder", "input": [" ".join(["hello"] * (tokens - 2))] * texts}
        connection = self.gateway.connect()
        connection.send(request_bytes("POST", "/v1/embeddings", body, {**DIMENSIONS, "x-tollgate-feature": "embeddings"}))
        time.sleep(0.3)
        connection.reset()
        row, machine_us = self.row("embeddings")
        self.assertLess(row["input_tokens"], texts * tokens // 2, "it ran on for nobody")
        self.assertEqual(machine_us > 0, row["input_tokens"] > 0)

    def test_in_the_queue_nothing_is_used(self):
        with self.ask("first", model="local/single", stream=True) as first:
            first.read(until=lambda text: b"data:" in text)
            for streaming in (True, False):
                waiting = self.ask(f"queued-{streaming}", model="local/single", stream=streaming)
                time.sleep(0.2)
                waiting.reset()
                row, machine_us = self.row(f"queued-{streaming}")
                self.assertEqual((machine_us, Fraction(row["cost_usd"]), row["input_tokens"], row["output_tokens"]), (0, 0, 0, 0))
            self.assertEqual(self.gateway.query("SELECT * FROM cost_records WHERE feature = 'first'"), [], "the first one must still run")
        self.check_cut_short("first", most=LONG)
        # And the engine is free for others.
        began = time.monotonic()
        self.assertEqual(self.gateway.chat("local/single", extra={"max_tokens": 1}).status, 200)
        self.assertLess(time.monotonic() - began, 5)
