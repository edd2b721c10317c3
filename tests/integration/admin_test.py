"""The admin port: its token, the effective configuration, reload by request, and that it is not the clients' port."""

import json
import subprocess

from support import http1
from support.case import GatewayCase
from support.gateway import BINARY, free_port, merged

TOKEN = "admin-token-0123456789"
VENDOR_KEY = "sk-vendor-0123456789abcdef"


class Admin(GatewayCase):
    env = {"ADMIN_TOKEN": TOKEN, "LAB_KEY": VENDOR_KEY}
    overrides = {"admin_token": "${ADMIN_TOKEN}", "providers": {"lab": {"api_key": "${LAB_KEY}"}}}

    def admin(self, path, method="GET", token=TOKEN):
        return self.gateway.admin(path, method, {"Authorization": f"Bearer {token}"} if token else None)

    def test_probes_need_no_token_the_rest_does(self):
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.admin(path, token=None).status, 200)
        for path, method in (("/metrics", "GET"), ("/admin/config", "GET"), ("/admin/reload", "POST")):
            for token in (None, "wrong", TOKEN[:-1], TOKEN + "x"):
                with self.subTest(path, token=token):
                    self.assertEqual(self.admin(path, method, token).status, 401)
            self.assertEqual(self.admin(path, method).status, 200)

    def test_effective_configuration_is_masked(self):
        text = self.admin("/admin/config").body.decode()
        self.assertIn("gpt-mock", text)
        for secret in (TOKEN, VENDOR_KEY):
            self.assertNotIn(secret, text)

    def test_reload_by_request(self):
        original = self.gateway.config
        self.gateway.write_config(merged(original, {"models": {"later": {"targets": ["lab/later"]}}}))
        self.assertEqual(self.admin("/admin/reload", "POST").status, 200)
        self.assertEqual(self.gateway.chat("later").status, 200)
        self.gateway.write_config("models: [")
        response = self.admin("/admin/reload", "POST")
        self.assertEqual(response.status, 422)
        self.assertIn(b"tollgate.yaml:", response.body)
        self.assertEqual(self.gateway.chat("later").status, 200)
        self.gateway.write_config(original)
        self.assertEqual(self.admin("/admin/reload", "POST").status, 200)

    def test_the_clients_port_has_no_admin_paths(self):
        for path in ("/metrics", "/admin/config", "/readyz"):
            self.assertEqual(http1.call(self.gateway.port, "GET", path, headers={"Authorization": f"Bearer {TOKEN}"}).status, 404)

    def test_an_open_admin_port_needs_a_token(self):
        config = merged(self.gateway.config, {"admin": f"0.0.0.0:{free_port()}", "admin_token": None, "state_dir": self.gateway.root + "/other"})
        path = self.gateway.root + "/open.yaml"
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        done = subprocess.run([BINARY, "check", "--config", path], capture_output=True, text=True, env=self.gateway.env, timeout=20, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("admin_token", done.stderr)
