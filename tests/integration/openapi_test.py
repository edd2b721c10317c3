"""What the dialects write, checked against the vendors' own schemas: OpenAPI of OpenAI, Anthropic, Gemini, Cohere and Ollama,
and the service model of Bedrock. Takes a sample of the recordings; TOLLGATE_OPENAPI=1 takes all of them.

A finding is counted by its place and kind; each kind that is not the dialect's fault stands in ACCEPTED with its reason.
"""

import collections
import functools
import gzip
import json
import os
import re
import subprocess
import unittest
import warnings

from support import exchanges

FOLDER = exchanges.data_dir()
DUMP = os.path.join(os.path.dirname(os.environ.get("TOLLGATE_BINARY", "")), "tests", "unit", "dialects", "translate_dump")
try:
    import jsonschema
    import yaml
except ImportError:
    jsonschema = None

# (dialect, what) -> file, name of the schema
SCHEMAS = {
    ("openai.chat", "request"): ("openai.openapi.json.gz", "CreateChatCompletionRequest"),
    ("openai.chat", "reply"): ("openai.openapi.json.gz", "CreateChatCompletionResponse"),
    ("openai.chat", "event"): ("openai.openapi.json.gz", "CreateChatCompletionStreamResponse"),
    ("openai.responses", "request"): ("openai.openapi.json.gz", "CreateResponse"),
    ("openai.responses", "reply"): ("openai.openapi.json.gz", "Response"),
    ("openai.responses", "event"): ("openai.openapi.json.gz", "ResponseStreamEvent"),
    ("anthropic.messages", "request"): ("anthropic.openapi.json", "BetaCreateMessageParams"),
    ("anthropic.messages", "reply"): ("anthropic.openapi.json", "BetaMessage"),
    ("anthropic.messages", "event"): ("anthropic.openapi.json", "BetaMessageStreamEvent"),
    ("gemini.generate", "request"): ("google-gemini-native.openapi.2026-07.json", "GenerateContentRequest"),
    ("gemini.generate", "reply"): ("google-gemini-native.openapi.2026-07.json", "GenerateContentResponse"),
    ("gemini.generate", "event"): ("google-gemini-native.openapi.2026-07.json", "GenerateContentResponse"),
    ("ollama.chat", "request"): ("ollama.openapi.yaml", "ChatRequest"),
    ("cohere.chat", "request"): ("cohere.openapi.yaml.gz", "/v2/chat"),
}
# (dialect, what, pattern of "place: message", reason)
ACCEPTED = [
    ("", "request", r"temperature: -?\d+ is (greater|less) than", "the recording asks for it; the vendor has the last word on values"),
    ("openai.chat", "event", r"(usage|logprobs|logprobs.refusal|finish_reason): None is not", "the vendor's own streams send null there"),
    ("openai.chat", "event", r"tool_calls\[\].type: 'custom'", "the schema forgot custom calls in chunks"),
    ("openai.chat", "request", r"'video_url'", "a part that vendors of this form take, OpenAI does not"),
    ("openai.chat", "", r"finish_reason: 'error'", "OpenRouter's word for an answer that failed; the schema has none"),
    ("openai.chat", "", r"service_tier: 'provisioned'", "a vendor's own word"),
    ("openai.responses", "", r"user: None is not", "the vendor's own replies send null there"),
    ("anthropic.messages", "", r"'refusal'|application/pdf|'title' was unexpected|source.type: 'base64' was expected|'ttl'|thinking|output_config|signature|'text' was expected|stop_reason' is a required|service_tier|cache_creation'|"
     r"output_tokens_details|inference_geo|server_tool_use", "younger than the schema, which is of November 2024"),
    ("anthropic.messages", "request", r"^\.(tools\[\]|tool_choice)", "strict, choice none and search tools are younger than the schema"),
    ("openai.responses", "", r"service_tier: '(on_demand|provisioned)'", "a vendor's own word"),
    ("openai.responses", "request", r"^\.input\[\]", "its unions overlap; an assistant's earlier text comes as output_text, which the API takes"),
    ("cohere.chat", "request", r"response_format.*is valid under each of", "its unions overlap"),
    ("gemini.generate", "", r"(usageMetadata: .*serviceTier|^: .*serviceTier)", "in the vendor's requests and replies, not yet in its schema"),
    ("gemini.generate", "request", r"^.generationConfig: .*mediaResolution", "in the vendor's documentation, not in its schema"),
]


@functools.cache
def spec(name):
    path = os.path.join(FOLDER, "openapi", name)
    opened = gzip.open(path, "rt", encoding="utf-8") if name.endswith(".gz") else open(path, encoding="utf-8")
    with opened as file:
        return mended(yaml.safe_load(file) if ".yaml" in name else json.load(file))


def mended(node):
    """Where the specs' conversion left `type` without a value: alone it means null, beside others it says nothing."""
    if isinstance(node, dict):
        if False in node.get("enum", ()) and node.get("type") == "string":  # YAML reads an unquoted OFF as false
            node = {**node, "enum": [*node["enum"], "OFF"]}
        if "type" in node and node["type"] is None:
            node = {"type": "null"} if len(node) == 1 else {key: value for key, value in node.items() if key != "type"}
        return {key: mended(value) for key, value in node.items()}
    return [mended(one) for one in node] if isinstance(node, list) else node


@functools.cache
def validator(dialect, what):
    name, schema = SCHEMAS[(dialect, what)]
    document = spec(name)
    if schema.startswith("/"):
        target = f"#/paths/{schema.replace('/', '~1')}/post/requestBody/content/application~1json/schema"
    else:
        target = f"#/components/schemas/{schema}"
    with warnings.catch_warnings():  # the newer library wants another class, which Debian's has not
        warnings.simplefilter("ignore")
        return jsonschema.Draft202012Validator({"$ref": target}, resolver=jsonschema.RefResolver("", document))


def deepest(error):
    """The finding that says most: of the alternatives of a union, that of the one that fits best."""
    while error.context:
        error = max(error.context, key=lambda one: (len(one.absolute_path), one.validator not in ("type", "const", "enum"), -len(one.message)))
    return error


def with_bytes(node):
    """Log probabilities of vendors that tell no bytes of a token: the schema wants them, nobody can know them."""
    if isinstance(node, dict):
        if "logprob" in node and "token" in node:
            node = {"bytes": [], **node}
        return {key: with_bytes(value) for key, value in node.items()}
    return [with_bytes(one) for one in node] if isinstance(node, list) else node


def shape_findings(value, name, shapes, place=""):
    """Against a shape of the AWS service model: (place, message) of each finding."""
    shape = shapes[name]
    kind = shape["type"]
    if shape.get("document"):
        return
    wanted = {"structure": dict, "list": list, "map": dict, "string": str, "blob": str, "boolean": bool, "integer": int, "long": int}
    if kind in wanted and not isinstance(value, wanted[kind]) or kind in ("float", "double") and not isinstance(value, (int, float)):
        yield place, f"is no {kind}"
        return
    if kind == "structure":
        for key in shape.get("required", []):
            if key not in value and shape["members"][key].get("location") != "uri":
                yield place, f"lacks {key}"
        if shape.get("union") and len(value) != 1:
            yield place, f"has {sorted(value)}, one wanted"
        for key, inner in value.items():
            if key not in shape["members"]:
                yield place, f"unknown {key}"
            else:
                yield from shape_findings(inner, shape["members"][key]["shape"], shapes, f"{place}.{key}")
    elif kind == "list":
        if not shape.get("min", 0) <= len(value) <= shape.get("max", 1 << 40):
            yield place, f"has {len(value)} elements"
        for inner in value:
            yield from shape_findings(inner, shape["member"]["shape"], shapes, place + "[]")
    elif kind == "map":
        for inner in value.values():
            yield from shape_findings(inner, shape["value"]["shape"], shapes, place + "{}")
    elif kind == "string":
        if "enum" in shape and value not in shape["enum"]:
            yield place, f"{value!r} is not in the list"
        if not shape.get("min", 0) <= len(value) <= shape.get("max", 1 << 40):
            yield place, f"has {len(value)} characters"
        if "pattern" in shape and not re.search(r"\\p\{", shape["pattern"]) and not re.fullmatch(shape["pattern"], value, re.S):
            yield place, f"{value[:40]!r} does not fit {shape['pattern']}"


def findings(line):
    if line["to"] == "bedrock.converse":
        yield from shape_findings(line["body"], "ConverseRequest", spec("bedrock-runtime.service-2.json")["shapes"])
    elif (line["to"], line["what"]) in SCHEMAS:
        for error in validator(line["to"], line["what"]).iter_errors(with_bytes(line["body"])):
            error = deepest(error)
            place = "".join("[]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
            yield place, error.message


@unittest.skipUnless(FOLDER, "recorded exchanges are absent (TOLLGATE_DATA_DIR)")
@unittest.skipUnless(jsonschema, "python3-jsonschema and python3-yaml are not installed")
@unittest.skipUnless(os.path.exists(DUMP), "translate_dump was not built")
class OpenApi(unittest.TestCase):
    def test_translations_fit_the_vendors_schemas(self):
        every = "1" if os.environ.get("TOLLGATE_OPENAPI") else "40"
        env = {**os.environ, "TOLLGATE_SOURCE_DIR": os.environ.get("TOLLGATE_SOURCE_DIR", os.getcwd())}
        lines = subprocess.run([DUMP, every], capture_output=True, text=True, timeout=250, env=env, check=True).stdout.splitlines()
        self.assertGreater(len(lines), 100)
        counts, kinds, examples, seen = collections.Counter(), collections.Counter(), {}, set()
        for text in lines:
            line = json.loads(text)
            # Frames of one stream repeat each other: one of each form is enough.
            form = re.sub(r'"(?:[^"\\]|\\.)*"(?!:)|-?\d[\d.eE+-]*', "0", json.dumps(line["body"])) if line["what"] == "event" else text
            if (line["to"], form) in seen:
                continue
            seen.add((line["to"], form))
            counts[(line["to"], line["what"])] += 1
            for place, message in findings(line):
                if any(to in ("", line["to"]) and what in ("", line["what"]) and re.search(pattern, f"{place}: {message}") for to, what, pattern, _ in ACCEPTED):
                    continue
                kind = (line["to"], line["what"], place, re.sub(r"'[^']{30,}'|\{.*\}|\[.*\]", "...", message)[:120])
                kinds[kind] += 1
                examples.setdefault(kind, f"{line['id']} from {line['from']}: {message[:300]}")
        for (to, what), count in sorted(counts.items()):
            print(f"{to} {what}: {count} checked")
        for kind, count in kinds.most_common(60):
            print(count, *kind, "|", examples[kind])
        self.assertEqual(sum(kinds.values()), 0, f"{len(kinds)} kinds of findings")


if __name__ == "__main__":
    unittest.main()
