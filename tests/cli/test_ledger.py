"""`costaudit ledger`, and ledgers as PATH of other commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from costaudit.contracts import json_schema
from tests.conftest import ROOT
from tests.engine.audits import random_log, write_jsonl

Run = Callable[..., Any]
SAMPLES = str(ROOT / "sample_logs")


def made(log: Path | str, ledger: Path) -> Path:
    from costaudit.cli import main  # noqa: PLC0415 - a broken command line fails its own tests, not all

    assert main.run(["ledger", str(log), "-o", str(ledger), "-q"]) == 0
    return ledger


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger of the sample logs."""
    return made(SAMPLES, tmp_path_factory.mktemp("ledger") / "samples.parquet")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_jsonl(tmp_path_factory.mktemp("log") / "log.jsonl", random_log(4, 100))


@pytest.fixture(scope="module")
def saved(log: Path) -> Path:
    """The ledger of the log."""
    return made(log, log.parent / "l.parquet")


def test_a_ledger_says_what_it_holds(run: Run, log: Path, tmp_path: Path):
    saved = tmp_path / "l.parquet"
    found = run("ledger", log, "-o", saved)
    assert (found.code, found.out) == (0, "")
    assert f"MB in {saved}" in found.err
    assert saved.read_bytes().startswith(b"PAR1")


def test_analyze_of_the_samples_and_of_their_ledger_agree(run: Run, samples: Path):
    reports = []
    for path in (SAMPLES, samples):
        report = json.loads(run("analyze", path, "--format", "json", "-q").out)
        jsonschema.validate(report, json_schema("audit"))
        reports.append(report)
    raw, saved = reports
    assert saved["by_user"] == []
    assert saved["reconciliation"] is None
    (ledger,) = saved["inputs"].pop("ledgers")
    assert (ledger["resolution"], ledger["policy"]) == ("day", "default")
    assert raw["inputs"].pop("ledgers") == []
    for entry in raw["inputs"]["skipped"]:
        del entry["examples"]
    for entry in saved["inputs"]["skipped"]:
        assert entry.pop("examples") == []
    assert [lever["name"] for lever in saved["levers"]] == [lever["name"] for lever in raw["levers"]]
    assert all(lever["evidence"].startswith("not judged") for lever in saved["levers"])
    for name in set(raw) - {"by_user", "reconciliation", "findings", "levers"}:
        assert raw[name] == saved[name], name
    text = run("analyze", samples, "-q", columns=80).out
    assert "From 1 saved ledger" in text
    assert "By user" not in text


def test_simulate_reads_a_ledger(run: Run, samples: Path):
    found = run("simulate", samples, "--markup", "10%", "--format", "json", "-q")
    assert found.code == 0
    assert json.loads(found.out)["projection"]["policy"] == "default"


def test_another_price_book_prices_a_ledger_anew(run: Run, log: Path, saved: Path):
    raw, mine = (
        json.loads(run("analyze", path, "--map", "acme-9=openai/gpt-4o", "-f", "json", "-q").out or "{}")
        for path in (log, saved)
    )
    assert raw["coverage"]["unpriced"] != []
    assert mine == {}  # the routes are of the book without the map


def test_policies_are_compared_on_a_ledger_as_on_its_logs(run: Run, log: Path, saved: Path):
    words = ("--policy", "documents", "--policy", "same-provider", "-f", "json", "-q")
    raw, mine = (json.loads(run("simulate", path, *words).out)["projection"] for path in (log, saved))
    assert len(mine["policies"]) == 2
    assert raw["policies"] == mine["policies"]


@pytest.mark.parametrize("words", [("--policy", "conservative"), ("--prices-at", "2026-06-01")])
def test_another_policy_or_date_is_answered_as_from_the_logs(
    run: Run, log: Path, saved: Path, words: tuple[str, str]
):
    """Most requests of this log are alone in their row, so that their tokens are known."""
    raw, mine = (json.loads(run("analyze", path, *words, "-f", "json", "-q").out) for path in (log, saved))
    for part in ("coverage", "by_tier", "by_model", "by_day", "drivers", "projection"):
        assert raw[part] == mine[part], part
    for amount in ("list_usd", "billed_usd", "monthly_usd", "tokens"):
        assert raw["spend"][amount] == mine["spend"][amount], amount


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("analyze", "LEDGER", "LOG"), "they cannot be read at once"),
        (("analyze", "LEDGER", "--risk", "0.2"), "--risk needs the logs"),
        (("analyze", "LEDGER", "--estimate"), "--estimate needs the logs"),
        (("tag", "LEDGER"), "single requests are in no ledger"),
        (("label", "LEDGER"), "single requests are in no ledger"),
        (("ledger", "LEDGER", "-o", "OUT"), "a ledger is made from logs"),
        (("ledger", "LOG", "-o", "out.csv"), "a ledger is a Parquet file"),
        (("ledger", "LOG", "-o", "OUT", "--resolution", "minute"), "unknown resolution"),
        (("ledger", "LOG", "-o", "OUT", "--provider", "opnai"), "did you mean 'openai'"),
        (("ledger", "LOG", "-o", "nowhere/l.parquet"), "cannot be written"),
    ],
)
def test_what_a_ledger_cannot_do_is_said(
    run: Run, log: Path, saved: Path, tmp_path: Path, words: tuple[str, ...], said: str
):
    places = {"LEDGER": str(saved), "LOG": str(log), "OUT": str(tmp_path / "out.parquet")}
    found = run(*(places.get(word, word) for word in words), "-q")
    assert (found.code, found.out) == (2, "")
    assert said in found.err
    assert found.err.count("\n") == 1


def test_a_truncated_ledger_is_no_log(run: Run, saved: Path, tmp_path: Path):
    cut = tmp_path / "l.parquet"
    cut.write_bytes(saved.read_bytes()[:-40])
    found = run("analyze", cut)
    assert found.code == 2
    assert "Parquet file" in found.err
