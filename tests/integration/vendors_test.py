"""One file in tests/fixtures/vendors per vendor: an OpenAI chat request through the vendor's shipped row, with only the host changed.

    {"provider": row, "settings": {more keys of the row}, "model", "request": {more members of the client's request},
     "sent": {"path", "headers": {name: value}, "members": {name: value or null for absent}},
     "reply": the vendor's body, or "stream": [its events' data], "usage": {"input_tokens": n, ...}, "text": what the client reads}
"""

import json
import os
import re
import unittest
import urllib.parse

from support.fake_vendor import FakeVendor
from support.gateway import Gateway, base_config
from support.script import reply, sse, stream

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIXTURES = os.path.join(ROOT, "tests", "fixtures", "vendors")


def shipped_base_url(provider):
    """The row's base_url, found by its name: the rows are plain enough."""
    with open(os.path.join(ROOT, "config", "providers.yaml"), encoding="utf-8") as file:
        row = re.search(rf"^  {provider}:\n((?:    .*\n|\s*#.*\n|\n)+)", file.read(), re.M)[1]
    return re.search(r"base_url: *\"?([^\s\"]+)", row)[1]


def load():
    for name in sorted(os.listdir(FIXTURES)):
        with open(os.path.join(FIXTURES, name), encoding="utf-8") as file:
            yield name, json.load(file)


class Vendors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fixtures = list(load())
        cls.vendor = cls.enterClassContext(FakeVendor())
        providers, prices = {}, []
        for _, fixture in cls.fixtures:
            name = fixture["provider"]
            path = urllib.parse.urlsplit(shipped_base_url(name)).path
            providers[name] = {"base_url": cls.vendor.url + path, "api_key": "key-of-" + name, **fixture.get("settings", {})}
            prices.append({"target": name + "/*", "input": 1, "output": 2, "cache_read": 0.5})
        cls.gateway = cls.enterClassContext(Gateway(base_config(cls.vendor, providers=providers, prices=prices, retry={"max_attempts": 1})))

    def test_every_fixture(self):
        self.assertGreater(len(self.fixtures), 0)
        for name, fixture in self.fixtures:
            with self.subTest(name):
                self.one(fixture)

    def one(self, fixture):
        streamed = "stream" in fixture
        answer = stream([sse(data) for data in fixture["stream"]]) if streamed else reply(fixture["reply"])
        self.vendor.script(fixture["model"], answer)
        body = {"model": f"{fixture['provider']}/{fixture['model']}", "messages": [{"role": "user", "content": "Hello"}], **fixture.get("request", {})}
        if streamed:
            body["stream"] = True
        response = self.gateway.post("/v1/chat/completions", body)
        self.assertEqual(response.status, 200, response.body)
        request = self.vendor.seen(fixture["model"])[-1]
        sent = fixture["sent"]
        self.assertEqual(request.target, sent["path"])
        for header, value in sent.get("headers", {}).items():
            self.assertEqual(request.header(header), value, header)
        for member, value in sent.get("members", {}).items():
            self.assertEqual(request.json().get(member), value, member)
        if streamed:
            deltas = [json.loads(line[6:]) for line in response.body.decode().split("\n") if line.startswith("data: {")]
            text = "".join(delta["choices"][0]["delta"].get("content") or "" for delta in deltas if delta.get("choices"))
        else:
            text = response.json()["choices"][0]["message"]["content"]
        self.assertEqual(text, fixture["text"])
        row = self.gateway.rows(1, f"request_id = '{response.header('x-tollgate-request-id')}'")[0]
        for column, value in fixture["usage"].items():
            self.assertEqual(row[column], value, column)


if __name__ == "__main__":
    unittest.main()
