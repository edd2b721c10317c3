"""CPU per request of the gateway, with ledger, metrics and tags on, over that of HAProxy as a bare proxy, in one run.

    python3 tests/bench/haproxy_ratio.py [--llmbench FILE] [--binary build/release/tollgate] [--rounds 3] [--scale 1.0]
                                         [--threads 1] [--ledgers sqlite,postgres] [--write docs/benchmarks.md]

The translated modes send one API's requests to a model that only the other API serves (OpenAI chat to Anthropic messages and
back); HAProxy passes the same requests on as they are, so their ratio holds the whole price of the translation.

One mock vendor answers at once, a second one sends a chunk every 2 ms. The subjects take turns in every round, so that
the machine's moods meet all of them. CPU time is read from the scheduler before a run and one second after it, so the
ledger's share is in it. The table shows medians over the rounds.
"""

import argparse
import collections
import os
import statistics
import subprocess
import tempfile
import time

import yardstick
from support.gateway import Gateway, base_config, free_port
from support.postgres import Postgres, binaries

Mode = collections.namedtuple("Mode", "stream mock requests clients path model body", defaults=("/v1/chat/completions", "gpt-mock", 0))
MODES = {
    "plain reply": Mode(False, "fast", 20000, 64),
    "stream, 32 chunks at once": Mode(True, "fast", 8000, 64),
    "stream, a chunk each 2 ms": Mode(True, "slow", 6000, 64, model="slow-mock"),
    "plain, 2 KB, chat to Anthropic": Mode(False, "fast", 12000, 64, model="chat-to-claude", body=2048),
    "plain, 2 KB, messages to OpenAI": Mode(False, "fast", 12000, 64, "/v1/messages", "messages-to-gpt", 2048),
    "stream, 32 chunks, chat to Anthropic": Mode(True, "fast", 8000, 64, model="chat-to-claude"),
    "stream, 32 chunks, messages to OpenAI": Mode(True, "fast", 8000, 64, "/v1/messages", "messages-to-gpt"),
}
EVENTS = 36  # of a translated stream: 32 chunks, and what begins and ends it
TAGS = ["x-tollgate-team: bench", "x-tollgate-feature: ratio", "x-tollgate-env: dev", "x-tollgate-tags: run=1"]


class Process:
    """A child that is ended with its block."""

    def __init__(self, command, port):
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid, self.port = self.process.pid, port
        yardstick.wait_port(port, self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


def haproxy_config(ports, mocks):
    lines = ["global", "  nbthread 1", "  maxconn 4096", "defaults", "  mode http", "  http-reuse always",
             "  timeout connect 5s", "  timeout client 60s", "  timeout server 60s"]
    for name, mock in mocks.items():
        lines += [f"frontend in_{name}", f"  bind 127.0.0.1:{ports[name]}", f"  default_backend out_{name}",
                  f"backend out_{name}", f"  server {name} 127.0.0.1:{mock}"]
    return "\n".join(lines) + "\n"


def gateway_config(mocks, ledger, threads):
    class Mock:
        url = f"http://127.0.0.1:{mocks['fast']}"

    slow = {"dialect": "openai.chat", "base_url": f"http://127.0.0.1:{mocks['slow']}/v1", "api_key": "none"}
    overrides = {
        "threads": threads,
        "providers": {"slow": slow},
        "models": {
            "slow-mock": {"targets": ["slow/gpt-mock"]},
            "chat-to-claude": {"targets": ["ant/claude-mock"]},
            "messages-to-gpt": {"targets": ["lab/gpt-mock"]},
        },
        "prices": [{"target": f"{name}/gpt-mock", "input": 2.50, "cache_read": 0.25, "output": 10.00} for name in ("lab", "slow")],
    }
    if ledger:
        overrides["ledger"] = ledger
    return base_config(Mock, **overrides)


def cold_start_ms(gateway):
    """From exec to the first answered request, median of five."""
    times = []
    for _ in range(5):
        gateway.stop()
        began = time.monotonic()
        gateway.start(wait=False)
        yardstick.wait_port(gateway.port, gateway.process)
        gateway.chat()
        times.append((time.monotonic() - began) * 1000)
    gateway.wait_ready()
    return statistics.median(times)


def measure(tool, subject, mode, scale):
    how = MODES[mode]
    requests = max(how.clients, int(how.requests * scale))
    before = yardstick.cpu_us(subject["pid"]) if subject["pid"] else 0.0
    model = how.model if subject["by_model"] else "gpt-mock"
    result = yardstick.load(tool, subject["ports"][how.mock], requests, how.clients, how.stream, model, TAGS, how.path, how.body)
    time.sleep(1.0)
    after = yardstick.cpu_us(subject["pid"]) if subject["pid"] else 0.0
    return {
        "cpu": (after - before) / requests,
        "p50": result["lat_us"]["p50"],
        "p99": result["lat_us"]["p99"],
        "ttfb50": result["first_byte_us"]["p50"],
        "rps": result["rps"],
        "rss": yardstick.rss_mb(subject["pid"]) if subject["pid"] else 0.0,
    }


def table(results, cold):
    lines = ["| mode | subject | CPU us/request | over HAProxy | p50 us | p99 us | requests/s | RSS MB |", "|---|---|---:|---:|---:|---:|---:|---:|"]
    for mode in MODES:
        base = statistics.median(run["cpu"] for run in results[("HAProxy", mode)])
        for (name, its_mode), runs in results.items():
            if its_mode != mode:
                continue
            median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            cpu = f"{median['cpu']:.1f}" if median["cpu"] else ""
            ratio = f"{median['cpu'] / base:.2f}" if median["cpu"] else ""
            rss = f"{median['rss']:.1f}" if median["rss"] else ""
            lines.append(f"| {mode} | {name} | {cpu} | {ratio} | {median['p50']:.0f} | {median['p99']:.0f} | {median['rps']:.0f} | {rss} |")
    lines += ["", *(f"{mode}: {statistics.median(run['cpu'] for run in results[(name, mode)]) / EVENTS:.2f} us of CPU per event ({name})."
                    for name, mode in results if name.startswith("Tollgate") and MODES[mode].stream and " to " in mode)]
    lines += ["", *(f"Cold start of {name}, exec to first answer: {value:.0f} ms." for name, value in cold.items())]
    return "\n".join(lines)


def run(arguments, tool, folder, stack):
    mocks = {"fast": free_port(), "slow": free_port()}
    for name, interval in (("fast", "0"), ("slow", "2")):
        stack.enter_context(Process([tool, "mock", "--port", str(mocks[name]), "--chunks", "32", "--interval-ms", interval], mocks[name]))
    ports = {"fast": free_port(), "slow": free_port()}
    config = os.path.join(folder, "haproxy.cfg")
    with open(config, "w", encoding="ascii") as file:
        file.write(haproxy_config(ports, mocks))
    haproxy = stack.enter_context(Process(["haproxy", "-db", "-f", config], ports["fast"]))
    subjects = {
        "direct": {"pid": None, "ports": mocks, "by_model": False},
        "HAProxy": {"pid": haproxy.pid, "ports": ports, "by_model": False},
    }
    cold = {}
    for ledger in arguments.ledgers.split(","):
        url = None
        if ledger == "postgres":
            if not binaries():
                print("PostgreSQL is not installed: left out")
                continue
            url = stack.enter_context(Postgres()).url
        gateway = stack.enter_context(Gateway(gateway_config(mocks, url, arguments.threads), binary=arguments.binary))
        cold[f"Tollgate, {ledger}"] = cold_start_ms(gateway)
        subjects[f"Tollgate, {ledger}"] = {
            "pid": gateway.process.pid, "ports": {"fast": gateway.port, "slow": gateway.port}, "by_model": True}
    results = {}
    for subject in subjects.values():
        for mode in MODES:
            measure(tool, subject, mode, arguments.scale * 0.1)  # warm-up
    for turn in range(arguments.rounds):
        names = list(subjects)
        names = names[turn % len(names) :] + names[: turn % len(names)]
        for mode in MODES:
            for name in names:
                results.setdefault((name, mode), []).append(measure(tool, subjects[name], mode, arguments.scale))
    ordered = {(name, mode): results[(name, mode)] for mode in MODES for name in subjects}
    return table(ordered, cold)


def main():
    from contextlib import ExitStack

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--llmbench", default=yardstick.default_source())
    parser.add_argument("--binary", default=os.path.join(yardstick.ROOT, "build", "release", "tollgate"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the number of requests")
    parser.add_argument("--threads", default="1", help="network threads of the gateway: a number or auto")
    parser.add_argument("--ledgers", default="sqlite,postgres")
    parser.add_argument("--write", help="Markdown file whose section between the two `haproxy_ratio` comments is replaced")
    arguments = parser.parse_args()
    arguments.threads = arguments.threads if arguments.threads == "auto" else int(arguments.threads)
    tool = yardstick.build(arguments.llmbench)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        text = run(arguments, tool, folder, stack)
    threads = f"{arguments.threads} network thread{'s' if arguments.threads != 1 else ''}"
    text = f"{yardstick.machine_line()}; {arguments.rounds} rounds, 64 connections, gateway with {threads}.\n\n{text}\n"
    print(text)
    if arguments.write:
        replace_section(arguments.write, "haproxy_ratio", text)


def replace_section(path, name, text):
    with open(path, encoding="utf-8") as file:
        old = file.read()
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, rest = old.split(begin, 1)
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + begin + text + end + rest.split(end, 1)[1])


if __name__ == "__main__":
    main()
