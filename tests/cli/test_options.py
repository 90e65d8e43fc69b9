"""Options of analyze and simulate: where the answer goes, where the log comes from, what may be misspelt."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from costaudit.prices.book import shipped_directory

RECORD = {
    "timestamp": "2026-10-05T10:00:00Z",
    "provider": "openai",
    "model": "gpt-4o",
    "input_tokens": 10**6,
    "output_tokens": 0,
}
LINE = json.dumps(RECORD).encode() + b"\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_bytes(LINE)
    return path


def table() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([RECORD]), sink)
    return sink.getvalue()


@pytest.fixture
def piped(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run with standard input; afterwards its copy must be gone."""

    def piped(data: bytes, *argv: str) -> Any:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        found = run(*argv)
        assert list(tmp_path.iterdir()) == []
        return found

    return piped


@pytest.mark.parametrize(
    "data",
    [LINE, gzip.compress(LINE), zstandard.compress(LINE), table()],
    ids=["plain", "gz", "zst", "parquet"],
)
def test_standard_input_may_be_packed(piped: Callable[..., Any], data: bytes):
    found = piped(data, "analyze", "-", "--format", "json")
    assert (found.code, found.err) == (0, "")
    assert json.loads(found.out)["spend"]["list_usd"] == "2.50"


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\x89PNG\r\n\x1a\n"], ids=["nothing", "a blank line", "a picture"]
)
def test_standard_input_that_is_no_log(piped: Callable[..., Any], data: bytes):
    found = piped(data, "analyze", "-")
    assert (found.code, found.out) == (2, "")
    assert found.err.count("\n") == 1
    assert found.err.startswith("costaudit: -: ")


def test_a_reader_that_stops_early_ends_it_quietly(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    with path.open("w") as file:
        for number in range(3000):
            file.write(json.dumps({**RECORD, "feature": f"feature {number} " + "x" * 50}) + "\n")
    command = f"{sys.executable} -m costaudit analyze {path} --format csv | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1


def test_a_failed_write_leaves_what_was_there(
    run: Any, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    target = tmp_path / "audit.json"
    target.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        patch.setattr(Path, "replace", fail)
        found = run("analyze", log, "-o", target)
    assert (found.code, found.out) == (2, "")
    assert "No space left on device" in found.err
    assert target.read_text() == "old"
    assert {p.name for p in tmp_path.iterdir()} == {"audit.json", "log.jsonl"}


def test_an_answer_into_a_missing_folder(run: Any, log: Path, tmp_path: Path):
    found = run("analyze", log, "-o", tmp_path / "none" / "audit.json")
    assert found.code == 2
    assert found.err.count("\n") == 1
    assert "audit.json" in found.err


def test_quiet_says_nothing_about_lines_set_aside(run: Any, log: Path):
    log.write_bytes(LINE + b"broken\n")
    loud, quiet = run("analyze", log), run("analyze", log, "-q")
    assert "1 × not_json" in loud.err
    assert (quiet.code, quiet.err) == (0, "")
    assert quiet.out == loud.out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--format", "jsno"), "did you mean 'json'?"),
        (("--policy", "defualt"), "did you mean 'default'?"),
        (("--input-format", "falt"), "did you mean 'flat'?"),
        (("--prices-at", "yesterday"), "is not a date"),
        (("--map", "x"), "NAME=PROVIDER/MODEL"),
        (("--map", "x=gpt-4o"), "NAME=PROVIDER/MODEL"),
        (("--prices", "/nowhere"), "no such directory of price tables"),
        (("--formt", "json"), "--format"),
        (("--threads", "0"), "'--threads'"),  # in words of typer, which change
    ],
)
def test_a_wrong_option_is_explained(run: Any, log: Path, argv: tuple[str, ...], said: str):
    found = run("analyze", log, *argv)
    assert (found.code, found.out) == (2, "")
    assert said in found.err
    assert "Traceback" not in found.err


def test_a_name_can_be_mapped(run: Any, log: Path):
    log.write_bytes(LINE.replace(b'"gpt-4o"', b'"my-deployment"'))
    assert (
        json.loads(run("analyze", log, "--format", "json").out)["coverage"]["unpriced"][0]["reason"]
        == "unknown_model"
    )
    told = json.loads(run("analyze", log, "--format", "json", "--map", "my-deployment=openai/gpt-4o").out)
    assert told["spend"]["list_usd"] == "2.50"
    assert told["coverage"]["resolved"] == {"user_map": 1}


def test_a_map_to_nothing_is_an_error_or_unpriced(run: Any, log: Path):
    log.write_bytes(LINE.replace(b'"gpt-4o"', b'"my-deployment"'))
    found = run("analyze", log, "--format", "json", "--map", "my-deployment=openai/gpt-99")
    assert found.code == 2 or json.loads(found.out)["coverage"]["unpriced"]


def test_prices_of_another_directory(run: Any, log: Path, tmp_path: Path):
    other = tmp_path / "prices"
    (other / "openai").mkdir(parents=True)
    shutil.copy(shipped_directory() / "providers.toml", other)
    (other / "openai" / "prices.csv").write_text(
        "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note\n"
        "gpt-4o,input,7,mtok,2024-01-01,,,s,high,2026-11-20,2026-11-20,\n"
    )
    policy = tmp_path / "keep.toml"
    policy.write_text('schema = "costaudit/policy@1"\nname = "keep"\n')
    told = json.loads(run("analyze", log, "--format", "json", "--prices", other, "--policy", policy).out)
    assert told["spend"]["list_usd"] == "7.00"


def test_prices_at_reprices_everything(run: Any, log: Path):
    told = json.loads(run("analyze", log, "--format", "json", "--prices-at", "2024-06-01").out)
    assert (told["spend"]["list_usd"], told["prices"]["as_of"]) == ("5.00", "2024-06-01T00:00:00Z")


@pytest.mark.parametrize("columns", [20, 60, 80, 200])
def test_text_keeps_to_the_width(run: Any, log: Path, columns: int):
    found = run("analyze", log, columns=columns)
    assert found.code == 0
    assert max(map(len, found.out.splitlines())) <= max(columns, 40)


def test_a_bug_is_one_line_and_exit_3(run: Any, log: Path, monkeypatch: pytest.MonkeyPatch):
    from costaudit.engine import kernel  # noqa: PLC0415 - only to plant a fault

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret prompt")

    monkeypatch.setattr(kernel, "_summed", broken)
    found = run("analyze", log)
    assert (found.code, found.out) == (3, "")
    assert found.err.count("\n") == 1
    assert "bug in costaudit: ZeroDivisionError" in found.err
    assert "secret" not in found.err
    monkeypatch.setenv("COSTAUDIT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run("analyze", log)


def test_simulate_prices_a_log_as_analyze_does(run: Any, log: Path):
    audit, simulation = (
        json.loads(run(command, log, "--format", "json").out) for command in ("analyze", "simulate")
    )
    assert simulation["spend"] == audit["spend"]
    assert [Decimal(m["percent"]) for m in simulation["projection"]["markup_scenarios"]] == [0, 5, 10, 15]


def test_what_no_column_says_is_said_by_an_option_or_else_by_the_settings(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("log.csv").write_text("timestamp,model,input_tokens,output_tokens\n3/4/2025,gpt-4o,9,9\n", "utf-8")

    def month(*options: str) -> object:
        return json.loads(run("tag", "log.csv", "-q", *options).out)["ts"]

    assert month() is None
    assert "log.csv:2: timestamp is not read in 1 record: dates can be" in run("tag", "log.csv").err
    assert month("--dates", "day-first") == "2025-04-03T00:00:00Z"
    Path("costaudit.toml").write_text('dates = "month-first"\n', "utf-8")
    assert month() == "2025-03-04T00:00:00Z"
    assert month("--dates", "day-first") == "2025-04-03T00:00:00Z"
    assert "did you mean 'day-first'" in run("tag", "log.csv", "--dates", "dayfirst").err
