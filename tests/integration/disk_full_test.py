"""A full disk refuses new requests loudly (503) and loses no record; when there is room again, service goes on."""

import os
import subprocess
import tempfile
import time
import unittest

from support import dialects
from support.fake_vendor import FakeVendor
from support.gateway import Gateway, base_config
from support.script import WaitFor, reply, stream


def mount_tmpfs(size):
    """A small file system of our own, or the reason why there is none."""
    if os.geteuid() != 0:
        return None, "needs root to mount a small tmpfs"
    folder = tempfile.mkdtemp(prefix="tollgate-disk-")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        os.rmdir(folder)
        return None, f"cannot mount a tmpfs: {done.stderr.strip()}"
    return folder, ""


class DiskFull(unittest.TestCase):
    def setUp(self):
        self.disk, reason = mount_tmpfs("24m")
        if not self.disk:
            self.skipTest(reason)
        self.addCleanup(lambda: (subprocess.run(["umount", "-l", self.disk], check=False), os.rmdir(self.disk)))
        self.vendor = self.enterContext(FakeVendor())
        config = base_config(self.vendor, ledger={"url": "sqlite:ledger.db", "spool_segment_bytes": "1MiB", "spool_max_bytes": "512MiB"})
        self.gateway = self.enterContext(Gateway(config, state_dir=os.path.join(self.disk, "state")))

    def fill(self):
        with open(os.path.join(self.disk, "ballast"), "wb") as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
                    file.flush()
            except OSError:
                pass

    def test_refused_then_served_again(self):
        self.assertEqual(self.gateway.chat().status, 200)
        self.gateway.rows(1)
        self.fill()
        served, refused, seen = 0, None, len(self.vendor.requests)
        end = time.monotonic() + 60
        while refused is None and time.monotonic() < end:
            response = self.gateway.chat()
            if response.status == 200:
                served += 1
            else:
                refused = response
        self.assertIsNotNone(refused, f"{served} requests served on a full disk")
        self.assertEqual(refused.status, 503)
        self.assertIn(refused.json()["error"]["code"], ("spool_full", "spool_io"))
        self.assertEqual(len(self.vendor.requests) - seen, served, "a refused request must not cost anything")
        self.assertNotEqual(self.gateway.admin("/readyz").status, 200)
        os.unlink(os.path.join(self.disk, "ballast"))
        end, in_a_row = time.monotonic() + 20, 0  # each network thread finds the room by itself
        while in_a_row < 8 and time.monotonic() < end:
            in_a_row = in_a_row + 1 if self.gateway.chat().status == 200 else 0
        self.assertEqual(in_a_row, 8)
        answered = len(self.vendor.requests)
        self.assertEqual(len(self.gateway.rows(answered, limit=20)), answered, "one row for each request that a vendor saw")

    def test_a_running_stream_is_still_recorded(self):
        import threading

        gate = threading.Event()
        events = dialects.chat_events()
        self.vendor.script("long", stream(events[:4] + [WaitFor(gate)] + events[4:]))
        self.vendor.script("warm", reply(dialects.chat_body()))
        result = {}
        extra = {"stream_options": {"include_usage": True}}
        worker = threading.Thread(target=lambda: result.update(r=self.gateway.chat("lab/long", stream=True, extra=extra)))
        worker.start()
        self.assertTrue(self.vendor.wait_for(lambda v: v.seen("long")))
        self.fill()
        gate.set()
        worker.join(10)
        self.assertEqual(result["r"].body, b"".join(events))
        os.unlink(os.path.join(self.disk, "ballast"))
        rows = self.gateway.rows(1, "model = 'long'", limit=20)
        self.assertEqual([row["output_tokens"] for row in rows], [8])


class SpoolBound(unittest.TestCase):
    """The configured bound works like a full disk: the store is away, records pile up, then requests are refused."""

    def test_bound(self):
        from support.gateway import free_port

        vendor = self.enterContext(FakeVendor())
        away = f"postgres://nobody:x@127.0.0.1:{free_port()}/none"
        config = base_config(vendor, ledger={"url": away, "spool_segment_bytes": "64KiB", "spool_max_bytes": "1MiB"})
        gateway = self.enterContext(Gateway(config))
        statuses = []
        with gateway.connect() as connection:
            from support.gateway import DIMENSIONS
            from support.http1 import request_bytes

            for _ in range(20000):
                connection.send(request_bytes("POST", "/v1/chat/completions", {"model": "gpt-mock", "messages": []}, DIMENSIONS))
                response = connection.read()
                statuses.append(response.status)
                if response.status != 200:
                    break
        self.assertEqual(statuses[-1], 503, f"{len(statuses)} requests within 1 MiB")
        self.assertEqual(response.json()["error"]["code"], "spool_full")
        used = sum(os.path.getsize(os.path.join(folder, f)) for folder, _, files in os.walk(gateway.state_dir) for f in files)
        self.assertLessEqual(used, 3 << 20)
