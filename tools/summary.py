"""Adds up what the runners said and prints the failures and the one summary line of ./check.

    python3 tools/summary.py JUNIT_XML RESULTS_FOLDER

ctest's JUnit file has one case per gtest test or script. A script that ran several tests of its own left its counts in
RESULTS_FOLDER/<test name>.json: {"passed": n, "failed": n, "skipped": ["name: reason"]}; files there that ctest does not
know (the fuzzers) count as well. Exit status 1 when anything failed or nothing ran.
"""

import json
import os
import sys
import xml.etree.ElementTree as xml


def read_results(folder):
    found = {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if name.endswith(".json"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                found[name[:-5]] = json.load(file)
    return found


def skip_reason(case):
    """The line a test printed about why it was skipped, or what ctest knows."""
    text = case.findtext("system-out") or ""
    lines = [line.strip() for line in text.splitlines()]
    for number, line in enumerate(lines):
        if "Skipped" in line:
            return (line.split("Skipped", 1)[1].strip(" :") or " ".join(lines[number + 1 : number + 2])) or "skipped"
    return "skipped"


def main():
    junit, folder = sys.argv[1:3]
    results = read_results(folder)
    passed, failed, skipped = 0, [], []
    cases = list(xml.parse(junit).getroot().iter("testcase")) if os.path.exists(junit) else []
    for case in cases:
        name, status = case.get("name"), case.get("status")
        counts = results.pop(name, None)
        if counts is not None and (status == "run" or counts["failed"] or case.find("skipped") is not None):
            passed += counts["passed"]
            failed += [name] * counts["failed"]
            skipped += counts["skipped"]
        elif status == "run":
            passed += 1
        elif case.find("skipped") is not None and status in ("notrun", "skipped") and case.find("failure") is None:
            skipped.append(f"{name}: {skip_reason(case)}")
        else:
            failed.append(name)
    for name, counts in results.items():
        passed += counts["passed"]
        failed += [name] * counts["failed"]
        skipped += counts["skipped"]
    for line in sorted(skipped):
        print(f"skipped {line}")
    for name in sorted(set(failed)):
        print(f"FAILED {name}")
    print(f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
