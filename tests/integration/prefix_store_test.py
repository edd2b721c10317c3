"""Beginnings of prompts in Redis: restarted and other gateways find them, and whatever the store does, answers are right and come."""

import os
import re
import tempfile
import time
import unittest

from support import tiny_gguf
from support.fake_vendor import FakeVendor
from support.gateway import Gateway, base_config
from support.redis import BINARY, Redis

TEXT = "a prompt that is long enough for whole blocks of keys and values " * 4
BLOCKS = 8  # of 32 tokens; of about 290
SLOWEST = 8.0  # seconds for an answer, whatever happens to the store


@unittest.skipUnless(BINARY, "redis-server is not installed")
class PrefixStore(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = cls.enterClassContext(FakeVendor())
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.file = os.path.join(cls.folder, "tiny.gguf")
        tiny_gguf.write(cls.file)

    def setUp(self):
        self.redis = self.enterContext(Redis())

    def gateway(self, **row):
        model = {"name": "tiny", "file": self.file, "threads": 1, "share_prefixes": True, **row}
        return self.enterContext(Gateway(base_config(self.vendor, store=self.redis.url, retry={"max_attempts": 1}, local={"models": [model]})))

    def ask(self, gateway, text=TEXT):
        """The answer's text and how many tokens of the prompt were found."""
        began = time.monotonic()
        body = {"model": "local/tiny", "max_tokens": 16, "temperature": 0, "messages": [{"role": "user", "content": text}]}
        response = gateway.post("/v1/chat/completions", body)
        self.assertEqual(response.status, 200, response.body)
        self.assertLess(time.monotonic() - began, SLOWEST)
        answer = response.json()
        return answer["choices"][0]["message"]["content"], (answer["usage"].get("prompt_tokens_details") or {}).get("cached_tokens", 0)

    def eventually_stored(self, at_least=BLOCKS):
        end = time.monotonic() + 10
        while len(keys := self.redis.call(b"KEYS", b"*")) < at_least and time.monotonic() < end:
            time.sleep(0.05)
        self.assertGreaterEqual(len(keys), at_least)
        return keys

    def test_restarted_and_other_gateways_find_them(self):
        first = self.gateway(prefix_ttl="1h")
        text, cached = self.ask(first)
        self.assertEqual(cached, 0)
        self.assertEqual(first.stop(), 0)
        for key in self.eventually_stored():
            self.assertRegex(key.decode(), r"^tollgate:kv:1:[0-9a-f]{16}:[0-9a-f]{32}$")
            self.assertTrue(3_500_000 < self.redis.call(b"PTTL", key) <= 3_600_000)
        first.start()
        self.assertEqual(self.ask(first), (text, BLOCKS * 32))
        replica = self.gateway()
        self.assertEqual(self.ask(replica), (text, BLOCKS * 32))
        self.assertEqual(self.ask(replica, TEXT + "and more"), (self.ask(first, TEXT + "and more")[0], BLOCKS * 32))
        row = replica.rows(1)[0]
        self.assertEqual(row["cache_read_tokens"], BLOCKS * 32)
        for gateway in (first, replica):
            self.assertNotIn(Redis.password, gateway.log())

    def test_a_killed_gateway_has_left_its_blocks(self):
        first = self.gateway()
        text, _ = self.ask(first)
        self.eventually_stored()
        first.kill()
        self.assertEqual(self.ask(self.gateway()), (text, BLOCKS * 32))

    def test_other_models_salts_and_forms_share_nothing(self):
        text, _ = self.ask(self.gateway(prefix_salt="one"))
        self.eventually_stored()
        other_weights = os.path.join(self.folder, "other.gguf")
        tiny_gguf.write(other_weights, seed=2)
        for row in ({}, {"prefix_salt": "two"}, {"prefix_salt": "one", "kv": "q8"}, {"prefix_salt": "one", "file": other_weights}):
            self.assertEqual(self.ask(self.gateway(**row))[1], 0, row)
        self.assertEqual(self.ask(self.gateway(prefix_salt="one")), (text, BLOCKS * 32))
        self.assertEqual(self.ask(self.gateway(share_prefixes=False, prefix_salt="one")), (text, 0))

    def test_damaged_values_are_misses_and_mended(self):
        first = self.gateway()
        text, _ = self.ask(first)
        self.assertEqual(first.stop(), 0)  # what the answer filled is there then, too
        self.eventually_stored()
        good = self.redis.values()
        keys = sorted(good)
        flip = lambda value: value[: len(value) // 2] + bytes([value[len(value) // 2] ^ 1]) + value[len(value) // 2 + 1 :]
        damages = {
            "a flipped bit": lambda key: (b"SET", key, flip(good[key])),
            "cut": lambda key: (b"SET", key, good[key][:-1]),
            "longer": lambda key: (b"SET", key, good[key] + b"x"),
            "empty": lambda key: (b"SET", key, b""),
            "another block": lambda key: (b"SET", key, good[keys[keys.index(key) - 1]]),
            "another version": lambda key: (b"SET", key, good[key][:4] + b"\2" + good[key][5:]),
            "another fingerprint": lambda key: (b"SET", key, good[key][:24] + b"12345678" + good[key][32:]),
        }
        for name, damage in damages.items():
            for key in keys:
                self.redis.call(*damage(key))
            with self.subTest(name):
                self.assertEqual(self.ask(self.gateway()), (text, 0))
                end = time.monotonic() + 10
                while self.redis.values() != good and time.monotonic() < end:
                    time.sleep(0.05)
                self.assertEqual(self.redis.values(), good)
        for key in keys:
            self.redis.call(b"DEL", key)
            self.redis.call(b"RPUSH", key, b"a list")
        self.assertEqual(self.ask(self.gateway()), (text, 0))
        # One bad block costs what stands behind it, too, and nothing before.
        self.redis.call(b"FLUSHALL")
        for key, value in good.items():
            self.redis.call(b"SET", key, value)
        self.redis.call(b"DEL", keys[0])
        found = self.ask(self.gateway())
        self.assertEqual((found[0], found[1] % 32), (text, 0))
        self.assertLess(found[1], BLOCKS * 32)

    def test_answers_go_on_while_the_store_hangs_is_gone_and_comes_back(self):
        gateway = self.gateway()
        expected = {}
        quiet = self.gateway(share_prefixes=False)
        for i in range(12):
            expected[i] = self.ask(quiet, f"{i} {TEXT}")[0]
        for i in range(12):
            if i == 2:
                self.redis.freeze(True)
            if i == 5:
                self.redis.stop()
            if i == 9:
                self.redis.start()
            self.assertEqual(self.ask(gateway, f"{i} {TEXT}")[0], expected[i])
        end = time.monotonic() + 20
        asked = 12
        while not self.redis.call(b"KEYS", b"*") and time.monotonic() < end:
            self.ask(gateway, f"{asked} {TEXT}")
            asked += 1
            time.sleep(0.2)
        self.assertTrue(self.redis.call(b"KEYS", b"*"), "the store is used again")
        told = len(re.findall("Redis is out of reach", gateway.log()))
        self.assertTrue(1 <= told <= 4, f"told {told} times by two connections")

    def test_a_gateway_starts_and_stops_without_its_store(self):
        self.redis.stop()
        gateway = self.gateway()
        text, _ = self.ask(gateway)
        self.assertEqual(self.ask(gateway), (text, BLOCKS * 32))
        began = time.monotonic()
        self.assertEqual(gateway.stop(), 0)
        self.assertLess(time.monotonic() - began, SLOWEST)


if __name__ == "__main__":
    unittest.main()
