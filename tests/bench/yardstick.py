"""Shared parts of the end-to-end benchmarks: the load tool, CPU time of a process, the machine line."""

import glob
import json
import os
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests"))


def default_source():
    """$LLMBENCH, or the copy that lies beside the checkout."""
    beside = os.path.join(ROOT, "..", "shared", "tools", "llmbench.cpp")
    return os.environ.get("LLMBENCH") or (os.path.abspath(beside) if os.path.exists(beside) else None)


def build(source):
    """The tool's binary: `source` itself when it is one, else compiled into build/bench."""
    if not source or not os.path.exists(source):
        raise SystemExit("no load tool: give --llmbench FILE or set LLMBENCH (a mock vendor and load generator, .cpp or binary)")
    return compiled(source, "llmbench") if source.endswith(".cpp") else source


def compiled(source, name):
    """build/bench/NAME, made from `source` when that is newer."""
    folder = os.path.join(ROOT, "build", "bench")
    os.makedirs(folder, exist_ok=True)
    binary = os.path.join(folder, name)
    if not os.path.exists(binary) or os.path.getmtime(binary) < os.path.getmtime(source):
        subprocess.run(["clang++-19", "-O2", "-std=c++20", "-w", source, "-o", binary], check=True)
    return binary


def wait_port(port, process, limit=10.0):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"process on port {port} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.002)
    raise RuntimeError(f"nothing listens on port {port}")


def cpu_us(pid):
    """CPU time of all threads in microseconds, from the scheduler's own nanosecond counts."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        try:
            with open(path, encoding="ascii") as file:
                total += int(file.read().split()[0])
        except OSError:
            pass
    return total / 1000.0


def rss_mb(pid, key="VmRSS"):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key + ":")) / 1024.0


def load(tool, port, requests, clients, stream=False, model="gpt-mock", headers=(), path="/v1/chat/completions", body_bytes=0):
    """One run of the load generator; its JSON line."""
    command = [tool, "load", "--port", str(port), "-c", str(clients), "-n", str(requests), "--model", model, "--path", path]
    command += ["--stream"] if stream else []
    command += ["--body-bytes", str(body_bytes)] if body_bytes else []
    for header in headers:
        command += ["--header", header]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if not done.stdout.strip():
        raise RuntimeError(done.stderr)
    result = json.loads(done.stdout)
    if done.returncode != 0:
        raise RuntimeError(f"load on port {port} failed: {done.stdout}{done.stderr}")
    return result


def machine_line():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown CPU")
    revision = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    return f"{time.strftime('%Y-%m-%d')}, revision {revision or 'unknown'}, {os.cpu_count()} cores {model}, Linux {os.uname().release}"
