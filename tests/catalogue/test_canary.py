"""What is private in a log is in no answer, message or file of any command, in any format."""

from __future__ import annotations

import csv
import gzip
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from costaudit.cli import main
from costaudit.questions.tagging.rows import WRITERS
from tests.conftest import ROOT, Outcome

Run = Callable[..., Outcome]

PROMPT, SYSTEM, ANSWER = "CANARYPROMPT7f3a", "CANARYSYSTEM91bc", "CANARYANSWER55de"
KEY, HEADER, MAIL, TOOL = "sk-CANARYKEY00aa11", "CANARYHEADER22bb", "CANARYMAIL@example.com", "CANARYTOOL33cc"
BROKEN, ADDRESS, USER = "CANARYBADLINE44", "CANARYIP10.0.0.7", "CANARYUSER66ff"
PRIVATE = (PROMPT, SYSTEM, ANSWER, KEY, HEADER, MAIL, TOOL, BROKEN, ADDRESS)
SHOWS_USERS = ("analyze", "simulate", "tag", "tape", "formats test")
"""Commands that say what each user costs, or what one request was, and a tape, which is read for that."""

FULL = {
    "timestamp": "2026-10-05T09:00:00Z", "request_id": "r1", "model": "gpt-4o", "input_tokens": 800,
    "output_tokens": 50, "prompt": f"{PROMPT} summarize this", "system": SYSTEM, "user": USER,
    "feature": "chat", "api_key": KEY, "headers": {"authorization": f"Bearer {HEADER}"}, "email": MAIL,
    "client_ip": ADDRESS, "response": ANSWER,
}  # fmt: skip
CHAT = {
    "timestamp": "2026-10-05T09:01:00Z", "request_id": "r2", "model": "gpt-4o", "input_tokens": 9000,
    "output_tokens": 50, "user": USER, "status": "error", "error": "rate_limit",
    "messages": [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": [{"type": "text", "text": PROMPT}]},
    ],
    "tools": [{"type": "function", "function": {"name": TOOL}}],
}  # fmt: skip
COMPLETION = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1791190800, "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}  # fmt: skip
EXCHANGE = {
    "request": {
        "model": "claude-haiku-4-5", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 5,
    },
    "response": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5",
        "content": [{"type": "text", "text": ANSWER}], "usage": {"input_tokens": 5, "output_tokens": 3},
        "stop_reason": "end_turn",
    },
}  # fmt: skip
WRONG = [
    {**FULL, "request_id": "r3", "model": "no-such-model", "input_tokens": f"12{KEY}"},
    {"timestamp": PROMPT, "model": {"x": PROMPT}, "input_tokens": 1},
    {"a": PROMPT, KEY: 1},
]
CUT = f'{{"prompt": "{PROMPT}", broken {BROKEN}\n{PROMPT}\n'.encode() + b"\xff" + PROMPT.encode() + b"\n"
COLUMNS = ("timestamp", "model", "input_tokens", "output_tokens", "prompt", "api_key")
ROWS: list[tuple[Any, ...]] = [
    ("2026-10-05T09:00:00Z", "gpt-4o", 5, 1, PROMPT, KEY),
    ("2026-10-05T09:00:00Z", "gpt-4o", f"x{KEY}", 1, PROMPT, KEY),
    (PROMPT, "gpt-4o", 1, 1, PROMPT, KEY),
]


def write_logs(place: Path) -> None:
    """Canaries in whatever is private, and in whatever is broken."""
    place.mkdir()
    more = [
        {
            **FULL,
            "request_id": f"m{number}",
            "timestamp": f"2026-10-{1 + number % 28:02}T09:00:00Z",
        }
        for number in range(60)
    ]
    rows = [json.dumps(row) + "\n" for row in (FULL, CHAT, COMPLETION, EXCHANGE, *WRONG, *more)]
    (place / "a.jsonl").write_bytes("".join(rows).encode() + CUT)
    with (place / "b.csv").open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([COLUMNS, *ROWS, (PROMPT,)])
    with closing(sqlite3.connect(place / "c.db")) as database:
        database.execute(f"create table calls({', '.join(COLUMNS)})")
        database.executemany("insert into calls values (?, ?, ?, ?, ?, ?)", ROWS)
        database.commit()


# --- every command -------------------------------------------------------------------------------

LOGS, LOG, TABLE, DATABASE = "logs", "logs/a.jsonl", "logs/b.csv", "logs/c.db"
COMMANDS: dict[str, list[str]] = {
    "analyze": [
        f"analyze {LOGS} -v", f"analyze {LOGS} --estimate -f json", f"analyze {LOGS} --policy {LOG}",
        f"analyze {LOGS} --rules {LOG}", f"analyze {LOGS} --calibration {LOG}",
        f"analyze {LOGS} --compare-bill {LOG}", f"analyze {LOGS} --labels {TABLE}",
        f"analyze {LOGS} --labels {LOG}", f"analyze {LOGS} --prices {LOGS}",
        f"analyze {LOGS} --input-format otlp", f"analyze {LOGS} --input-format litellm-payload",
    ],
    "simulate": [
        f"simulate {LOGS} -v", f"simulate {LOGS} --evals {LOG}", f"simulate {LOGS} --evals {TABLE}",
        f"simulate --scenario {LOG}",
    ],
    "fallback": [f"fallback {LOGS} -v"],
    "tag": [f"tag {LOGS} -v", f"tag {LOGS} --explain r1", f"tag {LOGS} --explain r1 -f json"],
    "label": [
        f"label {LOGS}", f"label {LOGS} -o out/s.csv", f"label {LOGS} --read {TABLE}",
        f"label {LOGS} --read {LOG}",
    ],
    "ledger": [f"ledger {LOGS} -v -o out/l.parquet", f"ledger {LOGS} --resolution hour -o out/h.parquet"],
    "tape": [f"tape {LOGS} -o out/it.tape", f"tape {LOGS} --cache -o out/it.tape"],
    "cache info": ["cache info"],
    "cache clear": ["cache clear"],
    "check": [f"check {LOGS}", f"check {LOGS} --config {LOG}"],
    "scenarios": ["scenarios"],
    "doctor": ["doctor"],
    "formats": ["formats"],
    "formats test": [
        f"formats test {LOG}", f"formats test {TABLE}", f"formats test {DATABASE}",
        *(f"formats test {LOG} --line {number} -f json" for number in (*range(1, 8), *range(68, 71))),
    ],
    "policy list": ["policy list"],
    "policy show": ["policy show", f"policy show {LOG}"],
    "policy export": [f"policy export --to json --policy {LOG}"],
    "pricing": ["pricing"],
    "pricing list": ["pricing list deepseek"],
    "pricing show": ["pricing show gpt-4o"],
    "pricing history": ["pricing history --since 2026-10-01"],
    "pricing doubts": ["pricing doubts deepseek"],
    "pricing quote": ["pricing quote gpt-4o --input 10"],
    "pricing check": [
        f"pricing check {LOGS}", f"pricing check {LOG}", f"pricing check tables --traffic {LOGS}",
    ],
    "pricing explain": ["pricing explain CA101"],
    "pricing diff": [f"pricing diff tables tables --logs {LOGS}", f"pricing diff {LOGS} tables"],
    "pricing import": [f"pricing import {LOG}"],
    "shadow plan": [f"shadow plan {LOGS}"],
    "shadow compare": [
        f"shadow compare {LOG} {DATABASE}", f"shadow compare {LOGS} {LOGS} --outcomes {TABLE}",
    ],
    "config init": [f"config init {LOGS} -d out --force"],
    "config show": ["config show"],
    "config check": ["config check"],
}  # fmt: skip
"""By command: what is asked of it, errors on purpose included. The first is asked in every format."""
CHOOSES_FORMAT = ("--format", "--to")
ENDINGS = {"tag": tuple(WRITERS)}
"""Commands that choose the format by the name of the file."""


def commands(command: Any = None, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by the words that call it."""
    command = command or main.command()
    below = getattr(command, "commands", {})
    if not below or (name and command.invoke_without_command):
        yield name, command
    for word, child in below.items():
        yield from commands(child, f"{name} {word}".strip())


def options(command: Any) -> set[str]:
    """The names of its options."""
    return {option for parameter in command.params for option in getattr(parameter, "opts", ())}


ALL = dict(commands())


def test_every_command_is_tried():
    assert set(COMMANDS) == set(ALL)


def forms(name: str, run: Run) -> list[list[str]]:
    """How the format of an answer can be chosen, as the command itself says."""
    first = COMMANDS[name][0].split()
    given = [[]] if name in ENDINGS else []
    given += [["-o", f"out/it{ending}"] for ending in ENDINGS.get(name, ())]
    for option in options(ALL[name]).intersection(CHOOSES_FORMAT):
        told = re.search(r"\(one of ([\w, -]+)\)", run(*first, option, "no such thing").err)
        assert told, f"{name} does not say which formats it has"
        given += [[option, form] for form in told[1].split(", ")]
        if "--report" in options(ALL[name]):
            given[-1] += [word for form in told[1].split(", ") for word in ("--report", f"{form}:out/{form}")]
    return given or [[]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with settings, logs and price tables."""
    place = tmp_path_factory.mktemp("canary")
    write_logs(place / "logs")
    (place / "costaudit.toml").write_bytes((ROOT / "docs" / "examples" / "gates.toml").read_bytes())
    (place / "tables").mkdir()
    for name in ("providers.toml", "deepseek", "sources.csv"):
        (place / "tables" / name).symlink_to(ROOT / "pricing" / name)
    return place


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_shows_nothing_private(
    place: Path, run: Run, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    for entry in place.iterdir():
        (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / "out").mkdir()
    first, *others = (words.split() for words in COMMANDS[name])
    for asked in [[*first, *form] for form in forms(name, run)] + others:
        answer = run(*asked)
        assert answer.code in (0, 1, 2), (asked, answer.err)
        told = {"stdout": answer.out, "stderr": answer.err, **written(tmp_path / "out")}
        for where, text in told.items():
            seen = [word for word in PRIVATE if word in text]
            assert not seen, f"{seen} in {where} of {asked}"
            assert name in SHOWS_USERS or USER not in text, f"a user in {where} of {asked}"


def written(folder: Path) -> dict[str, str]:
    """What is in the files that a command wrote; they are removed."""
    found = {}
    for path in folder.iterdir():
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        if data.startswith(b"PAR1"):
            table = pq.read_table(path)
            data = f"{table.to_pylist()} {table.schema}".encode()
        found[path.name] = data.decode("utf-8", "replace")
        path.unlink()
    return found
