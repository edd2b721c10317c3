"""What README.md and docs/ promise: every ```sh block marked `test` runs against the built-in configuration and succeeds."""

import glob
import os
import re
import subprocess
import unittest

from support.gateway import BINARY, Gateway

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def blocks():
    """(file:line, script) of each marked block."""
    for path in [os.path.join(ROOT, "README.md"), *sorted(glob.glob(os.path.join(ROOT, "docs", "**", "*.md"), recursive=True))]:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for match in re.finditer(r"^```sh test\n(.*?)^```", text, re.M | re.S):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{os.path.relpath(path, ROOT)}:{line}", match[1]


class Docs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        checked = subprocess.run([BINARY, "check"], capture_output=True, text=True, timeout=20, check=True)
        text = checked.stdout.split("\n", 1)[1]
        cls.gateway = Gateway("")
        cls.addClassCleanup(cls.gateway.kill)
        text = re.sub(r"^listen:.*", f"listen: 127.0.0.1:{cls.gateway.port}", text, flags=re.M)
        text = re.sub(r"^admin:.*", f"admin: 127.0.0.1:{cls.gateway.admin_port}", text, flags=re.M)
        text = re.sub(r"^state_dir:.*", f"state_dir: {cls.gateway.state_dir}", text, flags=re.M)
        cls.gateway.write_config(text)
        cls.gateway.start()

    def adapted(self, script):
        """The same commands for this test's ports, binary and configuration."""
        script = script.replace("127.0.0.1:8080", f"127.0.0.1:{self.gateway.port}")
        script = script.replace("127.0.0.1:9090", f"127.0.0.1:{self.gateway.admin_port}")
        with_config = rf"\1 --config {self.gateway.config_file}"
        return re.sub(r"build/release/tollgate( check| report)?", lambda match: BINARY + (match.expand(with_config) if match[1] else ""), script)

    def test_marked_blocks(self):
        found = list(blocks())
        self.assertGreaterEqual(len(found), 2, "README.md has runnable examples")
        for place, script in found:
            with self.subTest(place):
                done = subprocess.run(["bash", "-euo", "pipefail", "-c", self.adapted(script)], capture_output=True, text=True,
                                      cwd=ROOT, timeout=60, check=False)
                self.assertEqual(done.returncode, 0, f"{place}\n{script}\n{done.stdout}{done.stderr}")
                self.assertTrue(done.stdout.strip(), f"{place}: prints nothing")

    def test_the_curl_line_of_the_start_message_works(self):
        text = self.gateway.log()
        line = re.search(r"^\s*(curl (?:.*\\\n)*.*)", text, re.M)
        self.assertIsNotNone(line, text)
        done = subprocess.run(["bash", "-c", line[1].replace("curl ", "curl -sf ", 1)], capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, line[1])
        self.assertIn('"choices"', done.stdout)
        self.assertTrue(self.gateway.rows(1, "team = 'demo'"))

    def test_the_demo_model_answers_readably_and_is_paid(self):
        for question, word in (("Hello", r"Hello|Hi|Hey|Welcome|Good"), ("What is a token?", "token"), ("Thanks!", "welcome|Glad|Happy|pleasure")):
            body = {"model": "demo", "messages": [{"role": "user", "content": question}], "temperature": 0}
            response = self.gateway.post("/v1/chat/completions", body)
            self.assertEqual(response.status, 200, response.body)
            choice = response.json()["choices"][0]
            self.assertEqual(choice["finish_reason"], "stop", choice)
            self.assertRegex(choice["message"]["content"], word)
            row = self.gateway.rows(1, f"request_id = '{response.header('x-tollgate-request-id')}'")[0]
            self.assertEqual((row["provider"], row["model"], row["cost_source"]), ("local", "demo", "local"))
            self.assertGreater(float(row["cost_usd"]), 0)
