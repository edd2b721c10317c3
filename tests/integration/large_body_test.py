"""Big requests and replies within the limits pass; beyond them they are refused with a clear answer."""

import json

from support import dialects, http1
from support.case import GatewayCase
from support.gateway import DIMENSIONS
from support.script import chunk, reply, split, stream_head, LAST_CHUNK


class LargeBody(GatewayCase):
    overrides = {"server": {"max_body_bytes": "12MiB"}}

    def test_ten_megabytes_both_ways(self):
        text = "y" * (10 << 20)
        answer = json.dumps({**dialects.chat_body(), "padding": text}).encode()
        self.vendor.script("big", reply(answer))
        response = self.gateway.chat("lab/big", extra={"padding": text})
        self.assertEqual(response.body, answer)
        self.assertEqual(self.vendor.requests[-1].json()["padding"], text)
        self.assertEqual(self.row_of(response)["output_tokens"], 8)

    def test_chunked_request_in_many_pieces(self):
        text = json.dumps({"model": "gpt-mock", "messages": [{"role": "user", "content": "z" * 300000}]}).encode()
        with self.gateway.connect() as connection:
            head = http1.request_bytes("POST", "/v1/chat/completions", b"", {**DIMENSIONS, "Transfer-Encoding": "chunked"})
            connection.send(head)
            for piece in split(text, [1, 7, 30000, 2, 65537]):
                connection.send(chunk(piece))
            connection.send(LAST_CHUNK)
            response = connection.read()
        self.assertEqual(response.status, 200, response.body)
        self.assertEqual(self.vendor.requests[-1].body, text)

    def test_chunked_plain_reply(self):
        answer = json.dumps(dialects.chat_body()).encode()
        self.vendor.script("chunked", [stream_head(content_type="application/json")] + [chunk(p) for p in split(answer, [10, 1])] + [LAST_CHUNK])
        response = self.gateway.chat("lab/chunked")
        self.assertEqual(response.body, answer)
        self.assertEqual(self.row_of(response)["output_tokens"], 8)

    def test_too_large_is_413(self):
        for declared in (True, False):
            with self.subTest(declared=declared), self.gateway.connect() as connection:
                if declared:
                    size = 13 << 20
                    connection.send(http1.request_bytes("POST", "/v1/chat/completions", b"", {**DIMENSIONS, "Content-Length": str(size)}))
                else:
                    connection.send(http1.request_bytes("POST", "/v1/chat/completions", b"", {**DIMENSIONS, "Transfer-Encoding": "chunked"}))
                    try:
                        for _ in range(13):
                            connection.send(chunk(b" " * (1 << 20)))
                    except ConnectionError:
                        pass
                response = connection.read()
                self.assertEqual(response.status, 413, response.raw[:200])
                self.assertIn("error", response.json())

    def test_head_too_large_is_431(self):
        response = self.gateway.chat(headers={"X-Long": "a" * 100000})
        self.assertEqual(response.status, 431)
