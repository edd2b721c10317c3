"""The vocabulary in which the fake vendor's replies are written: a reply is a list of steps, bytes among them."""

import json
import struct
import zlib


class Delay:
    """Wait that many seconds."""

    def __init__(self, seconds):
        self.seconds = seconds


class WaitFor:
    """Wait until the test sets a threading.Event (bounded)."""

    def __init__(self, event, limit=30.0):
        self.event = event
        self.limit = limit


class Reset:
    """Close the connection with RST."""


class Close:
    """Close the connection in an orderly way, whatever the framing promised."""


class Hold:
    """Send nothing more until the client closes, at most `limit` seconds."""

    def __init__(self, limit=30.0):
        self.limit = limit


def head(status=200, headers=None, reason="OK"):
    lines = [f"HTTP/1.1 {status} {reason}"] + [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def reply(body, status=200, headers=None, content_type="application/json"):
    """A whole reply with Content-Length. A dict body becomes JSON."""
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    return [head(status, {"Content-Type": content_type, **(headers or {}), "Content-Length": len(body)}) + body]


def chunk(data):
    return b"%x\r\n" % len(data) + data + b"\r\n"


LAST_CHUNK = b"0\r\n\r\n"


def stream_head(headers=None, content_type="text/event-stream; charset=utf-8"):
    return head(200, {"Content-Type": content_type, "Transfer-Encoding": "chunked", **(headers or {})})


def split(data, sizes):
    """Cuts data into pieces whose sizes repeat the given list: the vendor's chunk boundaries."""
    pieces, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        pieces.append(data[at : at + size])
        at += size
        turn += 1
    return pieces


def stream(parts, headers=None, content_type="text/event-stream; charset=utf-8", gap=0.0, end=True):
    """A chunked reply; each part is one chunk and one write. Steps among the parts are kept as they are."""
    steps = [stream_head(headers, content_type)]
    for part in parts:
        steps.append(chunk(part) if isinstance(part, bytes) else part)
        if gap:
            steps.append(Delay(gap))
    if end:
        steps.append(LAST_CHUNK)
    return steps


def sse(data, event=None):
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {event}\n" if event else "").encode() + b"data: " + text.encode() + b"\n\n"


def aws_frame(payload, kind, message_type="event"):
    """One frame of an AWS event stream: lengths and CRC32 of the prelude, headers of type 7 (text), the payload, CRC32 of all."""
    named = ":exception-type" if message_type == "exception" else ":event-type"
    headers = b""
    for name, value in ((named, kind), (":content-type", "application/json"), (":message-type", message_type)):
        headers += struct.pack(">B", len(name)) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    body = json.dumps(payload, ensure_ascii=False).encode()
    prelude = struct.pack(">II", len(headers) + len(body) + 16, len(headers))
    start = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return start + struct.pack(">I", zlib.crc32(start))


def aws_frames(data):
    """(headers, payload) of each frame of an AWS event stream; every header is a text."""
    at = 0
    while at < len(data):
        total, length = struct.unpack(">II", data[at : at + 8])
        block, headers, place = data[at + 12 : at + 12 + length], {}, 0
        while place < len(block):
            end = place + 1 + block[place]
            size = struct.unpack(">H", block[end + 1 : end + 3])[0]
            headers[block[place + 1 : end].decode()] = block[end + 3 : end + 3 + size].decode()
            place = end + 3 + size
        yield headers, json.loads(data[at + 12 + length : at + total - 4])
        at += total
