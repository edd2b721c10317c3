"""Files and batches are relayed; the cost is booked once, to the owner of the batch's creation, at batch price, whatever happens."""

import json
import os
import unittest
from decimal import Decimal

from support.fake_vendor import FakeVendor
from support.gateway import Gateway, base_config
from support.script import reply


def line(number, model, given, made):
    usage = {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}
    body = {"id": f"c{number}", "object": "chat.completion", "model": model, "choices": [], "usage": usage}
    return json.dumps({"id": f"r{number}", "custom_id": str(number), "response": {"status_code": 200, "body": body}, "error": None})


class Batches(unittest.TestCase):
    def setUp(self):
        self.vendor = self.enterContext(FakeVendor())
        self.status, self.results = "validating", "\n".join(line(i, "mini", 100 + i, 10) for i in range(50)) + "\n"
        # The fake finds scripts by a header or the model; batches have neither, so one scenario answers by path.
        self.vendor.script("", self.answer)
        config = base_config(
            self.vendor,
            providers={"lab": {"surfaces": ["chat", "files", "batches"]}, "ant": {"surfaces": ["messages", "message_batches"]}},
            batches={"provider": "lab", "message_provider": "ant"},
            prices=[{"target": "lab/mini", "input": 2, "output": 8, "multipliers": {"batch": 0.5}},
                    {"target": "ant/haiku", "input": 1, "output": 5, "multipliers": {"batch": 0.5}}],
        )
        self.gateway = self.enterContext(Gateway(config))
        self.polls = 0

    def answer(self, request):
        path = request.target.removeprefix("/v1")
        if path.startswith("/batches") or path.startswith("/messages/batches"):
            if request.method == "GET":
                self.polls += 1
            if path.endswith("/results"):
                rows = [{"custom_id": "a", "result": {"type": "succeeded", "message": {"model": "haiku", "usage": {"input_tokens": 1000, "output_tokens": 100}}}},
                        {"custom_id": "b", "result": {"type": "errored", "error": {}}}]
                return reply("\n".join(map(json.dumps, rows)).encode(), content_type="application/x-jsonl")
            done = self.status == "completed"
            if "/messages/" in path:
                return reply({"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended" if done else "in_progress",
                              "results_url": "https://elsewhere.example/results" if done else None})
            return reply({"id": "batch_1", "object": "batch", "endpoint": "/v1/chat/completions", "status": self.status,
                          "output_file_id": "file-out" if done else None})
        if path == "/files/file-out/content":
            return reply(self.results.encode(), content_type="application/octet-stream")
        return reply({"id": "file-in", "object": "file", "bytes": len(request.body)})

    def create(self, path="/v1/batches", team="nightly"):
        body = {"input_file_id": "file-in", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        response = self.gateway.post(path, body, {"x-tollgate-team": team, "x-tollgate-feature": "batch", "x-tollgate-env": "dev"})
        self.assertEqual(response.status, 200, response.body)
        return response

    def booked(self, count=1, limit=10.0):
        return self.gateway.rows(count, "surface IN ('batches', 'message_batches') AND attempt > 1", limit=limit)

    def test_relayed_bound_and_booked_once(self):
        upload = self.gateway.post("/v1/files", b"--x\r\n\r\n{}\r\n--x--\r\n", {"content-type": "multipart/form-data; boundary=x"})
        self.assertEqual(upload.json()["id"], "file-in")
        self.assertEqual(self.vendor.requests[-1].header("content-type"), "multipart/form-data; boundary=x")
        created = self.create()
        self.assertEqual(self.gateway.call("GET", "/v1/batches/batch_1").json()["status"], "validating")
        self.status = "completed"
        for team in ("someone-else", "nightly", "another"):  # whoever asks, and however often
            self.gateway.call("GET", "/v1/batches/batch_1", headers={"x-tollgate-team": team})
        [row] = self.booked()
        self.assertEqual((row["team"], row["feature"], row["model"]), ("nightly", "batch", "mini"))
        given = sum(100 + i for i in range(50))
        self.assertEqual((row["input_tokens"], row["output_tokens"]), (given, 500))
        self.assertEqual(Decimal(row["cost_usd"]), (Decimal(given) * 2 + 500 * 8) / 1_000_000 / 2)
        self.assertEqual(row["request_id"], created.header("x-tollgate-request-id"))
        for _ in range(5):
            self.gateway.call("GET", "/v1/batches/batch_1")
        self.assertEqual(len(self.booked()), 1)
        content = self.gateway.call("GET", "/v1/files/file-out/content")
        self.assertEqual(content.body.decode(), self.results)
        self.assertEqual(os.listdir(os.path.join(self.gateway.state_dir, "batches")), [])

    def test_anthropic(self):
        self.gateway.post("/v1/messages/batches", {"requests": []}, {"x-tollgate-team": "claude", "anthropic-version": "2023-06-01"})
        self.status = "completed"
        self.gateway.call("GET", "/v1/messages/batches/msgbatch_1")
        [row] = self.booked()
        self.assertEqual((row["team"], row["provider"], Decimal(row["cost_usd"])), ("claude", "ant", Decimal("0.00075")))

    def test_a_killed_gateway_books_at_the_next_start(self):
        self.create()
        self.gateway.kill()
        self.status = "completed"
        self.gateway.start()
        [row] = self.booked()
        self.assertEqual(row["team"], "nightly")
        self.gateway.kill()
        self.gateway.start()
        self.assertEqual(len(self.booked()), 1)

    def test_results_that_fail_are_fetched_again(self):
        self.create()
        good, self.results = self.results, None
        self.status = "completed"
        answer = self.answer
        self.vendor.script("", lambda request: reply({"error": {"message": "not yet"}}, 500) if request.target.endswith("/content") and not self.results else answer(request))
        self.gateway.call("GET", "/v1/batches/batch_1")
        self.gateway.wait_log("could not be settled")
        self.assertEqual(self.gateway.query("SELECT count(*) n FROM cost_records WHERE attempt > 1")[0]["n"], 0)
        self.results = good
        self.gateway.call("GET", "/v1/batches/batch_1")
        self.assertEqual(len(self.booked()), 1)

    def test_a_batch_that_failed_costs_nothing(self):
        self.create()
        self.status = "failed"
        self.gateway.call("GET", "/v1/batches/batch_1")
        [row] = self.booked()
        self.assertEqual((row["cost_usd"], row["error_code"]), ("0", "batch_without_results"))

    def test_batches_of_others_are_left_alone(self):
        self.status = "completed"
        self.gateway.call("GET", "/v1/batches/batch_1")
        self.assertEqual(self.gateway.rows(1, "surface = 'batches'")[0]["cost_usd"], "0")
        self.assertEqual(self.gateway.query("SELECT count(*) n FROM cost_records WHERE attempt > 1")[0]["n"], 0)
