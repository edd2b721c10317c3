"""Callers of one API, vendors of another: what is sent upstream, what comes back, what is named as lost, and what failures become."""

import json

from support import dialects
from support.case import GatewayCase
from support.script import Delay, Reset, chunk, reply, sse, stream, stream_head

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]


def events(body):
    return [block for block in body.decode().split("\n\n") if block and not block.startswith(":")]


class Translate(GatewayCase):
    overrides = {
        "retry": {"max_attempts": 1},
        "models": {
            "strict": {"targets": ["ant/strict"], "fidelity": "strict"},
            "either": {"targets": ["ant/first", "lab/second"]},
            "strict-either": {"targets": ["ant/a", "lab/b"], "fidelity": "strict"},
        },
    }

    def chat(self, model, **extra):
        return self.gateway.post("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": "hi"}], **extra})

    def sent(self, model):
        return self.vendor.seen(model)[-1]

    def test_the_vendor_is_asked_in_its_own_form(self):
        response = self.chat("ant/form", temperature=0.5, stop=["END"], max_tokens=40, tools=TOOLS, tool_choice="required")
        self.assertEqual(response.status, 200, response.body)
        request = self.sent("form")
        self.assertEqual(request.target, "/v1/messages")
        body = request.json()
        self.assertEqual(body["max_tokens"], 40)
        self.assertEqual(body["temperature"], 0.5)
        self.assertEqual(body["stop_sequences"], ["END"])
        self.assertEqual(body["tool_choice"]["type"], "any")
        self.assertEqual(body["tools"][0]["input_schema"]["properties"], {"city": {"type": "string"}})
        self.assertEqual(request.header("content-type"), "application/json")
        row = self.row_of(response)
        self.assertEqual((row["surface"], row["provider"], row["model"]), ("chat", "ant", "form"))
        self.assertEqual(row["input_tokens"], dialects.INPUT_TOKENS)

    def test_headers_of_the_callers_api_stay_here(self):
        self.gateway.post("/v1/chat/completions", {"model": "ant/headers", "messages": [{"role": "user", "content": "hi"}]},
                          {"OpenAI-Organization": "org", "x-stainless-lang": "js", "traceparent": "00-1-2-01", "Authorization": "Bearer caller"})
        request = self.sent("headers")
        for name in ("openai-organization", "x-stainless-lang", "authorization"):
            self.assertNotIn("caller", request.header(name) or "")
        self.assertIsNone(request.header("openai-organization"))
        self.assertEqual(request.header("traceparent"), "00-1-2-01")

    def test_losses_are_named(self):
        response = self.chat("ant/lossy", seed=4, logit_bias={"1": 2}, made_up_member=True)
        self.assertEqual(response.status, 200)
        named = set(response.header("x-tollgate-dropped").split(", "))
        self.assertTrue({"seed", "logit_bias", "extra.made_up_member"} <= named, named)
        self.assertNotIn("seed", self.sent("lossy").json())
        self.assertIsNone(self.chat("lab/plain", seed=4).header("x-tollgate-dropped"))

    def test_strict_refuses_before_anything_is_sent(self):
        for response in (self.chat("strict", seed=4),
                         self.gateway.post("/v1/chat/completions", {"model": "ant/strict", "seed": 4, "messages": [{"role": "user", "content": "x"}]},
                                           {"x-tollgate-fidelity": "strict"})):
            self.assertEqual(response.status, 400)
            self.assertEqual(response.json()["error"]["code"], "fidelity_strict")
            self.assertIn("seed", response.json()["error"]["message"])
        self.assertEqual(self.vendor.seen("strict"), [])
        self.assertEqual(self.chat("strict").status, 200)

    def test_what_another_vendor_keeps_is_asked_for(self):
        for kept in ({"previous_response_id": "resp_1", "input": "go on"}, {"prompt": {"id": "pmpt_1"}}, {"conversation": "conv_1", "input": "go on"},
                     {"input": [{"type": "item_reference", "id": "msg_1"}]}):
            response = self.gateway.post("/v1/responses", {"model": "ant/kept", **kept})
            self.assertEqual((response.status, response.json()["error"]["code"]), (400, "kept_by_another_vendor"), kept)
        body = {"cachedContent": "cachedContents/1", "contents": [{"parts": [{"text": "hi"}]}]}
        response = self.gateway.post("/v1beta/models/ant%2Fkept:generateContent", body)
        self.assertEqual(response.status, 400)
        self.assertIn("cachedContent", response.json()["error"]["message"])
        self.assertEqual(self.vendor.seen("kept"), [])

    def test_strict_goes_on_to_a_target_that_can_carry_it(self):
        response = self.chat("strict-either", seed=4)
        self.assertEqual(response.status, 200)
        self.assertEqual(response.header("x-tollgate-target"), "lab/b")
        self.assertEqual(self.vendor.seen("a"), [])

    def test_streams_come_in_the_callers_form(self):
        response = self.chat("ant/streamed", stream=True)
        blocks = events(response.body)
        self.assertEqual(blocks[-1], "data: [DONE]")
        text = "".join(json.loads(block[6:])["choices"][0]["delta"].get("content") or "" for block in blocks[:-1])
        self.assertEqual(text, "".join(f" word{i}" for i in range(8)))
        self.assertFalse(any('"usage":{' in block for block in blocks), "usage was not asked for")
        asked = self.chat("ant/streamed", stream=True, stream_options={"include_usage": True})
        self.assertIn('"total_tokens":29', events(asked.body)[-2])
        row = self.row_of(response)
        self.assertEqual((row["outcome"], row["output_tokens"], row["cost_source"]), ("ok", 8, "computed"))

    def test_a_vendor_that_streams_nothing_is_streamed_all_the_same(self):
        self.vendor.script("whole", reply(dialects.messages_body()))
        response = self.chat("ant/whole", stream=True)
        self.assertEqual(response.header("content-type").split(";")[0], "text/event-stream")
        self.assertEqual(events(response.body)[-1], "data: [DONE]")
        self.assertIn(" word word", response.body.decode())

    def test_gemini_callers(self):
        body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
        whole = self.gateway.post("/v1beta/models/claude-mock:generateContent", body, {"x-goog-api-key": "k"})
        self.assertEqual(whole.status, 200, whole.body)
        self.assertEqual(whole.json()["candidates"][0]["content"]["parts"][0]["text"], " word" * 8)
        self.assertEqual(whole.json()["usageMetadata"]["totalTokenCount"], 29)
        array = self.gateway.post("/v1beta/models/gpt-mock:streamGenerateContent", body)
        self.assertEqual(array.header("content-type"), "application/json")
        parts = array.json()
        self.assertEqual("".join(p["candidates"][0]["content"]["parts"][0]["text"] for p in parts if p["candidates"][0].get("content", {}).get("parts")),
                         "".join(f" word{i}" for i in range(8)))
        self.assertEqual(parts[-1]["usageMetadata"]["promptTokenCount"], 21)
        error = self.gateway.post("/v1beta/models/nothing:generateContent", body)
        self.assertEqual((error.status, error.json()["error"]["status"]), (404, "NOT_FOUND"))

    def test_refusals_come_in_the_callers_form_with_the_vendors_words(self):
        for status in (400, 401, 404, 429, 500, 529):
            self.vendor.script(f"no-{status}", reply({"type": "error", "error": {"type": "x", "message": f"because {status}"}}, status))
            response = self.chat(f"ant/no-{status}")
            self.assertEqual(response.status, status)
            self.assertIn(f"because {status}", response.json()["error"]["message"])
            self.assertEqual(set(response.json()["error"]) >= {"message", "type", "code", "param"}, True)
            self.assertEqual(self.row_of(response)["cost_usd"], "0")
        self.vendor.script("no-oa", reply({"error": {"message": "from openai", "type": "x"}}, 429, {"retry-after": "7", "x-ratelimit-remaining-requests": "0"}))
        response = self.gateway.post("/v1/messages", {"model": "lab/no-oa", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]})
        self.assertEqual(response.json()["type"], "error")
        self.assertEqual(response.json()["error"]["type"], "rate_limit_error")
        self.assertEqual(response.header("retry-after"), "7")
        self.assertEqual(response.header("anthropic-ratelimit-requests-remaining"), "0")

    def test_another_target_of_another_dialect_takes_over(self):
        self.vendor.script("first", reply({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, 529))
        response = self.chat("either")
        self.assertEqual((response.status, response.header("x-tollgate-target")), (200, "lab/second"))
        self.assertEqual([row["outcome"] for row in self.rows_of(response, 2)], ["error", "ok"])

    def test_an_error_inside_a_stream(self):
        start = dialects.messages_events()[:3]
        error = sse({"type": "error", "error": {"type": "overloaded_error", "message": "too much"}}, "error")
        self.vendor.script("mid", stream([*start, error]))
        response = self.chat("ant/mid", stream=True)
        error_block, done = events(response.body)[-2:]
        self.assertEqual(done, "data: [DONE]")
        self.assertIn("too much", json.loads(error_block.removeprefix("data: "))["error"]["message"])
        row = self.row_of(response)
        self.assertEqual((row["outcome"], row["error_code"]), ("error", "upstream_stream_error"))
        self.vendor.script("early", stream([error]))
        refused = self.chat("ant/early", stream=True)
        self.assertEqual(refused.status, 502)
        self.assertIn("too much", refused.json()["error"]["message"])

    def test_a_cut_stream_ends_in_the_callers_form(self):
        self.vendor.script("cut", [stream_head(), *map(chunk, dialects.messages_events()[:4]), Delay(0.05), Reset()])
        response = self.chat("ant/cut", stream=True)
        self.assertIn('"error":', events(response.body)[-2])
        self.assertEqual(self.row_of(response)["outcome"], "error")
        responses = self.gateway.post("/v1/responses", {"model": "ant/cut", "input": "x", "stream": True})
        self.assertTrue(any(block.startswith("event: error") or "response.failed" in block for block in events(responses.body)))

    def test_a_usage_chunk_that_nobody_asked_for_stays_here(self):
        # What looks like a signature of another family makes the request be written anew, and the usage be asked for.
        messages = [{"role": "user", "content": "hi", "made_up": "tollgate.anthropic.x"}]
        for asked in (False, True):
            options = {"stream_options": {"include_usage": True}} if asked else {}
            response = self.gateway.post("/v1/chat/completions", {"model": f"lab/marked{asked}", "messages": messages, "stream": True, **options})
            self.assertTrue(self.sent(f"marked{asked}").json()["stream_options"]["include_usage"])
            self.assertEqual(b'"choices":[]' in response.body.replace(b" ", b""), asked, response.body)
            self.assertGreater(self.row_of(response)["output_tokens"], 0)

    def test_replies_that_are_no_json_are_the_vendors_fault(self):
        self.vendor.script("garbage", reply(b"<html>", content_type="application/json"))
        response = self.chat("ant/garbage")
        self.assertEqual((response.status, response.json()["error"]["code"]), (502, "upstream_bad_reply"))

    def test_bad_requests_name_the_place(self):
        response = self.gateway.post("/v1/chat/completions", {"model": "ant/x", "messages": [{"role": "user", "content": 5}]})
        self.assertEqual(response.status, 400)
        self.assertIn("messages[0]", response.json()["error"]["message"])

    def test_the_callers_key_may_come_in_any_form(self):
        body = {"contents": [{"parts": [{"text": "hi"}]}]}
        self.gateway.post("/v1beta/models/lab%2Fquery:generateContent?key=secret-of-the-caller", body)
        self.assertNotIn(b"secret-of-the-caller", self.sent("query").raw_head)
        self.assertNotIn("secret-of-the-caller", self.gateway.log())


class OtherForms(GatewayCase):
    """Embeddings, rerank and token counts."""

    @classmethod
    def configure(cls, vendor):
        url = f"{vendor.url}/v2"
        config = super().configure(vendor)
        config["providers"].update({
            "coh": {"dialect": "cohere.chat", "base_url": url, "api_key": "none"},
            "gem": {"dialect": "gemini.generate", "base_url": f"{vendor.url}/v1beta", "api_key": "none"},
        })
        config["prices"] += [{"target": "coh/*", "input": 1, "output": 1}, {"target": "gem/*", "input": 1, "output": 1}]
        return config

    def test_openai_embeddings_from_cohere_and_gemini(self):
        self.vendor.script("embed", reply({"id": "e", "embeddings": {"float": [[0.5, 1.5], [2.5, 3.5]]}, "texts": ["a", "b"],
                                           "meta": {"billed_units": {"input_tokens": 4}}}))
        response = self.gateway.post("/v1/embeddings", {"model": "coh/embed", "input": ["a", "b"]})
        self.assertEqual(response.status, 200, response.body)
        self.assertEqual([one["embedding"] for one in response.json()["data"]], [[0.5, 1.5], [2.5, 3.5]])
        self.assertEqual(response.json()["usage"]["prompt_tokens"], 4)
        self.assertEqual(self.vendor.seen("embed")[-1].target, "/v2/embed")
        self.assertEqual(self.row_of(response)["input_tokens"], 4)
        self.vendor.script("gembed", reply({"embeddings": [{"values": [1, 2]}, {"values": [3, 4]}]}))
        response = self.gateway.post("/v1/embeddings", {"model": "gem/gembed", "input": ["a", "b"]})
        self.assertEqual(self.vendor.seen("gembed")[-1].target, "/v1beta/models/gembed:batchEmbedContents")
        self.assertEqual([one["embedding"] for one in response.json()["data"]], [[1, 2], [3, 4]])

    def test_rerank(self):
        self.vendor.script("rank", reply({"id": "r", "results": [{"index": 1, "relevance_score": 0.9}], "meta": {"billed_units": {"search_units": 1}}}))
        response = self.gateway.post("/v1/rerank", {"model": "coh/rank", "query": "q", "documents": ["a", "b"], "top_n": 1})
        self.assertEqual(response.json()["results"][0]["index"], 1)

    def test_token_counts_across(self):
        self.vendor.script("count", reply({"totalTokens": 17}))
        response = self.gateway.post("/v1/messages/count_tokens", {"model": "gem/count", "messages": [{"role": "user", "content": "hi"}]})
        self.assertEqual(response.json(), {"input_tokens": 17})
        self.assertEqual(self.row_of(response)["cost_usd"], "0")
        response = self.gateway.post("/v1beta/models/claude-mock:countTokens", {"contents": [{"parts": [{"text": "hi"}]}]})
        self.assertEqual(response.json()["totalTokens"], dialects.INPUT_TOKENS)
