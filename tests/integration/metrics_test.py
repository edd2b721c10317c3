"""/metrics: valid exposition text whose counters agree with the ledger, with bounded labels."""

import re
from decimal import Decimal

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
        for _ in range(5):
            self.gateway.chat()
            self.gateway.chat(stream=True)
        self.gateway.chat("lab/failing")
        rows = self.gateway.rows(int(self.gateway.metric("tollgate_attempts_total")))  # those of the other tests too
        self.assertGreaterEqual(len(rows), 11)
        self.assertAlmostEqual(self.gateway.metric("tollgate_cost_usd_total"), float(sum(Decimal(row["cost_usd"] or 0) for row in rows)), places=8)
        for bucket in ("input", "output"):
            self.assertEqual(self.gateway.metric("tollgate_tokens_total", bucket=bucket), sum(row[f"{bucket}_tokens"] for row in rows))
        self.assertEqual(self.gateway.metric("tollgate_attempts_total"), len(rows))
        self.assertEqual(self.gateway.metric("tollgate_attempts_total", outcome="error"), sum(row["outcome"] == "error" for row in rows))
        self.assertEqual(self.gateway.metric("tollgate_ledger_rows_total"), len(rows))

    def test_labels_are_bounded(self):
        for i in range(40):
            self.gateway.chat(headers={"x-tollgate-team": f"team{i}"})
        self.assertLessEqual(len(set(re.findall(r'team="([^"]*)"', self.scrape()))), 25)
