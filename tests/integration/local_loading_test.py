"""Local models load in the background: at the start, at a reload, and when the gateway is told to stop meanwhile. A template
that is read from a FIFO holds a load up for as long as a test wants."""

import os
import signal
import tempfile
import threading
import time

from support import tiny_gguf
from support.case import GatewayCase
from support.fake_vendor import FakeVendor
from support.gateway import DIMENSIONS, Gateway, base_config
from support.http1 import request_bytes

NO_END = {str(token): -100 for token in (257, 258, 259)}  # of tiny_gguf
TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"


class Gate:
    """A file that a load cannot read before open()."""

    def __init__(self, folder, name):
        self.path = os.path.join(folder, name)
        os.mkfifo(self.path)

    def open(self, text=TEMPLATE, limit=10.0):
        """Waits for the load to come here, which it may only do once per call."""
        end = time.monotonic() + limit
        while True:
            try:
                fifo = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError:  # nobody reads yet
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        os.write(fifo, text.encode())
        os.close(fifo)


class Loading(GatewayCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.file = os.path.join(self.folder, "tiny.gguf")
        tiny_gguf.write(self.file)
        self.gate = Gate(self.folder, "gate")
        self.vendor = self.enterContext(FakeVendor())

    @classmethod
    def setUpClass(cls):  # each test has a gateway of its own
        pass

    def model(self, name, **keys):
        return {"name": name, "file": self.file, "threads": 1, **keys}

    def start(self, *models, wait=True):
        changes = {"retry": {"max_attempts": 1}, "models": {"both": {"targets": ["local/slow", "lab/gpt-mock"]}}, "local": {"models": list(models)}}
        self.gateway = Gateway(base_config(self.vendor, **changes))
        self.addCleanup(self.gateway.__exit__)
        self.gateway.start(wait=False)
        if wait:
            self.gateway.wait_ready()
        else:
            self.wait_for(lambda: self.alive())
        return self.gateway

    def reload(self, *models):
        self.gateway.write_config({**self.gateway.config, "local": {"models": list(models)}})
        began = time.monotonic()
        self.assertEqual(self.gateway.admin("/admin/reload", method="POST").status, 200)
        self.assertLess(time.monotonic() - began, 5)

    def alive(self):
        try:
            return self.gateway.admin("/healthz").status == 200
        except OSError:
            return False

    def wait_for(self, look, limit=10.0):
        end = time.monotonic() + limit
        while not look():
            self.assertLess(time.monotonic(), end, self.gateway.log()[-2000:])
            time.sleep(0.02)

    def chat(self, model, **extra):
        body = {"model": model, "max_tokens": 4, "messages": [{"role": "user", "content": "hello"}], **extra}
        return self.gateway.post("/v1/chat/completions", body)

    def loaded(self, model):
        return self.gateway.metric("tollgate_engine_loaded", model=model)

    def test_the_listener_is_up_before_the_models(self):
        self.start(self.model("quick"), self.model("slow", chat_template=self.gate.path), wait=False)
        self.wait_for(lambda: self.chat("local/quick").status == 200)  # they are loaded in their order
        ready = self.gateway.admin("/readyz")
        self.assertEqual((ready.status, ready.body), (503, b"starting: loading local model slow\n"))
        self.assertEqual((self.loaded("quick"), self.loaded("slow")), (1, 0))
        refused = self.chat("local/slow")
        self.assertEqual((refused.status, refused.json()["error"]["code"]), (503, "model_loading"))
        self.assertGreaterEqual(int(refused.header("retry-after")), 1)
        answered = self.chat("both")
        self.assertEqual((answered.status, answered.header("x-tollgate-target")), (200, "lab/gpt-mock"))
        rows = self.rows_of(answered, 2)
        self.assertEqual([(row["provider"], row["outcome"]) for row in rows], [("local", "error"), ("lab", "ok")])
        self.gate.open()
        self.wait_for(lambda: self.gateway.admin("/readyz").status == 200)
        self.assertEqual((self.chat("local/slow").status, self.loaded("slow")), (200, 1))
        self.assertEqual(self.chat("both").header("x-tollgate-target"), "local/slow")

    def test_a_model_that_cannot_be_loaded_keeps_nobody_waiting(self):
        self.start(self.model("slow", chat_template=self.gate.path), wait=False)
        self.assertEqual(self.gateway.admin("/readyz").status, 503)
        self.gate.open("{% if %}")  # no template
        self.wait_for(lambda: self.gateway.admin("/readyz").status == 200)
        self.assertIn("requests for it are refused", self.gateway.log())
        refused = self.chat("local/slow")
        self.assertEqual((refused.status, refused.json()["error"]["code"]), (503, "model_not_loaded"))
        # The next reload tries again, although the row is the same.
        self.reload(self.model("slow", chat_template=self.gate.path))
        self.assertEqual(self.chat("local/slow").json()["error"]["code"], "model_loading")
        self.assertEqual(self.gateway.admin("/readyz").status, 200, "readiness is about the start")
        self.gate.open()
        self.wait_for(lambda: self.chat("local/slow").status == 200)

    def test_a_changed_model_answers_as_it_was_until_the_new_one_is_there(self):
        self.start(self.model("one"))
        before = self.chat("local/one").json()["usage"]["prompt_tokens"]
        self.reload(self.model("one", chat_template=self.gate.path))
        for _ in range(3):
            self.assertEqual(self.chat("local/one").json()["usage"]["prompt_tokens"], before)
        self.gate.open()
        self.wait_for(lambda: self.chat("local/one").json()["usage"]["prompt_tokens"] == len("hello") - 1)  # "he" is one

    def test_a_change_that_cannot_be_loaded_changes_nothing(self):
        self.start(self.model("one"))
        self.reload(self.model("one", file=os.path.join(self.folder, "absent.gguf")))
        self.assertTrue(self.gateway.wait_log("the one before serves on"))
        self.assertEqual((self.chat("local/one").status, self.loaded("one")), (200, 1))

    def test_what_is_wanted_last_is_loaded(self):
        """A load that a second reload has made needless is thrown away."""
        self.start(self.model("one"))
        self.reload(self.model("one", chat_template=self.gate.path))
        self.wait_for(lambda: self.gateway.log().count("local model loaded") == 1)
        self.reload(self.model("one"), self.model("two"))
        self.assertEqual(self.chat("local/two").json()["error"]["code"], "model_loading")
        self.gate.open()
        self.wait_for(lambda: self.chat("local/two").status == 200)
        self.assertGreater(self.chat("local/one").json()["usage"]["prompt_tokens"], 10, "its own template is back")

    def test_a_removed_model_ends_with_its_last_answer(self):
        self.start(self.model("kept"), self.model("gone", context=512))
        threads = lambda: len(os.listdir(f"/proc/{self.gateway.process.pid}/task"))
        before = threads()
        body = {"model": "local/gone", "max_tokens": 450, "stream": True, "logit_bias": NO_END, "messages": [{"role": "user", "content": "x"}]}
        refused = []

        def remove(text):
            if not refused and b"data:" in text:
                self.reload(self.model("kept"))
                refused.append(self.chat("local/gone"))
            return False

        with self.gateway.connect() as connection:
            connection.send(request_bytes("POST", "/v1/chat/completions", body, DIMENSIONS))
            whole = connection.read(until=remove).body
        self.assertEqual(refused[0].status, 404)
        self.assertTrue(whole.endswith(b"data: [DONE]\n\n"), whole[-200:])
        self.wait_for(lambda: threads() < before)
        self.assertEqual(self.chat("local/kept").status, 200)
        self.assertEqual([row["outcome"] for row in self.gateway.rows(1, "requested_model = 'local/gone' AND http_status = 200")], ["ok"])
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_stop_waits_for_a_load_and_no_longer(self):
        self.start(self.model("slow", chat_template=self.gate.path), self.model("never", chat_template=Gate(self.folder, "closed").path), wait=False)
        self.gateway.signal(signal.SIGTERM)
        self.assertTrue(self.gateway.wait_log("waiting until a local model is loaded"))
        self.assertTrue(self.gateway.running())
        threading.Timer(0.2, self.gate.open).start()
        self.assertEqual(self.gateway.process.wait(10), 0)
