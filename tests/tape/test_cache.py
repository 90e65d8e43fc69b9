"""What is kept of logs answers as they do, is noticed when it no longer holds, and hurts nobody."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest import jsonl
from costaudit.tape import cache as caching
from tests.engine.audits import random_log, write_jsonl

Run = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three logs, of which the next is read for itself; an empty cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(caching.VARIABLE, str(tmp_path / "kept"))
    monkeypatch.setattr("costaudit.ingest.bundle.SMALL_BYTES", 0)
    (tmp_path / "logs").mkdir()
    for number in range(3):
        write_jsonl(tmp_path / "logs" / f"{number}.jsonl", random_log(number, size=20))
    make_old(tmp_path / "logs")
    return tmp_path / "logs"


def make_old(folder: Path) -> None:
    """Files that were changed long ago: their times tell that they are the same."""
    for path in folder.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were parsed, in their order."""
    names: list[str] = []
    parse = jsonl.JsonlReader.parse

    def noted(self: jsonl.JsonlReader, block: Any) -> Any:
        names.append(Path(self.file.name).name)
        return parse(self, block)

    monkeypatch.setattr(jsonl.JsonlReader, "parse", noted)
    return names


def ask(run: Run, *more: str) -> str:
    found = run("analyze", "logs", "--format", "json", *more)
    assert found.code == 0, found.err
    return str(found.out)


def test_a_second_question_reads_no_log(run: Run, folder: Path, parsed: list[str]):
    expected = ask(run)
    parsed.clear()
    assert ask(run, "--cache") == expected
    assert parsed == ["0.jsonl", "1.jsonl", "2.jsonl"]
    parsed.clear()
    assert ask(run, "--cache") == expected
    simulated = run("simulate", "logs", "--format", "json", "--cache")
    assert parsed == []
    assert simulated.out == run("simulate", "logs", "--format", "json").out


def test_a_grown_folder_reads_what_is_new(run: Run, folder: Path, parsed: list[str]):
    ask(run, "--cache")
    write_jsonl(folder / "1a.jsonl", random_log(9, size=5))
    expected = ask(run)
    parsed.clear()
    assert ask(run, "--cache") == expected
    assert parsed == ["1a.jsonl"]


def test_a_file_elsewhere_under_another_name_is_known_by_its_bytes(run: Run, folder: Path, parsed: list[str]):
    ask(run, "--cache")
    (folder / "0.jsonl").rename(folder / "z.jsonl")
    expected = ask(run)
    parsed.clear()
    assert ask(run, "--cache") == expected
    assert parsed == []


@pytest.mark.parametrize("kind", ["truncated", "appended", "replaced"])
def test_a_changed_file_is_noticed(run: Run, folder: Path, parsed: list[str], kind: str):
    ask(run, "--cache")
    path = folder / "1.jsonl"
    data, state = path.read_bytes(), path.stat()
    if kind == "truncated":
        path.write_bytes(data[: data.rindex(b"\n", 0, -1) + 1])
    elif kind == "appended":
        path.write_bytes(data + data.splitlines(keepends=True)[0].replace(b"r", b"s"))
    else:  # as many bytes, and the times as they were
        path.write_bytes(data.replace(b'"output_tokens": 1', b'"output_tokens": 2'))
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
        assert path.stat().st_size == state.st_size
    expected = ask(run)
    parsed.clear()
    assert ask(run, "--cache") == expected
    assert parsed == ["1.jsonl"]


def test_a_file_that_was_just_written_is_known_by_its_bytes_alone(run: Run, folder: Path, parsed: list[str]):
    path = folder / "1.jsonl"
    path.write_bytes(path.read_bytes())
    ask(run, "--cache")
    state = path.stat()
    with path.open("r+b") as log:  # in the same tick of the clock, for all that its times tell
        data = log.read()
        log.seek(0)
        log.write(data.replace(b'"output_tokens": 1', b'"output_tokens": 3'))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    expected = ask(run)
    assert ask(run, "--cache") == expected


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other"])
def test_a_damaged_tape_is_made_again(run: Run, folder: Path, parsed: list[str], damage: str):
    expected = ask(run, "--cache")
    for path in kept():
        data = path.read_bytes()
        path.write_bytes(
            {
                "cut": data[: len(data) // 2],
                "flipped": data[:300] + bytes([data[300] ^ 4]) + data[301:],
                "empty": b"",
                "other": b"{}\n",
            }[damage]
        )
    parsed.clear()
    assert ask(run, "--cache") == expected
    assert len(parsed) == 3
    parsed.clear()
    assert ask(run, "--cache") == expected
    assert parsed == []


def kept() -> list[Path]:
    return sorted(Path("kept").rglob(f"*{caching.ENDING}"))


@pytest.mark.parametrize(
    "options",
    [
        ["--risk", "0.1"],
        ["--input-format", "flat"],
        ["--limit", "line=1MB"],
        ["--rules", "mine.toml"],
        ["--dates", "day-first"],
        ["--decimals", "comma"],
    ],
)
def test_what_is_read_otherwise_is_kept_apart(run: Run, folder: Path, parsed: list[str], options: list[str]):
    rule = '[[text]]\nname = "mine"\ntier = 3\npoints = 9\nregex = "zebra"\n'
    Path("mine.toml").write_text(rule, "utf-8")
    ask(run, "--cache")
    parsed.clear()
    assert ask(run, "--cache", *options) == ask(run, *options)
    assert len(parsed) == 6
    assert len(kept()) == 6


def test_formats_of_the_settings_are_told_apart(run: Run, folder: Path, parsed: list[str]):
    settings = '[formats.mine]\nwhen = { kind = "x" }\nmodel = "m"\ninput_tokens = "i"\noutput_tokens = "o"\n'
    Path("costaudit.toml").write_text("cache = true\n", "utf-8")
    ask(run)
    assert len(kept()) == 3
    Path("costaudit.toml").write_text(f"cache = true\n{settings}", "utf-8")
    parsed.clear()
    ask(run)
    assert len(parsed) == 3
    parsed.clear()
    ask(run)
    assert parsed == []
    ask(run, "--no-cache")
    assert len(parsed) == 3


def test_other_readers_read_again(run: Run, folder: Path, parsed: list[str], monkeypatch: Any):
    ask(run, "--cache")
    monkeypatch.setattr(caching, "__version__", "0.0.99")
    parsed.clear()
    ask(run, "--cache")
    assert len(parsed) == 3


def test_what_shows_ids_reads_the_logs(run: Run, folder: Path, parsed: list[str]):
    Path("costaudit.toml").write_text("cache = true\n", "utf-8")
    ask(run)
    parsed.clear()
    assert "r1" in run("tag", "logs").out
    assert len(parsed) == 3


def test_runs_at_once_do_not_disturb_each_other(folder: Path, monkeypatch: pytest.MonkeyPatch):
    from costaudit.ingest.files import find_logs  # noqa: PLC0415 - as a command has it
    from costaudit.tape.read import HowToRead, read_tape  # noqa: PLC0415
    from tests.engine.audits import tagger  # noqa: PLC0415

    found: list[int] = []

    def read() -> None:
        for _ in range(5):
            files, _ = find_logs(["logs"])
            kept_at = caching.Cache(Path("kept"), "")
            with read_tape(files, tagger(), HowToRead(threads=1, cache=kept_at)) as tape:
                found.append(sum(reel.size for reel in tape.reels()))
            assert kept_at.trouble is None

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    assert len(set(found)) == 1
    assert len(kept()) == 3
    assert not list(Path("kept").rglob("*.costaudit-draft"))


def test_an_interrupted_run_leaves_nothing(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch):
    parse = jsonl.JsonlReader.parse

    def interrupted(self: jsonl.JsonlReader, block: Any) -> Any:
        if self.file.name.endswith("1.jsonl"):
            raise KeyboardInterrupt
        return parse(self, block)

    monkeypatch.setattr(jsonl.JsonlReader, "parse", interrupted)
    assert run("analyze", "logs", "--cache", "--threads", "1").code == 130
    monkeypatch.setattr(jsonl.JsonlReader, "parse", parse)
    assert len(kept()) <= 1
    assert not list(Path("kept").rglob("*.costaudit-draft"))
    assert ask(run, "--cache") == ask(run)


def test_a_file_that_changes_while_it_is_read_is_not_kept(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    parse = jsonl.JsonlReader.parse

    def growing(self: jsonl.JsonlReader, block: Any) -> Any:
        if self.file.name.endswith("1.jsonl"):
            with (folder / "1.jsonl").open("a") as log:
                log.write("\n")
        return parse(self, block)

    monkeypatch.setattr(jsonl.JsonlReader, "parse", growing)
    ask(run, "--cache", "--threads", "1")
    assert len(kept()) == 2


def test_a_folder_that_cannot_be_written_is_told(run: Run, folder: Path):
    expected = ask(run)
    Path("kept").write_text("a file", "utf-8")
    found = run("analyze", "logs", "--format", "json", "--cache")
    assert (found.code, found.out) == (0, expected)
    assert "the cache" in found.err
    assert "keeps nothing" in found.err


def test_the_least_used_goes_first(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch):
    ask(run, "--cache")
    size = sum(path.stat().st_size for path in kept())
    (folder / "1.jsonl").unlink()
    before = set(kept())
    for path in before:
        os.utime(path, (1, 1))
    monkeypatch.setattr(caching, "MOST_BYTES", size)
    write_jsonl(folder / "new.jsonl", random_log(8, size=2))
    ask(run, "--cache")
    assert len(before - set(kept())) == 1
    assert len(kept()) == 3
    assert ask(run, "--cache") == ask(run)


def test_info_and_clear(run: Run, folder: Path):
    assert json.loads(run("cache", "info", "--format", "json").out)["entries"] == 0
    ask(run, "--cache")
    (Path("kept") / "mine.txt").write_text("not costaudit's", "utf-8")
    told = json.loads(run("cache", "info", "--format", "json").out)
    assert told["entries"] == 3
    assert told["bytes"] == sum(path.stat().st_size for path in kept())
    assert "3 tapes" in run("cache", "info").out
    assert run("cache", "clear").code == 0
    assert kept() == []
    assert sorted(path.name for path in Path("kept").rglob("*")) == ["CACHEDIR.TAG", "mine.txt"]
    assert run("cache", "clear").code == 0


def test_no_text_and_no_id_is_kept(run: Run, folder: Path):
    call = {"model": "gpt-4o", "input_tokens": 5, "output_tokens": 1, "request_id": "call-canary"}
    write_jsonl(folder / "3.jsonl", [call | {"prompt": "prompt canary please", "session_id": "s-canary"}])
    ask(run, "--cache")
    assert len(kept()) == 4
    for path in Path("kept").rglob("*"):
        assert path.is_dir() or b"canary" not in path.read_bytes()
    assert (Path("kept").stat().st_mode & 0o777) == 0o700
