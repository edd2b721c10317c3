"""A private PostgreSQL cluster on a free port, from the installed binaries, in a temporary folder."""

import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time

from support.gateway import free_port


def binaries():
    """Folder of initdb and postgres, or None."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    return os.path.dirname(found[-1]) if found else None


class Postgres:
    """Trust authentication on 127.0.0.1 only. stop()/start() keep port and data."""

    def __init__(self):
        self.bin = binaries()
        self.root = tempfile.mkdtemp(prefix="tollgate-pg-")
        self.data = os.path.join(self.root, "data")
        self.port = free_port()
        self.process = None
        # PostgreSQL refuses to run as root; its package brings the user postgres.
        self.prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    @property
    def url(self):
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def __enter__(self):
        if self.prefix:
            shutil.chown(self.root, "postgres")
        self._run(f"{self.bin}/initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def _run(self, *command):
        done = subprocess.run([*self.prefix, *command], capture_output=True, text=True, timeout=120, check=False, cwd="/")
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self):
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.root} -c fsync=off"
        self._run(f"{self.bin}/pg_ctl", "-D", self.data, "-l", f"{self.root}/log", "-w", "-t", "60", "-o", options, "start")
        with open(os.path.join(self.data, "postmaster.pid"), encoding="ascii") as file:
            self.process = int(file.readline())
        return self

    def stop(self, mode="immediate"):
        if self.process:
            self._run(f"{self.bin}/pg_ctl", "-D", self.data, "-w", "-t", "60", "-m", mode, "stop")
            self.process = None

    def freeze(self, frozen):
        """SIGSTOP or SIGCONT for the server and its children: a store that hangs instead of refusing."""
        number = signal.SIGSTOP if frozen else signal.SIGCONT
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process)], capture_output=True, text=True, check=False)
        for pid in [str(self.process), *children.stdout.split()]:
            os.kill(int(pid), number)

    def query(self, sql):
        """Rows as lists of text; none when the table does not exist yet."""
        done = subprocess.run(
            [f"{self.bin}/psql", "-X", "-q", "-A", "-t", "-F", "\t", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-c", sql],
            capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            if "does not exist" in done.stderr:
                return []
            raise RuntimeError(done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def count(self, at_least, where="true", limit=30.0):
        """Number of cost records, waiting until there are that many or time is up."""
        end = time.monotonic() + limit
        while True:
            rows = self.query(f"SELECT count(*) FROM cost_records WHERE {where}")
            found = int(rows[0][0]) if rows else 0
            if found >= at_least or time.monotonic() > end:
                return found
            time.sleep(0.1)
