"""Every command as it answers, by format and width, and what it says of itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from syrupy.assertion import SnapshotAssertion

from costaudit import __version__
from costaudit.cli import main
from tests.engine.audits import write_jsonl
from tests.prices.test_diff import write
from tests.prices.test_rules import BASIC, price, tables

Run = Callable[..., Any]

DOUBTFUL = price("s,output,1,mtok,2026-01-01,", note="Sources differ.").replace(",high,", ",low,")
SMALL = (price("s,input,.5,mtok,2026-01-01,"), DOUBTFUL)
FACTS = "m,,mid,1000,,text,text,,,,,,,s,\ns,,economy,1000,,text,text,,,,,,,s,"
OLD = tables(*BASIC, *SMALL, models=FACTS)
NEW = tables(*BASIC, *SMALL, price("m,input,3,mtok,2026-05-01,"), models=FACTS)

POLICY = """schema = "costaudit/policy@1"
name = "mine"
[[tiers]]
tier = 0
candidates = ["acme/s"]
[[rules]]
name = "Chat"
features = ["chat"]
candidates = ["acme/s", "acme/m"]
fallbacks = ["acme/m"]
"""
SETTINGS = """prices = "new"
[map]
"ours" = "acme/m"
[gates.coverage]
requests = { deny = "80%", warn = "99%" }
[[gates.budget]]
per = "log"
deny = "0.05"
"""


def requests() -> Iterator[dict[str, Any]]:
    """Two models, three features, one call that fails and is asked again, one model without a price."""
    for n in range(24):
        yield {
            "request_id": f"r{n}", "provider": "acme", "model": "ours" if n % 3 else "s", "tier": n % 3,
            "timestamp": f"2026-05-{1 + n // 2:02d}T{n % 24:02d}:00:00Z",
            "feature": ("chat", "<b>a</b>")[n % 2], "latency_ms": 300 + n,
            "input_tokens": 1000 + 10 * n, "output_tokens": 100 + n, "session_id": f"s{n // 4}",
            "status": "error" if n == 7 else "ok", "arm": "ab"[n % 2],
        }  # fmt: skip
    yield {"request_id": "x", "provider": "acme", "model": "\x1b[31mnobody's", "input_tokens": 5}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with its log, tables, policy and settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COSTAUDIT_CACHE_DIR", "cache")
    log = list(requests())
    write_jsonl(tmp_path / "log.jsonl", log)
    write_jsonl(tmp_path / "odd.jsonl", [{"who": "x", "tokens_used": 3}])
    write_jsonl(tmp_path / "few.jsonl", log[-3:])
    write_jsonl(tmp_path / "a.jsonl", log[0:24:2])
    write_jsonl(tmp_path / "b.jsonl", log[1:24:2])
    write(tmp_path / "old", OLD)
    write(tmp_path / "new", NEW)
    (tmp_path / "mine.toml").write_text(POLICY, "utf-8")
    (tmp_path / "costaudit.toml").write_text(SETTINGS, "utf-8")
    (tmp_path / "theirs.json").write_text(json.dumps(THEIRS), "utf-8")
    return tmp_path


THEIRS: Final = {
    "s": {"litellm_provider": "acme", "input_cost_per_token": 6e-07, "output_cost_per_token": 1e-06},
    "new": {"litellm_provider": "acme", "input_cost_per_token": 1e-06},
}
"""A table of prices of somebody else."""

JUDGED: Final = "text json markdown github gitlab sarif junit"
"""The formats of commands that judge."""

WIDE: Final = 100
NARROW: Final = 50

BOOK: Final = "--prices new --at 2026-06-01"

COMMANDS: Final = {
    "analyze": ("analyze log.jsonl --policy mine.toml", "text json csv markdown", 0),
    "simulate": ("simulate log.jsonl --policy mine.toml --markup 10%", "text json csv markdown", 0),
    "fallback": (
        "fallback log.jsonl --policy mine.toml --chain same,acme/s --outage acme@4h", "text json markdown", 0
    ),
    "tag": ("tag few.jsonl --policy mine.toml", "", 0),
    "tag explain": ("tag log.jsonl --policy mine.toml --explain r7", "text json", 0),
    "label": ("label log.jsonl --n 4", "", 0),
    "check": ("check log.jsonl --policy mine.toml --at 2026-06-01", JUDGED, 1),
    "check explain": ("check --explain CA703", "text json", 0),
    "check explain all": ("check --explain all", "text", 0),
    "scenarios": ("scenarios", "text json", 0),
    "formats test": ("formats test log.jsonl --line 8", "text json", 0),
    "formats test odd": ("formats test odd.jsonl", "text json", 2),
    "policy list": ("policy list", "text json", 0),
    "policy show": ("policy show mine.toml BOOK --current acme/m", "text json", 0),
    "policy export": ("policy export --to json --policy mine.toml BOOK", "", 0),
    "policy export litellm": ("policy export --to litellm --policy mine.toml BOOK", "", 2),
    "pricing list": ("pricing list BOOK", "text json", 0),
    "pricing show": ("pricing show acme/m BOOK", "text json", 0),
    "pricing doubts": ("pricing doubts BOOK", "text json", 0),
    "pricing history": ("pricing history --prices new", "text json", 0),
    "pricing quote": ("pricing quote ours --input 1000 --output 50 BOOK", "text json", 0),
    "pricing quote region": ("pricing quote acme/m --input 9 --region eu BOOK", "text json", 0),
    "pricing quote none": ("pricing quote acme/x BOOK", "text json", 2),
    "pricing check": (
        "pricing check new --base old --at 2026-06-01", JUDGED, 1
    ),
    "pricing explain": ("pricing explain CA204", "text json", 0),
    "pricing explain all": ("pricing explain", "text", 0),
    "pricing diff": (
        "pricing diff old new --at 2026-06-01 --fail-if increase>10%", JUDGED, 1
    ),
    "pricing diff logs": (
        "pricing diff old new --at 2026-06-01 --logs log.jsonl --policy mine.toml --fail-if increase>5%",
        "text json markdown", 1,
    ),
    "pricing import": ("pricing import theirs.json BOOK --propose", "text json", 0),
    "shadow plan": ("shadow plan log.jsonl --arm 50%", "text json", 0),
    "shadow compare": ("shadow compare a.jsonl b.jsonl", "text json", 0),
    "config show": ("config show", "text json", 0),
    "config check": ("config check", "text json", 0),
    "config init": ("config init log.jsonl --force --directory .", "", 0),
    "ledger": ("ledger log.jsonl -o out.parquet --policy mine.toml", "", 0),
    "tape": ("tape log.jsonl -o out.tape", "", 0),
    "cache info": ("cache info", "text json", 0),
    "cache clear": ("cache clear", "", 0),
}  # fmt: skip
"""A command line, the formats that it has, and how it ends. What `formats` and `doctor` list changes with the
formats and the machine: see test_formats.py and test_doctor.py."""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_answers_as_it_did(run: Run, place: Path, snapshot: SnapshotAssertion, name: str):
    line, formats, code = COMMANDS[name]
    for format_ in formats.split() or [""]:
        for columns in (NARROW, WIDE) if format_ == "text" else (WIDE,):
            told = run(
                *line.replace("BOOK", BOOK).split(),
                *(("--format", format_) if format_ else ()),
                columns=columns,
            )
            assert told.code == code, told.err
            said = f"{told.out}{'-- stderr' * bool(told.err)}\n{told.err}"
            assert steady(said) == snapshot(name=f"{format_ or 'answer'} {columns}")


def steady(said: str) -> str:
    """What is said, whatever the version, the day and the size of a file."""
    said = re.sub(r"[\d.,]+ MB", "… MB", said.replace(__version__, "VERSION"))
    return re.sub(r'("proposed_on"|"checked_on"): "[\d-]+"', r'\1: "DAY"', said)


def below(group: Any, *above: str) -> Iterator[tuple[str, ...]]:
    """A command, and those of a group."""
    yield above
    for name, command in getattr(group, "commands", {}).items():
        yield from below(command, *above, name)


@pytest.mark.parametrize("name", main._COMMANDS)
def test_a_command_says_of_itself_what_it_said(run: Run, snapshot: SnapshotAssertion, name: str):
    for words in below(main.command().commands[name], name):
        told = run(*words, "--help", columns=80)
        assert (told.code, told.err) == (0, "")
        assert told.out == snapshot(name=" ".join(words))
