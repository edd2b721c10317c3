"""Requests whose framing two readers could understand differently are refused with 400 and the connection is closed."""

from support.case import GatewayCase
from support.gateway import DIMENSIONS

TAIL = b'{"model":"gpt-mock","messages":[]}'
LENGTH = b"Content-Length: %d\r\n" % len(TAIL)
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(TAIL), TAIL)
SMUGGLED = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
LINE = b"POST /v1/chat/completions HTTP/1.1\r\n"
HOST = b"Host: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"

# name -> the whole request as sent
CASES = {
    "length and chunked": LINE + HOST + LENGTH + CHUNKED + b"\r\n" + CHUNKS,
    "chunked and length": LINE + HOST + CHUNKED + LENGTH + b"\r\n" + CHUNKS,
    "two lengths that differ": LINE + HOST + LENGTH + b"Content-Length: 3\r\n\r\n" + TAIL,
    "a list of lengths that differ": LINE + HOST + b"Content-Length: 3, %d\r\n\r\n" % len(TAIL) + TAIL,
    "negative length": LINE + HOST + b"Content-Length: -1\r\n\r\n" + TAIL,
    "signed length": LINE + HOST + b"Content-Length: +%d\r\n\r\n" % len(TAIL) + TAIL,
    "hex length": LINE + HOST + b"Content-Length: 0x22\r\n\r\n" + TAIL,
    "length with a blank inside": LINE + HOST + b"Content-Length: 3 4\r\n\r\n" + TAIL,
    "length beyond 64 bits": LINE + HOST + b"Content-Length: 18446744073709551617\r\n\r\n" + TAIL,
    "empty length": LINE + HOST + b"Content-Length: \r\n\r\n" + TAIL,
    "unknown coding": LINE + HOST + b"Transfer-Encoding: gzip\r\n\r\n" + CHUNKS,
    "unknown coding with length": LINE + HOST + LENGTH + b"Transfer-Encoding: gzip\r\n\r\n" + TAIL,
    "chunked is not last": LINE + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKS,
    "chunked twice": LINE + HOST + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + CHUNKS,
    "chunked in two headers": LINE + HOST + CHUNKED + b"Transfer-Encoding: identity\r\n\r\n" + CHUNKS,
    "chunked misspelt": LINE + HOST + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS,
    "chunked with vertical tab": LINE + HOST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKS,
    "chunked on HTTP/1.0": LINE.replace(b"1.1", b"1.0") + HOST + CHUNKED + b"\r\n" + CHUNKS,
    "blank before the colon": LINE + HOST + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKS,
    "blank before the colon of length": LINE + HOST + LENGTH.replace(b":", b" :") + b"\r\n" + TAIL,
    "folded header": LINE + HOST + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNKS,
    "header line without colon": LINE + HOST + LENGTH + b"oops\r\n\r\n" + TAIL,
    "NUL in a header": LINE + HOST + LENGTH + b"X: a\x00b\r\n\r\n" + TAIL,
    "bare CR in a header": LINE + HOST + LENGTH + b"X: a\rContent-Length: 0\r\n\r\n" + TAIL,
    "bare LF ends lines": (LINE + HOST + LENGTH + b"\r\n").replace(b"\r\n", b"\n") + TAIL,
    "no host": LINE + LENGTH + b"\r\n" + TAIL,
    "two hosts": LINE + HOST + b"Host: y\r\n" + LENGTH + b"\r\n" + TAIL,
    "blank at the start": b" " + LINE + HOST + LENGTH + b"\r\n" + TAIL,
    "two blanks in the request line": LINE.replace(b" /", b"  /") + HOST + LENGTH + b"\r\n" + TAIL,
    "tab in the request line": LINE.replace(b" /", b"\t/") + HOST + LENGTH + b"\r\n" + TAIL,
    "lower-case http": LINE.replace(b"HTTP", b"http") + HOST + LENGTH + b"\r\n" + TAIL,
    "chunk size with 0x": LINE + HOST + CHUNKED + b"\r\n0x" + CHUNKS,
    "chunk size with a sign": LINE + HOST + CHUNKED + b"\r\n+" + CHUNKS,
    "chunk size too large": LINE + HOST + CHUNKED + b"\r\nfffffffffffffffff\r\n" + TAIL,
    "chunk size empty": LINE + HOST + CHUNKED + b"\r\n\r\n" + TAIL,
    "chunk size ended by LF": LINE + HOST + CHUNKED + b"\r\n" + CHUNKS.replace(b"\r\n", b"\n", 1),
    "chunk data longer than its size": LINE + HOST + CHUNKED + b"\r\n2\r\nabc\r\n0\r\n\r\n",
    "endless chunk extension": LINE + HOST + CHUNKED + b"\r\n5;" + b"a" * 20000,
    "endless trailer": LINE + HOST + CHUNKED + b"\r\n" + CHUNKS[:-2] + b"X-T: a\r\n" * 5000,
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "garbage": bytes(range(128, 256)) * 4 + b"\r\n\r\n",
}


class Smuggling(GatewayCase):
    def test_refused_and_closed(self):
        upstream = len(self.vendor.requests)
        for name, request in CASES.items():
            with self.subTest(name), self.gateway.connect(timeout=5) as connection:
                connection.send(request + SMUGGLED)
                response = connection.read()
                self.assertIn(response.status, (400, 413, 431, 501, 505), response.raw[:300])
                self.assertEqual((response.header("connection") or "").lower(), "close")
                self.assertTrue(connection.closed_by_peer(), "the smuggled request must never be answered")
                self.assertEqual(connection.buffer, b"")
        self.assertEqual(len(self.vendor.requests), upstream, "nothing of this may reach a vendor")
        self.assertEqual(self.gateway.chat().status, 200)

    def test_what_is_legal_still_passes(self):
        tags = "".join(f"{name}: {value}\r\n" for name, value in DIMENSIONS.items()).encode()
        legal = {
            "equal lengths in a list are one length or refused": (LINE + HOST + tags + b"Content-Length: %d\r\n" % len(TAIL) + b"\r\n" + TAIL, (200,)),
            "chunk extension": (LINE + HOST + tags + CHUNKED + b"\r\n" + CHUNKS.replace(b"\r\n", b";a=b\r\n", 1), (200,)),
            "upper-case chunked": (LINE + HOST + tags + b"TRANSFER-ENCODING: CHUNKED\r\n\r\n" + CHUNKS, (200,)),
            "trailer": (LINE + HOST + tags + CHUNKED + b"\r\n" + CHUNKS[:-2] + b"X-T: a\r\n\r\n", (200,)),
            "one blank line before": (b"\r\n" + LINE + HOST + tags + LENGTH + b"\r\n" + TAIL, (200,)),
        }
        for name, (request, statuses) in legal.items():
            with self.subTest(name), self.gateway.connect(timeout=5) as connection:
                connection.send(request + SMUGGLED)
                self.assertIn(connection.read().status, statuses)
                self.assertEqual(connection.read().status, 200, "the next request stands right behind the body")

    def test_trailers_never_become_headers(self):
        with self.gateway.connect() as connection:
            connection.send(LINE + HOST + CHUNKED + b"\r\n" + CHUNKS[:-2] + b"x-tollgate-team: smuggled\r\n\r\n")
            row = self.row_of(connection.read())
        self.assertEqual(row["team"], "unassigned")


class BadVendor(GatewayCase):
    """The same strictness towards vendors: a reply that cannot be trusted is a 502, never half a reply to the client."""

    overrides = {"retry": {"max_attempts": 1}}

    def test_replies_with_broken_framing(self):
        body = b'{"id":"x","usage":{}}'
        ok = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        for name, wire in {
            "length and chunked": ok + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + body,
            "two lengths": ok + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + body,
            "garbage": b"\x00\x01\x02\x03" * 100,
            "not http": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
            "status": b"HTTP/1.1 2x0 OK\r\n\r\n",
            "endless head": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 60000,
            "bad chunk": ok + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body,
        }.items():
            with self.subTest(name):
                self.vendor.script(name, [wire])
                response = self.gateway.chat(f"lab/{name}")
                self.assertEqual(response.status, 502, response.raw[:300])
                self.assertEqual(self.row_of(response)["outcome"], "error")
