"""`strategy: prefix`: replicas of one engine are chosen by prompt and load, fallbacks stay behind them."""

import json
import time

from support.case import GatewayCase
from support.fake_vendor import FakeVendor
from support.gateway import base_config
from support.script import Reset


def reply(body, kind="text/plain", status="200 OK"):
    return [f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body]


class Engine:
    """A replica: a fake vendor that also has a load page."""

    def __init__(self, vendor, prefix="vllm"):
        self.vendor, self.running, self.waiting, self.broken = vendor, 0, 0, False
        self.names = {
            "vllm": ("vllm:num_requests_running", "vllm:num_requests_waiting"),
            "sglang": ("sglang:num_running_reqs", "sglang:num_queue_reqs"),
        }[prefix]
        vendor.script("", self.page)

    def page(self, request):
        if request.target != "/metrics":
            return reply(b"no", status="404 Not Found")
        if self.broken:
            return [Reset()]
        return reply(f'{self.names[0]}{{model_name="m"}} {self.running}\n{self.names[1]} {self.waiting}\n'.encode())

    @property
    def served(self):
        return len(self.vendor.seen("m"))

    @property
    def asked(self):
        return sum(1 for request in list(self.vendor.requests) if request.target == "/metrics")


class Replicas(GatewayCase):
    @classmethod
    def configure(cls, vendor):
        cls.a = Engine(cls.enterClassContext(FakeVendor()))
        cls.b = Engine(cls.enterClassContext(FakeVendor()), "sglang")
        replica = {"dialect": "openai.chat", "api_key": "sesame", "load_path": "/metrics", "connect_timeout": "500ms"}
        return base_config(
            vendor,
            retry={"max_attempts": 1},
            providers={
                "a": {**replica, "base_url": f"{cls.a.vendor.url}/v1"},
                "b": {**replica, "base_url": f"{cls.b.vendor.url}/v1"},
            },
            models={"cluster": {"targets": ["lab/m", "a/m", "b/m"], "strategy": "prefix"}},
        )

    def setUp(self):
        self.settle(a=0, b=0)

    def settle(self, **running):
        """Waits until the gateway has read this load."""
        for name, count in running.items():
            engine = getattr(self, name)
            engine.running, engine.waiting, engine.broken = count, 0, False
        end = time.monotonic() + 5
        known = lambda name, count: (  # noqa: E731
            self.gateway.metric("tollgate_replica_answers", provider=name) == 1
            and self.gateway.metric("tollgate_replica_requests", provider=name) == count
        )
        while not all(known(name, count) for name, count in running.items()):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def ask(self, text):
        """Who served it: a, b or the fallback."""
        before = self.a.served, self.b.served, len(self.vendor.seen("m"))
        answer = self.gateway.chat("cluster", extra={"messages": [{"role": "user", "content": text}]})
        self.assertEqual(answer.status, 200, answer.body)
        after = self.a.served, self.b.served, len(self.vendor.seen("m"))
        return "ab-"[next(i for i in range(3) if after[i] > before[i])]

    def test_a_conversation_stays_where_it_began(self):
        homes = {}
        for turn in range(4):
            for user in range(6):
                text = f"user {user}: " + "once upon a time there was a gateway. " * (40 + 20 * turn)
                homes.setdefault(user, []).append(self.ask(text))
        for user, places in homes.items():
            self.assertEqual(len(set(places)), 1, (user, places))
        self.assertEqual({places[0] for places in homes.values()}, {"a", "b"}, "idle replicas share the conversations")
        self.assertGreater(self.gateway.metric("tollgate_replica_choices_total", reason="prefix"), 0)

    def test_new_prompts_go_where_less_is_going_on(self):
        self.settle(a=7, b=1)
        self.assertEqual({self.ask(f"{i}: short") for i in range(6)}, {"b"})
        self.settle(a=1, b=7)
        self.assertEqual({self.ask(f"{i}: short") for i in range(6)}, {"a"})

    def test_a_replica_that_is_swamped_loses_its_conversations(self):
        text = "swamped: " + "again and again. " * 200
        home = self.ask(text)
        self.settle(**{home: 300})
        self.assertNotEqual(self.ask(text), home)

    def test_the_load_page_is_asked_with_the_key_and_nothing_else(self):
        request = next(r for r in self.a.vendor.requests if r.target == "/metrics")
        self.assertEqual(request.header("authorization"), "Bearer sesame")
        self.assertEqual(request.method, "GET")
        self.assertFalse([r for r in self.vendor.requests if r.target == "/metrics"], "lab has no load_path")

    def test_a_broken_replica_is_asked_last_and_comes_back(self):
        self.a.broken = True
        self.assertTrue(self.gateway.wait_log("a replica's load cannot be read"))
        self.assertEqual(self.gateway.metric("tollgate_replica_answers", provider="a"), 0)
        self.assertEqual({self.ask(f"broken {i}") for i in range(4)}, {"b"})
        self.settle(a=0)
        self.assertEqual(self.gateway.metric("tollgate_replica_answers", provider="a"), 1)
        self.assertIn("a", {self.ask(f"mended {i}") for i in range(4)})

    def test_fallbacks_come_after_all_replicas(self):
        gone = reply(json.dumps({"error": {"message": "overloaded"}}).encode(), "application/json", "503 Service Unavailable")
        for engine in (self.a, self.b):
            engine.vendor.script("m", gone)
        try:
            before = self.a.served, self.b.served
            answer = self.gateway.chat("cluster")
            self.assertEqual(answer.status, 200, answer.body)
            self.assertEqual((self.a.served, self.b.served), (before[0] + 1, before[1] + 1))
            self.assertEqual([row["provider"] for row in self.rows_of(answer, 3)][-1], "lab")
        finally:
            for engine in (self.a, self.b):
                engine.vendor._scripts.pop("m")
