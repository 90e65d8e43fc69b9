"""Logs of unknown format through the commands: what is said of them, and `--guess`."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import costaudit
from costaudit.errors import InputError
from tests.engine.audits import write_jsonl
from tests.ingest.guess.house_styles import STYLES, calls, records
from tests.ingest.test_xlsx import row, workbook

Run = Callable[..., Any]

GERMAN = records(STYLES["german"][0])
TOKENS = (sum(call["in"] for call in calls()), sum(call["out"] for call in calls()))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_csv(path: Path, rows: list[dict[str, Any]], delimiter: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
        table.writeheader()
        table.writerows(rows)


def write_database(path: Path, rows: list[dict[str, Any]]) -> None:
    with sqlite3.connect(path) as database:
        names = ", ".join(f'"{name}"' for name in rows[0])
        database.execute(f"CREATE TABLE calls ({names})")
        database.execute("CREATE TABLE people (name, age)")
        marks = ", ".join("?" * len(rows[0]))
        database.executemany(f"INSERT INTO calls VALUES ({marks})", [tuple(row.values()) for row in rows])  # noqa: S608


def write_workbook(path: Path, rows: list[dict[str, Any]]) -> None:
    table = [tuple(rows[0]), *(tuple(values.values()) for values in rows)]
    workbook(path, "".join(row(number, *values) for number, values in enumerate(table, 1)))


WRITERS: dict[str, Callable[[Path], Any]] = {
    "log.jsonl": lambda path: write_jsonl(path, GERMAN),
    "log.json": lambda path: path.write_text(json.dumps(GERMAN, indent=1), "utf-8"),
    "log.csv": lambda path: write_csv(path, GERMAN, ","),
    "log.tsv": lambda path: write_csv(path, GERMAN, "\t"),
    "log.parquet": lambda path: pq.write_table(pa.Table.from_pylist(GERMAN), path),
    "log.db": lambda path: write_database(path, GERMAN),
    "log.xlsx": lambda path: write_workbook(path, GERMAN),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_container_is_read_by_the_same_guess(run: Run, folder: Path, name: str):
    WRITERS[name](folder / name)
    refused = run("analyze", name)
    assert refused.code == 2
    assert "--guess reads it:" in refused.err
    assert 'input_tokens = "Eingabetoken"' in refused.err
    told = json.loads(run("analyze", name, "--guess", "-f", "json").out)
    tokens = told["spend"]["tokens"]
    assert (tokens["input"], tokens["output"], told["inputs"]["requests"]) == (*TOKENS, 30)
    assert told["coverage"]["usage"] == {"guessed": 30}
    (found,) = [f for f in told["findings"] if f["code"] == "CA-G1"]
    assert {f["key"]: f["field"] for f in found["evidence"]["fields"]} == {
        "Modell": "model", "Zeitpunkt": "timestamp", "Eingabetoken": "input_tokens", "Benutzer": "user",
        "Ausgabetoken": "output_tokens", "Dauer (s)": "latency_ms", "Vorgangs-ID": "request_id",
        "Status": "status",
    }  # fmt: skip
    assert [r["requests"] for r in told["by_tier"]] == [30]


def test_a_pasted_mapping_is_as_good_as_the_guess_and_certain(run: Run, folder: Path):
    write_jsonl(folder / "log.jsonl", GERMAN)
    by_guess = json.loads(run("analyze", "log.jsonl", "--guess", "-f", "json").out)
    (found,) = [f for f in by_guess["findings"] if f["code"] == "CA-G1"]
    (folder / "costaudit.toml").write_text(found["evidence"]["mapping"], "utf-8")
    told = json.loads(run("analyze", "log.jsonl", "-f", "json").out)
    assert told["spend"] == by_guess["spend"]
    assert (told["coverage"]["usage"], told["inputs"]["formats"]) == ({"exact": 30}, {"mine": 30})
    assert "CA-G1" not in {f["code"] for f in told["findings"]}


@pytest.mark.parametrize("format_", ["text", "markdown"])
def test_the_first_screen_says_what_was_guessed_and_what_left_out(run: Run, folder: Path, format_: str):
    write_jsonl(folder / "log.jsonl", records(STYLES["euros"][0]))
    out = run("analyze", "log.jsonl", "--guess", "-f", format_, columns=120).out.replace("\\_", "_")
    head = out[: out.index("By tier")]
    assert "guessed tokens, in no saving" in head
    assert "tok_in → input_tokens: its name speaks of it: whole numbers from" in head
    assert "kosten_eur is left out: its name says another currency than US dollars" in head
    assert "CA-G1" in out[out.index("Findings") :]


def test_a_tape_and_a_ledger_keep_what_was_guessed(run: Run, folder: Path):
    write_jsonl(folder / "log.jsonl", GERMAN)
    for command, kept in (("tape", "kept.tape"), ("ledger", "kept.parquet")):
        assert run(command, "log.jsonl", "--guess", "-o", kept).code == 0
        told = json.loads(run("analyze", kept, "-f", "json").out)
        assert "CA-G1" in {f["code"] for f in told["findings"]}
        assert told["coverage"]["usage"] == {"guessed": 30}


def test_a_function_guesses_as_the_command_does(folder: Path):
    write_jsonl(folder / "log.jsonl", GERMAN)
    with pytest.raises(InputError) as raised:
        costaudit.audit("log.jsonl")
    assert 'model = "Modell"' in "".join(raised.value.__notes__)
    found = costaudit.audit("log.jsonl", guess=True)
    assert found.report.spend.tokens.input == TOKENS[0]
    assert any("read by a guess" in note for note in found.notes)


def test_a_log_without_a_certain_key_is_refused_with_the_reasons(run: Run, folder: Path):
    write_jsonl(folder / "log.jsonl", records(STYLES["running sums only"][0]))
    for more in ([], ["--guess"]):
        outcome = run("analyze", "log.jsonl", *more)
        assert outcome.code == 2
        assert "nothing can be guessed: no key is certain to count tokens" in outcome.err
        assert "not taken: tok_out: it grows from record to record, as a running sum does" in outcome.err


def test_files_of_several_kinds_have_a_guess_each(run: Run, folder: Path):
    """The calls in German, in two files with a key less in one; the same under other names; a flat one."""
    write_jsonl(folder / "a.jsonl", GERMAN[:15])
    write_jsonl(folder / "b.jsonl", [{k: v for k, v in row.items() if k != "Status"} for row in GERMAN[15:]])
    write_jsonl(folder / "c.jsonl", records(STYLES["nested"][0]))
    write_jsonl(folder / "d.jsonl", [{"model": "gpt-4o", "input_tokens": 7, "output_tokens": 1}])
    told = json.loads(run("analyze", ".", "--guess", "-f", "json").out)
    assert told["inputs"]["formats"] == {"guess": 30, "guess-2": 30, "flat": 1}
    assert told["spend"]["tokens"]["input"] == 2 * TOKENS[0] + 7
    assert told["coverage"]["usage"] == {"guessed": 60, "exact": 1}
    found = [f["evidence"]["files"] for f in told["findings"] if f["code"] == "CA-G1"]
    assert sorted(map(len, found)) == [1, 2]


def test_what_is_not_read_of_a_log_that_is_may_be_guessed(run: Run, folder: Path):
    write_jsonl(folder / "log.jsonl", [{"model": "gpt-4o", "input_tokens": 7, "output_tokens": 1}, *GERMAN])
    outcome = run("analyze", "log.jsonl", "-f", "json")
    assert "not all is read; --guess would take" in outcome.err
    (found,) = [f for f in json.loads(outcome.out)["findings"] if f["code"] == "CA-G2"]
    assert found["evidence"]["mapping"].startswith("[formats.mine]")


def test_a_flat_record_with_other_names_for_its_counts_is_read_by_a_guess(run: Run, folder: Path):
    rows = [{"model": c["model"], "timestamp": c["ts"], "n_ein": c["in"], "n_aus": c["out"]} for c in calls()]
    write_jsonl(folder / "log.jsonl", rows)
    assert "--guess would take" in run("analyze", "log.jsonl").err
    told = json.loads(run("analyze", "log.jsonl", "--guess", "-f", "json").out)
    assert (told["spend"]["tokens"]["input"], told["spend"]["tokens"]["output"]) == TOKENS


def test_a_known_log_is_read_alike_with_and_without_a_guess(run: Run, folder: Path):
    rows = [{"model": c["model"], "timestamp": c["ts"], "prompt_tokens": c["in"],
             "completion_tokens": c["out"], "tok_in": 5} for c in calls()]  # fmt: skip
    rows.append({"model": "text-embedding-3-small", "timestamp": "2025-06-01", "input_tokens": 9})
    write_jsonl(folder / "log.jsonl", rows)
    assert run("analyze", "log.jsonl", "--guess").out == run("analyze", "log.jsonl").out


def test_a_format_that_is_named_leaves_nothing_to_guess(run: Run, folder: Path):
    write_jsonl(folder / "log.jsonl", GERMAN)
    outcome = run("analyze", "log.jsonl", "--guess", "--input-format", "flat")
    assert outcome.code == 2
    assert "--guess and --input-format cannot be meant together" in outcome.err


def test_no_prompt_is_in_what_is_said(run: Run, folder: Path):
    write_jsonl(folder / "log.jsonl", records(STYLES["text as input"][0]))
    for more in ([], ["--guess"], ["--guess", "-f", "json"]):
        outcome = run("analyze", "log.jsonl", *more)
        assert "CANARY" not in outcome.out + outcome.err
