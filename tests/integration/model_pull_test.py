"""`tollgate model pull`: whole, checked files or none; going on after a cut; tokens stay with the host they are for."""

import hashlib
import os
import pty
import random
import resource
import shutil
import struct
import subprocess
import tempfile
import unittest

from support import tiny_gguf
from support.file_server import FileServer, wait_until
from support.gateway import BINARY
from support.tls import TlsFront, make_certificate


def model(seed=1, floats=700_000):
    """A GGUF file of one tensor, about 2.8 MB."""
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 2)
    head += tiny_gguf.pair("general.architecture", 8, "llama") + tiny_gguf.pair("llama.context_length", 4, 512)
    head += tiny_gguf.text("t") + struct.pack("<IQIQ", 1, floats, 0, 0)
    return head + b"\0" * (-len(head) % 32) + random.Random(seed).randbytes(4 * floats)


DATA, OTHER = model(1), model(2)
SHA = hashlib.sha256(DATA).hexdigest()


class Pull(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tollgate-pull-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.server = self.enterContext(FileServer(DATA))

    def start(self, *arguments, env=None, **more):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
        return subprocess.Popen([BINARY, "model", "pull", *arguments], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**environment, **(env or {})}, **more)

    def pull(self, *arguments, **more):
        with self.start(*(arguments or (self.server.url(),)), **more) as process:
            try:
                process.out, process.err = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return process

    def files(self):
        return sorted(os.listdir(self.folder))

    def content(self, name="model.gguf"):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def good(self, done, data=DATA):
        self.assertEqual(done.returncode, 0, done.err)
        self.assertEqual(self.files(), ["model.gguf"])
        self.assertEqual(self.content(), data)

    def bad(self, done, *words, files=(), status=1):
        self.assertEqual((done.returncode, done.out), (status, ""), done.err)
        for word in words:
            self.assertIn(word, done.err)
        self.assertEqual(self.files(), list(files))


class Whole(Pull):
    def test_file_summary_and_configuration(self):
        done = self.pull()
        self.good(done)
        self.assertIn("llama, 700000 weights, mostly f32, 2.8 MB, context 512", done.out)
        self.assertIn(f"# sha256 {SHA} (nothing told to check it by)\n", done.out)
        self.assertIn("100 %", done.err)
        self.assertNotIn("\r", done.err)
        config = os.path.join(self.folder, "config.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(done.out)
        check = subprocess.run([BINARY, "check", "--config", config], capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(check.returncode, 0, check.stderr)
        self.assertIn(os.path.realpath(os.path.join(self.folder, "model.gguf")), check.stdout)

    def test_a_terminal_gets_a_bar(self):
        master, slave = pty.openpty()
        environment = {**os.environ}
        with subprocess.Popen([BINARY, "model", "pull", self.server.url()], cwd=self.folder, stdout=subprocess.PIPE, stderr=slave, env=environment) as process:
            os.close(slave)
            shown = b""
            try:
                while piece := os.read(master, 4096):
                    shown += piece
            except OSError:
                pass  # how a pseudo terminal says that nobody writes any more
            self.assertEqual(process.wait(30), 0)
        os.close(master)
        self.assertIn(b"\r[########################] 100 %  2.8 MB of 2.8 MB", shown)

    def test_checksum_of_the_caller(self):
        self.assertIn("(checked)", self.pull(self.server.url(), "--sha256", SHA.upper()).out)
        self.assertEqual(self.content(), DATA)

    def test_names(self):
        os.mkdir(os.path.join(self.folder, "models"))
        self.assertEqual(self.pull(self.server.url("/x/A%20b.gguf?download=true"), "--out", "models").returncode, 0)
        self.assertEqual(os.listdir(os.path.join(self.folder, "models")), ["A b.gguf"])
        self.assertEqual(self.server.requests[0][0], "/x/A%20b.gguf?download=true")
        self.assertEqual(self.pull(self.server.url("/..%2f..%2fetc"), status := "--out", "models").returncode, 2, status)

    def test_nothing_is_written_over_unasked(self):
        self.good(self.pull())
        self.server.data = OTHER
        done = self.pull()
        self.bad(done, "--force", files=["model.gguf"], status=2)
        self.assertEqual(self.content(), DATA)
        self.good(self.pull(self.server.url(), "--force"), OTHER)

    def test_usage(self):
        for arguments in ((), ("ftp://h/x",), ("hf:OWNER/FILE",), (self.server.url(), "--sha256", "12"), (self.server.url(), "--patience", "soon"),
                          (self.server.url(), "--token-env", "NOT_SET_ANYWHERE"), (self.server.url("/"),), (self.server.url(), "--what")):
            with self.subTest(arguments=arguments):
                with self.start(*arguments) as process:
                    out, err = process.communicate(timeout=30)
                self.assertEqual((process.returncode, out), (2, ""), err)
        self.assertEqual(self.server.requests, [])


class GoingOn(Pull):
    def test_only_the_rest_is_sent_after_a_cut(self):
        self.server.cut_after = [1_000_000]
        done = self.pull()
        self.good(done)
        self.assertIn("going on after", done.err)
        self.assertEqual(self.server.sent, [1_000_000, len(DATA) - 1_000_000])
        self.assertEqual(self.server.headers(1)["range"], "bytes=1000000-")
        self.assertEqual(self.server.headers(1)["if-range"], '"one"')

    def interrupted(self, after):
        """A run that is killed in the middle; gives the bytes that it leaves."""
        self.server.stall_after = [after]
        part = os.path.join(self.folder, "model.gguf.part")
        with self.start(self.server.url()) as process:
            wait_until(lambda: os.path.exists(part) and os.path.getsize(part) >= after - 300_000)
            process.kill()
        return os.path.getsize(part)

    def test_another_run_goes_on_where_a_killed_one_was(self):
        had = self.interrupted(2_000_000)
        self.good(self.pull(self.server.url(), "--sha256", SHA))
        self.assertEqual(self.server.sent[1:], [len(DATA) - had])

    def test_two_at_once_do_not_mix(self):
        self.server.stall_after = [1_000_000]
        with self.start(self.server.url()) as first:
            wait_until(lambda: self.server.sent and self.server.sent[0] == 1_000_000)
            second = self.pull()
            first.kill()
        self.assertEqual(second.returncode, 1)
        self.assertIn("another process", second.err)
        self.assertEqual(len(self.server.requests), 1)

    def test_a_whole_part_is_not_fetched_again(self):
        part = os.path.join(self.folder, "model.gguf.part")  # as a run leaves it that was killed before the last step
        with open(part, "wb") as file:
            file.write(DATA)
        with open(part + ".info", "w", encoding="utf-8") as file:
            file.write(f'{len(DATA)}\n"one"\n\n')
        self.good(self.pull())
        self.assertEqual(self.server.sent, [0])

    def test_a_changed_file_begins_anew(self):
        self.interrupted(1_000_000)
        self.server.data, self.server.etag = OTHER, '"two"'
        done = self.pull()
        self.good(done, OTHER)
        self.assertIn("beginning anew", done.err)
        self.assertEqual(self.server.sent[1:], [len(OTHER)])

    def test_without_a_validator_nothing_is_joined(self):
        self.server.etag = None
        self.server.cut_after = [1_000_000]
        self.good(self.pull())
        self.assertEqual(self.server.sent, [1_000_000, len(DATA)])
        self.assertNotIn("range", self.server.headers(1))

    def test_a_server_without_ranges(self):
        self.server.ranges = False
        self.server.cut_after = [1_000_000]
        self.good(self.pull())
        self.assertEqual(self.server.sent, [1_000_000, len(DATA)])

    def test_trouble_that_passes(self):
        self.server.refuse = [503, (429, {"Retry-After": "1"})]
        done = self.pull()
        self.good(done)
        self.assertIn("429", done.err)
        self.assertIn("again in 1 s", done.err)

    def test_a_silent_server_is_given_up(self):
        self.server.stall_after = [300_000, 0, 0, 0]
        done = self.pull(self.server.url(), "--patience", "400ms", "--attempts", "2")
        self.bad(done, "silent for 0.4 s", files=["model.gguf.part", "model.gguf.part.info"])
        self.assertEqual(len(self.server.requests), 3)

    def test_a_full_disk_keeps_what_fitted(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))  # noqa: E731
        done = self.pull(self.server.url(), preexec_fn=limit)
        self.bad(done, "File too large", "make room", files=["model.gguf.part", "model.gguf.part.info"])
        self.assertEqual(os.path.getsize(os.path.join(self.folder, "model.gguf.part")), 1 << 20)
        self.good(self.pull())
        self.assertEqual(self.server.sent[-1], len(DATA) - (1 << 20))

    def test_a_disk_that_is_too_small_is_told_before(self):
        self.server.data, self.server.announce = DATA, 1 << 50
        self.bad(self.pull(), "make room or name another --out")


class Refused(Pull):
    def test_wrong_checksum_leaves_nothing(self):
        self.bad(self.pull(self.server.url(), "--sha256", "0" * 64), SHA, "removed")

    def test_checksum_of_the_server(self):
        self.server.extra = {"X-Linked-Etag": f'"{SHA}"', "X-Linked-Size": str(len(DATA))}
        self.assertIn("(checked)", self.pull().out)
        self.server.data = OTHER
        self.bad(self.pull(self.server.url("/other.gguf")), "the server says", SHA, files=["model.gguf"])

    def test_a_checksum_that_the_server_denies_costs_no_download(self):
        self.server.extra = {"X-Linked-Etag": f'"{SHA}"'}
        self.server.data = DATA + bytes(64 << 20)  # more than sockets hold
        self.bad(self.pull(self.server.url(), "--sha256", "0" * 64), SHA)
        self.assertLess(self.server.sent[0], len(self.server.data))

    def test_statuses_say_what_to_do(self):
        for status, word in ((401, "HF_TOKEN"), (403, "--token-env"), (404, "no such file"), (400, "answers 400")):
            with self.subTest(status=status):
                self.server.refuse = [status]
                self.bad(self.pull(), word)
        self.server.refuse = [401]
        self.bad(self.pull(self.server.url(), "--token-env", "MINE", env={"MINE": "secret-token"}), "the token is not good")

    def test_no_model(self):
        self.server.data = b"<!DOCTYPE html>" + bytes(300_000)
        self.bad(self.pull(), "no GGUF file")
        self.server.data = DATA[:-5]
        self.bad(self.pull(), "removed")

    def test_wrong_length(self):
        self.server.extra = {"X-Linked-Size": str(len(DATA) + 1)}
        self.bad(self.pull(), f"sends {len(DATA)} bytes, but the file has {len(DATA) + 1}")
        self.server.extra, self.server.announce = {}, 7
        done = self.pull(self.server.url(), "--attempts", "2")
        self.assertEqual(done.returncode, 1, done.err)
        self.assertNotIn("model.gguf", self.files())

    def test_a_cut_without_a_length_is_found_in_the_file(self):
        self.server.length = False
        self.server.cut_after = [1_000_000]
        self.bad(self.pull(), "model.gguf.part: ", "removed")
        self.good(self.pull())


class Redirects(Pull):
    def setUp(self):
        super().setUp()
        self.hub = self.enterContext(FileServer(b""))

    def test_the_token_stays_with_the_first_host(self):
        self.hub.redirects = {"/m/model.gguf": (302, "/moved/model.gguf"), "/moved/model.gguf": (307, self.server.url("/cdn?signature=s"))}
        done = self.pull(self.hub.url("/m/model.gguf"), "--token-env", "MINE", env={"MINE": "secret-token", "HF_TOKEN": "hf-token"})
        self.good(done)
        for index in (0, 1):
            self.assertEqual(self.hub.headers(index)["authorization"], "Bearer secret-token")
        self.assertNotIn("authorization", self.server.headers(0))
        self.assertNotIn("secret-token", done.err + done.out)
        self.assertNotIn("signature", done.err + done.out)

    def test_hub(self):
        path = "/some/repo/resolve/v1/dir/model.gguf"
        self.hub.redirects = {path: (302, self.server.url("/cdn"))}
        self.hub.extra = {"X-Linked-Etag": f'"{SHA}"', "X-Linked-Size": str(len(DATA))}
        done = self.pull("hf:some/repo@v1/dir/model.gguf", env={"HF_ENDPOINT": self.hub.url(""), "HF_TOKEN": "hf-token"})
        self.good(done)
        self.assertIn("(checked)", done.out)
        self.assertEqual(self.hub.headers(0)["authorization"], "Bearer hf-token")
        self.assertNotIn("authorization", self.server.headers(0))

    def test_the_hubs_token_is_for_the_hub(self):
        self.good(self.pull(env={"HF_TOKEN": "hf-token"}))
        self.assertNotIn("authorization", self.server.headers(0))

    def test_a_token_needs_tls(self):
        self.bad(self.pull("http://192.0.2.1/model.gguf", "--token-env", "MINE", env={"MINE": "secret-token"}), "https", status=2)

    def test_circles_end(self):
        self.hub.redirects = {"/a.gguf": (302, "/b.gguf"), "/b.gguf": (302, "/a.gguf")}
        self.bad(self.pull(self.hub.url("/a.gguf")), "redirects")
        self.assertEqual(len(self.hub.requests), 9)

    @unittest.skipUnless(shutil.which("openssl"), "the openssl command makes the certificate")
    def test_tls_is_verified_and_not_left(self):
        keys = tempfile.mkdtemp(prefix="tollgate-pull-keys-")
        self.addCleanup(shutil.rmtree, keys)
        cert, key = make_certificate(keys, "good", "127.0.0.1")
        front = TlsFront(cert, key, self.server.port)
        self.addCleanup(front.listener.close)
        url = f"https://127.0.0.1:{front.port}/model.gguf"
        self.bad(self.pull(url), "certificate")
        self.assertEqual(self.server.requests, [])
        self.good(self.pull(url, env={"SSL_CERT_FILE": cert}))
        self.server.redirects = {"/model.gguf": (302, self.hub.url("/model.gguf"))}
        self.bad(self.pull(url, "--force", env={"SSL_CERT_FILE": cert}), "plain http", files=["model.gguf"])
        self.assertEqual(self.hub.requests, [])


if __name__ == "__main__":
    unittest.main()
