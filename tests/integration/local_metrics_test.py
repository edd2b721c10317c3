"""The local engine in /metrics: what was asked is what is counted, under vLLM's names and ours."""

import json
import os
import re
import tempfile
import time
from fractions import Fraction

from support import tiny_gguf
from support.case import GatewayCase
from support.gateway import DIMENSIONS
from support.http1 import request_bytes

HOURLY = Fraction("3600")  # USD: a second costs a dollar
NO_END = {str(token): -100 for token in (257, 258, 259)}  # of tiny_gguf
HISTOGRAMS = ("time_to_first_token", "inter_token_latency", "time_per_output_token", "e2e_request_latency", "request_queue_time")


class LocalMetrics(GatewayCase):
    @classmethod
    def configure(cls, vendor):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        file = os.path.join(folder, "tiny.gguf")
        tiny_gguf.write(file)
        slow = os.path.join(folder, "slow.gguf")
        tiny_gguf.write(slow, layers=32, context=8192)
        names = ("counted", "kept", "idle", "crowded", "gone")
        rows = [{"name": name, "file": file, "hourly_cost_usd": float(HOURLY), "threads": 1} for name in names]
        rows[3].update(file=slow, context=8192, max_running=1, max_waiting=2)
        rows.append({"name": "free", "file": file, "threads": 1})
        cls.overrides = {"retry": {"max_attempts": 1}, "local": {"models": rows}}
        return super().configure(vendor)

    def chat(self, model, text="hello", **extra):
        body = {"model": f"local/{model}", "max_tokens": 12, "messages": [{"role": "user", "content": text}], **extra}
        return self.gateway.post("/v1/chat/completions", body)

    def vllm(self, name, model, **labels):
        return self.gateway.metric(f"vllm:{name}", model_name=model, engine="0", **labels)

    def wait_for(self, wanted, look, limit=10.0):
        """The engine's thread publishes its counts just after it has handed out an answer."""
        end = time.monotonic() + limit
        while (seen := look()) != wanted and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(seen, wanted)

    def test_counts_are_exact(self):
        said = [self.chat("counted", text, logit_bias=NO_END).json()["usage"] for text in ("hello", "hello " * 20, "hello " * 20)]
        said.append(self.chat("counted", n=3, logit_bias=NO_END).json()["usage"])
        prompts = sum(usage["prompt_tokens"] for usage in said) + 2 * said[-1]["prompt_tokens"]  # each of three answers has it
        answers = sum(usage["completion_tokens"] for usage in said)
        self.assertEqual(answers, 6 * 12)
        self.wait_for(answers, lambda: self.vllm("generation_tokens_total", "counted"))
        self.assertEqual(self.vllm("prompt_tokens_total", "counted"), prompts)
        self.assertEqual(self.vllm("prefix_cache_queries_total", "counted"), prompts)
        self.assertGreaterEqual(self.vllm("prefix_cache_hits_total", "counted"), said[2]["prompt_tokens_details"]["cached_tokens"])
        self.assertGreater(said[2]["prompt_tokens_details"]["cached_tokens"], 64)
        self.assertGreater(self.gateway.metric("tollgate_engine_prefix_blocks", model="counted"), 64 // 32)
        for reason, count in (("length", 6), ("stop", 0), ("abort", 0), ("error", 0)):
            self.assertEqual(self.vllm("request_success_total", "counted", finished_reason=reason), count, reason)
        for name in HISTOGRAMS:
            wanted = answers - 6 if name in ("inter_token_latency", "time_per_output_token") else 6
            self.assertEqual(self.vllm(f"{name}_seconds_count", "counted"), wanted, name)
            self.assertEqual(self.vllm(f"{name}_seconds_bucket", "counted", le="+Inf"), wanted, name)
        self.assertGreater(self.vllm("e2e_request_latency_seconds_sum", "counted"), self.vllm("time_to_first_token_seconds_sum", "counted"))
        for name in ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc", "gpu_cache_usage_perc"):
            self.assertEqual(self.vllm(name, "counted"), 0, name)
        self.assertEqual(self.vllm("cache_config_info", "counted", block_size="32"), 1)
        self.assertEqual(self.gateway.metric("tollgate_engine_saturation", model="counted"), 0)

    def test_rows_and_idle_time_are_the_hours(self):
        rows = [self.row_of(self.chat("idle", seed=seed)) for seed in range(5)]
        booked = sum(json.loads(row["usage_raw"])["machine_us"] for row in rows)
        self.wait_for(booked, lambda: round(self.gateway.metric("tollgate_engine_busy_seconds_total", model="idle") * 1e6))
        idle = self.gateway.metric("tollgate_engine_idle_seconds_total", model="idle")
        self.assertGreater(idle, 0)
        cost = self.gateway.metric("tollgate_engine_idle_cost_usd_total", model="idle")
        time.sleep(0.3)
        idle_later = self.gateway.metric("tollgate_engine_idle_seconds_total", model="idle")
        self.assertGreaterEqual(idle_later - idle, 0.3)
        self.assertTrue(idle <= cost <= idle_later, (idle, cost, idle_later))  # a second costs a dollar
        self.assertEqual(sum(Fraction(row["cost_usd"]) for row in rows), Fraction(booked, 10**6))

    def test_a_machine_without_a_price_has_no_idle_cost(self):
        text = self.gateway.admin("/metrics").body.decode()
        self.assertIn('tollgate_engine_idle_seconds_total{model="free"}', text)
        self.assertNotIn('tollgate_engine_idle_cost_usd_total{model="free"}', text)

    def test_a_crowd_is_seen(self):
        """One runs, two wait, the rest is refused; all leave when that was seen. Who is done is replaced until then."""
        body = {"model": "local/crowded", "max_tokens": 7500, "stream": True, "logit_bias": NO_END, "messages": [{"role": "user", "content": "x"}]}
        join = lambda: self.enterContext(self.gateway.connect()).send(  # noqa: E731
            request_bytes("POST", "/v1/chat/completions", body, DIMENSIONS)
        )
        for _ in range(6):
            join()

        def seen():
            text = self.gateway.admin("/metrics").body.decode()
            number = lambda name, label: float(re.search(rf'^{name}\{{.*{label}="crowded".*\}} (\S+)$', text, re.M)[1])
            state = [number(f"vllm:{name}", "model_name") for name in ("num_requests_running", "num_requests_waiting")]
            if sum(state) < 3:
                join()
            used = number("vllm:kv_cache_usage_perc", "model_name") > 0
            return (*state, used, number("tollgate_engine_saturation", "model") >= 1, number("tollgate_engine_rejected_total", "model") > 0)

        self.wait_for((1, 2, True, True, True), seen)

    def test_the_text_is_well_formed(self):
        for line in self.gateway.admin("/metrics").body.decode().splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) [\w:]+ .+|[\w:]+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? -?[\d.e+-]+|.+ [+-]Inf)$')
        types = dict(re.findall(r"^# TYPE (vllm:\S+) (\w+)$", self.gateway.admin("/metrics").body.decode(), re.M))
        self.assertEqual({kind for name, kind in types.items() if name.endswith("_total")}, {"counter"})
        self.assertEqual({kind for name, kind in types.items() if name.endswith("_seconds")}, {"histogram"})

    def test_a_model_that_is_gone_is_told_of_no_more(self):
        self.chat("gone")
        self.chat("kept", logit_bias=NO_END)
        text = self.gateway.admin("/metrics").body.decode()
        self.assertIn('model_name="gone"', text)
        models = [row for row in self.gateway.config["local"]["models"] if row["name"] != "gone"]
        self.gateway.write_config({**self.gateway.config, "local": {"models": models}})
        self.assertEqual(self.gateway.admin("/admin/reload", method="POST").status, 200)
        text = self.gateway.admin("/metrics").body.decode()
        self.assertNotIn('model_name="gone"', text)
        self.assertNotRegex(text, r'tollgate_engine_\w+\{model="gone"')
        self.assertEqual(self.vllm("generation_tokens_total", "kept"), 12)
