"""A private Redis server on a free port, from the installed binary; nothing is kept on disk."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from support.gateway import free_port

BINARY = shutil.which("redis-server")


class Redis:
    """Needs a password. stop() is kill -9; start() comes back on the same port, empty."""

    password = "a-store-password"

    def __init__(self):
        self.port = free_port()
        self.root = tempfile.mkdtemp(prefix="tollgate-redis-")
        self.process = None

    @property
    def url(self):
        return f"redis://:{self.password}@127.0.0.1:{self.port}/2"

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def start(self):
        command = [BINARY, "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no", "--dir", self.root, "--requirepass", self.password]
        with open(os.path.join(self.root, "log"), "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            try:
                self.call(b"PING")
                return self
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def freeze(self, frozen):
        self.process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def call(self, *words):
        """The reply to one command in database 2: bytes, None, a number or a list of them."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as sock, sock.makefile("rb") as file:
            for command in ((b"AUTH", self.password.encode()), (b"SELECT", b"2"), words):
                sock.sendall(b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in command))
                reply = self._read(file)
            return reply

    def _read(self, file):
        line = file.readline()
        if not line:
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else file.read(int(rest) + 2)[:-2]
        return [self._read(file) for _ in range(int(rest))] if kind == b"*" else rest

    def values(self):
        return {key: self.call(b"GET", key) for key in self.call(b"KEYS", b"*")}
