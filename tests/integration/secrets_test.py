"""Secrets appear nowhere: not in logs, answers, metrics, the effective configuration or the ledger, on good days and bad."""

import os
import signal
import subprocess

from support import http1
from support.case import GatewayCase
from support.gateway import BINARY, merged
from support.script import Reset, reply

VENDOR_KEY = "sk-vendor-9f8e7d6c5b4a39281706f5e4d3c2b1a0"
CALLER_KEY = "sk-caller-0a1b2c3d4e5f60718293a4b5c6d7e8f9"
PROMPT = "the patient's name is Zaphod Beeblebrox"


class Secrets(GatewayCase):
    env = {"LAB_KEY": VENDOR_KEY, "CALLER_KEY": CALLER_KEY}
    overrides = {
        "log": {"level": "debug", "access": True},
        "providers": {"lab": {"api_key": "${LAB_KEY}"}},
        "auth": {"mode": "keys", "keys": [{"id": "caller", "secret": "${CALLER_KEY}"}]},
        "retry": {"max_attempts": 1},
    }

    def test_nothing_leaks(self):
        self.vendor.script("echoes-key", lambda r: reply({"error": {"message": f"bad key {r.header('authorization')}"}}, status=401))
        self.vendor.script("reset", [Reset()])
        answers = []
        for model in ("gpt-mock", "lab/echoes-key", "lab/reset", "nope"):
            for headers in ({"Authorization": f"Bearer {CALLER_KEY}"}, {"Authorization": f"Bearer {CALLER_KEY}-wrong"}):
                body = {"model": model, "messages": [{"role": "user", "content": PROMPT}]}
                answers.append(http1.call(self.gateway.port, "POST", "/v1/chat/completions", body, headers))
        answers.append(http1.call(self.gateway.port, "GET", f"/v1/models?key={CALLER_KEY}", headers={"Authorization": f"Bearer {CALLER_KEY}"}))
        self.assertIn(f"Bearer {VENDOR_KEY}", [request.header("authorization") for request in self.vendor.requests], "the vendor needs it")
        self.gateway.rows(3)
        self.gateway.write_config(merged(self.gateway.config, {"providers": {"lab": {"nonsense": VENDOR_KEY}}}))
        self.gateway.signal(signal.SIGHUP)
        self.assertTrue(self.gateway.wait_log("nonsense"))
        check = subprocess.run([BINARY, "check", "--config", self.gateway.config_file], capture_output=True, env=self.gateway.env, timeout=20, check=False)
        self.gateway.write_config(merged(self.gateway.config, {"providers": {"lab": {"nonsense": None}}}))
        good = subprocess.run([BINARY, "check", "--config", self.gateway.config_file], capture_output=True, env=self.gateway.env, timeout=20, check=False)
        self.assertEqual(good.returncode, 0, good.stderr)
        places = {
            "log": self.gateway.log().encode(),
            "metrics": self.gateway.admin("/metrics").body,
            "check": good.stdout + good.stderr + check.stderr.replace(b"nonsense", b""),
        }
        for folder, _, files in os.walk(self.gateway.state_dir):
            for file in files:
                with open(os.path.join(folder, file), "rb") as content:
                    places[f"state/{file}"] = content.read()
        for place, text in places.items():
            for secret in (VENDOR_KEY, CALLER_KEY, PROMPT):
                with self.subTest(place, secret=secret):
                    self.assertNotIn(secret.encode(), text)
        for answer in answers:
            self.assertNotIn(CALLER_KEY.encode(), answer.raw)

    def test_state_is_private(self):
        """Prompts are not in it, but who spent what is: the folder that the gateway makes is closed, or each file is."""
        if os.stat(self.gateway.state_dir).st_mode & 0o007 == 0:
            return
        for folder, _, files in os.walk(self.gateway.state_dir):
            for name in files:
                mode = os.stat(os.path.join(folder, name)).st_mode
                self.assertEqual(mode & 0o007, 0, f"{name} is open to everybody: {mode:o}")
