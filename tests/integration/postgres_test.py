"""PostgreSQL as the ledger: exact rows, and nothing is lost or doubled while it is stopped, frozen or absent at the start."""

import threading
import time
import unittest
from decimal import Decimal

from support import http1
from support.fake_vendor import FakeVendor
from support.gateway import DIMENSIONS, Gateway, base_config
from support.postgres import Postgres, binaries


@unittest.skipUnless(binaries(), "PostgreSQL is not installed")
class PostgresLedger(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = cls.enterClassContext(FakeVendor())
        cls.postgres = cls.enterClassContext(Postgres())

    def setUp(self):
        if self.postgres.process is None:
            self.postgres.start()
        self.postgres.query("DO $$ BEGIN IF to_regclass('cost_records') IS NOT NULL THEN TRUNCATE cost_records; END IF; END $$")

    def gateway(self, **overrides):
        return self.enterContext(Gateway(base_config(self.vendor, ledger=self.postgres.url, **overrides)))

    def send(self, gateway, count, pause=0.0, during=None):
        """Chats on one connection; the statuses. `during(i)` runs before each."""
        statuses = []
        with gateway.connect() as connection:
            for i in range(count):
                if during:
                    during(i)
                connection.send(http1.request_bytes("POST", "/v1/chat/completions", {"model": "gpt-mock", "messages": []}, DIMENSIONS))
                statuses.append(connection.read().status)
                time.sleep(pause)
        return statuses

    def check_all_there(self, count):
        self.assertEqual(self.postgres.count(count), count)
        time.sleep(0.5)
        rows = self.postgres.query("SELECT count(*), count(DISTINCT id), count(DISTINCT request_id), sum(cost_usd) FROM cost_records")
        self.assertEqual([int(value) for value in rows[0][:3]], [count] * 3)
        self.assertEqual(Decimal(rows[0][3]), count * (Decimal("2.5") * 21 + 10 * 8) / 1_000_000)

    def test_rows_are_exact(self):
        self.send(self.gateway(), 20)
        self.check_all_there(20)
        row = self.postgres.query("SELECT team, feature, environment, surface, provider, model, outcome, input_tokens, output_tokens,"
                                  " cost_source FROM cost_records LIMIT 1")[0]
        self.assertEqual(row, ["search", "answers", "dev", "chat", "lab", "gpt-mock", "ok", "21", "8", "computed"])

    def test_stopped_under_load(self):
        gateway = self.gateway()
        actions = {100: self.postgres.stop, 400: self.postgres.start}
        statuses = self.send(gateway, 600, pause=0.005, during=lambda i: actions.get(i, lambda: None)())
        self.assertEqual(set(statuses), {200}, "the request path does not wait for a database")
        self.check_all_there(600)

    def test_frozen_under_load(self):
        """Connections that hang are worse than refused ones: requests go on, records arrive once it thaws."""
        gateway = self.gateway()
        self.send(gateway, 10)
        self.postgres.freeze(True)
        try:
            started = time.monotonic()
            statuses = self.send(gateway, 200)
            self.assertLess(time.monotonic() - started, 10)
        finally:
            self.postgres.freeze(False)
        self.assertEqual(set(statuses), {200})
        self.check_all_there(210)

    def test_absent_at_the_start(self):
        self.postgres.stop()
        gateway = self.gateway()
        self.assertEqual(set(self.send(gateway, 50)), {200})
        self.assertEqual(gateway.metric("tollgate_ledger_up"), 0)
        self.postgres.start()
        self.check_all_there(50)
        self.assertEqual(gateway.metric("tollgate_ledger_up"), 1)

    def test_killed_gateway_while_the_store_is_away(self):
        gateway = self.gateway()
        self.send(gateway, 20)
        self.postgres.count(20)
        self.postgres.stop()
        self.send(gateway, 30)
        gateway.kill()
        self.postgres.start()
        gateway.start()
        self.check_all_there(50)

    def test_two_gateways_share_one_ledger_and_migrate_at_once(self):
        self.postgres.query("DROP SCHEMA public CASCADE")
        self.postgres.query("CREATE SCHEMA public")
        gateways = [Gateway(base_config(self.vendor, ledger=self.postgres.url)) for _ in range(2)]
        starters = [threading.Thread(target=gateway.start) for gateway in gateways]
        for starter in starters:
            starter.start()
        for starter in starters:
            starter.join(30)
        for gateway in gateways:
            self.addCleanup(gateway.kill)
            self.send(gateway, 25)
        self.check_all_there(50)
