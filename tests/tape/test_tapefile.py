"""A tape on disk answers as the logs do, holds no text, and is refused where it is not whole."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costaudit.errors import InputError
from costaudit.tape import tapefile
from costaudit.tape.tapefile import open_tape
from costaudit.tiers.traits import ASKED_BYTES, PREFIXES, QUESTION_BYTES
from tests.engine.audits import random_log, read_in_blocks, write_jsonl, write_parquet
from tests.often import often

Run = Callable[..., Any]

USAGE = {"gen_ai.usage.input_tokens": 500, "gen_ai.usage.output_tokens": 60}
SECRETS = ("call-id-canary", "session-canary", "prompt canary", "system canary")


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of logs with repeats within and between files, bad lines and texts."""
    monkeypatch.chdir(tmp_path)
    log = random_log(7, size=often(60, 200))
    texts = [
        {"prompt": f"Summarize the report {n}" + n % 9 * 100 * " a lot", "system": "You are brief."}
        for n in range(len(log))
    ]
    log = [record | text for record, text in zip(log, texts, strict=True)]
    folder = tmp_path / "logs"
    folder.mkdir()
    write_jsonl(folder / "a.jsonl", log[: len(log) // 2])
    write_jsonl(folder / "b.jsonl.gz", log[len(log) // 3 :])
    write_parquet(folder / "c.parquet", log[: len(log) // 4])
    with (folder / "a.jsonl").open("a") as more:
        more.write('{"model": "gpt-4o", "input_tokens": -5, "output_tokens": 1}\n{"model": \n')
        more.write('{"model": "gpt-4o", "input_tokens": 5, "output_tokens": 1, "timestamp": "3/4/2025"}\n')
    (folder / "no_log.json").write_text('{"hello": "world"}')
    return folder


def test_a_tape_answers_as_the_logs_do(run: Run, logs: Path):
    assert run("tape", "logs", "-o", "all.tape", "-q").code == 0
    for command in ("analyze", "simulate"):
        of_logs, of_tape = (run(command, path, "--format", "json") for path in ("logs", "all.tape"))
        assert of_logs.code == of_tape.code == 0
        assert of_tape.out == of_logs.out
        assert of_tape.err == of_logs.err != ""


def test_a_tape_tells_how_far_requests_begin_alike(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    counts = {"model": "gpt-4o", "input_tokens": 900, "output_tokens": 9}
    texts = ["", "a" * 5000, "a" * 1300 + "b" * 700]
    turns = [[{"role": "user", "content": text}] for text in texts]
    write_jsonl(tmp_path / "log.jsonl", [counts | {"messages": messages} for messages in turns])
    assert run("tape", "log.jsonl", "-o", "log.tape", "-q").code == 0
    segment = open_tape(tmp_path / "log.tape").segment(0)
    told = {
        name: segment.batch().column(name).to_pylist() for name in (PREFIXES, ASKED_BYTES, QUESTION_BYTES)
    }
    none, long, short = told[PREFIXES]
    assert none is None
    assert (len(long), len(short)) == (9, 4)
    assert long[:2] == short[:2]
    assert long[2] != short[2]
    around = len("user") + 2  # the role, and what stands behind it and behind the turn
    assert told[ASKED_BYTES] == [None, 5000 + around, 2000 + around]
    assert told[QUESTION_BYTES] == [None, 5000, 2000]


def test_tapes_and_logs_go_together(run: Run, logs: Path, tmp_path: Path):
    run("tape", "logs/a.jsonl", "-o", "a.tape", "-q")
    run("tape", "logs/b.jsonl.gz", "logs/no_log.json", "-o", "b.tape", "-q")
    run("tape", "a.tape", "b.tape", "-o", "both.tape", "-q")
    expected = run("analyze", "logs", "--format", "json").out
    for parts in (["a.tape", "b.tape"], ["both.tape"], ["a.tape", "logs/b.jsonl.gz", "logs/no_log.json"]):
        assert run("analyze", *parts, "logs/c.parquet", "--format", "json").out == expected
    assert json.loads(expected)["inputs"]["duplicates"] > 0


def test_spans_around_calls_are_found_in_any_file_block_tape_and_cache(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A framework's span, an agent around it, and the client's span: three lines of a console exporter."""
    monkeypatch.chdir(tmp_path)
    usage = {"gen_ai.request.model": "gpt-4o", **USAGE}
    lines = []
    for trace in range(9):
        spans: list[tuple[str, str | None, dict[str, Any]]] = [
            ("agent", None, {"gen_ai.operation.name": "invoke_agent", "user.id": f"u{trace % 2}"}),
            ("chat", "agent", usage),
            ("client", "chat", {"gen_ai.operation.name": "chat", "gen_ai.response.id": f"r{trace}", **usage}),
        ]
        lines += [
            {
                "name": name, "parent_id": parent, "context": {"trace_id": f"0xf{trace}", "span_id": name},
                "start_time": "2026-10-05T10:00:00Z", "end_time": "2026-10-05T10:00:01Z", "attributes": said,
            }
            for name, parent, said in spans
        ]  # fmt: skip
    write_jsonl(tmp_path / "all.jsonl", lines)
    expected = json.loads(run("analyze", "all.jsonl", "--format", "json").out)
    assert (expected["inputs"]["requests"], expected["inputs"]["duplicates"]) == (9, 9)
    assert (expected["spend"]["tokens"]["input"], expected["spend"]["tokens"]["output"]) == (4500, 540)
    random.Random(3).shuffle(lines)  # noqa: S311 - the same on every run
    write_jsonl(tmp_path / "a.jsonl", lines[:11])
    write_jsonl(tmp_path / "b.jsonl", lines[11:])
    read_in_blocks(monkeypatch, 400)
    monkeypatch.setattr(tapefile, "PART_ROWS", 2)
    for name in "ab":
        assert run("tape", f"{name}.jsonl", "-o", f"{name}.tape", "-q").code == 0
    for files in ("a.jsonl b.jsonl", "b.jsonl a.tape", "b.jsonl a.jsonl --cache", "a.jsonl b.jsonl --cache"):
        answer = json.loads(run("analyze", *files.split(), "--format", "json").out)
        assert answer["spend"] == expected["spend"]
        assert answer["inputs"]["requests"] == 9
    tagged = [json.loads(line) for line in run("tag", "a.jsonl", "b.jsonl").out.splitlines()]
    assert sorted(row["user"] for row in tagged) == ["u0"] * 5 + ["u1"] * 4


@pytest.mark.parametrize("seed", range(3))
def test_blocks_and_parts_do_not_show(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int):
    chance = random.Random(seed)  # noqa: S311 - the same on every run
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "log.jsonl", random_log(seed, size=often(40, 150)))
    expected = run("analyze", "log.jsonl", "--format", "json").out
    monkeypatch.setattr(tapefile, "PART_ROWS", chance.choice([1, 7, 1000]))
    read_in_blocks(monkeypatch, chance.choice([500, 4000]))
    assert run("tape", "log.jsonl", "-o", "log.tape", "--threads", "2", "-q").code == 0
    assert open_tape(tmp_path / "log.tape").parts > 1 or tapefile.PART_ROWS == 1000
    assert run("analyze", "log.tape", "--format", "json").out == expected


@pytest.mark.parametrize(
    "command",
    [
        "fallback TAPE --format json",
        "tag TAPE",
        "label TAPE -n 5 --seed 1",
        "ledger TAPE -o out.parquet",
        "shadow plan TAPE --from openai/gpt-4o --to openai/gpt-4o-mini --format json",
        "shadow compare TAPE --arm-field model=gpt-4o,gpt-5 --format json",
        "config init TAPE",
    ],
)
def test_every_command_takes_a_tape(run: Run, logs: Path, command: str):
    run("tape", "logs", "-o", "all.tape", "-q")
    found = run(*command.replace("TAPE", "all.tape").split())
    expected = run(*command.replace("TAPE", "logs").split(), *(["--force"] if "init" in command else []))
    assert found.code == expected.code
    assert "bug" not in found.err
    assert found.out.count("\n") == expected.out.count("\n")


def test_requests_of_a_tape_have_ids_and_are_explained(run: Run, logs: Path):
    run("tape", "logs", "-o", "all.tape", "-q")
    of_tape, of_logs = (
        [json.loads(line) for line in run("tag", path).out.splitlines()] for path in ("all.tape", "logs")
    )
    ids = [row.pop("id") for row in of_tape]
    assert len(set(ids)) == len({row.pop("id") for row in of_logs})
    for row in of_logs:
        row |= {"call_id": None, "response_id": None, "parent_id": None, "session": None}
    assert of_tape == of_logs
    told = json.loads(run("tag", "all.tape", "--explain", ids[0], "--format", "json").out)
    assert told["requests"][0]["tier"]["tier"] == of_tape[0]["tier"]
    asked = json.loads(run("tag", "all.tape", "--explain", "r1", "--format", "json").out)
    assert len(asked["requests"]) == len(
        json.loads(run("tag", "logs", "--explain", "r1", "--format", "json").out)["requests"]
    )


def test_no_text_and_no_id_is_on_a_tape(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    call = {
        "model": "gpt-4o", "input_tokens": 5, "output_tokens": 1, "request_id": SECRETS[0],
        "session_id": SECRETS[1], "prompt": f"{SECRETS[2]} please", "system": SECRETS[3], "user": "ann",
    }  # fmt: skip
    write_jsonl(tmp_path / "log.jsonl", [call] * 3)
    run("tape", "log.jsonl", "-o", "log.tape", "-q")
    kept = (tmp_path / "log.tape").read_bytes()
    assert b"ann" in kept
    for secret in SECRETS:
        assert secret.encode() not in kept


@pytest.fixture
def tape(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "log.jsonl", random_log(1, size=30))
    assert run("tape", "log.jsonl", "-o", "log.tape", "-q").code == 0
    return tmp_path / "log.tape"


def test_a_tape_that_is_not_whole_is_refused(tape: Path, run: Run):
    whole = tape.read_bytes()
    size = len(whole)
    for cut in (*range(1, 40), *range(40, size, size // 25), size - 1):
        tape.write_bytes(whole[:cut])
        with pytest.raises(InputError):
            open_tape(tape)
    tape.write_bytes(whole + b"x")
    with pytest.raises(InputError, match="cut off"):
        open_tape(tape)
    chance = random.Random(3)  # noqa: S311 - the same on every run
    for _ in range(often(60, 600)):
        place = chance.randrange(len(tapefile.TAPE_MAGIC), size)
        tape.write_bytes(
            whole[:place] + bytes([whole[place] ^ 1 << chance.randrange(8)]) + whole[place + 1 :]
        )
        with pytest.raises(InputError):
            open_tape(tape)
    found = run("analyze", tape)
    assert (found.code, found.out) == (2, "")
    assert "tape is" in found.err


def test_a_tape_of_another_version_is_refused(tape: Path, run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tapefile, "VERSION", tapefile.VERSION + 1)
    found = run("analyze", tape)
    assert found.code == 2
    assert "another version of costaudit" in found.err


def test_texts_that_other_rules_read_are_refused(run: Run, logs: Path):
    run("tape", "logs", "-o", "all.tape", "--risk", "0.1", "-q")
    found = run("analyze", "all.tape")
    assert (found.code, found.out) == (2, "")
    assert "other rules of tiers" in found.err
    assert run("analyze", "all.tape", "--risk", "0.1", "-q").code == 0


def test_rules_for_texts_do_not_matter_without_texts(run: Run, tape: Path):
    assert run("analyze", tape, "--risk", "0.1").code == 0


def test_packed_tapes_are_read(run: Run, tape: Path):
    (tape.parent / "log.tape.gz").write_bytes(gzip.compress(tape.read_bytes()))
    plain, packed = (run("analyze", name, "--format", "json").out for name in ("log.tape", "log.tape.gz"))
    assert plain == packed != ""


def test_files_of_one_name_on_two_tapes_are_told_apart(run: Run, tape: Path, tmp_path: Path):
    write_jsonl(tmp_path / "log.jsonl", [{"model": "gpt-4o", "input_tokens": -1, "output_tokens": 2}] * 2)
    write_jsonl(tmp_path / "more.jsonl", [{"model": "gpt-4o", "input_tokens": 1, "output_tokens": 2}])
    run("tape", "log.jsonl", "more.jsonl", "-o", "other.tape", "-q")
    told = json.loads(run("analyze", "log.tape", "other.tape", "--format", "json").out)["inputs"]
    assert told["files"] == 3
    assert told["skipped"][0]["examples"][0]["file"] == "other.tape:log.jsonl"


def test_a_tape_is_no_log_to_look_at(run: Run, tape: Path):
    found = run("formats", "test", tape)
    assert found.code == 2
    assert "no records of a log" in found.err


def test_a_tape_is_not_written_over_what_it_is_made_of(run: Run, tape: Path):
    before = tape.read_bytes()
    assert run("tape", tape, "-o", tape).code == 2
    assert tape.read_bytes() == before
