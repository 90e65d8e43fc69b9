"""CA504: requests of a log for which the tables under check have no price."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costaudit.prices.folders import Held
from tests.prices.test_diff import write
from tests.prices.test_git_tables import git
from tests.prices.test_rules import ALIASES, BASIC, price, tables

Run = Callable[..., Any]
ALIAS = f"{ALIASES}\nswift,m,2026-01-01,,s,high,2026-05-30,\n"
CALLS = (
    *(("m", "2026-03-01", 5),) * 3,
    *(("swift", "2026-03-02", 7),) * 2,
    ("m", "2026-05-01", 9),
    ("m", "2026-05-02", None),  # without usage: no table can price it
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log of seven calls of one model under two names."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {"timestamp": f"{day}T12:00:00Z", "request_id": f"r{n}", "provider": "acme", "model": model}
        | ({"input_tokens": tokens, "output_tokens": tokens} if tokens else {})
        for n, (model, day, tokens) in enumerate(CALLS)
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return tmp_path


def found(run: Run, place: Path, book: Held) -> list[tuple[str, str]]:
    """Subject and message of every CA504."""
    write(place / "tables", book)
    outcome = run(
        "pricing", "check", "tables", "--traffic", "log.jsonl", "--select", "CA504", "--format", "json"
    )
    told = json.loads(outcome.out)["violations"]
    assert outcome.code == (1 if told else 0), outcome.err
    assert {(v["code"], v["file"], v["line"]) for v in told} <= {("CA504", "log.jsonl", 0)}
    return [(v["subject"], v["message"]) for v in told]


def test_a_book_that_prices_every_request_is_in_order(run: Run, place: Path):
    assert found(run, place, tables(*BASIC, acme__aliases_csv=ALIAS)) == []


def test_an_alias_that_is_gone_is_told_with_its_requests(run: Run, place: Path):
    (one,) = found(run, place, tables(*BASIC))
    assert one[0] == "acme/swift"
    assert one[1].startswith("acme/swift has no price for 2 requests: ")


def test_a_price_that_starts_late_leaves_the_requests_before_it(run: Run, place: Path):
    late = (price("m,input,2,mtok,2026-04-01,"), price("m,output,8,mtok,2026-04-01,"))
    told = found(run, place, tables(*late, acme__aliases_csv=ALIAS))
    assert told == [
        ("acme/m", "acme/m has no price for 3 requests: no price at that time"),
        ("acme/swift", "acme/swift has no price for 2 requests: no price at that time"),
    ]


def test_a_price_that_has_ended_leaves_the_requests_after_it(run: Run, place: Path):
    ended = (
        price("m,input,,mtok,2026-04-15,", status="ended"),
        price("m,output,,mtok,2026-04-15,", status="ended"),
    )
    told = found(run, place, tables(*BASIC, *ended, acme__aliases_csv=ALIAS))
    assert told == [("acme/m", "acme/m has no price for 1 request: no price at that time")]


def test_a_mapping_of_the_project_is_heeded(run: Run, place: Path):
    (place / "costaudit.toml").write_text('[map]\n"acme/swift" = "acme/m"\n', "utf-8")
    assert found(run, place, tables(*BASIC)) == []


def test_the_traffic_can_be_suppressed_and_not_be_asked(run: Run, place: Path):
    hidden = '[[suppressions]]\ncode = "CA504"\nsubject = "acme/swift"\nreason = "An experiment."\n'
    assert found(run, place, tables(*BASIC, suppressions_toml=hidden)) == []
    assert run("pricing", "check", "tables", "--at", "2026-06-01").code == 0, "no traffic, no use to judge"


def test_a_revision_is_asked_like_a_directory(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    git(place, "init", "-q", "-b", "main")
    write(place / "tables", tables(*BASIC))
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "main")
    outcome = run("pricing", "check", "git:main:tables", "--traffic", "log.jsonl", "--select", "CA504")
    assert outcome.code == 1
    assert outcome.out.startswith("log.jsonl: CA504 error: acme/swift has no price for 2 requests")


def test_a_single_table_is_asked_for_the_traffic_too(run: Run, place: Path):
    write(place / "tables", tables(*BASIC))
    outcome = run("pricing", "check", "tables/acme/models.csv", "--traffic", "log.jsonl")
    assert outcome.out.startswith("log.jsonl: CA504 error: ")


def test_logs_that_cannot_be_read_are_said(run: Run, place: Path):
    write(place / "tables", tables(*BASIC))
    outcome = run("pricing", "check", "tables", "--traffic", "nowhere.jsonl")
    assert outcome.code == 2
    assert "nowhere.jsonl" in outcome.err


def test_a_ledger_is_asked_as_its_log_whatever_routes_it_knows(run: Run, place: Path):
    write(place / "tables", tables(*BASIC, acme__aliases_csv=ALIAS))
    argv = ("ledger", "log.jsonl", "-o", "month.parquet", "--prices", "tables", "--policy", "conservative")
    assert run(*argv).code == 0
    assert run("pricing", "check", "tables", "--traffic", "month.parquet", "--select", "CA504").code == 0
    write(place / "bare", tables(*BASIC))
    outcome = run("pricing", "check", "bare", "--traffic", "month.parquet", "--select", "CA504")
    assert outcome.code == 1
    assert outcome.out.startswith("month.parquet: CA504 error: acme/swift has no price for 2 requests")


def test_a_diff_that_fails_for_the_bill_has_an_error_and_else_a_warning(run: Run, place: Path):
    write(place / "tables", tables(*BASIC, acme__aliases_csv=ALIAS))
    write(place / "bare", tables(*BASIC))
    argv = (
        "pricing",
        "diff",
        "tables",
        "bare",
        "--logs",
        "log.jsonl",
        "--at",
        "2026-06-01",
        "--format",
        "github",
    )
    outcome = run(*argv)
    assert outcome.code == 0
    assert outcome.out.startswith(
        "::warning file=bare,title=CA602 traffic-loses-price::2 requests to acme/swift"
    )
    outcome = run(*argv, "--fail-if", "unpriced")
    assert outcome.code == 1
    assert outcome.out.startswith(
        "::error file=bare,title=CA602 traffic-loses-price::2 requests to acme/swift"
    )
    assert "  note: fails: unpriced: 2 requests (" in outcome.out


def test_a_window_that_nobody_defines_is_an_error_and_no_bug(run: Run, place: Path):
    write(place / "tables", tables(*BASIC, price("m,output,3,mtok,2026-01-01,window=night")))
    outcome = run("pricing", "check", "tables", "--traffic", "log.jsonl", "--format", "json")
    told = {v["code"]: v["message"] for v in json.loads(outcome.out)["violations"]}
    assert outcome.code == 1
    assert told["CA106"] == "window 'night' is not in windows.csv"
    assert told["CA101"] == "acme/m: the window 'night' of its prices is not in windows.csv"
    audit = run("analyze", "log.jsonl", "--prices", "tables")
    assert (audit.code, audit.out) == (2, "")
    assert "window 'night'" in audit.err
