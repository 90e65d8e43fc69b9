"""No command replaces a file that it reads, nor puts two answers in one file: said before any work."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costaudit import outputs
from costaudit.ingest.logfile import open_bytes, remove_spools, spool

Run = Callable[..., Any]

CALL = {
    "timestamp": "2026-10-05T09:00:00Z", "model": "gpt-4o", "input_tokens": 10, "output_tokens": 1,
    "prompt": "Summarize this text, please",
}  # fmt: skip
LOG = "".join(json.dumps({**CALL, "request_id": f"r{n}"}) + "\n" for n in range(40))
EVALS = "model,passes,trials\nopenai/gpt-4o-mini,90,100\n"
RULES = '[[metadata]]\nname = "mine"\ntier = 0\nconfidence = 90\ncolumns = ["feature"]\nregex = "x"\n'
POLICY = (
    'schema = "costaudit/policy@1"\nname = "mine"\nroster = "roster.toml"\n[[tiers]]\ntier = 0\nany = true\n'
)
ROSTER = 'economy = [["openai/gpt-4o-mini"]]\n'
CALIBRATION = 'schema = "costaudit/calibration@1"\ntemperature = 1.0\nbiases = [0, 0, 0, 0]\n'
BILL = "utc_date,model,input_tokens,output_tokens\n"
SETTINGS = 'tier_rules = "rules.toml"\n[gates]\nprice_age = 9999\n'
OVERLAY = 'name = "own"\n'


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def labels(sample: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sample.read_text("utf-8"), newline="")))


@pytest.fixture
def place(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a file of every kind."""
    shutil.copytree("pricing/openai", tmp_path / "tables/openai")
    for name in ("providers.toml", "gateways.toml", "windows.csv", "suppressions.toml"):
        if Path("pricing", name).exists():
            shutil.copy(Path("pricing", name), tmp_path / "tables")
    for folder in ("logs", "own"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "logs/a.jsonl": LOG, "b.jsonl": LOG, "evals.csv": EVALS, "rules.toml": RULES, "policy.toml": POLICY,
        "roster.toml": ROSTER, "calibration.toml": CALIBRATION, "costaudit.toml": SETTINGS,
        "own/overlay.toml": OVERLAY, "outcomes.csv": "request_id,pass\nr1,1\n", "bill.csv": BILL,
        "prices.json": "{}", "scenario.toml": 'schema = "costaudit/scenario@1"\n',
    }.items():  # fmt: skip
        (tmp_path / name).write_text(text, "utf-8")
    assert run("label", "b.jsonl", "-o", "sample.csv", "-q").code == 0
    rows = labels(tmp_path / "sample.csv")
    with (tmp_path / "sample.csv").open("w", encoding="utf-8", newline="") as sample:
        writer = csv.DictWriter(sample, rows[0])
        writer.writeheader()
        writer.writerows({**row, "label": "" if n == 0 else "1"} for n, row in enumerate(rows))
    assert run("ledger", "b.jsonl", "-o", "ledger.parquet", "-q").code == 0
    return tmp_path


READS = {
    "analyze logs/": ["logs/a.jsonl", "costaudit.toml", "rules.toml"],
    "analyze b.jsonl --policy policy.toml": ["policy.toml", "roster.toml", "b.jsonl"],
    "analyze b.jsonl --rules rules.toml --calibration calibration.toml": ["rules.toml", "calibration.toml"],
    "analyze b.jsonl --labels sample.csv": ["sample.csv"],
    "analyze b.jsonl --compare-bill bill.csv": ["bill.csv"],
    "analyze b.jsonl --prices tables": ["tables/openai/prices.csv", "tables/providers.toml"],
    "analyze b.jsonl --overlay own": ["own/overlay.toml"],
    "analyze ledger.parquet": ["ledger.parquet"],
    "simulate b.jsonl --evals evals.csv": ["evals.csv", "b.jsonl"],
    "simulate --scenario scenario.toml": ["scenario.toml"],
    "fallback b.jsonl": ["b.jsonl"],
    "tag b.jsonl --explain r1": ["b.jsonl"],
    "label b.jsonl --read sample.csv": ["sample.csv", "b.jsonl"],
    "check b.jsonl": ["b.jsonl", "costaudit.toml"],
    "check --config costaudit.toml": ["costaudit.toml"],
    "config show": ["costaudit.toml"],
    "policy show policy.toml": ["policy.toml", "roster.toml"],
    "policy export --to json --policy policy.toml": ["policy.toml", "roster.toml"],
    "pricing check tables": ["tables/openai/models.csv", "tables/suppressions.toml"],
    "pricing check tables --base tables": ["tables/openai/models.csv"],
    "pricing check tables --traffic b.jsonl": ["b.jsonl"],
    "pricing check tables --policy policy.toml": ["policy.toml"],
    "pricing check tables --against prices.json": ["prices.json"],
    "pricing diff tables tables": ["tables/openai/aliases.csv"],
    "pricing diff tables/openai/prices.csv tables": ["tables/openai/prices.csv"],
    "pricing diff tables tables --logs b.jsonl": ["b.jsonl"],
    "pricing diff tables tables --ledger ledger.parquet": ["ledger.parquet"],
    "shadow plan b.jsonl": ["b.jsonl"],
    "shadow compare b.jsonl logs/a.jsonl --outcomes outcomes.csv": ["outcomes.csv", "logs/a.jsonl"],
}
CASES = [(command, name) for command, names in READS.items() for name in names]


@pytest.mark.parametrize(("command", "name"), CASES)
@pytest.mark.parametrize("way", ["itself", "a link", "a hard link"])
def test_what_a_command_reads_it_does_not_replace(run: Run, place: Path, command: str, name: str, way: str):
    output = name
    if not (place / name).exists():
        pytest.skip(f"no {name}")
    if way == "a link":
        output = "link"
        (place / output).symlink_to(place / name)
    elif way == "a hard link":
        output = "link"
        os.link(place / name, place / output)
    before = (place / name).read_bytes()
    found = run(*command.split(), "-o", output)
    assert found.code == 2, found.err
    assert found.err.count("\n") == 1
    assert found.err.startswith(f"costaudit: {output}: would replace ")
    assert name in found.err
    assert (place / name).read_bytes() == before
    assert found.out == ""


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("tag log.csv -o", "log.csv"),
        ("ledger ledger.parquet -o", "ledger.parquet"),
        ("check b.jsonl --report json:", "b.jsonl"),
        ("pricing check tables --report sarif:", "tables/openai/prices.csv"),
        ("pricing diff tables tables --report markdown:", "tables/openai/prices.csv"),
        ("label b.jsonl --read sample.csv --save", "sample.csv"),
        ("label b.jsonl --read sample.csv --calibration calibration.toml --save", "calibration.toml"),
        ("config init routing-policy.toml --force", "routing-policy.toml"),
    ],
)
def test_nor_by_its_other_outputs(run: Run, place: Path, command: str, name: str):
    (place / "log.csv").write_text("model,input_tokens,output_tokens\ngpt-4o,1,1\n", "utf-8")
    (place / "routing-policy.toml").write_text(LOG, "utf-8")
    before = (place / name).read_bytes()
    *words, last = command.split()
    argv = (
        [*words, last + name]
        if last.endswith(":")
        else [*words, last, *([] if last == "--force" else [name])]
    )
    found = run(*argv)
    assert found.code == 2
    assert "would replace" in found.err
    assert (place / name).read_bytes() == before


@pytest.mark.parametrize(
    "outputs",
    [
        ["-o", "x", "--report", "json:x"],
        ["-o", "x", "--report", "json:./x"],
        ["-o", "x", "--report", "json:there/../x"],
        ["--report", "json:old", "--report", "sarif:linked"],
        ["--report", "json:new", "--report", "sarif:dangling"],
        ["--report", "json:old", "-o", "hard"],
    ],
)
def test_two_answers_do_not_go_into_one_file(run: Run, place: Path, outputs: list[str]):
    (place / "there").mkdir()
    (place / "old").write_text("old", "utf-8")
    (place / "linked").symlink_to("old")
    (place / "dangling").symlink_to("new")
    os.link(place / "old", place / "hard")
    before = names(place)
    found = run("check", "b.jsonl", *outputs)
    assert found.code == 2
    assert "is named for two answers" in found.err
    assert names(place) == before
    assert (place / "old").read_text("utf-8") == "old"


def test_devices_take_any_number_of_answers(run: Run, place: Path):
    found = run(
        "check", "b.jsonl", "-o", "/dev/null", "--report", "json:/dev/null", "--report", "sarif:/dev/null"
    )
    assert found.code in (0, 1)


def test_settings_may_be_replaced_by_force(run: Run, place: Path):
    assert run("config", "init", "b.jsonl").code == 2
    assert run("config", "init", "b.jsonl", "--force").code == 0
    assert (place / "costaudit.toml").read_text("utf-8") != SETTINGS


def test_a_sample_that_is_gone_on_with_may_be_replaced(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("costaudit.cli.label._answer", lambda: "1")
    assert run("label", "b.jsonl", "--interactive", "-o", "sample.csv").code == 0
    assert all(row["label"] == "1" for row in labels(place / "sample.csv"))


def test_the_same_command_may_be_repeated(run: Run, place: Path):
    for _ in range(2):
        assert run("analyze", "b.jsonl", "-o", "report.txt").code == 0
        assert run("tag", "logs/", "-o", "rows.jsonl").code == 0


def test_where_nothing_can_be_written_is_told_before_anything_is_read(run: Run, place: Path):
    found = run("analyze", "nosuch.jsonl", "-o", "nowhere/report.txt")
    assert "nowhere/report.txt: cannot be written: No such file or directory" in found.err
    found = run("analyze", "nosuch.jsonl", "-o", "logs")
    assert "logs: cannot be written: Is a directory" in found.err


@pytest.mark.parametrize("named", [False, True])
def test_a_temporary_copy_is_no_file_of_the_user(named: bool):
    with outputs.watched():
        open_bytes(spool([b"text"], named=named)).close()
        remove_spools()
        run = outputs._run.get()
        assert run is not None
        assert run.read == {}
