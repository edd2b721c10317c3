"""A web server with one file that fails on demand, for `tollgate model pull`.

    with FileServer(data) as server:
        server.cut_after = [1000]       # the first answer ends after 1,000 bytes of body
        server.requests                 # [(path, headers)], and server.sent: bytes of body for each
"""

import http.server
import threading
import time


class FileServer:
    def __init__(self, data, etag='"one"'):
        self.data, self.etag = data, etag
        self.cut_after, self.stall_after = [], []  # for one answer each, in turn; None = not this time
        self.refuse = []        # statuses (or (status, headers)) for the next requests
        self.redirects = {}     # path -> (status, Location)
        self.extra = {}         # headers of every answer, redirects among them
        self.ranges, self.length = True, True
        self.announce = 0       # a wrong Content-Length: this many bytes more
        self.requests, self.sent = [], []
        self.closing = threading.Event()
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.httpd.daemon_threads = True
        self.port = self.httpd.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.httpd.shutdown()
        self.httpd.server_close()

    def url(self, path="/model.gguf"):
        return f"http://127.0.0.1:{self.port}{path}"

    def headers(self, index):
        return {name.lower(): value for name, value in self.requests[index][1].items()}

    def _handler(outer):
        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def head(self, status, headers):
                self.send_response(status)
                for name, value in {**outer.extra, **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def do_GET(self):
                outer.requests.append((self.path, self.headers))
                outer.sent.append(0)
                index = len(outer.sent) - 1
                self.close_connection = True
                if outer.refuse:
                    refused = outer.refuse.pop(0)
                    status, headers = refused if isinstance(refused, tuple) else (refused, {})
                    return self.head(status, {"Content-Length": "0", **headers})
                if self.path in outer.redirects:
                    status, location = outer.redirects[self.path]
                    return self.head(status, {"Location": location, "Content-Length": "0"})
                self.serve(index)

            def serve(self, index):
                first, status = 0, 200
                asked, condition = self.headers.get("Range"), self.headers.get("If-Range")
                if outer.ranges and asked and condition in (None, outer.etag):
                    first, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
                total = len(outer.data)
                if first >= total:
                    return self.head(416, {"Content-Range": f"bytes */{total}", "Content-Length": "0"})
                headers = {"ETag": outer.etag} if outer.etag else {}
                if outer.length:
                    headers["Content-Length"] = str(total - first + outer.announce)
                if status == 206:
                    headers["Content-Range"] = f"bytes {first}-{total - 1}/{total}"
                self.head(status, headers)
                cut = outer.cut_after.pop(0) if outer.cut_after else None
                stall = outer.stall_after.pop(0) if outer.stall_after else None
                body = outer.data[first:]
                stop = min(len(body), *(n for n in (cut, stall) if n is not None)) if cut is not None or stall is not None else len(body)
                try:
                    for at in range(0, stop, 65536):
                        outer.sent[index] += self.wfile.write(body[at:min(at + 65536, stop)])
                    if stall is not None:
                        outer.closing.wait(60)
                except OSError:
                    pass

        return Handler


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it did not happen")
        time.sleep(0.01)
