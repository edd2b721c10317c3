"""A small blocking HTTP/1.1 client for tests: requests are exact bytes, replies keep the times at which pieces arrived."""

import json
import socket
import time


class Response:
    """One reply. `raw` is everything received for it; `pieces` are (seconds since sending, body bytes) as they arrived."""

    def __init__(self):
        self.status = 0
        self.reason = ""
        self.headers = []
        self.body = b""
        self.raw = b""
        self.pieces = []
        self.complete = False  # the framing's end was seen
        self.interim = []  # statuses of 1xx replies before it

    def header(self, name, default=None):
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return default

    def json(self):
        return json.loads(self.body)


class Connection:
    """A keep-alive connection. Every read has a deadline; EOF in the middle leaves `complete` False."""

    def __init__(self, port, host="127.0.0.1", timeout=20.0):
        self.timeout = timeout
        self.sock = socket.create_connection((host, port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.eof = False
        self.sent_at = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.sock.close()

    def send(self, data):
        self.sent_at = time.monotonic()
        self.sock.sendall(data)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def _more(self):
        """Reads once; False at EOF. Raises TimeoutError past the deadline."""
        if self.eof:
            return False
        try:
            data = self.sock.recv(262144)
        except ConnectionError:
            data = b""
        if not data:
            self.eof = True
            return False
        self.buffer += data
        return True

    def _take(self, count):
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_head(self, response):
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                response.raw += self._take(len(self.buffer))
                return False
        head = self._take(self.buffer.index(b"\r\n\r\n") + 4)
        response.raw += head
        lines = head[:-4].decode("latin-1").split("\r\n")
        _, status, *reason = lines[0].split(" ", 2)
        response.status = int(status)
        response.reason = reason[0] if reason else ""
        response.headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        return True

    def read(self, head_request=False, until=None):
        """The next final reply. `until(body)` true stops early, in the middle of a stream."""
        response = Response()
        while True:
            if not self.read_head(response):
                return response
            if response.status >= 200:
                break
            response.interim.append(response.status)
        if head_request or response.status in (204, 304):
            response.complete = True
        elif "chunked" in (response.header("transfer-encoding") or "").lower():
            self._read_chunked(response, until)
        elif response.header("content-length") is not None:
            self._read_length(response, int(response.header("content-length")), until)
        else:
            while until is None or not until(response.body):
                self._piece(response, self._take(len(self.buffer)))
                if not self._more():
                    response.complete = True
                    break
        return response

    def _piece(self, response, data):
        if data:
            response.raw += data
            response.body += data
            response.pieces.append((time.monotonic() - self.sent_at, data))

    def _read_length(self, response, length, until):
        while len(response.body) < length:
            if not self.buffer and not self._more():
                return
            self._piece(response, self._take(length - len(response.body)))
            if until is not None and until(response.body):
                return
        response.complete = True

    def _line(self, response):
        while b"\r\n" not in self.buffer:
            if not self._more():
                return None
        line = self._take(self.buffer.index(b"\r\n") + 2)
        response.raw += line
        return line[:-2]

    def _read_chunked(self, response, until):
        while True:
            line = self._line(response)
            if line is None:
                return
            left = int(line.split(b";")[0], 16)
            if left == 0:
                while True:
                    trailer = self._line(response)
                    if trailer is None:
                        return
                    if not trailer:
                        response.complete = True
                        return
            while left:
                if not self.buffer and not self._more():
                    return
                piece = self._take(left)
                left -= len(piece)
                self._piece(response, piece)
            if self._line(response) is None:
                return
            if until is not None and until(response.body):
                return

    def closed_by_peer(self, within=5.0):
        """True when the peer closes (or resets) within that time without sending more."""
        self.sock.settimeout(within)
        try:
            return not self._more()
        except TimeoutError:
            return False
        finally:
            self.sock.settimeout(self.timeout)


def request_bytes(method, path, body=b"", headers=None, host="127.0.0.1"):
    """A well-formed request with Content-Length. A dict body becomes JSON."""
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    if isinstance(body, str):
        body = body.encode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    named = {name.lower() for name in (headers or {})}
    if body and "content-type" not in named:
        lines.append("Content-Type: application/json")
    if (body or method == "POST") and "content-length" not in named and "transfer-encoding" not in named:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def call(port, method, path, body=b"", headers=None, timeout=20.0, until=None):
    """One request on a connection of its own."""
    with Connection(port, timeout=timeout) as connection:
        connection.send(request_bytes(method, path, body, headers))
        return connection.read(head_request=method == "HEAD", until=until)
