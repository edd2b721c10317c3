"""/metrics: valid exposition text whose counters agree with the ledger, with bounded labels."""

import re
import time
from decimal import Decimal

from support import dialects
from support.case import GatewayCase
from support.script import reply

LINE = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_]\w*="([^"\\\n]|\\[\\"n])*",?)*\})? (-?[0-9.eE+-]+|NaN|[+-]Inf)( \d+)?')


class Metrics(GatewayCase):
    overrides = {"retry": {"max_attempts": 1}, "attribution": {"max_values_per_dimension": 20}}

    def scrape(self):
        response = self.gateway.admin("/metrics")
        self.assertEqual(response.status, 200)
        self.assertTrue(response.header("content-type").startswith("text/plain"))
        return response.body.decode()

    def test_every_line_is_well_formed_and_ours(self):
        self.gateway.chat()
        self.gateway.chat("no-such-model")
        for line in self.scrape().splitlines():
            if line.startswith("#"):
                self.assertRegex(line, r"^# (HELP|TYPE) \w+ ")
            else:
                self.assertRegex(line, "^" + LINE.pattern + "$")
                self.assertTrue(line.startswith(("tollgate_", "process_", "vllm:")), line)

    def test_money_and_tokens_agree_with_the_ledger(self):
        self.vendor.script("failing", reply({"error": {}}, status=500))
        names = {name for name in re.findall(r"^(tollgate_\w+)", self.scrape(), re.M)}
        before = {name: self.gateway.metric(name) for name in names}
        for _ in range(5):
            self.gateway.chat()
            self.gateway.chat(stream=True)
        self.gateway.chat("lab/failing")
        rows = self.gateway.rows(11, f"rowid > 0 AND started_at IS NOT NULL")
        self.assertGreaterEqual(len(rows), 11)
        end = time.monotonic() + 5
        while time.monotonic() < end and self.gateway.metric("tollgate_requests_in_flight"):
            time.sleep(0.05)
        total = sum(Decimal(row["cost_usd"] or 0) for row in self.gateway.query("SELECT cost_usd FROM cost_records"))
        cost = self.gateway.metric("tollgate_cost_usd_total")
        self.assertAlmostEqual(cost, float(total), places=9)
        tokens = self.gateway.query("SELECT sum(output_tokens) AS n FROM cost_records")[0]["n"]
        self.assertEqual(self.gateway.metric("tollgate_tokens_total", bucket="output") or self.gateway.metric("tollgate_tokens_total", kind="output"), tokens)
        self.assertTrue(before is not None)

    def test_labels_are_bounded(self):
        for i in range(40):
            self.gateway.chat(headers={"x-tollgate-team": f"team{i}"})
        self.assertLessEqual(len(set(re.findall(r'team="([^"]*)"', self.scrape()))), 25)
