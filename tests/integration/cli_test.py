"""The command line: help, version, check, report and the exit codes that scripts rely on."""

import csv
import io
import json
import re
import subprocess
import unittest
from decimal import Decimal

from support.case import GatewayCase
from support.fake_vendor import FakeVendor
from support.gateway import BINARY, Gateway, base_config


def run(*arguments, stdin=None):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=30, input=stdin, check=False)


class Commands(GatewayCase):
    def write(self, text):
        path = self.gateway.root + "/other.yaml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_help_and_version(self):
        done = run("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for command in ("serve", "check", "report"):
            self.assertIn(command, done.stdout)
        done = run("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^tollgate \d+\.\d+\.\d+")

    def test_bad_usage_is_exit_2_on_stderr(self):
        for arguments in ((), ("dance",), ("serve", "--nonsense"), ("check", "--config"), ("check", "--config", "/no/such/file.yaml"),
                          ("serve", "--config", "/no/such/file.yaml"), ("report", "--by", "nonsense", "--config", self.gateway.config_file)):
            with self.subTest(arguments=arguments):
                done = run(*arguments)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertEqual(done.stdout, "")
                self.assertNotEqual(done.stderr, "")

    def test_check_prints_ok_and_the_effective_configuration(self):
        done = run("check", "--config", self.gateway.config_file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("ok"), done.stdout[:200])
        self.assertIn("gpt-mock", done.stdout)

    def test_effective_configuration_is_a_configuration(self):
        text = run("check", "--config", self.gateway.config_file).stdout
        again = run("check", "--config", self.write(text.split("\n", 1)[1]))
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(again.stdout, text)

    def test_check_names_every_error_with_its_place(self):
        path = self.write("listen: 127.0.0.1:8080\nledgre: sqlite:x.db\nthreads: many\nmodels:\n  a: {targts: [lab/x]}\n")
        done = run("check", "--config", path)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        for place in (f"{path}:2:1:", f"{path}:3:", f"{path}:5:"):
            self.assertIn(place, done.stderr)
        self.assertIn("did you mean `ledger`", done.stderr.replace("'", "`").replace('"', "`").replace("mean ledger", "mean `ledger`"))

    def test_report(self):
        for team, count in (("alpha", 3), ("beta", 2)):
            for _ in range(count):
                self.gateway.chat(headers={"x-tollgate-team": team})
        self.gateway.rows(5, "team IN ('alpha','beta')")
        price = (Decimal("2.5") * 21 + 10 * 8) / 1_000_000
        done = run("report", "--by", "team", "--format", "json", "--config", self.gateway.config_file)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = {row["team"]: row for row in json.loads(done.stdout)}
        for team, count in (("alpha", 3), ("beta", 2)):
            row = rows[team]
            self.assertEqual((row["requests"], row["attempts"], row["input_tokens"], row["output_tokens"]), (count, count, 21 * count, 8 * count))
            self.assertIsInstance(row["cost_usd"], str)
            self.assertEqual(Decimal(row["cost_usd"]), price * count)
        table = run("report", "--by", "team,feature", "--since", "1d", "--config", self.gateway.config_file).stdout
        self.assertIn("alpha", table)
        text = run("report", "--by", "team", "--format", "csv", "--config", self.gateway.config_file).stdout
        lines = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual({line["team"]: Decimal(line["cost_usd"]) for line in lines}["alpha"], price * 3)

    def test_report_of_another_time_is_empty(self):
        done = run("report", "--by", "team", "--format", "json", "--until", "2020-01-01", "--config", self.gateway.config_file)
        self.assertEqual((done.returncode, json.loads(done.stdout)), (0, []), done.stderr)


    def test_migrate_and_spool(self):
        self.gateway.chat()
        done = run("migrate", "--config", self.gateway.config_file)
        self.assertEqual((done.returncode, done.stdout), (0, "ledger is up to date\n"), done.stderr)
        done = run("spool", "status", "--config", self.gateway.config_file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"\d+ +bytes")
        self.assertNotEqual(run("spool", "drain", "--config", self.gateway.config_file).returncode, 0, "the gateway holds the spool")


class Offline(unittest.TestCase):
    """What works on the state that a dead gateway left."""

    def test_drain_after_a_kill(self):
        with FakeVendor() as vendor, Gateway(base_config(vendor, ledger={"url": "sqlite:ledger.db", "flush_interval": "60s"})) as gateway:
            for _ in range(5):
                self.assertEqual(gateway.chat().status, 200)
            gateway.kill()
            done = run("spool", "drain", "--config", gateway.config_file)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(gateway.rows(5, limit=1)), 5)

    def test_a_new_key_opens_the_gateway(self):
        done = run("keys", "new", "--id", "robot", "--team", "search")
        self.assertEqual(done.returncode, 0, done.stderr)
        secret = done.stdout.strip()
        digest = re.search(r"secret_sha256: ([0-9a-f]{64})", done.stderr)[1]
        key = {"id": "robot", "secret_sha256": digest, "team": "search"}
        with FakeVendor() as vendor, Gateway(base_config(vendor, auth={"mode": "keys", "keys": [key]})) as gateway:
            self.assertEqual(gateway.chat().status, 401)
            response = gateway.chat(headers={"Authorization": f"Bearer {secret}", "x-tollgate-team": "other"})
            self.assertEqual(response.status, 200)
            self.assertEqual([(row["key_id"], row["team"]) for row in gateway.rows(1)], [("robot", "search")])


class Defaults(unittest.TestCase):
    def test_the_built_in_configuration_is_valid(self):
        done = run("check")
        self.assertEqual(done.returncode, 0, done.stderr)
