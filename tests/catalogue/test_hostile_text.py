"""Names and texts in logs and tables that would be commands: for terminals, spreadsheets, HTML, forges."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pytest

from tests.catalogue.auditor import Auditor
from tests.catalogue.cases import TRUST
from tests.catalogue.logs import line, packed
from tests.catalogue.test_price_tables import CHECK_FORMATS, tables_with
from tests.warm import Ended

HOSTILE = (
    "\x1b[31mred\x1b[0m", "\x1b]8;;http://evil\x07link\x1b]8;;\x07", "\u202egnp.exe", "\u2066x\u2069",
    "[bold red]x[/]", "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1+1", "\r=1+1", " =1+1",
    "\uff1d1+1", "a|b", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    "![x](http://evil/p.png)", "[x](javascript:alert(1))", "@octocat @org/team", "#1 GH-1 org/repo#1",
    "::error::x", "\n::error file=x::y", "%0A::error::z", "##[error]x", "]]>", "<![CDATA[", "\0nul", "\ud800",
    "`code` ```", "$x$ \\(y\\)", "&lt;&amp;", "a\n\n# heading", "\u200b\u200d",
    "http://evil.example www.evil.example mail@evil.example", "{{7*7}} ${7*7} #{7*7}", "\u202e", "\ufeff",
    "\x7f\x80\x9b31m", "x" * 5000, "|" * 50, "---", "\\", "'; drop table x;--",
)  # fmt: skip
CONTROLS = frozenset(
    [chr(code) for code in range(32) if chr(code) != "\n"]
    + [chr(code) for code in range(127, 160)]
    + ["\u202e", "\u202d", "\u2066", "\u2069", "\u200b", "\u200d", "\ufeff"]
)
"""What a terminal, or the eye, takes otherwise than it is written."""
MARKUP = (
    "<script", "<img", "[x](javascript", "![x](", "@octocat", "@org", "http://evil", "\n::error",
    "\n# heading",
)  # fmt: skip
FORMULAS = "=@\t\r\uff1d\uff0b\uff0d\uff20"


def hostile_log() -> bytes:
    """Every text in every field, three times over."""
    rows = []
    for number, text in enumerate(HOSTILE * 3):
        names = ("model", "gateway", "endpoint", "user", "session", "user_tier", "error", "service_tier")
        fields: dict[str, object] = dict.fromkeys((*names, "region", "prompt"), text)
        fields |= {
            "timestamp": f"2026-10-05T09:{number // 60:02}:{number % 60:02}Z",
            "request_id": f"{text}{number}",
            "provider": text if number % 3 == 0 else "openai",
            "tags": [text],
            "status": "error" if number % 2 else "ok",
            "input_tokens": 10,
            "output_tokens": 1,
            "cost_usd": 0.001,
        }
        rows.append(packed(fields))
    return b"".join(rows)


def is_plain(ended: Ended, allowed: str = "") -> None:
    """No control character is let through to stdout, and no escape to stderr."""
    assert not CONTROLS.intersection(ended.text) - set(allowed)
    assert "\x1b" not in ended.err


def is_no_formula(text: str) -> None:
    """No cell of a CSV file is more than text to a spreadsheet."""
    csv.field_size_limit(1 << 27)
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            assert not (len(cell) > 1 and cell[0] in FORMULAS), cell[:40]
            assert not cell.startswith(("+", "-")) or is_number(cell), cell[:40]


def is_number(text: str) -> bool:
    try:
        Decimal(text)
    except InvalidOperation:
        return False
    return True


QUICK = (("analyze", "text"), ("analyze", "csv"), ("analyze", "markdown"), ("simulate", "json"))
REPORTS = [
    (command, form)
    for command, forms in {
        "analyze": ("text", "json", "csv", "markdown"),
        "simulate": ("text", "json", "csv", "markdown"),
        "fallback": ("text", "json", "markdown"),
    }.items()
    for form in forms
]


@pytest.mark.parametrize(
    ("command", "form"),
    [pytest.param(*report, marks=() if report in QUICK else TRUST) for report in REPORTS],
)
def test_reports_on_a_hostile_log(audit: Auditor, command: str, form: str):
    ended = audit.run(command, audit.file("x.jsonl", hostile_log()), "--format", form)
    is_plain(ended, "\r" if form == "csv" else "")
    if form == "json":
        json.loads(ended.out)
    elif form == "markdown":
        assert not [word for word in MARKUP if word in ended.text.lower()]
    elif form == "csv":
        is_no_formula(ended.text)


FILES: dict[str, list[str]] = {
    "tag csv": ["tag", "-o", "out.csv"],
    "tag csv with text": ["tag", "--with-text", "-o", "out.csv"],
    "tag jsonl": ["tag", "-o", "out.jsonl"],
    "tag parquet": ["tag", "-o", "out.parquet"],
    "label csv": ["label", "--n", "200", "-o", "out.csv"],
    "label csv with text": ["label", "--with-text", "--n", "200", "-o", "out.csv"],
    "ledger": ["ledger", "-o", "out.parquet"],
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in ("tag csv", "label csv", "ledger") else TRUST) for name in FILES],
)
def test_files_made_of_a_hostile_log(audit: Auditor, name: str):
    command, *options = FILES[name]
    log = hostile_log()
    if command == "label":
        log += b"".join(
            line(5000 + number, endpoint=text, user=text, prompt=text, tags=[text], session=text)
            for number, text in enumerate(HOSTILE)
        )
    audit.run(command, audit.file("x.jsonl", log), *options)
    out = audit.place / options[-1]
    if out.suffix == ".csv":
        is_no_formula(out.read_text("utf-8"))
        assert "\x1b" not in out.read_text("utf-8")
    if command == "tag":
        audit.counted(out, requests=3 * len(HOSTILE))


@pytest.mark.parametrize("options", [[], ["--show-text"]], ids=["without text", "with text"])
def test_formats_test_on_a_hostile_log(audit: Auditor, options: list[str]):
    is_plain(audit.run("formats", "test", audit.file("x.jsonl", hostile_log()), *options))


@pytest.mark.parametrize(
    "number", [pytest.param(number, marks=() if number < 1 else TRUST) for number in range(20)]
)
def test_tag_explains_a_hostile_request(audit: Auditor, number: int):
    name = f"{HOSTILE[number]}{number}"
    is_plain(audit.run("tag", audit.file("x.jsonl", hostile_log()), "--explain", name, codes=(0, 2)))


# --- tables --------------------------------------------------------------------------------------


def with_hostile_rows(data: bytes) -> bytes:
    """Every text in every column."""
    rows = list(csv.reader(io.StringIO(data.decode())))
    for text in HOSTILE:
        if not {"\0", "\ud800"} & set(text):
            rows += [[*rows[1][:at], text, *rows[1][at + 1 :]] for at in range(len(rows[1]))]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def checked(audit: Auditor, tables: Path, form: str) -> Ended:
    return audit.run("pricing", "check", tables, "--format", form, codes=(0, 1, 2))


def compared(audit: Auditor, tables: Path, form: str) -> Ended:
    old = tables_with(audit.place / "old")
    return audit.run("pricing", "diff", old, tables, "--format", form, codes=(0, 1, 2))


@pytest.mark.parametrize("form", CHECK_FORMATS)
@pytest.mark.parametrize("run", [checked, compared])
def test_hostile_rows_of_tables(audit: Auditor, run, form: str):
    ended = run(audit, tables_with(audit.place / "pricing", with_hostile_rows), form)
    is_plain(ended)
    if form == "github":
        ours = ("::error ", "::warning ", "::notice ")
        assert all(row.startswith(ours) for row in ended.text.splitlines() if row.startswith("::"))
        assert "##[error]" not in ended.text
    elif form == "junit":
        assert not ended.out or ET.fromstring(ended.out) is not None  # noqa: S314 - it is ours
    elif form in ("json", "sarif", "gitlab"):
        assert not ended.out or json.loads(ended.out) is not None
    elif form == "markdown":
        assert not [word for word in MARKUP if word in ended.text.lower()]
