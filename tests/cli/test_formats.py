"""`costaudit formats` and `formats test`: own formats, what is read of a log, and what is never shown."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Run = Callable[..., Any]

SETTINGS = """
[formats.mine]
timestamp = "t"
model = "payload.m"
input_tokens = "payload.in"
output_tokens = "payload.out"
cost_usd = { path = "cents", unit = "cents" }
prompt = "ask"
"""
MINE = {
    "t": 1760000000,
    "payload": {"m": "gpt-4o", "in": 100, "out": 20},
    "cents": 0.15,
    "ask": "CANARY-prompt " * 3,
    "key": "CANARY-secret",
    "nested": {"CANARY_is_a_key": ["CANARY-item"]},
}
FLAT = {"model": "gpt-4o", "input_tokens": 10, "output_tokens": 1, "prompt": "CANARY-flat"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "costaudit.toml").write_text(SETTINGS, "utf-8")
    return tmp_path


def write(path: Path, *records: Any) -> Path:
    text = "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_own_formats_are_listed_first_and_read(run: Run, folder: Path):
    listed = run("formats").out.splitlines()
    assert listed[0].split() == ["mine", "yours:", "described", "in", "costaudit.toml"]
    told = json.loads(run("formats", "--format", "json").out)
    assert [f["name"] for f in told if f["own"]] == ["mine"]
    path = write(folder / "log.jsonl", MINE, FLAT)
    inputs = json.loads(run("analyze", path, "-f", "json").out)["inputs"]
    assert inputs["formats"] == {"flat": 1, "mine": 1}
    forced = run("analyze", path, "-f", "json", "--input-format", "mine")
    assert json.loads(forced.out)["inputs"]["formats"] == {"mine": 1}
    assert "did you mean 'mine'" in run("analyze", path, "--input-format", "mien").err


def test_formats_of_a_pyproject_are_read(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    text = SETTINGS.replace("[formats.", "[tool.costaudit.formats.")
    (tmp_path / "pyproject.toml").write_text(text, "utf-8")
    assert "mine" in run("formats").out
    (tmp_path / "pyproject.toml").write_text(text.replace("model =", "modle ="), "utf-8")
    outcome = run("analyze", write(tmp_path / "log.jsonl", FLAT))
    assert outcome.code == 2
    assert "pyproject.toml: formats.mine: unknown field 'modle' (did you mean 'model'" in outcome.err


def test_without_settings_nothing_is_own(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert not any(f["own"] for f in json.loads(run("formats", "-f", "json").out))


def test_every_field_is_told_with_the_keys_that_it_comes_from(run: Run, folder: Path):
    bad = {**MINE, "payload": {"m": "gpt-4o", "in": -1}}
    path = write(folder / "log.jsonl.gz", MINE, bad, FLAT, "no json", {"a": 1})
    outcome = run("formats", "test", path, "-f", "json")
    assert (outcome.code, outcome.err) == (0, "")
    told = json.loads(outcome.out)
    assert (told["container"], told["compression"], told["detected"]) == ("jsonl", "gzip", "mine")
    assert (told["votes"], told["unmatched"], told["records"]) == ({"mine": 2, "flat": 1}, 1, 5)
    assert [(s["reason"], s["count"], s["line"]) for s in told["skipped"]] == [
        ("negative_usage", 1, 2),
        ("not_json", 1, 4),
        ("unrecognised", 1, 5),
    ]
    mine, flat = told["examples"]
    assert (mine["format"], mine["line"], flat["format"], flat["line"]) == ("mine", 1, "flat", 3)
    fields = mine["fields"]
    assert fields["ts"] == {"value": "2025-10-09T08:53:20Z", "from": ["t"]}
    assert fields["input"] == {"value": 100, "from": ["payload.in"]}
    assert fields["reported_usd"] == {"value": "0.0015", "from": ["cents"]}
    assert fields["prompt"] == {"value": None, "characters": 42, "from": ["ask"]}
    assert mine["unused"] == {"key": "string", "nested.CANARY_is_a_key[]": "string"}


@pytest.mark.parametrize("how", [[], ["-f", "json"], ["--line", "1"], ["--input-format", "flat"]])
def test_prompts_and_values_of_unknown_keys_are_not_shown(run: Run, folder: Path, how: list[str]):
    unknown = {"modle": "CANARY-value", "n": {"input_tokens_x": 3, "text": "CANARY-text"}, "t": "CANARY-time"}
    path = write(folder / "log.jsonl", MINE, FLAT, unknown)
    outcome = run("formats", "test", path, *how)
    assert "CANARY-" not in outcome.out + outcome.err
    outcome = run("formats", "test", write(folder / "other.jsonl", unknown), *how)
    assert "CANARY-" not in outcome.out + outcome.err


def test_text_is_shown_where_it_is_asked_for(run: Run, folder: Path):
    path = write(folder / "log.jsonl", MINE)
    assert "CANARY-prompt" in run("formats", "test", path, "--show-text").out
    told = json.loads(run("formats", "test", path, "--show-text", "-f", "json").out)
    assert told["examples"][0]["fields"]["prompt"]["value"] == MINE["ask"]
    assert "CANARY-secret" not in run("formats", "test", path, "--show-text").out


def test_a_log_of_no_format_gets_the_nearest_one_and_a_mapping_that_works(run: Run, folder: Path):
    unknown = {"at": 1760000000, "llm": {"model": "gpt-4o", "tokensIn": 100, "tokensOut": 20, "request": "r"}}
    path = write(folder / "log.jsonl", unknown)
    outcome = run("formats", "test", path)
    assert outcome.code == 2
    assert "no known format comes near" in outcome.out
    starter = json.loads(run("formats", "test", path, "-f", "json").out)["unknown"]["starter"]
    (folder / "costaudit.toml").write_text(starter, "utf-8")
    told = json.loads(run("formats", "test", path, "-f", "json").out)
    assert told["detected"] == "mine"
    fields = told["examples"][0]["fields"]
    assert (fields["input"]["value"], fields["output"]["value"]) == (100, 20)
    assert fields["ts"]["value"] == "2025-10-09T08:53:20Z"


def test_one_line_of_a_log(run: Run, folder: Path):
    path = write(folder / "log.jsonl", *[FLAT] * 300, MINE, "", FLAT)
    told = json.loads(run("formats", "test", path, "--line", "301", "-f", "json").out)
    assert (told["records"], told["examples"][0]["format"], told["examples"][0]["line"]) == (1, "mine", 301)
    assert json.loads(run("formats", "test", path, "-f", "json").out)["records"] == 200
    outcome = run("formats", "test", path, "--line", "302")
    assert outcome.code == 2
    assert "there is no record at line 302" in outcome.err
    assert "no record at line 999" in run("formats", "test", path, "--line", "999").err


def test_parquet_rows_are_looked_at_too(run: Run, folder: Path):
    rows = [{**MINE, "payload": json.dumps(MINE["payload"])}] * 3
    pq.write_table(pa.Table.from_pylist(rows), folder / "log.parquet")
    told = json.loads(run("formats", "test", folder / "log.parquet", "-f", "json").out)
    assert (told["container"], told["votes"]) == ("parquet", {"mine": 3})
    assert told["examples"][0]["fields"]["model"]["from"] == ["payload.m"]
    assert (
        json.loads(run("formats", "test", folder / "log.parquet", "--line", "3", "-f", "json").out)["calls"]
        == 1
    )


def test_lines_that_need_those_before_them_are_read_after_them(run: Run, folder: Path):
    path = write(
        folder / "rollout.jsonl",
        {"timestamp": "2026-10-05T09:15:00Z", "type": "session_meta", "payload": {"id": "s-1"}},
        {"timestamp": "2026-10-05T09:15:00Z", "type": "turn_context", "payload": {"model": "gpt-5-mini"}},
        {
            "timestamp": "2026-10-05T09:15:04Z",
            "type": "event_msg",
            "payload": {
                "type": "token_count",
                "info": {
                    "total_token_usage": {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11},
                    "last_token_usage": {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11},
                },
            },
        },
    )
    for how in ([], ["--line", "3"]):
        told = json.loads(run("formats", "test", path, "-f", "json", *how).out)
        (example,) = told["examples"]
        assert (example["line"], example["fields"]["model"]["value"]) == (3, "gpt-5-mini")


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_answer_keeps_to_the_width_and_holds_no_escapes(run: Run, folder: Path, columns: int):
    hostile = {
        **FLAT,
        "user": "\x1b]0;title\x07 \u202eevil " + "x" * 300,
        "very.long.key" * 20: 1,
        "\x1b[2J": "y",
        "n": {"key\n": [{"z" * 200: 1}]},
    }
    path = write(folder / "log.jsonl", hostile, MINE, {"model\x1b[31m": 1, "tokens_in": 5})
    outcome = run("formats", "test", path, "--show-text", columns=columns)
    assert outcome.code == 0
    assert all(c == "\n" or c.isprintable() for c in outcome.out)
    answer, _, starter = outcome.out.partition("a start for costaudit.toml")  # to be copied, not wrapped
    assert starter
    assert max(map(len, answer.splitlines())) <= columns


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["missing.jsonl"], "no such file"),
        (["picture.jsonl"], "PNG image"),
        (["."], "more than one file"),
        (["a.jsonl", "--input-format", "falt"], "did you mean 'flat'"),
        (["a.jsonl", "--format", "xml"], "unknown format 'xml'"),
    ],
)
def test_what_cannot_be_looked_at_is_exit_2(run: Run, folder: Path, argv: list[str], said: str):
    write(folder / "a.jsonl", FLAT)
    write(folder / "b.jsonl", FLAT)
    (folder / "picture.jsonl").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    outcome = run("formats", "test", *argv)
    assert outcome.code == 2
    assert said in outcome.err


def test_standard_input(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch):
    with write(folder / "log.jsonl", FLAT).open("rb") as stream:
        monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": stream})())
        told = json.loads(run("formats", "test", "-", "-f", "json").out)
    assert (told["file"], told["calls"]) == ("-", 1)
