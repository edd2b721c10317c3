"""Runs one unittest file and says how many of its tests passed, failed and were skipped.

    python3 tests/support/run.py tests/integration/relay_test.py --binary build/dev/tollgate [-k PATTERN] [--name NAME]

Exit status 0, 1 for failures, 77 when every test was skipped. With TOLLGATE_RESULTS set to a folder, the counts go there
as <NAME>.json for the summary of ./check (tools/summary.py).
"""

import argparse
import importlib.util
import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def load(path):
    sys.path[:0] = [os.path.dirname(HERE), os.path.dirname(path)]
    spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(path))[0], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--binary", help="the tollgate binary under test")
    parser.add_argument("--name", help="under which ctest knows it")
    parser.add_argument("-k", action="append", help="only tests whose name contains this")
    arguments = parser.parse_args()
    if arguments.binary:
        os.environ["TOLLGATE_BINARY"] = os.path.abspath(arguments.binary)
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{pattern}*" for pattern in arguments.k] if arguments.k else None
    suite = loader.loadTestsFromModule(load(os.path.abspath(arguments.file)))
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    counts = {
        "passed": max(0, result.testsRun - failed - len(result.skipped)),
        "failed": failed,
        "skipped": [f"{test.id()}: {reason}" for test, reason in result.skipped],
    }
    folder = os.environ.get("TOLLGATE_RESULTS")
    if folder:
        name = arguments.name or os.path.splitext(os.path.basename(arguments.file))[0]
        with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as file:
            json.dump(counts, file)
    if failed or not suite.countTestCases():
        return 1
    return 77 if counts["skipped"] and not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
