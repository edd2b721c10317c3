"""kill -9 in a loop under load: every response that a client saw complete must be in the ledger, once, with its exact cost.

    python3 tests/integration/crash_soak.py --binary build/release/tollgate --requests 50000 --kill-every 500

Prints one summary line; exit status 1 when a record is missing, doubled or wrong.
"""

import argparse
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from support import http1  # noqa: E402
from support.fake_vendor import FakeVendor  # noqa: E402
from support.gateway import DIMENSIONS, Gateway, base_config  # noqa: E402


class Load:
    """Clients on keep-alive connections that remember which request ids were answered in full."""

    def __init__(self, gateway, clients, total):
        self.gateway = gateway
        self.left = total
        self.lock = threading.Lock()
        self.complete = {}  # request id -> streamed
        self.broken = 0
        self.refused = 0
        self.threads = [threading.Thread(target=self._client, args=(i,), daemon=True) for i in range(clients)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def running(self):
        return any(thread.is_alive() for thread in self.threads)

    def _take(self):
        with self.lock:
            self.left -= 1
            return self.left >= 0

    def _client(self, number):
        connection = None
        turn = random.Random(number)
        while self._take():
            streaming = turn.random() < 0.4
            body = {"model": "gpt-mock", "stream": streaming, "messages": [{"role": "user", "content": "hi"}]}
            try:
                connection = connection or http1.Connection(self.gateway.port, timeout=10)
                connection.send(http1.request_bytes("POST", "/v1/chat/completions", body, DIMENSIONS))
                response = connection.read()
            except OSError:
                response = None
            whole = response is not None and response.complete and (not streaming or b"[DONE]" in response.body)
            with self.lock:
                if whole and response.status == 200:
                    self.complete[response.header("x-tollgate-request-id")] = streaming
                elif whole:
                    self.refused += 1
                else:
                    self.broken += 1
            if not whole:
                if connection:
                    connection.close()
                connection = None
                time.sleep(0.02)


def soak(binary, requests, kill_every, clients=8, seed=1, config=None):
    """Kills about every `kill_every` requests, in the middle of others; a dict of counts and the list of problems."""
    chance = random.Random(seed)
    problems = []
    with FakeVendor() as vendor, Gateway(config or base_config(vendor), binary=binary) as gateway:
        load = Load(gateway, clients, requests)
        load.start()
        kills = 0
        while load.running():
            left = load.left - kill_every * chance.uniform(0.3, 1.7)
            while load.running() and load.left > left:
                time.sleep(0.002)
            if load.running():
                gateway.kill()
                gateway.start()
                kills += 1
        seen = len(vendor.requests)
        rows = gateway.rows(len(load.complete), limit=60)
        time.sleep(1.0)
        gateway.stop()
        rows = gateway.query("SELECT * FROM cost_records")
    by_request = {}
    for row in rows:
        by_request.setdefault(row["request_id"], []).append(row)
    for request_id in load.complete:
        good = [row for row in by_request.get(request_id, []) if row["outcome"] == "ok"]
        if len(good) != 1:
            problems.append(f"{request_id}: {len(good)} rows with outcome ok")
        elif (good[0]["input_tokens"], good[0]["output_tokens"], good[0]["cost_source"]) != (21, 8, "computed"):
            problems.append(f"{request_id}: {dict(good[0])}")
    ids = [row["id"] for row in rows]
    if len(ids) != len(set(ids)):
        problems.append("an id stands twice in the ledger")
    if len(rows) < seen:
        problems.append(f"vendor saw {seen} attempts, the ledger has {len(rows)} rows")
    crashed = sum(1 for row in rows if row["error_code"] == "gateway_crash")
    counts = {"requests": requests, "kills": kills, "complete": len(load.complete), "broken": load.broken, "refused": load.refused,
              "vendor_saw": seen, "rows": len(rows), "gateway_crash_rows": crashed, "problems": len(problems)}
    return counts, problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--requests", type=int, default=50000)
    parser.add_argument("--kill-every", type=int, default=500, help="mean number of requests between kills")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    counts, problems = soak(os.path.abspath(arguments.binary), arguments.requests, arguments.kill_every, arguments.clients, arguments.seed)
    for problem in problems[:20]:
        print(problem)
    print(counts)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
