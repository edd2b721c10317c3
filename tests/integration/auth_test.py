"""Keys: who may call, what a key binds cannot be changed by its bearer, and which models it may use."""

import hashlib

from support import http1
from support.case import GatewayCase

SECRET = "sk-tollgate-search-0123456789abcdef"
HASHED = "sk-tollgate-hashed-0123456789abcdef"


class Keys(GatewayCase):
    env = {"SEARCH_KEY": SECRET}
    overrides = {
        "auth": {
            "mode": "keys",
            "keys": [
                {"id": "search-key", "secret": "${SEARCH_KEY}", "team": "search", "tags": {"origin": "bound"}, "models": ["gpt-*"]},
                {"id": "hashed-key", "secret_sha256": hashlib.sha256(HASHED.encode()).hexdigest()},
            ],
        }
    }

    def send(self, headers, model="gpt-mock", path="/v1/chat/completions"):
        return http1.call(self.gateway.port, "POST", path, {"model": model, "messages": [], "max_tokens": 5}, headers)

    def test_no_or_wrong_key_is_401(self):
        seen = len(self.vendor.requests)
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {SECRET}"}, {"Authorization": "Bearer"},
                        {"Authorization": f"Bearer {SECRET}x"}, {"Authorization": f"Bearer {SECRET[:-1]}"}):
            with self.subTest(headers=headers):
                response = self.send(headers)
                self.assertEqual(response.status, 401)
                self.assertIn("error", response.json())
        self.assertEqual(self.send({"x-api-key": "wrong"}, "claude-mock", "/v1/messages").json()["type"], "error")
        self.assertEqual(len(self.vendor.requests), seen)

    def test_each_way_to_send_a_key(self):
        for headers in ({"Authorization": f"Bearer {SECRET}"}, {"authorization": f"bearer {SECRET}"}, {"x-api-key": SECRET}):
            with self.subTest(headers=headers):
                response = self.send(headers)
                self.assertEqual(response.status, 200, response.body)
                self.assertEqual(self.row_of(response)["key_id"], "search-key")
        self.assertEqual(self.row_of(self.send({"Authorization": f"Bearer {HASHED}"}))["key_id"], "hashed-key")

    def test_what_a_key_binds_the_caller_cannot_change(self):
        row = self.row_of(self.send({"Authorization": f"Bearer {SECRET}", "x-tollgate-team": "thief", "x-tollgate-feature": "mine",
                                     "x-tollgate-tags": "origin=forged,extra=1"}))
        self.assertEqual((row["team"], row["feature"]), ("search", "mine"))
        self.assertIn('"origin":"bound"', row["tags"].replace(" ", ""))
        self.assertIn('"extra":"1"', row["tags"].replace(" ", ""))

    def test_models_of_a_key(self):
        response = self.send({"x-api-key": SECRET}, "claude-mock", "/v1/messages")
        self.assertIn(response.status, (403, 404))
        self.assertEqual(self.send({"x-api-key": HASHED}, "claude-mock", "/v1/messages").status, 200)

    def test_the_callers_key_never_reaches_the_vendor(self):
        self.send({"Authorization": f"Bearer {SECRET}"})
        self.assertNotIn(SECRET.encode(), self.vendor.requests[-1].raw_head)
