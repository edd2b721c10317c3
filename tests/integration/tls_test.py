"""TLS on both sides: clients over https, vendors over https with the certificate and host name verified."""

import shutil
import ssl
import tempfile
import unittest

from support import http1
from support.fake_vendor import FakeVendor
from support.gateway import DIMENSIONS, Gateway, base_config
from support.tls import TlsFront, make_certificate


@unittest.skipUnless(shutil.which("openssl"), "the openssl command makes the certificates")
class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="tollgate-tls-"))
        cls.vendor = cls.enterClassContext(FakeVendor())
        cls.good = make_certificate(cls.folder, "good", "127.0.0.1")
        cls.other = make_certificate(cls.folder, "other", "elsewhere.example")
        lab = {"dialect": "openai.chat", "api_key": "none"}
        fronts = {"good": TlsFront(*cls.good, cls.vendor.port), "other": TlsFront(*cls.other, cls.vendor.port)}
        providers = {
            "trusted": {**lab, "base_url": f"https://127.0.0.1:{fronts['good'].port}/v1", "ca_file": cls.good[0]},
            "untrusted": {**lab, "base_url": f"https://127.0.0.1:{fronts['good'].port}/v1"},
            "wrong-name": {**lab, "base_url": f"https://127.0.0.1:{fronts['other'].port}/v1", "ca_file": cls.other[0]},
            "unverified": {**lab, "base_url": f"https://127.0.0.1:{fronts['other'].port}/v1", "tls_verify": False},
        }
        config = base_config(cls.vendor, providers=providers, tls={"cert": cls.good[0], "key": cls.good[1]}, retry={"max_attempts": 1})
        cls.gateway = cls.enterClassContext(Gateway(config))

    def chat(self, model, stream=False, context=None):
        context = context or ssl.create_default_context(cafile=self.good[0])
        connection = http1.Connection(self.gateway.port)
        connection.sock = context.wrap_socket(connection.sock, server_hostname="127.0.0.1")
        with connection:
            connection.send(http1.request_bytes("POST", "/v1/chat/completions", {"model": model, "messages": [], "stream": stream}, DIMENSIONS))
            return connection.read()

    def test_both_sides(self):
        for stream in (False, True):
            response = self.chat("trusted/x", stream)
            self.assertEqual(response.status, 200, response.body)
            self.assertTrue(response.complete)

    def test_vendors_that_cannot_prove_who_they_are(self):
        for provider in ("untrusted", "wrong-name"):
            with self.subTest(provider):
                seen = len(self.vendor.requests)
                response = self.chat(f"{provider}/x")
                self.assertEqual(response.status, 502)
                self.assertEqual(len(self.vendor.requests), seen, "no byte of the request may leave")

    def test_verification_can_be_switched_off_by_row(self):
        self.assertEqual(self.chat("unverified/x").status, 200)

    def test_old_protocols_and_plain_text_are_refused(self):
        context = ssl.create_default_context(cafile=self.good[0])
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with self.assertRaises((ssl.SSLError, OSError)):
            self.chat("trusted/x", context=context)
        with self.gateway.connect(timeout=5) as connection:
            connection.send(http1.request_bytes("GET", "/v1/models"))
            self.assertEqual(connection.read().status in (0, 400), True)
        self.assertEqual(self.chat("trusted/x").status, 200)
