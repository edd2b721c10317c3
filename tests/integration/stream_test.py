"""Streams of every shape pass byte for byte, as soon as the vendor sends them."""

import threading
import time

from support import dialects
from support.case import GatewayCase
from support.script import Delay, WaitFor, reply, split, sse, stream

USAGE = {"stream_options": {"include_usage": True}}


class Streams(GatewayCase):
    overrides = {"stream": {"heartbeat": "0s"}}

    def relay(self, model, steps):
        self.vendor.script(model, steps)
        return self.gateway.chat(f"lab/{model}", stream=True, extra=USAGE)

    def test_comments_ids_retry_and_odd_line_ends(self):
        for name, wire in {
            "comments": b": hello\n\n: OPENROUTER PROCESSING\n\n" + b"".join(dialects.chat_events()),
            "fields": b"id: 7\nretry: 100\nfoo: bar\n" + b"".join(dialects.chat_events()),
            "crlf": b"".join(dialects.chat_events()).replace(b"\n", b"\r\n"),
            "cr": b"".join(dialects.chat_events()).replace(b"\n", b"\r"),
            "bom": b"\xef\xbb\xbf" + b"".join(dialects.chat_events()),
            "no-space": b"".join(dialects.chat_events()).replace(b"data: ", b"data:"),
            "extra-blank-lines": b"".join(dialects.chat_events()).replace(b"\n\n", b"\n\n\n\n"),
        }.items():
            for sizes in ([1], [5, 2], [100000]):
                with self.subTest(name, sizes=sizes):
                    response = self.relay(f"{name}-{sizes[0]}", stream(split(wire, sizes)))
                    self.assertEqual(response.body, wire)
                    self.assertTrue(response.complete)
                    row = self.row_of(response)
                    self.assertEqual((row["outcome"], row["input_tokens"], row["output_tokens"]), ("ok", 21, 8))

    def test_multibyte_characters_split_anywhere(self):
        events = [sse(dialects.chat_chunk({"content": text})) for text in ("é", "日本語", "👩‍👩‍👧‍👦", "\u2028")]
        wire = "".join(
            f'data: {{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}\n\n' for text in ("é日本語", "👩‍👩‍👧‍👦", "\u2028")
        ).encode() + b"".join(events) + b"".join(dialects.chat_events())
        self.assertEqual(self.relay("multi", stream(split(wire, [1]))).body, wire)

    def test_megabyte_events(self):
        big = sse(dialects.chat_chunk({"content": "x" * (1 << 20)}))
        wire = big + b"".join(dialects.chat_events())
        for sizes in ([1 << 22], [4096], [65536, 1]):
            with self.subTest(sizes=sizes):
                response = self.relay(f"mega-{sizes[0]}", stream(split(wire, sizes)))
                self.assertEqual(response.body, wire)
                self.assertEqual(self.row_of(response)["output_tokens"], 8)

    def test_a_chunk_is_never_held_back(self):
        """Each event is seen by the client while the vendor waits before the next."""
        gates = [threading.Event() for _ in range(5)]
        parts = []
        for number, gate in enumerate(gates):
            parts += [sse(dialects.chat_chunk({"content": f"part{number}"})), WaitFor(gate)]
        self.vendor.script("gated", stream(parts + dialects.chat_events()))
        with self.gateway.connect() as connection:
            from support.gateway import DIMENSIONS
            from support.http1 import request_bytes

            body = {"model": "lab/gated", "stream": True, "messages": [], **USAGE}
            connection.send(request_bytes("POST", "/v1/chat/completions", body, DIMENSIONS))
            seen = b""

            def follow(text):
                nonlocal seen
                seen = text
                for number, gate in enumerate(gates):
                    if f"part{number}".encode() in text:
                        gate.set()
                return False

            response = connection.read(until=follow)
        self.assertTrue(response.complete)
        self.assertTrue(all(gate.is_set() for gate in gates))

    def test_half_an_event_is_passed_on(self):
        """Even bytes that do not end an event yet are not kept for long."""
        event = sse(dialects.chat_chunk({"content": "slow"}))
        response = self.relay("half", stream([event[:30], Delay(0.4), event[30:]] + dialects.chat_events()))
        self.assertEqual(response.body, event + b"".join(dialects.chat_events()))

    def test_time_to_first_token_is_recorded(self):
        head = sse(dialects.chat_chunk({"role": "assistant", "content": ""}))
        response = self.relay("ttft", stream([head, Delay(0.3)] + dialects.chat_events()[1:]))
        row = self.row_of(response)
        self.assertGreaterEqual(row["ttft_ms"], 250)
        self.assertGreaterEqual(row["duration_ms"], row["ttft_ms"])

    def test_stream_without_chunking(self):
        """A vendor that ends the stream by closing the connection."""
        wire = b"".join(dialects.chat_events())
        from support.script import Close, head

        self.vendor.script("until-close", [head(200, {"Content-Type": "text/event-stream", "Connection": "close"}), wire, Close()])
        response = self.gateway.chat("lab/until-close", stream=True, extra=USAGE)
        self.assertEqual(response.body, wire)
        self.assertEqual(self.row_of(response)["outcome"], "ok")

    def test_stream_asked_but_plain_reply(self):
        self.vendor.script("plain", reply(dialects.chat_body()))
        response = self.gateway.chat("lab/plain", stream=True, extra=USAGE)
        self.assertEqual(response.json(), dialects.chat_body())
        self.assertEqual(self.row_of(response)["output_tokens"], 8)

    def test_slow_drip(self):
        wire = b"".join(dialects.chat_events(words=2))
        started = time.monotonic()
        response = self.relay("drip", stream(split(wire, [64]), gap=0.02))
        self.assertEqual(response.body, wire)
        self.assertGreater(len(response.pieces), 5, "pieces arrive as they were sent, not in one lump")
        self.assertLess(time.monotonic() - started, 10)


class Heartbeat(GatewayCase):
    overrides = {"stream": {"heartbeat": "200ms"}}

    def test_comments_while_the_vendor_is_silent(self):
        events = dialects.chat_events()
        self.vendor.script("silent", stream([events[0], Delay(1.0)] + events[1:]))
        response = self.gateway.chat("lab/silent", stream=True, extra=USAGE)
        lines = response.body.split(b"\n\n")
        self.assertTrue(any(line.startswith(b":") for line in lines), response.body[:400])
        self.assertEqual(b"".join(line + b"\n\n" for line in lines if line and not line.startswith(b":")), b"".join(events))
