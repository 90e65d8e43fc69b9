"""Logs as people met them: re-created from public issues and vendors' pages, each with its own arithmetic.

A folder holds `input.*` and `truth.json`: what must come out and why, worked out by hand from the prices of
the provider's page before the program read it. `first_sight` is what it said at the first reading, and never
changes: right, warned (other figures or none, and it said so) or wrong (in silence). `now` is what it says
today. Cases of round 2 were made when those of the first had been mended. docs/field-cases.md has the sums.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

import costaudit
from costaudit.questions.audit.result import Audit

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "field-cases.md"
CASES = {path.parent.name: json.loads(path.read_text("utf-8")) for path in sorted(HERE.glob("*/truth.json"))}
SIDES = ("cache_read", "cache_write", "input", "output")
TOLD = ("CA-U", "CA-D")
"""The findings that tell of what a log leaves open or states twice."""


def read(name: str) -> Audit | None:
    """What is found in a case; None where it is refused."""
    (log,) = HERE.joinpath(name).glob("input.*")
    try:
        return costaudit.audit(str(log), quiet=True).report
    except costaudit.InputError:
        return None


def sides(report: Audit) -> dict[str, int]:
    """Tokens by side: sound and images with the text that they stand beside."""
    counts: Counter[str] = Counter()
    for name, count in msgspec.structs.asdict(report.spend.tokens).items():
        side = next((side for side in SIDES if name == side or name.startswith(f"{side}_")), None)
        if side is not None:
            counts[side] += count or 0
    return {side: counts[side] for side in SIDES}


def differences(truth: dict[str, Any], report: Audit | None) -> Iterator[str]:
    """Where a report differs from the truth."""
    requests = 0 if report is None else report.inputs.requests
    if requests != truth["requests"]:
        yield f"requests {requests} != {truth['requests']}"
    if report is None or not truth["requests"]:
        return
    wanted = {side: truth["tokens"].get(side, 0) for side in SIDES}
    if sides(report) != wanted:
        yield f"tokens {sides(report)} != {wanted}"
    for name in ("list_usd", "reported_usd"):
        if name in truth and not same(getattr(report.spend, name), truth[name]):
            yield f"{name} {getattr(report.spend, name)} != {truth[name]}"


def same(found: Decimal | None, wanted: float | None) -> bool:
    """Whether two amounts are the same to the digit."""
    return found is wanted if found is None or wanted is None else found == Decimal(str(wanted))


def is_told(report: Audit | None) -> bool:
    """Whether a reader hears that something is left open."""
    return report is None or any(found.code.startswith(TOLD) for found in report.findings)


@pytest.mark.parametrize("name", CASES)
def test_case(name: str):
    truth = CASES[name]
    report = read(name)
    found = list(differences(truth, report))
    right = not found or ("debatable" in truth and is_told(report))
    if truth["now"] == "wrong":
        assert not right, "now right: say so in truth.json and docs/field-cases.md"
    else:
        assert right, found


def test_each_case_says_where_it_is_from_and_how_it_was_worked_out():
    for name, truth in CASES.items():
        assert truth["source"], name
        assert truth["arithmetic"], name
        assert truth["first_sight"] in {"right", "warned", "wrong"}, name
        assert (truth["now"] == "wrong") == ("why_wrong" in truth), name


def test_the_page_has_the_sums_of_the_cases():
    """Of each kind, of each round and of all: cases, at first sight right, warned, wrong, and right now."""
    rows: dict[str, Counter[str]] = {}
    for truth in CASES.values():
        for kind in (truth["kind"], str(truth["round"]), "all"):
            row = rows.setdefault(kind, Counter())
            row.update(("cases", f"first {truth['first_sight']}", f"now {truth['now']}"))
    columns = ("cases", "first right", "first warned", "first wrong", "now right")
    for kind, row in rows.items():
        cells = " | ".join([kind, *(str(row[column]) for column in columns)])
        line = rf"^\| {re.escape(cells)} \|$"
        assert re.search(line, PAGE.read_text("utf-8").replace("**", ""), re.MULTILINE), (kind, row)
