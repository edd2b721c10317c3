"""The ledger's database away under load, and at the start: no request fails or waits, memory stays flat, no row is missing.

    python3 tests/bench/outage.py [--llmbench FILE] [--requests 50000] [--rate 1000] [--away 30]

Two rounds against a private PostgreSQL: stopped for `--away` seconds in the middle of the load; and absent when the gateway
starts, until half of the load has run. Prints a line each; exit status 1 when something is lost.
"""

import argparse
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import yardstick  # noqa: E402  (puts tests/ on the path)
from haproxy_ratio import TAGS, Process, gateway_config  # noqa: E402
from support.gateway import Gateway, free_port  # noqa: E402
from support.postgres import Postgres  # noqa: E402


def run_load(tool, port, arguments):
    command = [tool, "load", "--port", str(port), "-c", "32", "-n", str(arguments.requests), "--rate", str(arguments.rate),
               "--model", "gpt-mock"]
    for header in TAGS:
        command += ["--header", header]
    return subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)


def rows_after(postgres, wanted, limit=120):
    end = time.monotonic() + limit
    counted = [0, 0]
    while counted[0] < wanted and time.monotonic() < end:
        time.sleep(0.5)
        found = postgres.query("SELECT count(*), count(DISTINCT id) FROM cost_records")
        counted = [int(value) for value in found[0]] if found else [0, 0]
    return counted


def round_of(name, tool, mock, postgres, arguments, begin, during):
    """`begin` before the gateway starts, `during` beside the load; the problems found."""
    begin()
    config = gateway_config({"fast": mock, "slow": mock}, postgres.url, 2)
    with Gateway(config, binary=arguments.binary) as gateway:
        before = yardstick.rss_mb(gateway.process.pid)
        beside = threading.Thread(target=during)
        beside.start()
        load = run_load(tool, gateway.port, arguments)
        beside.join()
        rows, distinct = rows_after(postgres, arguments.requests)
        peak = yardstick.rss_mb(gateway.process.pid, "VmHWM")
    print(f"{name}: load exit {load.returncode} {load.stdout.strip()}", flush=True)
    print(f"{name}: {rows} rows, {distinct} distinct, {arguments.requests} requests; RSS {before:.1f} MB at the start, peak {peak:.1f} MB",
          flush=True)
    return load.returncode != 0 or rows != arguments.requests or distinct != rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--llmbench", default=yardstick.default_source())
    parser.add_argument("--binary", default=os.path.join(yardstick.ROOT, "build", "release", "tollgate"))
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--rate", type=int, default=1_000, help="requests a second")
    parser.add_argument("--away", type=float, default=30.0, help="seconds without a database")
    arguments = parser.parse_args()
    tool = yardstick.build(arguments.llmbench)
    mock = free_port()
    print(yardstick.machine_line())

    with Process([tool, "mock", "--port", str(mock), "--chunks", "32"], mock), Postgres() as postgres:
        def stop_and_start():
            time.sleep(5)
            postgres.stop()
            time.sleep(arguments.away)
            postgres.start()

        failed = round_of("stopped under load", tool, mock, postgres, arguments, lambda: None, stop_and_start)
        postgres.query("TRUNCATE cost_records")

        def start_late():
            time.sleep(arguments.away)
            postgres.start()

        failed |= round_of("absent at the start", tool, mock, postgres, arguments, postgres.stop, start_late)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
