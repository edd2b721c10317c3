"""Speed of the local engine beside llama.cpp's: prompts, decoding, batched decoding; on a free or a busy machine.

    python3 tests/bench/engine_ratio.py MODEL.gguf... --llama-bench FILE [--llama-batched-bench FILE]
            [--engine-bench build/release/tests/bench/engine_bench] [--threads 2] [--rounds 5] [--tests pp,tg1,tg8,tg16]
            [--busy] [--prefix "taskset -c 0,1"]

engine_bench comes with -DTOLLGATE_BENCH=ON. The two engines take turns, and begin in turns, so that the machine's moods
meet both; a round is one run of each, and the table shows medians over the rounds. pp is a prompt of 512 tokens, tgN are
64 steps that draw one token for each of N sequences (N > 1 needs llama-batched-bench). --busy keeps one other process
busy all the time. --prefix goes before every command.
"""

import argparse
import json
import os
import pathlib
import re
import shlex
import statistics
import subprocess
import sys

PROMPT, STEPS = 512, 64
LIMIT_S = 300  # of one run: a busy machine is slow, a hung program is an error


def output_of(options, command):
    command = shlex.split(options.prefix) + [str(part) for part in command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def ours(options, model, test):
    text = output_of(options, [options.engine_bench, model, options.threads, "f16", 1, test])
    return float(re.search(r"([\d.]+) tokens/s", text).group(1))


def theirs(options, model, test):
    batch = 0 if test == "pp" else int(test[2:])
    if batch <= 1:
        sizes = ["-p", PROMPT, "-n", 0] if test == "pp" else ["-p", 0, "-n", STEPS]
        text = output_of(options, [options.llama_bench, "-m", model, "-t", options.threads, "-r", 1, "-o", "json", *sizes])
        return json.loads(text)[0]["avg_ts"]
    text = output_of(options, [options.llama_batched_bench, "-m", model, "-t", options.threads, "-tb", options.threads, "-c",
                               batch * (STEPS + 32), "-npp", 8, "-ntg", STEPS, "-npl", batch, "--output-format", "jsonl"])
    lines = [line for line in text.splitlines() if line.startswith("{")]
    return json.loads(lines[-1])["speed_tg"]


def measure(options, model, test):
    """Medians of ours and theirs, tokens per second of all sequences together."""
    speeds = {ours: [], theirs: []}
    for number in range(options.rounds):
        for engine in (ours, theirs) if number % 2 == 0 else (theirs, ours):
            speeds[engine].append(engine(options, model, test))
    print(f"# {pathlib.Path(model).stem} {test}: ours {speeds[ours]} theirs {speeds[theirs]}", file=sys.stderr, flush=True)
    return statistics.median(speeds[ours]), statistics.median(speeds[theirs])


def name_of(test):
    if test == "pp":
        return f"prompt of {PROMPT}"
    return "decoding" if test == "tg1" else f"decoding, {test[2:]} at once"


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--llama-bench", required=True)
    parser.add_argument("--llama-batched-bench")
    parser.add_argument("--engine-bench", default="build/release/tests/bench/engine_bench")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tests", default="pp,tg1,tg8,tg16")
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--prefix", default="")
    options = parser.parse_args()
    options.tests = options.tests.split(",")
    if unknown := [test for test in options.tests if not re.fullmatch(r"pp|tg[1-9]\d?", test)]:
        parser.error(f"unknown tests: {', '.join(unknown)}")
    if not options.llama_batched_bench:
        options.tests = [test for test in options.tests if test in ("pp", "tg1")]
    return options


def main():
    options = read_options()
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if options.busy else None
    try:
        print(f"{options.threads} threads, {options.rounds} rounds{', one other busy process' if other else ''}\n")
        print("| model | test | ours, tokens/s | llama.cpp | ratio |\n|---|---|---|---|---|")
        for model in options.models:
            for test in options.tests:
                mine, other_engine = measure(options, model, test)
                print(f"| {pathlib.Path(model).stem} | {name_of(test)} | {mine:.1f} | {other_engine:.1f} | "
                      f"{mine / other_engine:.2f} |", flush=True)
    finally:
        if other:
            other.kill()
            other.wait()


if __name__ == "__main__":
    main()
