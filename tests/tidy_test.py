"""The rules of the house as tests: include direction, confined libraries, sizes, words, lists, links. See docs/architecture.md.

Each finding reads `file:line: rule`. The rules are functions from text to findings, so that they are tested themselves below.
"""

import os
import re
import shutil
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MIDDLE = ["router", "cache", "billing", "local_backend"]
# module -> modules that it may include, itself among them
MAY_INCLUDE = {
    "core": {"core"},
    "config": {"core", "config"},
    **{name: {"core", "config", name} for name in MIDDLE},
    "gateway": {"core", "config", *MIDDLE, "gateway"},
}
# library -> (pattern of its includes, files that may have it)
CONFINED = {
    "CUDA": (r"^cuda_\w+\.h|^(cublas|nccl)", r"local_backend/cuda/(gpu|runtime_cuda)\.h"),
    "Beast": (r"boost/beast", r"core/(http|boost_beast)\.cpp"),
    "OpenSSL": (r"openssl/|boost/asio/(impl/)?ssl|boost/asio/ssl/", r"core/net/.*|core/(boost_asio|crypto)\.cpp"),
    "nlohmann": (r"nlohmann/", r"core/json_dom\.(h|cpp)|local_backend/(template|grammar)/.*\.cpp|local_backend/convert/json\.h"),
    "simdjson": (r"simdjson", r"core/json[a-z_]*\.(h|cpp)"),
    "libpqxx": (r"pqxx|libpq", r"billing/(ledger_)?postgres[a-z_]*\.(h|cpp)"),
    "SQLite": (r"sqlite3", r"billing/ledger_sqlite[a-z_]*\.(h|cpp)|billing/sqlite[a-z_]*\.(h|cpp)"),
    "hiredis": (r"hiredis", r"cache/.*\.cpp"),
    "yaml-cpp": (r"yaml-cpp", r"config/[a-z_]*yaml[a-z_]*\.(h|cpp)"),
    "prometheus-cpp": (r"prometheus/", r"core/metrics[a-z_]*\.cpp"),
}
MAX_SOURCES_PER_LIBRARY = 2
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70
UNFINISHED = "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"])
HOME_PATHS = "|".join(["ho" + "me", "wo" + "rk", "ro" + "ot", "Us" + "ers"])


def walk():
    """Every file of the project, as paths relative to its root."""
    skipped = {".git", "build", "node_modules", "__pycache__"}
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if name not in skipped)
        for name in sorted(files):
            yield os.path.relpath(os.path.join(folder, name), ROOT)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def module_of(path):
    top = path.split("/")[0]
    return top if top in MAY_INCLUDE else None


def includes(text):
    """(line number, path) of each include."""
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if match:
            yield number, match[1]


def direction_problems(path, text):
    module = module_of(path)
    for number, target in includes(text):
        other = target.split("/")[0]
        if module and other in MAY_INCLUDE and other not in MAY_INCLUDE[module]:
            yield f"{path}:{number}: {module}/ must not include {other}/ ({target})"
        elif module == "local_backend" and other in ("core", "config") and target != "core/result.h":
            yield f"{path}:{number}: local_backend/ builds alone: of the other modules it may include core/result.h only ({target})"


def confinement_problems(path, text):
    for number, target in includes(text):
        for library, (pattern, allowed) in CONFINED.items():
            if module_of(path) and re.search(pattern, target) and not re.fullmatch(allowed, path):
                yield f"{path}:{number}: {library} is confined to {allowed}"


def without_comments(text):
    """The text with comments and literals blanked out; line breaks stay."""
    blank = lambda match: re.sub(r"[^\n]", " ", match[0])  # noqa: E731
    raw = r'R"([^(\s]*)\((?:.|\n)*?\)\1"'
    return re.sub(raw + r"|//[^\n]*|/\*(?:.|\n)*?\*/|\"(?:\\.|[^\"\\\n])*\"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", blank, text)


def functions(text):
    """(first line, last line, head) of each function body outside of other functions."""
    text = re.sub(r"^\s*#.*$", lambda match: " " * len(match[0]), without_comments(text), flags=re.M)
    head_start, at = 0, 0
    while at < len(text):
        mark = text[at]
        if mark in ";}" or (mark == ":" and re.search(r"\b(public|private|protected)\s*$", text[head_start:at])):
            head_start = at + 1
        elif mark == "{":
            head = text[head_start:at]
            bare = re.sub(r"\([^()]*\)", "()", re.sub(r"\([^()]*\)", "()", head))
            opens_scope = re.search(r"\b(namespace|class|struct|union)\b[^()=]*$", bare) or not bare.strip()
            if opens_scope or "extern" in bare and "(" not in bare:
                head_start = at + 1
            else:
                end = matching_brace(text, at)
                if "(" in bare and not re.search(r"(?<![=!<>])=(?!=)", re.sub(r"operator\s*\S+", "", bare)):
                    first = text.count("\n", 0, head_start + len(head) - len(head.lstrip())) + 1
                    yield first, text.count("\n", 0, end) + 1, " ".join(head.split())
                at, head_start = end, end + 1
        at += 1


def matching_brace(text, at):
    depth = 0
    for position in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return len(text) - 1


def size_problems(path, text):
    lines = text.count("\n")
    if lines > MAX_FILE_LINES:
        yield f"{path}:{lines}: file of {lines} lines, {MAX_FILE_LINES} at most"
    for first, last, head in functions(text):
        if last - first + 1 > MAX_FUNCTION_LINES:
            yield f"{path}:{first}: function of {last - first + 1} lines, {MAX_FUNCTION_LINES} at most: {head[:60]}"


def word_problems(path, text):
    source = path.endswith((".cpp", ".h", ".cu", ".cuh"))
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(rf"\b({UNFINISHED})\b", line):
            yield f"{path}:{number}: unfinished work belongs into an issue, not into the text"
        if re.search(rf"(?<![\w./:-])/({HOME_PATHS})/\w", line):
            yield f"{path}:{number}: a path of somebody's machine"
        if source and "std::regex" in line:
            yield f"{path}:{number}: std::regex has no bounds"
        if source and module_of(path) and module_of(path) != "core" and re.search(r"\bdetached\b", line):
            yield f"{path}:{number}: detached coroutines are for core/ only; keep the handle"


def head_problems(path, text):
    alone = path.endswith((".cpp", ".cu")) and module_of(path) and not os.path.exists(os.path.join(ROOT, os.path.splitext(path)[0] + ".h"))
    if (path.endswith(".h") or alone) and not text.startswith("//"):
        yield f"{path}:1: a header, or a source without one, begins with a comment: what it is, thread rule"
    if path.endswith(".h") and "#pragma once" not in text:
        yield f"{path}:1: no #pragma once"


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", "")).replace(" ", "-")


def link_problems(path, text):
    """Relative links of a Markdown file must name existing files and headings."""
    plain = re.sub(r"^```.*?^```", lambda match: "\n" * match[0].count("\n"), text, flags=re.M | re.S)
    for number, line in enumerate(plain.splitlines(), 1):
        for target in re.findall(r"\]\(([^)\s]+)\)|<img[^>]* src=\"([^\"]+)\"", re.sub(r"`[^`]*`", "", line)):
            target = target[0] or target[1]
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            where = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
            if not os.path.exists(os.path.join(ROOT, where)):
                yield f"{path}:{number}: link to {target}, which does not exist"
            elif anchor and where.endswith(".md"):
                headings = {slug(match) for match in re.findall(r"^#+ (.*)$", read(where), re.M)}
                if anchor not in headings:
                    yield f"{path}:{number}: link to {target}, but there is no such heading"


class House(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = list(walk())
        cls.sources = [path for path in cls.files if path.endswith((".cpp", ".h", ".cu"))]

    def check(self, rule, paths):
        self.none([problem for path in paths for problem in rule(path, read(path))])

    def none(self, problems):
        if problems:
            self.fail(f"{len(problems)} problems\n" + "\n".join(problems))

    def test_include_direction(self):
        self.check(direction_problems, self.sources)

    def test_libraries_are_confined(self):
        self.check(confinement_problems, self.sources)
        for library, (pattern, _) in CONFINED.items():
            # core/net is the networking module; the engine builds alone and reads JSON with what it finds there.
            users = [path for path in self.sources if path.endswith(".cpp") and module_of(path) and not path.startswith(("core/net/", "local_backend/"))
                     and any(re.search(pattern, target) for _, target in includes(read(path)))]
            self.assertLessEqual(len(users), MAX_SOURCES_PER_LIBRARY, f"{library} in {users}")

    def test_sizes(self):
        self.check(size_problems, self.sources)

    def test_words(self):
        texts = (".cpp", ".h", ".cu", ".md", ".py", ".mjs", ".js", ".yaml", ".yml", ".sql", ".txt", ".cmake", ".sh")
        self.check(word_problems, [path for path in self.files if path.endswith(texts)])

    def test_heads(self):
        self.check(head_problems, self.sources)

    def test_every_source_is_built(self):
        lists = {}
        for path in self.files:
            if path.endswith(("CMakeLists.txt", ".cmake")):
                top = path.split("/")[0]
                lists[top] = lists.get(top, "") + read(path)
        problems = []
        for path in self.sources:
            # By name, or by its stem in a list that a loop turns into names.
            name, text = re.escape(os.path.basename(path)[:-4].removeprefix("fuzz_")), lists.get(path.split("/")[0], "") + lists["cmake"]
            if path.endswith(".cpp") and not re.search(rf"(?<![\w])(fuzz_)?{name}(?!\w)", text):
                problems.append(f"{path}:1: in no CMake list")
        self.none(problems)

    def test_every_integration_test_runs(self):
        listed = read("tests/integration/CMakeLists.txt")
        for path in self.files:
            match = re.fullmatch(r"tests/integration/(\w+)_test\.py", path)
            if match:
                self.assertRegex(listed, rf"\b{match[1]}\b", f"{path} is not in tests/integration/CMakeLists.txt")

    def test_every_module_has_a_readme(self):
        problems = [f"{module}/README.md:1: missing" for module in MAY_INCLUDE
                    if any(path.startswith(module + "/") for path in self.sources) and f"{module}/README.md" not in self.files]
        self.none(problems)

    def test_links(self):
        self.check(link_problems, [path for path in self.files if path.endswith(".md")])

    @unittest.skipUnless(shutil.which("clang-format-19"), "clang-format-19 is not installed")
    def test_format(self):
        done = subprocess.run(["clang-format-19", "--dry-run", *self.sources], cwd=ROOT, capture_output=True, text=True, check=False)
        first = {}
        for line in done.stderr.splitlines():
            match = re.match(r"([^:]+):(\d+):\d+: warning", line)
            if match:
                first.setdefault(match[1], match[2])
        self.none([f"{path}:{number}: not formatted, run clang-format-19 -i" for path, number in first.items()])


class Rules(unittest.TestCase):
    """The rules find what they are made for."""

    def count(self, rule, path, text):
        return len(list(rule(path, text)))

    def test_direction(self):
        self.assertEqual(self.count(direction_problems, "core/a.cpp", '#include "billing/record.h"\n'), 1)
        self.assertEqual(self.count(direction_problems, "billing/a.cpp", '#include "router/table.h"\n#include "core/id.h"\n'), 1)
        self.assertEqual(self.count(direction_problems, "gateway/a.cpp", '#include "router/table.h"\n#include "billing/record.h"\n'), 0)

    def test_confinement(self):
        self.assertEqual(self.count(confinement_problems, "gateway/a.cpp", "#include <sqlite3.h>\n#include <boost/beast/http.hpp>\n"), 2)
        self.assertEqual(self.count(confinement_problems, "core/http.cpp", "#include <boost/beast/http.hpp>\n"), 0)

    def test_sizes(self):
        body = "  x();\n" * 80
        self.assertEqual(self.count(size_problems, "a.cpp", "namespace a {\nint f(int x = 1) {\n" + body + "}\nint g() { return 1; }\n}\n"), 1)
        self.assertEqual(self.count(size_problems, "a.cpp", "class A {\n public:\n  A() : b_{1}, c_(2) {\n" + body + "  }\n};\n"), 1)
        self.assertEqual(self.count(size_problems, "a.cpp", "constexpr std::array kTable{\n" + "  Row(1),\n" * 80 + "};\n"), 0)
        self.assertEqual(self.count(size_problems, "a.cpp", "// }\n" * 401), 1)

    def test_words(self):
        self.assertEqual(self.count(word_problems, "a.md", "TO" + "DO: later\nsee /wo" + "rk/x\n"), 2)
        self.assertEqual(self.count(word_problems, "gateway/a.cpp", "co_spawn(x, asio::detached); std::regex r;\n"), 2)
        self.assertEqual(self.count(word_problems, "core/task.cpp", "co_spawn(x, asio::detached);\n"), 0)

    def test_links(self):
        self.assertEqual(self.count(link_problems, "README.md", "[a](no/such.md) [b](README.md#no-such-heading) [c](https://x.y/z)\n"), 2)
