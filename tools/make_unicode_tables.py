#!/usr/bin/env python3
"""Writes local_backend/text/unicode_tables.inc: what the tokenizers need to know of Unicode.

    python3 tools/make_unicode_tables.py > local_backend/text/unicode_tables.inc

Takes the tables of the package unicodedata2 when it is there (pip install unicodedata2==16.0.0), else those of Python.
"""
import unicodedata

try:
    import unicodedata2 as ucd
except ImportError:
    ucd = unicodedata

# The order of CharClass in unicode.h.
CLASSES = ["other", "space", "upper", "title", "lower", "modifier", "letter", "accent", "mark", "number", "punctuation", "symbol"]
BY_CATEGORY = {"Lu": "upper", "Lt": "title", "Ll": "lower", "Lm": "modifier", "Lo": "letter", "Mn": "accent"}
BY_MAJOR = {"M": "mark", "N": "number", "P": "punctuation", "S": "symbol", "Z": "space", "C": "other"}
CONTROL_SPACES = (0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85)  # White_Space = these and the categories Z
SURROGATES = range(0xD800, 0xE000)
HANGUL = range(0xAC00, 0xD7A4)  # decomposed by arithmetic


def char_class(code):
    category = ucd.category(chr(code))
    if code in CONTROL_SPACES:
        return "space"
    return BY_CATEGORY.get(category) or BY_MAJOR[category[0]]


def class_runs():
    last = None
    for code in range(0x110000):
        current = char_class(code)
        if current != last:
            yield code << 4 | CLASSES.index(current)
        last = current


def lower_runs():
    """(first, last, step, delta): every step-th of first..last maps to itself plus delta."""
    runs = []
    for code in range(0x80, 0x110000):
        if code in SURROGATES:
            continue
        lower = chr(code).lower() if code != 0x130 else chr(code)  # U+0130 becomes two; accents are taken off before
        if lower == chr(code) or len(lower) != 1:
            continue
        delta = ord(lower) - code
        if runs and runs[-1][3] == delta:
            first, last, step, _ = runs[-1]
            gap = code - last
            if gap in (1, 2) and (first == last or gap == step):
                runs[-1] = [first, code, gap, delta]
                continue
        runs.append([code, code, 1, delta])
    return runs


def bases():
    """(code, what stays): canonical decompositions without the accents (category Mn), where they change anything."""
    for code in range(0x80, 0x110000):
        if code in SURROGATES or code in HANGUL:
            continue
        parts = ucd.normalize("NFD", chr(code))
        if parts == chr(code):
            continue
        rest = [ord(part) for part in parts if ucd.category(part) != "Mn"]
        if 0 < len(rest) <= 3:
            yield code, rest


def rows(values, width=116):
    line = ""
    for value in values:
        if len(line) + len(value) + 1 > width:
            yield line
            line = ""
        line += value + ","
    yield line


def table(kind, name, comment, values):
    print(f"\n// {comment}\nconstexpr {kind} {name}[] = {{")
    for row in rows(values):
        print("  " + row)
    print("};")


def main():
    print(f"// Unicode {ucd.unidata_version}, written by tools/make_unicode_tables.py.")
    table("std::uint32_t", "kClassRuns", "first code point << 4 | CharClass; each run lasts until the next one",
          [hex(run) for run in class_runs()])
    table("LowerRun", "kLowerRuns", "first, last, step, what to add",
          ["{%s,%s,%d,%d}" % (hex(a), hex(b), step, delta) for a, b, step, delta in lower_runs()])
    table("BaseOf", "kBases", "code point, what its canonical decomposition leaves without accents",
          ["{%s,{%s}}" % (hex(code), ",".join(map(hex, rest))) for code, rest in bases()])


main()
