"""Recorded exchanges of real vendors, asked for in another API's form: the answer comes whole in the caller's form, its usage
is the ledger's, and the ledger's is what the vendor reported.

Each recording is asked for by one of the other client APIs; TOLLGATE_REPLAY=all takes all of them.
"""

import json
import os
import unittest
import zlib

from support import exchanges, http1
from support.fake_vendor import FakeVendor
from support.gateway import DIMENSIONS, Gateway, base_config

FOLDER = exchanges.data_dir()
TEXT = "Say something, please."
CLIENTS = {
    "openai.chat": ("/v1/chat/completions", lambda: {"messages": [{"role": "user", "content": TEXT}]}),
    "openai.responses": ("/v1/responses", lambda: {"input": TEXT}),
    "anthropic.messages": ("/v1/messages", lambda: {"max_tokens": 99, "messages": [{"role": "user", "content": TEXT}]}),
    "gemini.generate": ("/v1beta/models/{}:{}", lambda: {"contents": [{"role": "user", "parts": [{"text": TEXT}]}]}),
}


def ask(client, model, stream):
    path, body = CLIENTS[client]
    body = body()
    if client == "gemini.generate":
        return path.format(model, "streamGenerateContent?alt=sse" if stream else "generateContent"), body
    body.update({"model": model, **({"stream": True} if stream else {})})
    if client == "openai.chat" and stream:
        body["stream_options"] = {"include_usage": True}
    return path, body


def events(body):
    """(event, data) of each server-sent event."""
    for block in body.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            name = next((line[7:] for line in lines if line.startswith("event: ")), "")
            yield name, "\n".join(line[6:] for line in lines if line.startswith("data: "))


def told(client, body, stream):
    """(ended well, input tokens, output tokens) as the caller reads them."""
    if not stream:
        parts = [json.loads(body)]
    else:
        parts = [json.loads(data) for _, data in events(body) if data != "[DONE]"]
    if client == "openai.chat":
        usage = next((part["usage"] for part in reversed(parts) if part.get("usage")), None)
        ended = body.rstrip().endswith(b"data: [DONE]") if stream else bool(parts[0]["choices"])
        return ended, usage and usage["prompt_tokens"], usage and usage["completion_tokens"]
    if client == "openai.responses":
        whole = parts[-1]["response"] if stream else parts[0]
        ended = whole["status"] in ("completed", "incomplete", "failed")
        return ended, (whole["usage"] or {}).get("input_tokens"), (whole["usage"] or {}).get("output_tokens")
    if client == "anthropic.messages":
        usage = parts[-2]["usage"] if stream else parts[0]["usage"]
        ended = parts[-1]["type"] == "message_stop" if stream else bool(parts[0]["stop_reason"])
        inputs = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        return ended, sum(usage.get(name) or 0 for name in inputs), usage["output_tokens"]
    usage = parts[-1].get("usageMetadata", {})
    out = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
    return bool(parts), usage.get("promptTokenCount", 0) + usage.get("toolUsePromptTokenCount", 0), out


def reported(exchange):
    """(input, output) by the vendor's own words; None where simple sums cannot tell."""
    usage = exchange.usage
    if exchange.dialect == "gemini.generate":
        names = (("promptTokenCount", "toolUsePromptTokenCount"), ("candidatesTokenCount", "thoughtsTokenCount"))
        return tuple(sum(usage.get(name) or 0 for name in side) for side in names)
    if exchange.dialect == "bedrock.converse":
        if "inputTokens" not in usage:
            return None
        cached = (usage.get("cacheReadInputTokens") or 0) + (usage.get("cacheWriteInputTokens") or 0)
        beside = usage["inputTokens"] + cached + usage["outputTokens"] == usage.get("totalTokens")
        return usage["inputTokens"] + (cached if beside else 0), usage["outputTokens"]
    if exchange.dialect == "cohere.chat":
        billed = usage.get("billed_units") or {}
        return billed.get("input_tokens") or 0, billed.get("output_tokens") or 0
    if exchange.dialect == "ollama.chat":
        return usage.get("prompt_eval_count") or 0, usage.get("eval_count") or 0
    return None


def sides(row):
    names = [name for name in row if name.endswith("_tokens") and name != "cache_write_tokens"]
    output = [name for name in names if name.startswith(("output", "reasoning", "audio_output", "image_output"))]
    return sum(row[name] or 0 for name in names if name not in output), sum(row[name] or 0 for name in output)


def usable(exchange):
    body = exchange.reply_body
    if b":event-type\x07\x00\x05chunk" in body:
        return False  # a stream of InvokeModel under the name of Converse
    if exchange.dialect == "cohere.chat" and (b'"event_type"' in body or b'"generation_id"' in body):
        return False  # version 1 of the API
    if exchange.stream and exchange.dialect in exchanges.STREAM_TYPES and not exchange.framed:
        return False  # the recorder kept the events and not their frames
    if exchange.stream and exchange.dialect == "gemini.generate" and not body.startswith((b"data:", b"event:")):
        return False  # asked for without alt=sse, which the gateway never does
    return bool(body) and body.count(b'"type":"message_start"') < 2


@unittest.skipUnless(FOLDER, "recorded exchanges are absent (TOLLGATE_DATA_DIR)")
class ForeignReplay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.exchanges = [one for one in exchanges.load(FOLDER, exchanges.FOREIGN) if usable(one)]
        cls.vendor = cls.enterClassContext(FakeVendor())
        providers, prices = {}, []
        for dialect in sorted(set(exchanges.FOREIGN.values())):
            name = "rec-" + dialect.replace(".", "-")
            providers[name] = {"dialect": dialect, "base_url": f"{cls.vendor.url}/v1", "api_key": "none"}
            if dialect == "openai.chat":
                providers[name].update({"surfaces": ["chat"], "usage_flags": ["x_groq"]})
            prices.append({"target": name + "/*", "input": 1, "output": 2})
        config = base_config(cls.vendor, providers=providers, prices=prices, retry={"max_attempts": 1}, stream={"heartbeat": "0"})
        cls.gateway = cls.enterClassContext(Gateway(config))

    def replay(self, connection, exchange, client):
        """(request id, what the caller was told, problem)."""
        if exchange.stream:
            exchange.reply_headers["content-type"] = exchanges.STREAM_TYPES.get(exchange.dialect, "text/event-stream")
        self.vendor.script(exchange.id, exchange.steps([1000] if exchange.stream else None))
        path, body = ask(client, f"rec-{exchange.dialect.replace('.', '-')}/{exchange.id}", exchange.stream)
        connection.send(http1.request_bytes("POST", path, json.dumps(body).encode(), DIMENSIONS))
        response = connection.read()
        identity = response.header("x-tollgate-request-id")
        if not response.complete:
            return identity, None, "the answer is not whole"
        if exchange.status >= 300:
            wrong = None if response.status == exchange.status and b'"error"' in response.body else f"status {response.status} for {exchange.status}"
            return identity, None, wrong
        failed = b"event: error" in response.body or b'"error":{' in response.body
        if "stream_error" in exchange.features or failed:
            return identity, None, None if failed else "the vendor's error did not arrive"
        if response.status != 200:
            return identity, None, f"status {response.status}: {response.body[:300]}"
        ended, *counts = told(client, response.body, exchange.stream)
        return identity, counts, None if ended else f"no proper end: {response.body[-300:]}"

    def test_answers_and_rows(self):
        problems, done = [], {}
        connection = self.gateway.connect()
        for exchange in self.exchanges:
            others = [client for client in CLIENTS if client != exchange.dialect]
            if os.environ.get("TOLLGATE_REPLAY") != "all":
                others = [others[zlib.crc32(exchange.id.encode()) % len(others)]]
            for client in others:
                try:
                    identity, counts, wrong = self.replay(connection, exchange, client)
                except (OSError, ValueError, KeyError, IndexError) as error:
                    identity, counts, wrong = None, None, f"{type(error).__name__} {error}"
                if wrong:
                    problems.append(f"{exchange.id} by {client}: {wrong}")
                    connection.close()
                    self.assertTrue(self.gateway.running(), f"the gateway died: {problems[-1]}\n{self.gateway.log()[-1500:]}")
                    connection = self.gateway.connect()
                if identity:
                    done[identity] = (exchange, client, counts)
        connection.close()
        rows = {row["request_id"]: row for row in self.gateway.rows(len(done), limit=30)}
        for identity, (exchange, client, counts) in done.items():
            row = rows.get(identity)
            if row is None:
                problems.append(f"{exchange.id} by {client}: no row")
                continue
            if not exchange.usage or exchange.status != 200:
                continue
            if counts and tuple(counts) != sides(row):
                problems.append(f"{exchange.id} by {client}: the caller was told {counts}, the ledger {sides(row)}")
            want = reported(exchange)
            if want and want != sides(row):
                problems.append(f"{exchange.id}: reported {want}, the ledger has {sides(row)}: {exchange.usage}")
        print(f"{len(done)} answers of foreign vendors, {len(problems)} problems")
        if problems:
            self.fail(f"{len(problems)} problems\n" + "\n".join(problems[:200]))


if __name__ == "__main__":
    unittest.main()
