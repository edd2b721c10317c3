"""The local engine is a project of its own: it builds with the other compiler, from `local_backend/` and `core/result.h` alone,
and nothing in it asks for a symbol from elsewhere."""

import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COMPILER = shutil.which("g++") or ""
PROGRAM = """
#include <cstdio>
#include "local_backend/gguf/gguf_file.h"
int main(int, char** arguments) {
  const auto file = tollgate::local::GgufFile::open(arguments[1]);
  std::printf("%s\\n", file ? "opened" : file.error().code.c_str());
}
"""


class Standalone(unittest.TestCase):
    @unittest.skipUnless(COMPILER, "needs g++")
    def test_builds_and_links_alone(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="tollgate-standalone-"))
        source, build = os.path.join(folder, "source"), os.path.join(folder, "build")
        shutil.copytree(os.path.join(ROOT, "local_backend"), os.path.join(source, "local_backend"))
        os.mkdir(os.path.join(source, "core"))
        shutil.copy(os.path.join(ROOT, "core", "result.h"), os.path.join(source, "core"))
        # Not optimised: what is looked for are errors, not speed. One job: other tests run at the same time.
        self.run_quietly("cmake", "-S", os.path.join(source, "local_backend"), "-B", build, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={COMPILER}",
                         "-DCMAKE_CXX_FLAGS=-O0")
        self.run_quietly("ninja", "-C", build, "-j", "1")
        # The CUDA back end asks for a runtime and kernels, which only builds with CUDA have.
        libraries = [os.path.join(where, name) for where, _, names in os.walk(build) for name in names
                     if name.endswith(".a") and name != "libtollgate_local_cuda.a"]
        self.assertGreater(len(libraries), 8)
        main = os.path.join(folder, "main.cpp")
        with open(main, "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        program = os.path.join(folder, "program")
        self.run_quietly(COMPILER, "-std=c++20", "-I", source, main, "-o", program, "-Wl,--whole-archive", *libraries, "-Wl,--no-whole-archive",
                         "-pthread")
        done = subprocess.run([program, main], capture_output=True, text=True, timeout=20, check=True)
        self.assertEqual(done.stdout, "bad_model_file\n")

    def run_quietly(self, *command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=2700, check=False)
        if done.returncode != 0:
            self.fail(" ".join(command[:3]) + "\n" + done.stdout[-6000:])


if __name__ == "__main__":
    unittest.main()
