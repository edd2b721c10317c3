"""Base class of the integration tests: one fake vendor and one gateway per class, started once."""

import unittest

from support.fake_vendor import FakeVendor
from support.gateway import Gateway, base_config


class GatewayCase(unittest.TestCase):
    """Subclasses change `overrides` (merged into the base configuration) or `configure()`."""

    overrides = {}
    env = {}

    @classmethod
    def configure(cls, vendor):
        return base_config(vendor, **cls.overrides)

    @classmethod
    def setUpClass(cls):
        cls.vendor = cls.enterClassContext(FakeVendor())
        cls.gateway = cls.enterClassContext(Gateway(cls.configure(cls.vendor), env=cls.env))

    def rows_of(self, response, count=1):
        """The cost records of the request that this response answered."""
        request_id = response.header("x-tollgate-request-id")
        self.assertIsNotNone(request_id, f"no request id on {response.status} {response.body[:300]!r}")
        rows = self.gateway.rows(count, f"request_id = '{request_id}'")
        self.assertEqual(len(rows), count, rows)
        return rows

    def row_of(self, response):
        return self.rows_of(response)[0]
