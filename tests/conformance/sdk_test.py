"""Runs the official Node SDKs against the gateway, with the fake vendor behind it, and looks at what they left in the ledger."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import unittest

from support import dialects
from support.fake_vendor import FakeVendor
from support.gateway import Gateway, base_config
from support.script import Hold, Reset, chunk, reply, sse, stream, stream_head

HERE = os.path.dirname(os.path.abspath(__file__))
CITIES = ["Zürich", "São Paulo"]


def install():
    """Installs the pinned SDKs; a reason when that is not possible."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "node and npm are not installed"
    lock, stamp = os.path.join(HERE, "package-lock.json"), os.path.join(HERE, "node_modules", ".lock-installed")
    with open(lock, encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # both conformance tests may come here at one time
        wanted = held.read()
        if os.path.exists(stamp):
            with open(stamp, encoding="utf-8") as file:
                if file.read() == wanted:
                    return None
        try:
            done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-timeout=60000", "--fetch-retries=1"],
                                  cwd=HERE, capture_output=True, text=True, timeout=300, check=False)
        except subprocess.TimeoutExpired:
            return "npm ci took longer than 300 s"
        if done.returncode != 0:
            return f"npm ci failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
        with open(stamp, "w", encoding="utf-8") as file:
            file.write(wanted)
    return None


def tool_call(index, city, arguments=None):
    call = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": "weather", "arguments": arguments or ""}}
    if arguments is None:
        call["function"]["arguments"] = json.dumps({"city": city}, ensure_ascii=False)
    return call


def openai_tool_events():
    """Two parallel calls whose arguments come in small pieces, cut inside multi-byte characters' neighbours."""
    events = [sse(dialects.chat_chunk({"role": "assistant", "content": None}))]
    for index, city in enumerate(CITIES):
        text = json.dumps({"city": city}, ensure_ascii=False)
        events.append(sse(dialects.chat_chunk({"tool_calls": [tool_call(index, city, " ")]})))
        events += [sse(dialects.chat_chunk({"tool_calls": [{"index": index, "function": {"arguments": text[i : i + 3]}}]}))
                   for i in range(0, len(text), 3)]
    return events + [sse(dialects.chat_chunk({}, finish="tool_calls")), sse("[DONE]")]


def anthropic_tool_events():
    start, _, *_ = dialects.messages_events()
    text = json.dumps({"city": CITIES[0]}, ensure_ascii=False)
    block = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    events = [start, sse({"type": "content_block_start", "index": 0, "content_block": block}, "content_block_start")]
    for i in range(0, len(text), 3):
        delta = {"type": "input_json_delta", "partial_json": text[i : i + 3]}
        events.append(sse({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta"))
    events.append(sse({"type": "content_block_stop", "index": 0}, "content_block_stop"))
    end = {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": {"output_tokens": 12}}
    return events + [sse(end, "message_delta"), sse({"type": "message_stop"}, "message_stop")]


def by_surface(openai, anthropic):
    """A script that answers in the dialect it is asked in."""
    return lambda request: anthropic if request.target.endswith("/messages") else openai


def script(vendor):
    chat = dialects.chat_body()
    chat["choices"][0]["message"] = {"role": "assistant", "content": None, "tool_calls": [tool_call(0, CITIES[0])]}
    message = dialects.messages_body()
    message["content"].append({"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": CITIES[0]}})
    vendor.script("tools", by_surface(reply(chat), reply(message)))
    vendor.script("tools-stream", by_surface(stream(openai_tool_events()), stream(anthropic_tool_events())))
    for status in (400, 401, 403, 404, 409, 422, 429, 500, 529):
        openai = {"error": {"message": "from vendor", "type": "x", "param": None, "code": "from_vendor"}}
        anthropic = {"type": "error", "error": {"type": "x", "message": "from vendor"}}
        vendor.script(f"status-{status}", by_surface(reply(openai, status), reply(anthropic, status)))
    vendor.script("gone", [Reset()])
    vendor.script("silent", [Hold()])
    chat_events, message_events = dialects.chat_events(), dialects.messages_events()
    vendor.script("cut", by_surface([stream_head(), *map(chunk, chat_events[:5]), Reset()], [stream_head(), *map(chunk, message_events[:5]), Reset()]))
    vendor.script("hold-openai", [stream_head(), *map(chunk, chat_events[:5]), Hold()])
    vendor.script("hold-anthropic", [stream_head(), *map(chunk, message_events[:5]), Hold()])


class Sdks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = install()
        if reason:
            raise unittest.SkipTest(reason)
        cls.vendor = cls.enterClassContext(FakeVendor())
        script(cls.vendor)
        cls.gateway = cls.enterClassContext(Gateway(base_config(cls.vendor, retry={"max_attempts": 1})))

    def run_file(self, name):
        env = {**os.environ, "GATEWAY_URL": f"http://127.0.0.1:{self.gateway.port}"}
        done = subprocess.run(["node", "--test", os.path.join(HERE, name)], capture_output=True, text=True, timeout=240, env=env, check=False)
        counts = {key: int(value) for key, value in re.findall(r"^(?:#|ℹ) (pass|fail|tests) (\d+)", done.stdout, re.M)}
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertGreater(counts.get("pass", 0), 0, done.stdout)

    def aborted(self, model):
        self.assertTrue(self.vendor.wait_for(lambda v: v.seen(model) and v.seen(model)[0].aborted_at), f"{model} was not cancelled upstream")
        self.assertEqual([row["outcome"] for row in self.gateway.rows(1, f"model = '{model}'")], ["aborted"])

    def test_openai(self):
        self.run_file("openai.test.mjs")
        self.aborted("hold-openai")
        self.aborted("silent")
        self.assertEqual({row["team"] for row in self.gateway.rows(1, "feature = 'openai'")}, {"sdk"})

    def test_anthropic(self):
        self.run_file("anthropic.test.mjs")
        self.aborted("hold-anthropic")
