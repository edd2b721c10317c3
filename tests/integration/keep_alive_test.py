"""Connections: reuse, pipelining, Connection: close, idle limits, and stale upstream connections."""

import json

from support import dialects, http1
from support.case import GatewayCase
from support.gateway import DIMENSIONS
from support.script import Close, Reset, reply

ANSWER = json.dumps(dialects.chat_body()).encode()


def chat(model="gpt-mock", **extra):
    return http1.request_bytes("POST", "/v1/chat/completions", {"model": model, "messages": [], **extra}, DIMENSIONS)


class KeepAlive(GatewayCase):
    overrides = {"threads": 1, "timeouts": {"client_idle": "1s"}}

    def test_many_requests_on_one_connection_reuse_one_upstream_connection(self):
        before = self.vendor.connections
        with self.gateway.connect() as connection:
            for _ in range(50):
                connection.send(chat())
                self.assertEqual(connection.read().body, ANSWER)
        self.assertLessEqual(self.vendor.connections - before, 2)

    def test_pipelining_keeps_order(self):
        for i in range(8):
            self.vendor.script(f"pipe{i}", reply({**dialects.chat_body(), "n": i}))
        with self.gateway.connect() as connection:
            connection.send(b"".join(chat(f"lab/pipe{i}") for i in range(8)))
            self.assertEqual([connection.read().json()["n"] for _ in range(8)], list(range(8)))

    def test_pipelined_behind_a_stream(self):
        with self.gateway.connect() as connection:
            connection.send(chat(stream=True, stream_options={"include_usage": True}) + chat())
            self.assertEqual(connection.read().body, b"".join(dialects.chat_events()))
            self.assertEqual(connection.read().body, ANSWER)

    def test_connection_close_is_obeyed(self):
        with self.gateway.connect() as connection:
            connection.send(http1.request_bytes(
                "POST", "/v1/chat/completions", {"model": "gpt-mock", "messages": []}, {**DIMENSIONS, "Connection": "close"}))
            self.assertEqual(connection.read().body, ANSWER)
            self.assertTrue(connection.closed_by_peer())

    def test_idle_connections_are_closed(self):
        with self.gateway.connect() as connection:
            connection.send(chat())
            connection.read()
            self.assertTrue(connection.closed_by_peer(within=4))

    def test_a_refused_request_does_not_poison_the_next(self):
        with self.gateway.connect() as connection:
            connection.send(http1.request_bytes("POST", "/v1/chat/completions", b"{broken", DIMENSIONS) + chat())
            self.assertEqual(connection.read().status, 400)
            self.assertEqual(connection.read().body, ANSWER)

    def test_refusals_between_good_requests(self):
        """A refused request names no target of an earlier one."""
        with self.gateway.connect() as connection:
            for body in (b"{broken", b'{"model":"no-such-model","messages":[]}', b'{"messages":[]}'):
                connection.send(chat())
                self.assertEqual(connection.read().body, ANSWER)
                connection.send(http1.request_bytes("POST", "/v1/chat/completions", body, DIMENSIONS))
                response = connection.read()
                self.assertIn(response.status, (400, 404))
                self.assertIsNone(response.header("x-tollgate-target"))

    def test_a_stale_upstream_connection_is_replaced(self):
        """The vendor drops idle connections; the client must not notice, and what was sent into the void is a row of its own."""
        for drop in (Close(), Reset()):
            with self.subTest(type(drop).__name__):
                self.vendor.script("dropper", reply(dialects.chat_body()) + [drop])
                self.assertEqual(self.gateway.chat("lab/dropper").status, 200)
                for _ in range(3):
                    response = self.gateway.chat()
                    self.assertEqual(response.body, ANSWER)
                    self.gateway.rows(1, f"request_id = '{response.header('x-tollgate-request-id')}' AND outcome = 'ok'")
                    rows = self.rows_of(response, int(response.header("x-tollgate-attempts")))
                    self.assertLessEqual(len(rows), 2)
                    self.assertEqual([row["outcome"] for row in rows], ["error"] * (len(rows) - 1) + ["ok"])
