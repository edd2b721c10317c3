"""Streams that a vendor breaks off: the client gets a well-formed error event in its own form, the row says what is known."""

import json

from support import dialects
from support.case import GatewayCase
from support.script import Close, Reset, chunk, sse, stream_head, LAST_CHUNK


def events_of(body):
    """(event name, data) of each event of an SSE text."""
    found = []
    for block in body.decode().replace("\r\n", "\n").split("\n\n"):
        name, data = "", []
        for line in block.split("\n"):
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                data.append(line[5:].strip())
        if data:
            found.append((name, "\n".join(data)))
    return found


class Cut(GatewayCase):
    def broken(self, path, body, events, keep, step):
        model = body["model"].split("/")[1]
        self.vendor.script(model, [stream_head(), *(chunk(event) for event in events[:keep]), step])
        response = self.gateway.post(path, {**body, "stream": True})
        self.assertEqual(response.status, 200)
        sent = b"".join(events[:keep])
        self.assertEqual(response.body[: len(sent)], sent)
        return response, events_of(response.body[len(sent) :])

    def test_chat(self):
        for name, step in (("reset", Reset()), ("eof", Close())):
            with self.subTest(name):
                body = {"model": f"lab/cut-{name}", "messages": [{"role": "user", "content": "count"}]}
                response, tail = self.broken("/v1/chat/completions", body, dialects.chat_events(), 5, step)
                self.assertTrue(response.complete, "the error event ends the stream in an orderly way")
                self.assertEqual(len([1 for _, data in tail if data != "[DONE]"]), 1, tail)
                self.assertIn("message", json.loads(tail[0][1])["error"])
                row = self.row_of(response)
                self.assertEqual((row["outcome"], row["http_status"], row["cost_source"]), ("error", 200, "estimated"))
                self.assertIn(row["output_tokens"], range(4, 8), "four pieces of content arrived")

    def test_messages(self):
        body = {"model": "ant/cut", "max_tokens": 9, "messages": [{"role": "user", "content": "count"}]}
        response, tail = self.broken("/v1/messages", body, dialects.messages_events(), 6, Reset())
        self.assertEqual(tail[0][0], "error")
        error = json.loads(tail[0][1])
        self.assertEqual(error["type"], "error")
        self.assertIn("message", error["error"])
        row = self.row_of(response)
        self.assertEqual((row["outcome"], row["input_tokens"]), ("error", 21), "message_start told the input side")

    def test_responses(self):
        body = {"model": "lab/cut-responses", "input": "count"}
        response, tail = self.broken("/v1/responses", body, dialects.responses_events(), 4, Reset())
        self.assertEqual(json.loads(tail[0][1])["type"], "error")
        self.assertEqual(self.row_of(response)["outcome"], "error")

    def test_cut_inside_an_event(self):
        """The broken half must not swallow the error event: it is ended first."""
        events = dialects.chat_events()
        self.vendor.script("half", [stream_head(), chunk(b"".join(events[:4])), chunk(events[4][:25]), Reset()])
        response = self.gateway.chat("lab/half", stream=True)
        tail = events_of(response.body)[4:]
        self.assertTrue(any('"error"' in data for _, data in tail), response.body[-600:])

    def test_cut_after_the_end_is_no_cut(self):
        """All events are there, only the last chunk is missing."""
        events = dialects.chat_events()
        self.vendor.script("complete", [stream_head(), *(chunk(event) for event in events), Reset()])
        response = self.gateway.chat("lab/complete", stream=True, extra={"stream_options": {"include_usage": True}})
        self.assertEqual(response.body, b"".join(events))
        row = self.row_of(response)
        self.assertEqual((row["outcome"], row["output_tokens"], row["cost_source"]), ("ok", 8, "computed"))

    def test_the_vendors_own_error_event_passes(self):
        events = dialects.chat_events()
        own = sse({"error": {"message": "engine overloaded", "type": "server_error", "code": "overloaded"}})
        self.vendor.script("own", [stream_head(), *(chunk(event) for event in events[:4]), chunk(own), LAST_CHUNK])
        response = self.gateway.chat("lab/own", stream=True)
        self.assertEqual(response.body, b"".join(events[:4]) + own)
        self.assertEqual(self.row_of(response)["outcome"], "error")

    def test_a_cut_plain_reply_is_never_passed_as_whole(self):
        text = json.dumps(dialects.chat_body()).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(text)
        self.vendor.script("cut-plain", [head + text[:-30], Close()])
        response = self.gateway.chat("lab/cut-plain")
        self.assertEqual(response.status, 502)
        self.assertIn("error", response.json())
        self.assertTrue(all(row["outcome"] == "error" for row in self.gateway.rows(1, "model = 'cut-plain'")))
