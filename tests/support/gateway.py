"""Starts the real binary on free ports with a temporary state directory, and looks at it from outside: HTTP, logs, ledger.

    with FakeVendor() as vendor, Gateway(base_config(vendor)) as gateway:
        reply = gateway.post("/v1/chat/completions", {...})
        rows = gateway.rows(1)
"""

import copy
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

from support import http1

BINARY = os.environ.get("TOLLGATE_BINARY", "")
DIMENSIONS = {"x-tollgate-team": "search", "x-tollgate-feature": "answers", "x-tollgate-env": "dev"}


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def base_config(vendor, **overrides):
    """One OpenAI-type vendor `lab` and one Anthropic-type vendor `ant`, both played by the fake; open auth; known prices."""
    config = {
        "auth": {"mode": "open"},
        "attribution": {"missing": "default", "defaults": {"team": "unassigned", "feature": "unassigned", "environment": "dev"}},
        "providers": {
            "lab": {"dialect": "openai.chat", "base_url": f"{vendor.url}/v1", "api_key": "none"},
            "ant": {"dialect": "anthropic.messages", "base_url": f"{vendor.url}/v1", "api_key": "none"},
        },
        "models": {"gpt-mock": {"targets": ["lab/gpt-mock"]}, "claude-mock": {"targets": ["ant/claude-mock"]}},
        "prices": [
            {"target": "lab/*", "input": 2.50, "cache_read": 0.25, "output": 10.00},
            {"target": "ant/*", "input": 1.00, "cache_read": 0.10, "cache_write_5m": 1.25, "output": 5.00},
        ],
    }
    return merged(config, overrides)


def merged(base, changes):
    """`base` with `changes` on top, maps merged deeply; a None removes the key."""
    result = copy.deepcopy(base)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


class Gateway:
    """The process under test. `state_dir`, `config_file` and ports survive stop(), so that start() continues the same life."""

    def __init__(self, config, env=None, state_dir=None, binary=None):
        self.binary = binary or BINARY
        if not os.access(self.binary, os.X_OK):
            raise RuntimeError("TOLLGATE_BINARY does not name the tollgate binary")
        self.root = tempfile.mkdtemp(prefix="tollgate-test-")
        self.state_dir = state_dir or os.path.join(self.root, "state")  # made by the gateway itself
        self.config_file = os.path.join(self.root, "tollgate.yaml")
        self.log_file = os.path.join(self.root, "log")
        self.port, self.admin_port = free_port(), free_port()
        self.env = {**os.environ, **(env or {})}
        self.process = None
        self.write_config(config)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.root, ignore_errors=True)

    # -- life ---------------------------------------------------------------------------------------------------------
    def write_config(self, config):
        """JSON is YAML. The file is replaced atomically, as an editor or a config map does."""
        if isinstance(config, dict):
            self.config = config
            own = {
                "listen": f"127.0.0.1:{self.port}",
                "admin": f"127.0.0.1:{self.admin_port}",
                "threads": 2,
                "state_dir": self.state_dir,
            }
            text = json.dumps({**own, **config}, indent=1)
        else:
            text = config
        with open(self.config_file + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(self.config_file + ".new", self.config_file)

    def start(self, wait=True, limit=20.0):
        command = [self.binary, "serve", "--config", self.config_file]
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.env)
        if wait:
            self.wait_ready(limit)
        return self

    def wait_ready(self, limit=20.0):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"gateway ended with {self.process.returncode}: {self.log()[-2000:]}")
            try:
                if http1.call(self.admin_port, "GET", "/readyz", timeout=2.0).status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.01)
        raise RuntimeError(f"gateway not ready after {limit} s: {self.log()[-2000:]}")

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9 and reap."""
        if self.running():
            self.process.kill()
        if self.process is not None:
            self.process.wait(10)

    def stop(self, limit=20.0):
        """SIGTERM; the exit status."""
        self.signal(signal.SIGTERM)
        return self.process.wait(limit)

    # -- from outside -------------------------------------------------------------------------------------------------
    def connect(self, timeout=20.0):
        return http1.Connection(self.port, timeout=timeout)

    def call(self, method, path, body=b"", headers=None, **options):
        return http1.call(self.port, method, path, body, {**DIMENSIONS, **(headers or {})}, **options)

    def post(self, path, body, headers=None, **options):
        return self.call("POST", path, body, headers, **options)

    def chat(self, model="gpt-mock", headers=None, stream=False, extra=None, **options):
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **(extra or {})}
        if stream:
            body["stream"] = True
        return self.post("/v1/chat/completions", body, headers, **options)

    def admin(self, path, method="GET", headers=None):
        return http1.call(self.admin_port, method, path, headers=headers)

    def metric(self, name, **labels):
        """Sum over the series of a metric whose labels include these; 0.0 when there is none."""
        total = 0.0
        for line in self.admin("/metrics").body.decode().splitlines():
            match = re.match(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name:
                found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
                if all(found.get(key) == value for key, value in labels.items()):
                    total += float(match[3])
        return total

    def log(self):
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_log(self, text, limit=10.0):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if text in self.log():
                return True
            time.sleep(0.02)
        return False

    def rss_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    # -- the ledger ---------------------------------------------------------------------------------------------------
    def query(self, sql, *arguments):
        """Rows of the SQLite ledger as dicts; none while it does not exist yet."""
        path = os.path.join(self.state_dir, "ledger.db")
        if not os.path.exists(path):
            return []
        connection = sqlite3.connect(path, timeout=10.0)
        try:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, arguments)]
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
        finally:
            connection.close()

    def rows(self, count, where="1", limit=10.0):
        """Cost records in order, once there are at least `count`; fewer when time is up (the caller's assertion says so)."""
        end = time.monotonic() + limit
        while True:
            found = self.query(f"SELECT * FROM cost_records WHERE {where} ORDER BY started_at, request_id, attempt")
            if len(found) >= count or time.monotonic() > end:
                return found
            time.sleep(0.05)
