"""Recorded exchanges of real vendors through the gateway: every byte arrives unchanged, and the row holds the reported usage.

Each recording is replayed once, with one of several upstream chunkings; TOLLGATE_REPLAY=all does all chunkings for each.
"""

import os
import unittest
import zlib

from support import exchanges, http1
from support.fake_vendor import FakeVendor
from support.gateway import DIMENSIONS, Gateway, base_config

CHUNKINGS = [None, [1000], [17, 400], [1]]
FOLDER = exchanges.data_dir()


def sides(row):
    """Tokens of the row on the input and on the output side; the buckets are disjoint."""
    names = [name for name in row if name.endswith("_tokens") and name != "cache_write_tokens"]  # that one is a sum
    output = [name for name in names if name.startswith(("output", "reasoning", "audio_output", "image_output"))]
    return sum(row[name] or 0 for name in names if name not in output), sum(row[name] or 0 for name in output)


def anthropic_usage(reported):
    """message_start and message_delta of a stream, last value wins; a turn of several model calls lists each as an iteration."""
    merged = {}
    for part in (reported.get("message_start"), reported.get("message_delta")) if "message_start" in reported else (reported,):
        merged.update({key: value for key, value in (part or {}).items() if value is not None})
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    steps = merged.get("iterations") or [merged]
    return [sum(step.get(name) or 0 for step in steps) for name in names]


def problem(exchange, row):
    """What is wrong with the row's counts, judged by simple sums over the vendor's own usage object; None when it agrees."""
    usage = exchange.usage
    got_in, got_out = sides(row)
    if exchange.surface == "count_tokens":
        return None if got_out == 0 else "counting tokens generates nothing"
    if exchange.surface == "messages":
        want = anthropic_usage(usage)
        got = [row["input_tokens"], row["cache_read_tokens"], row["cache_write_tokens"], got_out]
        return None if want == got else f"want {want}, got {got}"
    want_in = usage.get("prompt_tokens", usage.get("input_tokens")) or 0
    want_out = usage.get("completion_tokens", usage.get("output_tokens")) or 0
    total = usage.get("total_tokens")
    if (got_in, got_out) == (want_in, want_out):
        return None
    # Some vendors count hidden reasoning beside the completion; their own total tells.
    if total is not None and got_in + got_out == total and got_in == want_in:
        return None
    return f"want {want_in}+{want_out} (total {total}), got {got_in}+{got_out}"


@unittest.skipUnless(FOLDER, "recorded exchanges are absent (TOLLGATE_DATA_DIR)")
class Replay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # A fixture of several streams one after the other is not one reply.
        cls.exchanges = [e for e in exchanges.load(FOLDER) if e.reply_body.count(b'"type":"message_start"') < 2]
        cls.vendor = cls.enterClassContext(FakeVendor())
        names = sorted({exchange.provider for exchange in cls.exchanges})
        providers, prices = {}, []
        for name in names:
            for suffix, dialect in (("", "openai.chat"), ("-messages", "anthropic.messages")):
                # Names of their own: the shipped rows of vendors limit surfaces, and these recordings do not.
                providers[f"rec-{name}{suffix}"] = {"dialect": dialect, "base_url": f"{cls.vendor.url}/v1", "api_key": "none"}
                prices.append({"target": f"rec-{name}{suffix}/*", "input": 1, "output": 2})
        providers["rec-xai"]["usage_flags"] = ["additive_reasoning"]
        providers["rec-groq"]["usage_flags"] = ["x_groq"]
        config = base_config(cls.vendor, providers=providers, prices=prices, retry={"max_attempts": 1}, stream={"heartbeat": "0"})
        cls.gateway = cls.enterClassContext(Gateway(config))

    def replay(self, connection, exchange, sizes):
        """One exchange; (request id, problem or None)."""
        target = "rec-" + exchange.provider + ("-messages" if exchange.surface in ("messages", "count_tokens") else "")
        name = f"{exchange.id}-{sizes}"
        self.vendor.script(name, exchange.steps(sizes))
        body = exchange.request(f"{target}/{name}")
        connection.send(http1.request_bytes("POST", exchange.path, body, DIMENSIONS))
        response = connection.read()
        sent = self.vendor.requests[-1]
        identity = response.header("x-tollgate-request-id")
        if sent.body != exchange.request(name):
            return identity, "the vendor got another body than the client sent"
        if response.status != exchange.status:
            return identity, f"status {response.status} instead of {exchange.status}"
        if response.body != exchange.reply_body or not response.complete:
            return identity, f"{len(response.body)} bytes of {len(exchange.reply_body)}, or not the same ones"
        return identity, None

    def test_bytes_and_rows(self):
        problems, done = [], {}
        connection = self.gateway.connect()
        for exchange in self.exchanges:
            turn = zlib.crc32(exchange.id.encode())
            chosen = CHUNKINGS if os.environ.get("TOLLGATE_REPLAY") == "all" else [CHUNKINGS[turn % len(CHUNKINGS)]]
            for sizes in chosen:
                if sizes == [1] and len(exchange.reply_body) > 20000:
                    sizes = [7, 1]
                try:
                    identity, wrong = self.replay(connection, exchange, sizes)
                except OSError as error:
                    identity, wrong = None, f"{type(error).__name__} {error}"
                if wrong:
                    problems.append(f"{exchange.id} {sizes}: {wrong}")
                    connection.close()
                    self.assertTrue(self.gateway.running(), f"the gateway died: {problems[-1]}\n{self.gateway.log()[-1500:]}")
                    connection = self.gateway.connect()
                if identity:
                    done[identity] = exchange
        connection.close()
        rows = {row["request_id"]: row for row in self.gateway.rows(len(done), limit=30)}
        for identity, exchange in done.items():
            row = rows.get(identity)
            if row is None:
                problems.append(f"{exchange.id}: no row")
            elif exchange.usage and exchange.status == 200:
                wrong = problem(exchange, row)
                if wrong:
                    problems.append(f"{exchange.id}: {wrong}; reported {exchange.usage}")
        print(f"{len(done)} exchanges replayed, {len(problems)} problems")
        if problems:
            self.fail(f"{len(problems)} problems\n" + "\n".join(problems[:200]))
