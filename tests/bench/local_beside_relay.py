"""What a local model under load costs the relay beside it: latency of relayed requests at a fixed rate, with and without 64
streams of the local model through the same gateway, in turns.

    python3 tests/bench/local_beside_relay.py [--llmbench FILE] [--binary build/release/tollgate] [--model FILE.gguf]
                                              [--streams 64] [--rate 2000] [--seconds 5] [--rounds 5] [--write docs/benchmarks.md]

It needs clang++-19 and the mock vendor (--llmbench, as for haproxy_ratio.py), and root (or CAP_SYS_NICE) for the second case.
Latencies count from the time at which a request was due, so that a stall is seen by all that fell into it. In production
mock vendor and load generator are other machines; here they share the cores, so there are two cases: all with one priority,
and with these two first. A core that is never idle lengthens the tail by itself, whoever uses it; so each round also has the
relay beside a loop that does nothing, at the system's lowest priority, on as many cores as the engine takes.
"""

import argparse
import collections
import json
import os
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack

import yardstick
from haproxy_ratio import TAGS, Process, replace_section
from support.gateway import Gateway, base_config, free_port

CASES = {"one priority": 0, "vendor and load first": -10}
RELAY_CONNECTIONS = 64
NUMBER = "@@@@@@@@"  # see relay_load.cpp
KEYS = ("p50", "p95", "p99", "p999", "max")


def build_load():
    return yardstick.compiled(os.path.join(yardstick.HERE, "relay_load.cpp"), "relay_load")


def request_file(folder, name, port, body):
    data = json.dumps(body)
    head = ["POST /v1/chat/completions HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json", *TAGS]
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii", newline="") as file:
        file.write("\r\n".join([*head, f"Content-Length: {len(data)}", "", data]))
    return path


def chat(model, text, **extra):
    return {"model": model, "messages": [{"role": "user", "content": text}], **extra}


def prioritize(pid, nice):
    os.setpriority(os.PRIO_PROCESS, pid, nice)


class IdleLoops:
    """Busy loops that get only what nobody else wants of a core."""

    def __init__(self, threads):
        self.count = max(1, os.cpu_count() - 1) if threads == "auto" else threads

    def __enter__(self):
        lowest = lambda: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))  # noqa: E731
        self.loops = [subprocess.Popen(["sh", "-c", "while :; do :; done"], preexec_fn=lowest) for _ in range(self.count)]

    def __exit__(self, *_):
        for loop in self.loops:
            loop.kill()
            loop.wait(10)


class Streams:
    """The callers of the local model; all have their first text when it begins."""

    def __init__(self, tool, port, count, request, deadline=120.0):
        self.tool = subprocess.Popen([tool, "streams", str(port), str(count), request], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        end = time.monotonic() + deadline
        while self.count() < 2 * count:
            if time.monotonic() > end:
                self.tool.kill()
                raise RuntimeError(f"{count} streams had {self.count()} events after {deadline:.0f} s")
            time.sleep(0.2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tool.stdin.close()
        self.tool.wait(10)

    def count(self):
        self.tool.stdin.write("\n")
        self.tool.stdin.flush()
        counts = json.loads(self.tool.stdout.readline())
        if counts["failures"]:
            raise RuntimeError("a stream of the local model failed")
        return counts["events"]

    def per_second(self, during):
        """What `during` gave, and text pieces of all streams per second meanwhile."""
        before, began = self.count(), time.monotonic()
        result = during()
        return result, (self.count() - before) / (time.monotonic() - began)


class Bench:
    def __init__(self, arguments, gateway, tool, requests):
        self.arguments, self.gateway, self.tool, self.requests = arguments, gateway, tool, requests

    def relay(self, nice):
        count = int(self.arguments.rate * self.arguments.seconds)
        command = [self.tool, "rate", str(self.gateway.port), str(RELAY_CONNECTIONS), self.requests["relay"], str(self.arguments.rate), str(count)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        prioritize(process.pid, nice)
        out, _ = process.communicate(timeout=120 + self.arguments.seconds)
        if process.returncode != 0:
            raise RuntimeError("the relay's load failed")
        return json.loads(out)

    def round(self, nice):
        """One turn: the relay alone, beside idle loops, beside the streams, and the streams alone."""
        alone = self.relay(nice)
        with IdleLoops(self.arguments.engine_threads):
            loop = self.relay(nice)
        with Streams(self.tool, self.gateway.port, self.arguments.streams, self.requests["local"]) as streams:
            beside, rate = streams.per_second(lambda: self.relay(nice))
            _, free = streams.per_second(lambda: time.sleep(self.arguments.seconds))
        self.settle()
        return {"alone": alone, "loop": loop, "beside": beside, "rate": rate, "free": free, "rss": yardstick.rss_mb(self.gateway.process.pid)}

    def settle(self, limit=30.0):
        """Until the engine has noticed that its callers left."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            before = yardstick.cpu_us(self.gateway.process.pid)
            time.sleep(0.3)
            if yardstick.cpu_us(self.gateway.process.pid) - before < 10_000:
                return
        raise RuntimeError("the gateway is still busy after its callers left")


def median(rounds, *path):
    def value(one):
        for key in path:
            one = one[key]
        return one

    return statistics.median(value(one) for one in rounds)


def table(results):
    lines = ["| case | relay | p50 us | p95 us | p99 us | p99.9 us | max us | p99 over alone | pieces/s of the streams |", "|---|---|---:|---:|---:|---:|---:|---:|---:|"]
    for case, rounds in results.items():
        base = median(rounds, "alone", "p99")
        for what, name, rate in (("alone", "alone", "free"), ("loop", "beside an idle loop", None), ("beside", "beside the streams", "rate")):
            row = " | ".join(f"{median(rounds, what, key):.0f}" for key in KEYS)
            pieces = f"{median(rounds, rate):.0f}{' (without relay)' if rate == 'free' else ''}" if rate else ""
            lines.append(f"| {case} | {name} | {row} | {median(rounds, what, 'p99') / base:.2f} | {pieces} |")
    each = {case: ", ".join(f"{one['beside']['p99'] / one['alone']['p99']:.2f}" for one in rounds) for case, rounds in results.items()}
    lines += ["", *(f"p99 over alone, round by round ({case}): {ratios}." for case, ratios in each.items())]
    lines += ["", f"RSS of the gateway: {max(one['rss'] for rounds in results.values() for one in rounds):.0f} MB."]
    return "\n".join(lines)


def run(arguments, folder, stack):
    tool, mock_tool = build_load(), yardstick.build(arguments.llmbench)
    mock = free_port()
    vendor = stack.enter_context(Process([mock_tool, "mock", "--port", str(mock), "--chunks", "32"], mock))
    row = {"name": "bench", "file": os.path.abspath(arguments.model), "max_running": arguments.streams, "threads": arguments.engine_threads}
    config = base_config(type("Mock", (), {"url": f"http://127.0.0.1:{mock}"}), threads=arguments.threads, local={"models": [row]})
    gateway = stack.enter_context(Gateway(config, binary=arguments.binary))
    text = f"Tell me about number {NUMBER}."
    requests = {
        "relay": request_file(folder, "relay", gateway.port, chat("gpt-mock", text)),
        "local": request_file(folder, "local", gateway.port, chat("local/bench", text, stream=True, max_tokens=arguments.tokens)),
    }
    bench = Bench(arguments, gateway, tool, requests)
    bench.relay(0)  # warm-up
    results = collections.defaultdict(list)
    for number in range(arguments.rounds):
        cases = list(CASES) if arguments.case is None else [arguments.case]
        for case in cases[number % len(cases) :] + cases[: number % len(cases)]:
            prioritize(vendor.pid, CASES[case])
            results[case].append(bench.round(CASES[case]))
    return table({case: results[case] for case in CASES if case in results})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    number_or_auto = lambda text: text if text == "auto" else int(text)  # noqa: E731
    parser.add_argument("--llmbench", default=yardstick.default_source())
    parser.add_argument("--binary", default=os.path.join(yardstick.ROOT, "build", "release", "tollgate"))
    parser.add_argument("--model", default=os.path.join(yardstick.ROOT, "models", "demo.gguf"), help="GGUF file with a chat template")
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=256, help="longest answer of a stream")
    parser.add_argument("--rate", type=float, default=2000, help="relayed requests per second")
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--case", choices=CASES, help="only this one")
    parser.add_argument("--threads", type=number_or_auto, default="auto", help="network threads of the gateway")
    parser.add_argument("--engine-threads", type=number_or_auto, default="auto")
    parser.add_argument("--write", help="Markdown file whose section between the two `local_beside_relay` comments is replaced")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        text = run(arguments, folder, stack)
    size = os.path.getsize(arguments.model) / 1e6
    text = (f"{yardstick.machine_line()}; {arguments.rounds} rounds of {arguments.seconds:g} s, {arguments.rate:g} requests/s, "
            f"{arguments.streams} streams of {os.path.basename(arguments.model)} ({size:.0f} MB).\n\n{text}\n")
    print(text)
    if arguments.write:
        replace_section(arguments.write, "local_beside_relay", text)


if __name__ == "__main__":
    main()
