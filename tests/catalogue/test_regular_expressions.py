"""Texts and patterns that make backtracking regular expressions take for ever."""

from __future__ import annotations

from tests.catalogue.auditor import Auditor
from tests.catalogue.cases import named
from tests.catalogue.logs import line, packed, record

EVIL = "a" * 40 + "!"
RULES = {
    "text": '[[text]]\nname = "evil"\ntier = 3\npoints = 50\nregex = "(a+)+$"\n',
    "feature": '[[metadata]]\nname = "evil"\ntier = 3\nconfidence = 90\ncolumns = ["feature"]\n'
    'regex = "(a+)+$"\n',
}


@named(RULES)
def test_a_catastrophic_pattern_in_own_rules(audit: Auditor, case: str):
    log = audit.file("x.jsonl", b"".join(line(number, prompt=EVIL, feature=EVIL) for number in range(5)))
    audit.run("analyze", log, "--rules", audit.file("r.toml", case), codes=(0, 2), timeout_s=60)


PROMPTS = (
    "a" * 300_000, "a " * 150_000, "```" * 100_000, "(" * 300_000, "\n" * 300_000, "1. " * 100_000,
    "def " * 75_000, "{" * 300_000, "summarize " * 30_000, "é" * 150_000, "step by step, " * 20_000,
    "<" * 300_000, "-" * 300_000, "\t \n" * 100_000, "http://" * 40_000, "a.b" * 100_000,
)  # fmt: skip
NAMES = (
    "a" * 300_000, "a-" * 150_000, "a_" * 150_000, "A" * 300_000, "aA" * 150_000, "chat/" * 60_000,
    "." * 300_000, "1" * 300_000,
)  # fmt: skip


def test_the_shipped_rules_on_long_prompts(audit: Auditor):
    data = b"".join(line(number, prompt=prompt) for number, prompt in enumerate(PROMPTS))
    audit.counted(audit.file("x.jsonl", data), requests=len(PROMPTS), skipped={})


def test_the_shipped_rules_on_long_names(audit: Auditor):
    fields = ("feature", "user_tier", "error", "model")
    data = b"".join(line(number, **dict.fromkeys(fields, name)) for number, name in enumerate(NAMES))
    audit.counted(audit.file("x.jsonl", data), requests=len(NAMES), skipped={})


def test_long_times_costs_and_models(audit: Auditor):
    numbers = {"cost_usd": "1" * 100_000 + "x", "latency_ms": "9" * 100_000, "status": "4" * 100_000}
    names = {"timestamp": "2026-" * 50_000, "model": "claude-" + "3-" * 50_000}
    rows = [record(number, **(numbers if number < 5 else names)) for number in range(10)]
    audit.counted(audit.file("x.jsonl", b"".join(map(packed, rows))), requests=10)
