"""The vocabulary in which the fake vendor's replies are written: a reply is a list of steps, bytes among them."""

import json


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
