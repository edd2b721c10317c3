"""`tollgate bench engine`: figures that agree with each other, money by hand, and errors that say what to do next."""

import json
import os
import subprocess
import tempfile
import unittest
from decimal import ROUND_HALF_EVEN, Decimal

from support import tiny_gguf
from support.gateway import BINARY

FEMTO = Decimal("1e-15")


def bench(*arguments, model="builtin:demo"):
    return subprocess.run([BINARY, "bench", "engine", model, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)


class BenchCase(unittest.TestCase):
    def measured(self, *arguments, **options):
        done = bench(*arguments, "--json", "-", **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")  # progress is for terminals
        return json.loads(done.stdout, parse_float=Decimal)


class Grid(BenchCase):
    def test_speeds_follow_from_times(self):
        figures = self.measured("--rows", "pp128,tg1,tg4", "--steps", 8, "--depth", 40, "--repeat", 3, "--machine-hour", "3.6", "--peak", 2)
        self.assertTrue(figures["device"].startswith("cpu ("), figures["device"])
        self.assertTrue(figures["bandwidth_measured"])
        self.assertGreater(figures["bandwidth_gb_per_second"], Decimal("0.1"))
        rows = {row["row"]: row for row in figures["grid"]["rows"]}
        for name, tokens in (("pp128", 128), ("tg1", 8), ("tg4", 32)):
            row = rows[name]
            self.assertEqual(len(row["us"]), 3)
            median = Decimal(sorted(row["us"])[1])
            self.assertAlmostEqual(row["tokens_per_second"] / (tokens * 1_000_000 / median), 1, delta=Decimal("0.0001"))
            price = (Decimal("3.6") * median / (3600 * tokens)).quantize(FEMTO, ROUND_HALF_EVEN)
            self.assertEqual(Decimal(row["usd_per_million"]), price)
            self.assertGreater(row["memory_ceiling"], 0)
            self.assertGreater(row["compute_ceiling"], 0)
        # The weights are read once for all four.
        self.assertGreater(rows["tg4"]["memory_ceiling"], 2 * rows["tg1"]["memory_ceiling"])
        self.assertIsNone(figures["serve"])

    def test_ceilings_scale_with_what_is_given(self):
        slow, fast = (self.measured("--rows", "tg1", "--steps", 4, "--repeat", 1, "--bandwidth", gb)["grid"]["rows"][0] for gb in (10, 40))
        self.assertAlmostEqual(fast["memory_ceiling"] / slow["memory_ceiling"], 4, delta=Decimal("0.001"))
        self.assertIsNone(slow["compute_ceiling"])
        self.assertIsNone(slow["usd_per_million"])

    def test_the_table_and_the_file_say_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "figures.json")
            done = bench("--rows", "pp32,tg2", "--steps", 4, "--repeat", 1, "--bandwidth", 20, "--json", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(path, encoding="utf-8") as file:
                figures = json.load(file)
        self.assertIn("memory 20.0 GB/s (as given)", done.stdout)
        for row in figures["grid"]["rows"]:
            line = next(line for line in done.stdout.splitlines() if line.startswith(row["row"] + " "))
            self.assertAlmostEqual(float(line.split()[1]) / row["tokens_per_second"], 1, delta=0.02)
            self.assertEqual(line.split()[-2:], ["-", "-"])  # no peak is known

    def test_rows_that_do_not_fit_say_so(self):
        with tempfile.TemporaryDirectory() as folder:
            model = os.path.join(folder, "tiny.gguf")
            tiny_gguf.write(model, context=256)
            rows = self.measured("--rows", "pp128,pp2048,tg1,tg64", "--kv-memory", "64KiB", "--steps", 4, "--repeat", 1, "--bandwidth", 10,
                                 model=model)["grid"]["rows"]
        self.assertIn("tokens_per_second", rows[0])
        self.assertIn("needs a context of 2049", rows[1]["left_out"])
        self.assertIn("--kv-memory", rows[3]["left_out"])
        self.assertNotIn("us", rows[3])


class Serve(BenchCase):
    def check_order(self, figures):
        serve = figures["serve"]
        for name in ("first_token_us", "between_tokens_us", "whole_answer_us"):
            times = serve[name]
            self.assertLessEqual(0, times["p50"])
            self.assertLessEqual(times["p50"], times["p90"])
            self.assertLessEqual(times["p90"], times["p99"])
            self.assertLessEqual(times["p99"], times["most"])
        self.assertLessEqual(serve["first_token_us"]["p50"], serve["whole_answer_us"]["p50"])
        self.assertLessEqual(serve["whole_answer_us"]["most"], serve["took_us"])
        self.assertLessEqual(serve["idle_us"], serve["took_us"])

    def test_tokens_and_money_add_up(self):
        figures = self.measured("--serve", "30/12", "--requests", 20, "--gpu-hour", "2.49", "--hosted-price", "0.3,1.2")
        self.check_order(figures)
        serve, cost = figures["serve"], figures["serve"]["cost"]
        self.assertEqual((serve["requests"], serve["failed"]), (20, 0))
        self.assertEqual((serve["input_tokens"], serve["output_tokens"], serve["cached_tokens"]), (600, 240, 0))
        self.assertIsNone(serve["rate"])

        def of_run(numerator, denominator):
            return (Decimal("2.49") * numerator / denominator).quantize(FEMTO, ROUND_HALF_EVEN)

        took = serve["took_us"]
        self.assertEqual(Decimal(cost["machine_usd"]), of_run(took, 3_600_000_000))
        self.assertEqual(Decimal(cost["usd_per_million_output"]), of_run(took, 3600 * 240))
        self.assertEqual(Decimal(cost["usd_per_million"]), of_run(took, 3600 * 840))
        hosted = (Decimal("0.3") * 600 + Decimal("1.2") * 240) / 1_000_000
        self.assertEqual(Decimal(cost["hosted_usd"]), hosted)
        self.assertEqual(Decimal(cost["hosted_usd_per_million_output"]), hosted * 1_000_000 / 240)
        self.assertAlmostEqual(cost["hosted_by_own"], hosted / Decimal(cost["machine_usd"]), delta=Decimal("0.011"))
        self.assertAlmostEqual(cost["break_even_percent"], 100 * Decimal(cost["machine_usd"]) / hosted, delta=Decimal("0.11"))

    def test_the_same_seed_is_the_same_traffic(self):
        one, two, other = (self.measured("--serve", "sharegpt", "--requests", 4, "--seed", seed)["serve"] for seed in (1, 1, 2))
        self.assertEqual((one["input_tokens"], one["output_tokens"]), (two["input_tokens"], two["output_tokens"]))
        self.assertNotEqual((one["input_tokens"], one["output_tokens"]), (other["input_tokens"], other["output_tokens"]))

    def test_arrivals_take_their_time(self):
        figures = self.measured("--serve", "8/2", "--requests", 10, "--rate", 20)
        self.check_order(figures)
        # Ten gaps of 50 ms on average; the seed makes them the same each time.
        self.assertGreater(figures["serve"]["took_us"], 150_000)
        self.assertGreater(figures["serve"]["idle_us"], 50_000)

    def test_shared_prefixes_are_found(self):
        serve = self.measured("--serve", "shared-prefix:96+16/4", "--requests", 8, "--group", 4, "--rate", 10)["serve"]
        self.assertEqual(serve["input_tokens"], 8 * 112)
        self.assertEqual(serve["cached_tokens"], 2 * 3 * 96)

    def test_the_tables(self):
        done = bench("--serve", "16/4", "--requests", 3, "--machine-hour", "1", "--against", "openai/gpt-5-mini")
        self.assertEqual(done.returncode, 0, done.stderr)
        for text in ("3 answered, 0 failed", "48 tokens", "12 tokens", "preemptions", "first token", "between tokens", "this machine: ",
                     "openai/gpt-5-mini: ", "hosted / own: "):
            self.assertIn(text, done.stdout)


class Misuse(unittest.TestCase):
    def test_bad_usage_says_what_to_say(self):
        for arguments, text in (
                (("--serve", "huge"), "IN/OUT"),
                (("--serve",), "needs a value"),
                (("--serve", "4000/4000"), "take a smaller shape"),
                (("--serve", "8/8", "--grid"), "--grid or --serve"),
                (("--serve", "8/8", "--rate", "fast"), "or max"),
                (("--serve", "8/8", "--requests", 0), "from 1 to 100000"),
                (("--serve", "8/8", "--requests", 100000, "--serve", "8/500"), "not understood"),
                (("--serve", "8/100", "--requests", 100000), "fewer --requests"),
                (("--rows", "tg9999"), "at most 512"),
                (("--rate", 5), "not understood"),
                (("--machine-hour", "free"), "such as 2.49"),
                (("--bandwidth", "-3"), "GB per second"),
                (("--kv", "q4"), "f16 or q8"),
                (("--kv-memory", "much"), "512MiB"),
                (("--serve", "8/8", "--against", "openai/gpt-5-mini"), "--machine-hour"),
                (("--serve", "8/8", "--machine-hour", 1, "--against", "openai/none"), "tollgate prices list"),
                (("--serve", "8/8", "--machine-hour", 1, "--hosted-price", "1"), "IN,OUT")):
            with self.subTest(arguments=arguments):
                done = bench(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertIn(text, done.stderr)

    def test_what_cannot_be_measured_is_exit_1(self):
        with tempfile.TemporaryDirectory() as folder:
            embedder, words = os.path.join(folder, "bert.gguf"), os.path.join(folder, "words.txt")
            tiny_gguf.write_bert(embedder)
            with open(words, "w", encoding="utf-8") as file:
                file.write("no model")
            for arguments, model, text in (
                    (("--device", "cuda:99"), "builtin:demo", "CUDA"),
                    (("--device", "tpu"), "builtin:demo", "device tpu"),
                    ((), "/no/such.gguf", "/no/such.gguf"),
                    ((), words, "words.txt"),
                    ((), embedder, "bert"),
                    (("--rows", "tg1", "--steps", 1, "--repeat", 1, "--bandwidth", 1, "--json", "/no/such/folder/x"), "builtin:demo", "cannot write")):
                with self.subTest(arguments=arguments, model=model):
                    done = bench(*arguments, model=model)
                    self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                    self.assertIn(text, done.stderr)

    def test_the_command_itself(self):
        for arguments in (("bench",), ("bench", "gateway"), ("bench", "engine")):
            done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=20, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            self.assertIn("tollgate bench --help", done.stderr)
        done = subprocess.run([BINARY, "bench", "engine", "--help"], capture_output=True, text=True, timeout=20, check=True)
        for text in ("--serve SHAPE", "sharegpt", "arXiv:2309.06180", "builtin:demo"):
            self.assertIn(text, done.stdout)
