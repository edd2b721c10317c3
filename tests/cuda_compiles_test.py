"""Every kernel is compiled for two generations of GPUs and linked with the CUDA runtime, without warnings and without more than a
few registers spilled to memory; the program starts on machines without a GPU and says why there is none. Skipped where there is no nvcc."""

import os
import re
import shutil
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NVCC = shutil.which("nvcc") or shutil.which("nvcc", path="/usr/local/cuda/bin")
MOST_SPILLED = 16  # bytes that a kernel may store: which registers a compiler keeps differs a little from version to version
COMPILER = shutil.which("clang++-19") or shutil.which("clang++") or shutil.which("g++")


@unittest.skipUnless(NVCC and COMPILER, "needs nvcc of CUDA 12.8 or newer")
class CudaCompiles(unittest.TestCase):
    def test_compiles_links_and_starts(self):
        build = os.path.join(os.path.dirname(os.environ["TOLLGATE_BINARY"]), "cuda_compiles")
        # Afresh, so that every warning is seen; ccache makes it short where nothing has changed.
        shutil.rmtree(build, ignore_errors=True)
        ccache = [f"-DCMAKE_CXX_COMPILER_LAUNCHER={shutil.which('ccache')}"] if shutil.which("ccache") else []
        self.run_quietly("cmake", "-S", os.path.join(ROOT, "tests", "gpu"), "-B", build, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={COMPILER}",
                         "-DCMAKE_CXX_FLAGS=-O1", "-DTOLLGATE_CUDA=ON", "-DTOLLGATE_CUDA_ARCHITECTURES=80-real;90a-real", *ccache)
        said = self.run_quietly("ninja", "-C", build, "-j", "2", "list_devices")
        complaints = [line for line in said.splitlines() if re.search(r"warning|error", line) and not self.spills_little(line)]
        self.assertEqual(complaints, [])
        done = subprocess.run([os.path.join(build, "list_devices")], capture_output=True, text=True, timeout=60, check=True)
        self.assertRegex(done.stdout, r"^(no device: \w.*|cuda:0 .*: usable)\n")

    def spills_little(self, line):
        spilled = re.search(r"(\d+) bytes spill stores", line)
        return spilled and int(spilled[1]) <= MOST_SPILLED

    def run_quietly(self, *command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=2700, check=False)
        if done.returncode != 0:
            self.fail(" ".join(command[:3]) + "\n" + done.stdout[-6000:])
        return done.stdout


if __name__ == "__main__":
    unittest.main()
