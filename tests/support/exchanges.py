"""Recorded vendor exchanges, made ready for a replay: what the client sends, what the vendor answers, what it reported."""

import base64
import csv
import json
import os

from support.script import LAST_CHUNK, chunk, head, split, stream_head

# protocol and endpoint of a recording -> (surface, client path, provider of the test configuration)
RELAYED = {
    ("openai-chat", "chat.completions"): ("chat", "/v1/chat/completions"),
    ("openai-completions", "completions"): ("completions", "/v1/completions"),
    ("openai-responses", "responses"): ("responses", "/v1/responses"),
    ("openai-embeddings", "embeddings"): ("embeddings", "/v1/embeddings"),
    ("anthropic-messages", "messages"): ("messages", "/v1/messages"),
    ("anthropic-messages", "messages.count_tokens"): ("count_tokens", "/v1/messages/count_tokens"),
}
# Those that only a translation reaches, and the kind of provider that speaks them.
FOREIGN = {
    ("openai-chat", "chat.completions"): "openai.chat",
    ("openai-responses", "responses"): "openai.responses",
    ("anthropic-messages", "messages"): "anthropic.messages",
    ("gemini", "generateContent"): "gemini.generate",
    ("gemini", "streamGenerateContent"): "gemini.generate",
    ("bedrock-converse", "converse"): "bedrock.converse",
    ("bedrock-converse", "converse-stream"): "bedrock.converse",
    ("cohere", "chat"): "cohere.chat",
    ("ollama", "ollama.chat"): "ollama.chat",
}
STREAM_TYPES = {"bedrock.converse": "application/vnd.amazon.eventstream", "ollama.chat": "application/x-ndjson"}
HOP = {"content-length", "transfer-encoding", "connection", "keep-alive", "content-encoding", "upgrade", "trailer", "te"}


def data_dir():
    """Folder of the recorded data, or None."""
    source = os.environ.get("TOLLGATE_SOURCE_DIR", os.path.join(os.path.dirname(__file__), "..", ".."))
    for folder in (os.environ.get("TOLLGATE_DATA_DIR"), os.path.join(source, "..", "shared", "data")):
        if folder and os.path.exists(os.path.join(folder, "exchanges", "index.csv")):
            return os.path.abspath(folder)
    return None


class Exchange:
    def __init__(self, record, row):
        self.id = record["id"]
        self.provider = record["provider"]
        self.dialect = FOREIGN.get((record["protocol"], record["endpoint"]))
        self.surface, self.path = RELAYED.get((record["protocol"], record["endpoint"]), ("", ""))
        self.stream = row["stream"] == "true"
        self.status = int(record["response"].get("status") or 200)
        self.usage = record.get("usage_reported")
        self.features = set(filter(None, row["features"].split(";")))
        self.reply_body = reply_bytes(record)
        # AWS frames are binary; lines of JSON are text.
        self.framed = record["response"]["body_encoding"] == ("base64" if self.dialect == "bedrock.converse" else "text")
        self.reply_headers = reply_headers(record, self.stream)
        self._request = (record.get("request") or {}).get("body")

    def request(self, model):
        """The client's body, asking for `model`; the client asks for usage, so that nothing is stripped from the stream."""
        body = dict(self._request) if isinstance(self._request, dict) else {"messages": []}
        body["model"] = model
        if self.stream:
            body["stream"] = True
            if self.surface in ("chat", "completions"):
                body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        else:
            body.pop("stream", None)
            body.pop("stream_options", None)
        return json.dumps(body, ensure_ascii=False).encode()

    def steps(self, sizes):
        """The vendor's reply with these chunk sizes; without sizes as one piece with Content-Length."""
        if sizes is None and not self.stream:
            return [head(self.status, {**self.reply_headers, "Content-Length": len(self.reply_body)}) + self.reply_body]
        headers = dict(self.reply_headers)
        content_type = headers.pop("content-type")
        start = stream_head(headers, content_type).replace(b" 200 OK", b" %d X" % self.status, 1)
        parts = split(self.reply_body, sizes or [1 << 20])
        # Many chunks in one write: chunk boundaries matter here, not packets.
        return [start, b"".join(chunk(part) for part in parts) + LAST_CHUNK]


def reply_bytes(record):
    body = record["response"].get("body")
    if record["response"]["body_encoding"] == "none":
        return b""
    if record["response"]["body_encoding"] == "base64":
        return base64.b64decode(body)
    if record["response"]["body_encoding"] == "json":
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    if record["protocol"] == "ollama":
        return body.encode().rstrip(b"\n") + b"\n"
    if str(record["source"].get("framing", "")).startswith("json-lines"):
        return "".join(f"data: {line}\n\n" for line in body.splitlines() if line).encode()
    return body.encode()


def reply_headers(record, stream):
    result = {}
    for name, value in (record["response"].get("headers") or {}).items():
        if name.lower() not in HOP and isinstance(value, str) and "\n" not in value and value.isascii():
            result[name.lower()] = value
    result.setdefault("content-type", "text/event-stream" if stream else "application/json")
    return result


def load(folder, kinds=None):
    """Every recording whose protocol is relayed, or is one of `kinds`."""
    result = []
    kinds = RELAYED if kinds is None else kinds
    with open(os.path.join(folder, "exchanges", "index.csv"), encoding="utf-8", newline="") as index:
        for row in csv.DictReader(index):
            if (row["protocol"], row["endpoint"]) in kinds:
                with open(os.path.join(folder, "exchanges", row["file"]), encoding="utf-8") as file:
                    result.append(Exchange(json.load(file), row))
    return result
