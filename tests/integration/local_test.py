"""The local engine behind the gateway: a tiny random model, asked in every caller's form, with its costs in the ledger."""

import base64
import json
import os
import struct
import tempfile
import threading
import time
from fractions import Fraction

from support import tiny_gguf
from support.case import GatewayCase
from support.gateway import DIMENSIONS
from support.http1 import request_bytes

HOURLY = Fraction("0.36")
WEATHER = {"type": "object", "properties": {"place": {"enum": ["Oslo", "Rome"]}, "days": {"type": "integer", "minimum": 1, "maximum": 9}}, "required": ["place", "days"], "additionalProperties": False}
WAIT = {"type": "object", "properties": {"hours": {"type": "integer", "minimum": 0, "maximum": 23}}, "required": ["hours"], "additionalProperties": False}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": schema}} for name, schema in (("weather", WEATHER), ("wait", WAIT))]
NO_END = {str(token): -100 for token in (257, 258, 259)}  # of tiny_gguf
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer", "minimum": 0, "maximum": 150}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


class Local(GatewayCase):
    @classmethod
    def configure(cls, vendor):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.file = os.path.join(cls.folder, "tiny.gguf")
        tiny_gguf.write(cls.file)
        tools = os.path.join(cls.folder, "tools.gguf")
        tiny_gguf.write(tools, template=tiny_gguf.TOOL_TEMPLATE, context=2048)
        xml = os.path.join(cls.folder, "xml.gguf")
        tiny_gguf.write(xml, template=tiny_gguf.XML_TEMPLATE, context=2048)
        embedder = os.path.join(cls.folder, "bert.gguf")
        tiny_gguf.write_bert(embedder)
        broken = os.path.join(cls.folder, "broken.gguf")
        with open(broken, "wb") as file:
            file.write(b"GGUF nonsense")
        cls.overrides = {"retry": {"max_attempts": 1}, "local": {"models": [
            {"name": "tiny", "file": cls.file, "hourly_cost_usd": 0.36, "threads": 1},
            {"name": "free", "file": cls.file, "threads": 1, "max_running": 1, "max_waiting": 1},
            {"name": "tools", "file": tools, "threads": 1},
            {"name": "xml", "file": xml, "threads": 1},
            {"name": "embedder", "file": embedder, "threads": 1, "hourly_cost_usd": 0.36},
            {"name": "narrow", "file": embedder, "threads": 1, "max_waiting": 1},
            {"name": "broken", "file": broken},
        ]}}
        return super().configure(vendor)

    def chat(self, model="local/tiny", text="hello", **extra):  # with logit_bias=NO_END it says as much as it may
        body = {"model": model, "max_tokens": 12, "messages": [{"role": "user", "content": text}], **extra}
        return self.gateway.post("/v1/chat/completions", body)

    def embed(self, texts, model="local/embedder", **extra):
        return self.gateway.post("/v1/embeddings", {"model": model, "input": texts, **extra})

    def check_row(self, response, usage, model="tiny"):
        row = self.row_of(response)
        self.assertEqual((row["provider"], row["model"], row["cost_source"], row["outcome"]), ("local", model, "local", "ok"))
        self.assertEqual(row["input_tokens"] + row["cache_read_tokens"], usage["prompt_tokens"])
        self.assertEqual(row["output_tokens"], usage.get("completion_tokens", 0))
        machine_us = json.loads(row["usage_raw"])["machine_us"]
        self.assertGreater(machine_us, 0)
        exact = HOURLY * machine_us / 3_600_000_000
        self.assertLessEqual(abs(Fraction(row["cost_usd"]) - exact), Fraction(1, 2 * 10**15))
        return row

    def test_openai_plain(self):
        response = self.chat()
        self.assertEqual(response.status, 200, response.body)
        answer = response.json()
        # Random weights may draw the end before the limit comes.
        whole = answer["usage"]["completion_tokens"] == 12
        self.assertIn(answer["choices"][0]["finish_reason"], ("length", "stop") if whole else ("stop",))
        self.assertLessEqual(answer["usage"]["completion_tokens"], 12)
        self.check_row(response, answer["usage"])

    def test_openai_stream(self):
        response = self.chat(stream=True, seed=3, stream_options={"include_usage": True})
        events = [json.loads(line[6:]) for line in response.body.decode().split("\n\n") if line.startswith("data: {")]
        text = "".join(event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"])
        self.assertTrue(response.body.endswith(b"data: [DONE]\n\n"))
        self.check_row(response, events[-1]["usage"])
        self.assertEqual(self.chat(seed=3).json()["choices"][0]["message"]["content"], text)

    def test_anthropic_and_gemini(self):
        body = {"model": "local/tiny", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
        response = self.gateway.post("/v1/messages", body)
        answer = response.json()
        self.assertEqual(answer["type"], "message")
        self.assertIn(answer["stop_reason"], ("max_tokens", "end_turn"))
        row = self.row_of(response)
        self.assertEqual((row["cost_source"], row["output_tokens"]), ("local", answer["usage"]["output_tokens"]))
        body = {"contents": [{"parts": [{"text": "hello"}]}], "generationConfig": {"maxOutputTokens": 7}}
        response = self.gateway.post("/v1beta/models/local%2Ftiny:generateContent", body)
        self.assertIn(response.json()["candidates"][0]["finishReason"], ("MAX_TOKENS", "STOP"))
        self.assertLessEqual(response.json()["usageMetadata"]["candidatesTokenCount"], 7)
        self.assertEqual(self.row_of(response)["output_tokens"], response.json()["usageMetadata"]["candidatesTokenCount"])

    def test_token_counts_are_those_of_the_chat(self):
        tool = {"name": "weather", "description": "of a place<|im_end|>", "input_schema": {"type": "object", "properties": {"place": {"type": "string"}}}}
        turns = [
            {"role": "user", "content": "what is it like in Oslo?<|im_start|>"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"place": "Oslo"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain"}]},
        ]
        for extra in ({}, {"system": "be brief"}, {"tools": [tool]}, {"tools": [tool], "messages": turns}):
            body = {"model": "local/tools", "messages": turns[:1], **extra}
            response = self.gateway.post("/v1/messages/count_tokens", body)
            self.assertEqual(response.status, 200, response.body)
            asked = self.gateway.post("/v1/messages", {**body, "max_tokens": 1}).json()["usage"]
            self.assertEqual(response.json(), {"input_tokens": asked["input_tokens"] + asked.get("cache_read_input_tokens", 0)})
            row = self.row_of(response)
            self.assertEqual((row["surface"], row["provider"], row["cost_usd"], row["outcome"]), ("count_tokens", "local", "0", "ok"))
        body = {
            "contents": [{"role": "user", "parts": [{"text": "hello"}]}],
            "systemInstruction": {"parts": [{"text": "be brief"}]},
            "tools": [{"functionDeclarations": [{"name": "weather", "parameters": {"type": "OBJECT", "properties": {"place": {"type": "STRING"}}}}]}],
        }
        asked = self.gateway.post("/v1beta/models/local%2Ftools:generateContent", {**body, "generationConfig": {"maxOutputTokens": 1}})
        wrapped = {"generateContentRequest": {"model": "models/local/tools", **body}}
        for form in (body, wrapped):
            response = self.gateway.post("/v1beta/models/local%2Ftools:countTokens", form)
            self.assertEqual(response.json(), {"totalTokens": asked.json()["usageMetadata"]["promptTokenCount"]}, asked.body)
            self.assertEqual(self.row_of(response)["cost_usd"], "0")

    def test_token_counts_of_what_no_context_holds_and_refusals(self):
        ask = lambda model, **extra: self.gateway.post("/v1/messages/count_tokens", {"model": model, "messages": [{"role": "user", "content": "long " * 200}], **extra})
        self.assertGreater(ask("local/tiny").json()["input_tokens"], tiny_gguf.CONTEXT)
        missing = ask("local/nobody")
        self.assertEqual((missing.status, missing.json()["error"]["type"]), (404, "not_found_error"), missing.body)
        refused = ask("local/tiny", tools=[{"name": "f", "input_schema": {"type": "object"}}])
        self.assertEqual((refused.status, refused.json()["error"]["type"]), (400, "invalid_request_error"), refused.body)
        self.assertIn("template knows no tools", refused.json()["error"]["message"])
        missing = self.gateway.post("/v1beta/models/local%2Fnobody:countTokens", {"contents": [{"parts": [{"text": "x"}]}]})
        self.assertEqual((missing.status, missing.json()["error"]["status"]), (404, "NOT_FOUND"), missing.body)

    def check_call(self, name, arguments, allowed=("weather", "wait")):
        self.assertIn(name, allowed)
        if name == "weather":
            self.assertEqual(set(arguments), {"place", "days"})
            self.assertTrue(arguments["place"] in ("Oslo", "Rome") and 1 <= arguments["days"] <= 9, arguments)
        else:
            self.assertEqual(list(arguments), ["hours"])
            self.assertTrue(0 <= arguments["hours"] <= 23, arguments)

    def test_forced_calls_are_made_whatever_the_weights_say(self):
        named = lambda name: {"type": "function", "function": {"name": name}}
        allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named("wait")]}}
        seen = set()
        for choice, names in (("required", ("weather", "wait")), (named("weather"), ("weather",)), (named("wait"), ("wait",)), (allowed, ("wait",))):
            for seed in range(3):
                for stream in (False, True):
                    response = self.chat(model="local/tools", tools=TOOLS, tool_choice=choice, parallel_tool_calls=False, max_tokens=300, seed=seed, stream=stream)
                    self.assertEqual(response.status, 200, response.body)
                    if stream:
                        deltas = [json.loads(line[6:])["choices"] for line in response.body.decode().split("\n\n") if line.startswith("data: {")]
                        deltas = [choices[0]["delta"] for choices in deltas if choices]
                        parts = [call for delta in deltas for call in delta.get("tool_calls", [])]
                        self.assertEqual("".join(delta.get("content") or "" for delta in deltas), "")
                        name, arguments = parts[0]["function"]["name"], "".join(part["function"].get("arguments", "") for part in parts)
                    else:
                        answer = response.json()["choices"][0]
                        self.assertEqual((answer["finish_reason"], answer["message"].get("content") or ""), ("tool_calls", ""))
                        self.assertEqual(len(answer["message"]["tool_calls"]), 1)
                        name, arguments = (answer["message"]["tool_calls"][0]["function"][key] for key in ("name", "arguments"))
                    self.check_call(name, json.loads(arguments), names)
                    seen.add(name)
        self.assertEqual(seen, {"weather", "wait"})

    def test_several_forced_calls(self):
        counts = set()
        for seed in range(6):
            choice = self.chat(model="local/tools", tools=TOOLS, tool_choice="required", max_tokens=500, seed=seed, logit_bias=NO_END if seed % 2 else {}).json()["choices"][0]
            calls = choice["message"]["tool_calls"]
            for call in calls:
                self.check_call(call["function"]["name"], json.loads(call["function"]["arguments"]))
            counts.add(len(calls) > 1)
        self.assertIn(True, counts)

    def test_forced_calls_in_other_forms_of_asking(self):
        tools = [{"name": "weather", "input_schema": WEATHER}, {"name": "wait", "input_schema": WAIT}]
        body = {"model": "local/tools", "max_tokens": 300, "messages": [{"role": "user", "content": "x"}], "tools": tools}
        answer = self.gateway.post("/v1/messages", {**body, "tool_choice": {"type": "tool", "name": "wait"}}).json()
        self.assertEqual((answer["stop_reason"], [part["type"] for part in answer["content"]]), ("tool_use", ["tool_use"]), answer)
        self.check_call(answer["content"][0]["name"], answer["content"][0]["input"], ("wait",))
        # The beginning of the call is in the prompt, and is counted with it.
        counted = self.gateway.post("/v1/messages/count_tokens", {key: value for key, value in {**body, "tool_choice": {"type": "tool", "name": "wait"}}.items() if key != "max_tokens"})
        self.assertEqual(counted.json()["input_tokens"], answer["usage"]["input_tokens"] + answer["usage"].get("cache_read_input_tokens", 0))
        body = {"contents": [{"parts": [{"text": "x"}]}], "tools": [{"functionDeclarations": [{"name": "wait", "parametersJsonSchema": WAIT}]}], "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}
        parts = self.gateway.post("/v1beta/models/local%2Ftools:generateContent", {**body, "generationConfig": {"maxOutputTokens": 300}}).json()["candidates"][0]["content"]["parts"]
        self.check_call(parts[0]["functionCall"]["name"], parts[0]["functionCall"]["args"], ("wait",))

    def test_forced_calls_refused(self):
        odd = {"type": "object", "properties": {"a": {"type": "array", "contains": {"$ref": "http://x/y"}}}}
        tool = lambda **extra: [{"type": "function", "function": {"name": "f", "parameters": odd, **extra}}]
        for response, code, word in (
            (self.chat(model="local/tools", tools=tool(strict=True), tool_choice="required"), "unsupported_schema", "tool 'f'"),
            (self.chat(model="local/tools", tools=TOOLS, tool_choice={"type": "function", "function": {"name": "nobody"}}), None, "nobody"),
            (self.chat(model="local/xml", tools=TOOLS, tool_choice="required"), "unsupported_tool_choice", "XML"),
            (self.chat(tools=TOOLS, tool_choice="required"), "unsupported_tool_choice", "knows no tools"),
        ):
            self.assertEqual(response.status, 400, response.body)
            self.assertIn(word, response.json()["error"]["message"])
            if code:
                self.assertEqual(response.json()["error"]["code"], code)
        # Without strict, what cannot be held to its schema is an object at least.
        loose = self.chat(model="local/tools", tools=tool(), tool_choice="required", max_tokens=5)
        self.assertEqual(loose.status, 200, loose.body)

    def test_embeddings(self):
        response = self.embed(["hello world", "abc", "hello"])
        self.assertEqual(response.status, 200, response.body)
        answer = response.json()
        self.assertEqual((answer["object"], [one["index"] for one in answer["data"]]), ("list", [0, 1, 2]))
        # CLS and SEP, and: hello, world; a, b, c; hello.
        self.assertEqual((answer["usage"]["prompt_tokens"], answer["usage"]["total_tokens"]), (4 + 5 + 3, 12))
        self.check_row(response, answer["usage"], "embedder")
        vectors = [one["embedding"] for one in answer["data"]]
        for vector in vectors:
            self.assertEqual(len(vector), tiny_gguf.BERT_WIDTH)
            self.assertAlmostEqual(sum(number * number for number in vector), 1, places=4)
        self.assertNotEqual(vectors[0], vectors[2])
        # A lone text, tokens, and what others stand beside it do not matter; control tokens of callers stay text.
        alone = self.embed("hello").json()
        self.assertEqual(alone["data"][0]["embedding"], vectors[2])
        hello = 4 + 2 * 26
        self.assertEqual([one["embedding"] for one in self.embed([[2, hello, 3], [2, hello, hello + 1, 3]]).json()["data"]], [vectors[2], vectors[0]])
        self.assertEqual(self.embed([2, hello, 3]).json()["data"][0]["embedding"], vectors[2])
        self.assertEqual(self.embed("[SEP]").json()["usage"]["prompt_tokens"], 2 + len("[]") + len("sep"))
        # As bytes, and by the SDKs' way of asking for the width that it has.
        packed = self.embed("hello", encoding_format="base64", dimensions=tiny_gguf.BERT_WIDTH).json()["data"][0]["embedding"]
        self.assertEqual(list(struct.unpack(f"<{tiny_gguf.BERT_WIDTH}f", base64.b64decode(packed))), [struct.unpack("<f", struct.pack("<f", number))[0] for number in vectors[2]])

    def test_embeddings_for_callers_of_gemini(self):
        content = lambda text: {"content": {"parts": [{"text": text}]}}
        vectors = [one["embedding"] for one in self.embed(["hello", "abc"]).json()["data"]]
        one = self.gateway.post("/v1beta/models/local%2Fembedder:embedContent", content("hello"))
        self.assertEqual(one.json()["embedding"]["values"], vectors[0], one.body)
        self.assertEqual(self.row_of(one)["cost_source"], "local")
        both = self.gateway.post("/v1beta/models/local%2Fembedder:batchEmbedContents", {"requests": [{"model": "models/local/embedder", **content(text)} for text in ("hello", "abc")]})
        self.assertEqual([each["values"] for each in both.json()["embeddings"]], vectors, both.body)

    def test_embeddings_refused(self):
        long = "hello " * (tiny_gguf.BERT_CONTEXT - 1)
        for response, status, code, word in (
            (self.embed(["hello", long]), 400, "context_length_exceeded", f"input[1]: has {tiny_gguf.BERT_CONTEXT + 1} tokens"),
            (self.embed(long), 400, "context_length_exceeded", "input: has"),
            (self.embed("hello", dimensions=8), 400, "unsupported_dimensions", "have 32 numbers"),
            (self.embed("hello", encoding_format="int8"), 400, "invalid_request", "encoding_format"),
            (self.embed([[2, 999, 3]]), 400, "bad_token", "input[0]"),
            (self.embed([[2, -1, 3]]), 400, "bad_token", "input[0]"),
            (self.embed(["hello"] * 2049), 400, "too_many_inputs", "2048"),
            (self.embed([]), 400, None, "input"),
            (self.embed("hello", model="local/tiny"), 400, "not_an_embedding_model", "BERT"),
            (self.embed("hello", model="local/nobody"), 404, "model_not_found", "nobody"),
            (self.chat(model="local/embedder"), 400, "not_a_chat_model", "/v1/embeddings"),
        ):
            error = response.json()["error"]
            self.assertEqual(response.status, status, response.body)
            self.assertIn(word, error["message"])
            if code:
                self.assertEqual(error["code"], code)
        self.assertEqual(self.embed("hello").status, 200)

    def test_many_ask_an_embedder(self):
        """Each gets its own vectors, and beyond max_waiting some are told when to come back."""
        texts = [chr(ord("a") + i) * 3 for i in range(12)]
        expected = [one["embedding"] for one in self.embed(texts).json()["data"]]
        answers = [None] * 12
        def ask(i, model):
            answers[i] = self.embed([texts[i]] * 600, model)
        for model, allowed in (("local/embedder", {200}), ("local/narrow", {200, 429})):
            askers = [threading.Thread(target=ask, args=(i, model)) for i in range(12)]
            for asker in askers:
                asker.start()
            for asker in askers:
                asker.join(30)
            self.assertEqual({answer.status for answer in answers}, allowed)
            for i, answer in enumerate(answers):
                if answer.status == 200:
                    self.assertEqual([one["embedding"] for one in answer.json()["data"]], [expected[i]] * 600)
                else:
                    self.assertGreaterEqual(int(answer.header("retry-after")), 1)

    def test_structured_output_is_valid_whatever_the_weights_say(self):
        for seed in range(4):
            form = {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA}}
            response = self.chat(response_format=form, seed=seed, max_tokens=300)
            choice = response.json()["choices"][0]
            self.assertEqual(choice["finish_reason"], "stop", choice)
            person = json.loads(choice["message"]["content"])
            self.assertEqual(set(person), {"name", "age"})
            self.assertTrue(len(person["name"]) <= 8 and 0 <= person["age"] <= 150, person)
        # Tokens that the schema forbids are no alternatives.
        told = self.chat(response_format=form, max_tokens=8, logprobs=True, top_logprobs=5).json()["choices"][0]["logprobs"]["content"]
        self.assertEqual([one["token"] for one in told[0]["top_logprobs"]], ["{"])
        refused = self.chat(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "array", "contains": {"$ref": "http://x/y"}}}})
        self.assertEqual(refused.status, 400, refused.body)

    def test_seeds_stops_and_several_answers(self):
        first, again, other = (self.chat(seed=seed, n=2, max_tokens=40, logit_bias=NO_END).json()["choices"] for seed in (7, 7, 8))
        texts = [choice["message"]["content"] for choice in first]
        self.assertEqual(texts, [choice["message"]["content"] for choice in again])
        self.assertNotEqual(texts, [choice["message"]["content"] for choice in other])
        self.assertNotEqual(texts[0], texts[1])
        stop = next(letter for letter in texts[0][5:] if letter.isascii())
        choice = self.chat(seed=7, stop=[stop], max_tokens=40, logit_bias=NO_END).json()["choices"][0]
        self.assertEqual((choice["finish_reason"], choice["message"]["content"]), ("stop", texts[0][: texts[0].index(stop)]))

    def test_prefixes_are_shared_and_told(self):
        text = "a prompt that is long enough for whole blocks of keys and values " * 3
        self.chat(text=text)
        details = self.chat(text=text).json()["usage"]["prompt_tokens_details"]
        self.assertGreaterEqual(details["cached_tokens"], 128)

    def test_control_tokens_of_callers_stay_text(self):
        plain = self.chat(text="x").json()["usage"]["prompt_tokens"]
        marked = self.chat(text="x<|im_end|>").json()["usage"]["prompt_tokens"]
        self.assertEqual(marked - plain, len("<|im_end|>"))

    def test_refusals(self):
        for response, status, code in (
            (self.chat(text="long " * 200), 400, "context_length_exceeded"),
            (self.chat(model="local/nobody"), 404, "model_not_found"),
            (self.chat(model="local/broken"), 503, "model_not_loaded"),
            (self.chat(tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]), 400, "unsupported_tools"),
        ):
            self.assertEqual((response.status, response.json()["error"]["code"]), (status, code), response.body)

    def test_odd_numbers_do_no_harm(self):
        for extra in ({"top_k": 1e20}, {"top_k": -1}, {"temperature": 1e300}, {"logit_bias": {"99999999": 5, "-3": 1}}, {"seed": -(2**63)}):
            self.assertIn(self.chat(**extra).status, (200, 400), extra)
        self.assertEqual(self.chat().status, 200)

    def test_without_an_hourly_cost_nothing_is_made_up(self):
        row = self.row_of(self.chat(model="local/free"))
        self.assertEqual((row["cost_source"], row["cost_usd"]), ("unpriced", None))

    def test_a_full_queue_is_told(self):
        """One runs, one waits, the rest is told when to come back."""
        answers = []
        askers = [threading.Thread(target=lambda: answers.append(self.chat(model="local/free", max_tokens=450, logit_bias=NO_END))) for _ in range(8)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(30)
        refused = [answer for answer in answers if answer.status == 429]
        self.assertEqual({answer.status for answer in answers}, {200, 429})
        self.assertGreaterEqual(int(refused[0].header("retry-after")), 1)

    def test_a_caller_who_leaves_makes_room(self):
        body = {"model": "local/free", "max_tokens": 480, "stream": True, "logit_bias": NO_END, "messages": [{"role": "user", "content": "x"}]}
        for _ in range(5):
            with self.gateway.connect() as connection:
                connection.send(request_bytes("POST", "/v1/chat/completions", body, DIMENSIONS))
                connection.read(until=lambda text: b"data:" in text)
        deadline = time.monotonic() + 10
        while self.chat(model="local/free", max_tokens=1).status != 200:
            self.assertLess(time.monotonic(), deadline)

    def test_models_are_kept_across_reloads(self):
        before = self.gateway.log().count("local model loaded")
        self.gateway.write_config({**self.gateway.config, "log": {"level": "info"}})
        self.gateway.signal(1)
        deadline = time.monotonic() + 10
        while "configuration reloaded" not in self.gateway.log() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(self.chat().status, 200)
        self.assertEqual(self.gateway.log().count("local model loaded"), before)
