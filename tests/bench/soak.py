"""A long run: memory stays flat, and the ledger holds one row for each request.

    python3 tests/bench/soak.py [--llmbench FILE] [--binary build/release/tollgate] [--requests 1000000]

Plain replies and streams take turns in slices. Exit status 1 when RSS grows by more than --growth MB after the first
tenth, or when a row is missing.
"""

import argparse
import os
import sys
import time

import yardstick
from haproxy_ratio import TAGS, Process, gateway_config
from support.gateway import Gateway, free_port


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--llmbench", default=yardstick.default_source())
    parser.add_argument("--binary", default=os.path.join(yardstick.ROOT, "build", "release", "tollgate"))
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--growth", type=float, default=4.0, help="MB")
    arguments = parser.parse_args()
    tool = yardstick.build(arguments.llmbench)
    mock = free_port()
    with Process([tool, "mock", "--port", str(mock), "--chunks", "32"], mock):
        config = gateway_config({"fast": mock, "slow": mock}, None, arguments.threads)
        with Gateway(config, binary=arguments.binary) as gateway:
            return soak(tool, gateway, arguments)


def soak(tool, gateway, arguments):
    slices = 20
    each = arguments.requests // slices
    sizes, began = [], time.monotonic()
    for number in range(slices):
        yardstick.load(tool, gateway.port, each, 64, stream=number % 2 == 1, headers=TAGS)
        sizes.append(yardstick.rss_mb(gateway.process.pid))
        print(f"{(number + 1) * each} requests, {time.monotonic() - began:.0f} s, RSS {sizes[-1]:.1f} MB", flush=True)
    end = time.monotonic() + 120
    count = 0
    while count < each * slices and time.monotonic() < end:
        time.sleep(0.5)
        count = gateway.query("SELECT count(*) AS n FROM cost_records")[0]["n"]
    growth = sizes[-1] - sizes[slices // 10]
    peak = yardstick.rss_mb(gateway.process.pid, "VmHWM")
    print(f"{yardstick.machine_line()}: {each * slices} requests, {count} rows, RSS growth {growth:+.1f} MB after the first tenth, peak {peak:.1f} MB")
    return 1 if growth > arguments.growth or count != each * slices else 0


if __name__ == "__main__":
    sys.exit(main())
