"""A scripted LLM vendor: a raw HTTP/1.1 server whose replies are exact bytes with exact boundaries, delays and failures.

    with FakeVendor() as vendor:
        vendor.script("some-model", [b"HTTP/1.1 200 OK...", Delay(1), Reset()])   # by the model in the request's body
        vendor.requests                                                             # everything it was sent, raw

A script may also be a function from Request to a list of steps, or a list of scripts used one after the other (`turns`).
Requests for other models get the default reply of their surface. Runs in a thread of its own.
"""

import argparse
import asyncio
import json
import re
import socket
import struct
import threading
import time
import urllib.parse

from support.dialects import default_reply
from support.script import Close, Delay, Hold, Reset, WaitFor


class Request:
    """One request as received. `aborted_at`: when the client was seen to leave before the reply was over."""

    def __init__(self, head, body, connection):
        self.raw_head = head
        self.body = body
        self.connection = connection  # number of the connection it came on
        self.at = time.monotonic()
        self.aborted_at = None
        self.finished_at = None
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ", 2)
        self.headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line]

    def header(self, name):
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def model(self):
        body = self.json()
        if isinstance(body, dict) and isinstance(body.get("model"), str):
            return body["model"]
        named = re.search(r"/models?/([^/:?]+)", self.target)  # Gemini and Bedrock name it in the path
        return urllib.parse.unquote(named[1]) if named else ""


class FakeVendor:
    def __init__(self, port=0):
        self.requests = []
        self.connections = 0
        self.open_connections = 0
        self.port = port
        self._scripts = {}
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("fake vendor did not start")
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def script(self, model, steps):
        """Every request for `model` gets these steps (or what a function of the request returns)."""
        self._scripts[model] = [steps]

    def turns(self, model, scripts):
        """The first request gets the first script and so on; the last one repeats."""
        self._scripts[model] = list(scripts)

    def seen(self, model):
        return [request for request in list(self.requests) if request.model == model]

    def wait_for(self, predicate, limit=10.0):
        """Polls until predicate(self) holds; its value, or None when time is up."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            value = predicate(self)
            if value:
                return value
            time.sleep(0.01)
        return None

    # -- server side, on the loop's thread --------------------------------------------------------------------------
    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=64 << 20, backlog=1024)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader, writer):
        self.connections += 1
        self.open_connections += 1
        number = self.connections
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                request = await read_request(reader, number)
                if request is None:
                    break
                self.requests.append(request)
                if not await self._answer(request, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open_connections -= 1
            writer.close()

    def _steps_for(self, request):
        scripts = self._scripts.get(request.header("x-fake-scenario") or request.model)
        if scripts is None:
            return default_reply(request)
        steps = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        return steps(request) if callable(steps) else steps

    async def _answer(self, request, reader, writer):
        """Plays the steps; False when the connection is over."""
        try:
            over = await self._play(self._steps_for(request), reader, writer)
        except ConnectionError:
            over = True
        if over and (reader.at_eof() or reader.exception() is not None):
            request.aborted_at = time.monotonic()
        if over:
            return False
        request.finished_at = time.monotonic()
        return (request.header("connection") or "").lower() != "close"

    async def _play(self, steps, reader, writer):
        """True when the connection is over, by a step or by the client."""
        for step in steps:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif isinstance(step, Reset):
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
                return True
            elif isinstance(step, Close):
                return True
            else:
                await self._pause(step, reader)
            if reader.at_eof() or writer.is_closing():
                return True
        return False

    async def _pause(self, step, reader):
        end = time.monotonic() + (step.seconds if isinstance(step, Delay) else step.limit)
        while time.monotonic() < end and not reader.at_eof():
            if isinstance(step, WaitFor) and step.event.is_set():
                return
            if reader.exception() is not None:
                raise ConnectionResetError
            await asyncio.sleep(min(0.01, max(0.0, end - time.monotonic())))


async def read_request(reader, connection):
    """The next request with its body out of its framing, or None at EOF."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    low = head.lower()
    if b"\r\ntransfer-encoding: chunked" in low:
        body = b""
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            if size == 0:
                while await reader.readuntil(b"\r\n") != b"\r\n":
                    pass
                break
            body += (await reader.readexactly(size + 2))[:-2]
    else:
        length = 0
        for line in low.split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        body = await reader.readexactly(length)
    return Request(head[:-4], body, connection)


def main():
    parser = argparse.ArgumentParser(description="Serves the default replies of every surface until interrupted.")
    parser.add_argument("--port", type=int, default=9901)
    with FakeVendor(parser.parse_args().port) as vendor:
        print(vendor.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
