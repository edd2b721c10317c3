"""The official Node SDKs of OpenAI, Anthropic and Google, each against vendors that speak another API.

The vendors' replies are written by hand (vendor_forms.py); where recorded streams are at hand, what each SDK makes of them is
compared with what the recording says (vendor_asked.py). The Node files ask the fake vendor what it was sent.
"""

import json
import os
import re
import subprocess
import tempfile
import unittest

from sdk_test import install
from support import exchanges
from support.fake_vendor import FakeVendor
from support.gateway import Gateway, base_config
from support.script import Hold, Reset, chunk, reply, stream, stream_head
from vendor_asked import ASKED, TOLD, Unusual
from vendor_forms import CACHED, FORMS, INPUT, OUTPUT, answer, content_type, refusal, stream_error

HERE = os.path.dirname(os.path.abspath(__file__))
# provider: its dialect, the start of its models' names (which decide what a model can do), more settings
VENDORS = {
    "oai": ("openai.chat", "gpt-5", {"surfaces": ["chat"], "request_flags": ["reasoning_details"]}),
    "rsp": ("openai.responses", "gpt-5", {}),
    "ant": ("anthropic.messages", "claude-sonnet-4-5", {}),
    "gem": ("gemini.generate", "gemini-3-pro", {}),
    "bed": ("bedrock.converse", "anthropic.claude-sonnet-4-5", {}),
}
# the SDK's surface: the vendors that it has to reach
CLIENTS = {"chat": ["ant", "gem", "bed"], "responses": ["ant", "gem", "bed"], "anthropic": ["oai", "gem", "rsp", "bed"], "google": ["oai", "ant", "bed"]}
STATUSES = (400, 401, 403, 404, 429, 500, 503, 529)
TEXT = "Grüße from Zürich: 10 °C, „kühl“ 🌧, and \"quoted\"\nlines.\tEnd"
SIGNATURE = "EqQBCkYIARgCIkDf4Jb+8rM1o0J2Yk3Xo5l7wq9Zt6sA=="
THOUGHT = ("think", "The user wants the weather, so ask the tool.", SIGNATURE)
CALLS = [("call", "call_a1", "weather", {"city": "Zürich", "days": 3}), ("call", "call_b2", "weather", {"city": "São \"Paulo\"", "days": 1})]
AFTER = "result-of-the-tool"  # stands in every tool result that the Node files send
RECORDINGS = 1000 if os.environ.get("TOLLGATE_REPLAY") == "all" else 8  # of each vendor


def after_tools(vendor, parts):
    """These parts until a tool's result is among what was sent, then a text."""
    return lambda request: answer(vendor, request, [("text", "It is cold.")] if AFTER.encode() in request.body else parts)


def started(vendor, count=10):
    """The beginning of a stream of text."""
    head = stream_head(content_type=content_type(vendor))
    return [head, *map(chunk, FORMS[vendor][1]([("text", TEXT)])[:count])]


def scenarios(vendor):
    def always(*parts):
        return lambda request: answer(vendor, request, parts)

    found = {
        "text": always(("text", TEXT)),
        "tools": after_tools(vendor, [("text", "Let me look."), *CALLS]),
        "think": after_tools(vendor, [THOUGHT, CALLS[0]]),
        "schema": always(("text", json.dumps({"city": "Zürich", "days": 3}, ensure_ascii=False))),
        "image": always(("text", "a dot")),
        "broken": stream([*FORMS[vendor][1]([("text", TEXT)])[:10], stream_error(vendor)], content_type=content_type(vendor)),
        "cut": [*started(vendor), Reset()],
        "hold": [*started(vendor), Hold()],
    }
    found.update({f"status-{status}": refusal(vendor, status) for status in STATUSES})
    return found


def model_of(vendor, client, scenario):
    return f"{VENDORS[vendor][1]}--{vendor}-{client}-{scenario}"


def describe(vendor, request):
    """What the Node files are told of a request that the vendor got."""
    return {"target": request.target, **ASKED[vendor](request.json())}


def usual(exchange):
    """What a recorded stream says, or None when it has parts that other APIs have no place for."""
    vendor = next((name for name, (dialect, *_) in VENDORS.items() if dialect == exchange.dialect), None)
    if not vendor or not exchange.stream or exchange.status != 200 or "stream_error" in exchange.features:
        return None
    if (vendor == "bed") != (not exchange.reply_body.startswith((b"data:", b"event:", b":"))) or (vendor == "bed" and not exchange.framed):
        return None
    try:
        said = TOLD[vendor](exchange.reply_body)
    except (Unusual, KeyError, TypeError, ValueError, UnicodeDecodeError):
        return None
    return {"vendor": vendor, "id": exchange.id, **said} if said["text"] or said["calls"] else None


def rank(one):
    """Tools with thoughts first, then tools, then thoughts."""
    return -2 * bool(one["calls"]) - bool(one["thought"])


def recordings():
    """(exchange, what it says) of some recorded streams of each vendor: half with tools, a part with thoughts, and plain ones."""
    folder, found = exchanges.data_dir(), {}
    for exchange in exchanges.load(folder, exchanges.FOREIGN) if folder else []:
        said = usual(exchange)
        if said:
            found.setdefault(said["vendor"], []).append((exchange, said))
    result = []
    for same in found.values():
        kinds = {}
        for pair in same:
            kinds.setdefault(rank(pair[1]), []).append(pair)
        turn = [pair for index in range(RECORDINGS) for kind in sorted(kinds) for pair in kinds[kind][index : index + 1]]
        result += turn[:RECORDINGS]
    return result


class Foreign(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = install()
        if reason:
            raise unittest.SkipTest(reason)
        cls.vendor = cls.enterClassContext(FakeVendor())
        providers = {name: {"dialect": dialect, "base_url": f"{cls.vendor.url}/{name}", "api_key": "none", **more}
                     for name, (dialect, _, more) in VENDORS.items()}
        prices = [{"target": name + "/*", "input": 1, "cache_read": 0.1, "output": 2} for name in VENDORS]
        config = base_config(cls.vendor, providers=providers, prices=prices, retry={"max_attempts": 1})
        cls.gateway = cls.enterClassContext(Gateway(config))
        for client, vendors in CLIENTS.items():
            for vendor in vendors:
                for scenario, steps in scenarios(vendor).items():
                    cls.vendor.script(model_of(vendor, client, scenario), steps)
        cls.vendor.script("__seen", cls.answer_seen)
        cls.recorded = []
        for exchange, said in recordings():
            exchange.reply_headers["content-type"] = content_type(said["vendor"])
            cls.vendor.script(exchange.id, exchange.steps([1000]))
            cls.recorded.append(said)

    @classmethod
    def answer_seen(cls, request):
        asked = request.json()
        return reply([describe(asked["vendor"], one) for one in cls.vendor.seen(asked["of"])])

    def run_client(self, file, client):
        vendors = CLIENTS[client]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as about:
            json.dump({
                "gateway": f"http://127.0.0.1:{self.gateway.port}", "vendorUrl": self.vendor.url, "client": client,
                "vendors": {vendor: VENDORS[vendor][1] for vendor in vendors}, "text": TEXT, "thought": THOUGHT[1], "signature": SIGNATURE,
                "calls": [{"id": one[1], "name": one[2], "args": one[3]} for one in CALLS], "after": AFTER, "statuses": STATUSES,
                "recordings": [said for said in self.recorded if said["vendor"] in vendors],
            }, about)
            about.flush()
            done = subprocess.run(["node", "--test", os.path.join(HERE, file)], capture_output=True, text=True, timeout=240,
                                  env={**os.environ, "FOREIGN": about.name}, check=False)
        counts = {key: int(value) for key, value in re.findall(r"^(?:#|ℹ) (pass|fail|tests) (\d+)", done.stdout, re.M)}
        print(f"{client}: {counts}")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertGreater(counts.get("pass", 0), 10 * len(vendors), done.stdout)

    def check_ledger(self, client):
        """Both ways to ask for text leave what the vendor reported; an abort reaches the vendor and leaves its own row."""
        for vendor in CLIENTS[client]:
            with self.subTest(vendor=vendor):
                rows = self.gateway.rows(2, f"model = '{model_of(vendor, client, 'text')}'")
                counts = [(row["outcome"], row["input_tokens"], row["cache_read_tokens"], row["output_tokens"]) for row in rows]
                self.assertEqual(counts, [("ok", INPUT - CACHED, CACHED, OUTPUT)] * 2)
                hold = model_of(vendor, client, "hold")
                self.assertTrue(self.vendor.wait_for(lambda v, m=hold: v.seen(m) and v.seen(m)[0].aborted_at), f"{hold} was not cancelled upstream")
                self.assertEqual([row["outcome"] for row in self.gateway.rows(1, f"model = '{hold}'")], ["aborted"])
                for scenario in ("broken", "cut"):
                    failed = self.gateway.rows(1, f"model = '{model_of(vendor, client, scenario)}'")
                    self.assertEqual([row["outcome"] for row in failed], ["error"])

    def check(self, file, client):
        with self.subTest("the SDK"):
            self.run_client(file, client)
        with self.subTest("the ledger"):
            self.check_ledger(client)

    def test_openai_chat(self):
        self.check("foreign_openai.test.mjs", "chat")

    def test_openai_responses(self):
        self.check("foreign_responses.test.mjs", "responses")

    def test_anthropic(self):
        self.check("foreign_anthropic.test.mjs", "anthropic")

    def test_google(self):
        self.check("foreign_google.test.mjs", "google")


if __name__ == "__main__":
    unittest.main()
