"""Start, readiness, SIGTERM with requests in flight, restart on the same state, one process per state directory."""

import signal
import socket
import subprocess
import threading
import time
import unittest

from support import dialects
from support.fake_vendor import FakeVendor
from support.gateway import Gateway, base_config
from support.script import Hold, WaitFor, chunk, stream, stream_head


class Lifecycle(unittest.TestCase):
    def setUp(self):
        self.vendor = self.enterContext(FakeVendor())

    def gateway(self, **overrides):
        return self.enterContext(Gateway(base_config(self.vendor, **overrides)))

    def test_health_and_readiness(self):
        gateway = self.gateway()
        self.assertEqual(gateway.admin("/healthz").status, 200)
        self.assertEqual(gateway.admin("/readyz").status, 200)
        self.assertEqual(gateway.admin("/nowhere").status, 404)

    def test_cold_start_is_quick(self):
        gateway = self.gateway()
        gateway.stop()
        started = time.monotonic()
        gateway.start()
        self.assertLess(time.monotonic() - started, 3.0, "sanitizer builds are slow, a release build needs less than 0.3 s")

    def test_sigterm_drains_streams_and_refuses_new_connections(self):
        gateway = self.gateway()
        gate = threading.Event()
        events = dialects.chat_events()
        self.vendor.script("long", stream(events[:4] + [WaitFor(gate)] + events[4:]))
        result = {}
        extra = {"stream_options": {"include_usage": True}}
        worker = threading.Thread(target=lambda: result.update(r=gateway.chat("lab/long", stream=True, extra=extra)))
        worker.start()
        self.assertTrue(self.vendor.wait_for(lambda v: v.seen("long")))
        time.sleep(0.2)
        gateway.signal(signal.SIGTERM)
        time.sleep(0.5)
        self.assertTrue(gateway.running(), "a stream is in flight")
        with self.assertRaises(OSError), socket.create_connection(("127.0.0.1", gateway.port), timeout=1) as late:
            late.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
            if not late.recv(1):
                raise ConnectionResetError
        gate.set()
        worker.join(10)
        self.assertEqual(result["r"].body, b"".join(events))
        self.assertEqual(gateway.process.wait(10), 0)
        rows = gateway.rows(1, "model = 'long'", limit=1)
        self.assertEqual([row["outcome"] for row in rows], ["ok"], "the ledger is complete when the process has ended")

    def test_sigterm_does_not_wait_for_ever(self):
        gateway = self.gateway(timeouts={"drain": "500ms"})
        self.vendor.script("stuck", [stream_head(), chunk(dialects.chat_events()[1]), Hold(60)])
        worker = threading.Thread(target=lambda: gateway.chat("lab/stuck", stream=True))
        worker.start()
        self.assertTrue(self.vendor.wait_for(lambda v: v.seen("stuck")))
        time.sleep(0.2)
        started = time.monotonic()
        self.assertEqual(gateway.stop(limit=15), 0)
        self.assertLess(time.monotonic() - started, 10)
        worker.join(10)
        self.assertEqual(len(gateway.rows(1, "model = 'stuck'", limit=1)), 1, "its attempt is a row all the same")

    def test_idle_keep_alive_connections_do_not_delay_the_end(self):
        gateway = self.gateway()
        with gateway.connect():
            started = time.monotonic()
            self.assertEqual(gateway.stop(), 0)
            self.assertLess(time.monotonic() - started, 5)

    def test_sigint_ends_it_as_well(self):
        gateway = self.gateway()
        gateway.signal(signal.SIGINT)
        self.assertEqual(gateway.process.wait(10), 0)

    def test_restart_keeps_the_ledger(self):
        gateway = self.gateway()
        gateway.chat()
        gateway.stop()
        gateway.start()
        gateway.chat()
        self.assertEqual(len(gateway.rows(2)), 2)

    def test_a_second_process_on_the_same_state_is_refused(self):
        gateway = self.gateway()
        second = Gateway(base_config(self.vendor), state_dir=gateway.state_dir)
        second.start(wait=False)
        self.assertNotEqual(second.process.wait(10), 0)
        self.assertIn(gateway.state_dir, second.log())
        self.assertEqual(gateway.chat().status, 200)

    def test_a_taken_port_is_a_clear_error(self):
        gateway = self.gateway()
        second = Gateway(base_config(self.vendor, listen=f"127.0.0.1:{gateway.port}"))
        second.start(wait=False)
        try:
            self.assertNotEqual(second.process.wait(10), 0)
        except subprocess.TimeoutExpired:
            second.kill()
            self.fail("a second gateway took the same port in silence")
        self.assertIn(str(gateway.port), second.log())
