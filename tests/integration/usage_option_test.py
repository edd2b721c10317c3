"""stream_options.include_usage: asked of the vendor for the ledger's sake, and hidden from clients who did not ask for it."""

import json

from support import dialects
from support.case import GatewayCase
from support.script import split, stream


class UsageOption(GatewayCase):
    overrides = {"providers": {"plain": {"dialect": "openai.chat", "api_key": "none", "stream_usage_option": False}}}

    @classmethod
    def configure(cls, vendor):
        config = super().configure(vendor)
        config["providers"]["plain"]["base_url"] = f"{vendor.url}/v1"
        return config

    def test_added_and_stripped_when_the_client_did_not_ask(self):
        for path, events in (("chat/completions", dialects.chat_events), ("completions", dialects.completion_events)):
            with self.subTest(path):
                response = self.gateway.post(f"/v1/{path}", {"model": "gpt-mock", "prompt": "x", "messages": [], "stream": True})
                self.assertTrue(self.vendor.requests[-1].json()["stream_options"]["include_usage"])
                self.assertEqual(response.body, b"".join(events(with_usage=False)))
                self.assertEqual(self.row_of(response)["output_tokens"], 8)

    def test_kept_when_the_client_asked(self):
        response = self.gateway.chat(stream=True, extra={"stream_options": {"include_usage": True}})
        self.assertEqual(response.body, b"".join(dialects.chat_events()))

    def test_other_stream_options_survive(self):
        for options in ({"include_usage": False}, {"include_obfuscation": False}, {}, None):
            with self.subTest(options=options):
                response = self.gateway.chat(stream=True, extra={"stream_options": options})
                sent = self.vendor.requests[-1].json()["stream_options"]
                self.assertEqual(sent, {**(options or {}), "include_usage": True})
                self.assertEqual(response.body, b"".join(dialects.chat_events(with_usage=False)))

    def test_stripping_does_not_depend_on_chunk_boundaries(self):
        wire = b"".join(dialects.chat_events())
        wanted = b"".join(dialects.chat_events(with_usage=False))
        for sizes in ([1], [7], [3, 1000], [len(wire)], [4096]):
            with self.subTest(sizes=sizes):
                self.vendor.script("cut", stream(split(wire, sizes)))
                self.assertEqual(self.gateway.chat("lab/cut", stream=True).body, wanted)

    def test_crlf_streams_are_stripped_as_well(self):
        events = [event.replace(b"\n", b"\r\n") for event in dialects.chat_events()]
        wanted = b"".join(event for event in events if b'"choices": []' not in event)
        for sizes in ([1], [11], [100000]):
            self.vendor.script("crlf", stream(split(b"".join(events), sizes)))
            self.assertEqual(self.gateway.chat("lab/crlf", stream=True).body, wanted)

    def test_usage_beside_content_is_not_stripped(self):
        chunk = dialects.chat_chunk({"content": "x"}, usage=dialects.chat_usage(1))
        wire = b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n"
        self.vendor.script("beside", stream([wire]))
        response = self.gateway.chat("lab/beside", stream=True)
        self.assertEqual(response.body, wire)
        self.assertEqual(self.row_of(response)["output_tokens"], 1)

    def test_not_added_for_vendors_that_refuse_it(self):
        self.gateway.chat("plain/x", stream=True)
        self.assertNotIn("stream_options", self.vendor.requests[-1].json())

    def test_not_added_to_plain_requests_and_other_surfaces(self):
        self.gateway.chat()
        self.assertNotIn("stream_options", self.vendor.requests[-1].json())
        self.gateway.post("/v1/responses", {"model": "gpt-mock", "input": "x", "stream": True})
        self.assertNotIn("stream_options", self.vendor.requests[-1].json())
