"""How commands end: streams that are full or closed, signals, odd places; always a line that says what."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.warm import CLOSED, UNREAD, Warm

CALL = {"timestamp": "2026-10-05T09:00:00Z", "model": "gpt-4o", "input_tokens": 10, "output_tokens": 1}
LOG = "".join(json.dumps({**CALL, "request_id": f"r{n}", "feature": "模型é"}) + "\n" for n in range(50))
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text(LOG, "utf-8")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def one_line(err: str) -> str:
    assert err.startswith("costaudit: "), err
    assert err.count("\n") == 1, err
    assert "bug" not in err
    return err


# Streams

COMMANDS = [
    "analyze LOG",
    "analyze LOG --format json",
    "tag LOG",
    "label LOG",
    "pricing list",
    "--help",
    "config show",
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("stdout", "said"), [("/dev/full", "No space left on device"), (CLOSED, "is closed")]
)
def test_an_answer_that_nobody_can_take_is_told(warm: Warm, log: Path, command: str, stdout: str, said: str):
    argv = [str(log) if word == "LOG" else word for word in command.split()]
    found = warm(*argv, streams={1: stdout}, cwd=log.parent)
    if command == "--help" and stdout == CLOSED:
        assert found.code == 0  # typer has nothing to say then
        return
    assert found.code == 2
    assert "standard output" in found.err or command == "--help"
    assert said in found.err
    assert "bug" not in found.err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("stderr", ["/dev/full", CLOSED])
def test_nobody_has_to_listen_to_warnings(warm: Warm, log: Path, command: str, stderr: str):
    log.write_text(LOG + "bad\n", "utf-8")
    argv = [str(log) if word == "LOG" else word for word in command.split()]
    spoken = warm(*argv, cwd=log.parent)
    silent = warm(*argv, cwd=log.parent, streams={2: stderr})
    assert (silent.code, silent.out) == (spoken.code, spoken.out)
    assert spoken.code == 0


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("ending", ["json", "txt"])
def test_a_file_is_written_whatever_is_closed(
    warm: Warm, log: Path, closed: tuple[int, ...], ending: str, tmp_path: Path
):
    out = tmp_path / f"out.{ending}"
    log.write_text(LOG + "bad\n", "utf-8")
    argv = ["analyze", log, "--format", "json" if ending == "json" else "text", "-o", out]
    assert warm(*argv).code == 0
    expected = out.read_bytes()
    out.unlink()
    assert warm(*argv, streams=dict.fromkeys(closed, CLOSED)).code == 0
    assert out.read_bytes() == expected


def test_closed_standard_input_is_told(warm: Warm):
    found = warm("analyze", "-", streams={0: CLOSED})
    assert found.code == 2
    assert "standard input" in one_line(found.err)


def test_a_log_from_standard_input_is_not_replaced(warm: Warm, log: Path):
    found = warm("tag", "-", "-o", log, streams={0: log})
    assert found.code == 2
    assert "would replace standard input" in one_line(found.err)
    assert log.read_text("utf-8") == LOG


def test_rows_are_not_added_to_the_log_they_are_of(warm: Warm, log: Path):
    found = warm(
        "tag", log, before=f"import os; os.dup2(os.open({str(log)!r}, os.O_WRONLY | os.O_APPEND), 1)"
    )
    assert found.code == 2
    assert "which this run reads" in one_line(found.err)
    assert log.read_text("utf-8") == LOG


@pytest.mark.parametrize("command", ["tag LOG", "analyze LOG --format json", "pricing list"])
def test_a_reader_that_has_seen_enough_is_no_trouble(warm: Warm, log: Path, command: str):
    argv = [str(log) if word == "LOG" else word for word in command.split()]
    found = warm(*argv, streams={1: UNREAD})
    assert (found.code, found.err) == (0, "")


def test_a_closed_pipe_does_not_turn_a_verdict(warm: Warm, log: Path):
    (log.parent / "costaudit.toml").write_text('[[gates.budget]]\nper = "log"\ndeny = "0"\n', "utf-8")
    found = warm("check", log, cwd=log.parent, streams={1: UNREAD})
    assert found.code == 1


# Encodings


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_text_is_readable_where_the_terminal_has_few_characters(warm: Warm, log: Path, encoding: str):
    full, plain = (warm("analyze", log, encoding=name) for name in ("utf-8", encoding))
    assert plain.code == 0
    text = plain.out.decode(encoding)
    assert len(text.splitlines()) == len(full.out.decode().splitlines())
    assert "\\x" not in text
    assert "\\u" not in text
    assert "????" in text  # the width of two wide characters
    assert ("???e" if encoding == "ascii" else "????é") in text.replace("????e", "???e")


@pytest.mark.parametrize("name", ["json", "csv", "markdown"])
def test_what_programs_read_is_utf_8_everywhere(warm: Warm, log: Path, name: str):
    here, there = (warm("analyze", log, "--format", name, encoding=e) for e in ("utf-8", "ascii"))
    assert here.code == there.code == 0
    assert here.out == there.out
    assert "模型é" in here.out.decode("utf-8")


# Names that are not UTF-8

ODD = b"caf\xe9\xff.jsonl"
RENDERED = "caf\\xe9\\xff.jsonl"


NAMING = [
    "analyze LOG --policy ODD", "analyze LOG --rules ODD", "simulate --scenario ODD", "formats test ODD",
    "analyze LOG --labels ODD", "analyze LOG --compare-bill ODD", "analyze LOG --prices ODD",
    "simulate LOG --evals ODD", "label LOG --read ODD", "shadow compare LOG LOG --outcomes ODD",
]  # fmt: skip


def test_a_name_that_is_not_utf_8_is_told_in_one_way(run: Callable[..., Any], tmp_path: Path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/" + ODD)
    Path(path).write_text(LOG + "bad\n", "utf-8")
    for name in ("text", "json", "csv", "markdown"):
        found = run("analyze", path, "--format", name)
        assert found.code == 0
        assert RENDERED in found.err
        found.out.encode("utf-8")
    told = json.loads(run("analyze", path, "--format", "json").out)
    assert RENDERED in str(told).replace("\\\\", "\\")
    assert run("tag", path, "-o", f"{path}.csv").code == 0
    assert run("ledger", path, "-o", f"{path}.parquet").code == 0
    assert RENDERED in run("analyze", path, "-o", f"{path}/x").err
    for command in NAMING:
        argv = [{"ODD": path, "LOG": path}.get(word, word) for word in command.split()]
        found = run(*argv)
        assert "bug" not in found.err
        assert found.code in (0, 2)
        (found.out + found.err).encode("utf-8")


# Places


def test_the_working_directory_is_gone(warm: Warm, log: Path, tmp_path: Path):
    gone = "import os, tempfile; d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)"
    assert warm("analyze", log, before=gone).code == 0
    for command in ("analyze log.jsonl", "analyze LOG -o out.txt", "pricing check tables", "config init LOG",
                    "pricing diff git:HEAD", "check LOG"):  # fmt: skip
        argv = [str(log) if word == "LOG" else word for word in command.split()]
        found = warm(*argv, before=gone)
        assert found.code == 2, command
        assert "bug" not in found.err


@pytest.fixture
def common() -> Iterator[Path]:
    """A folder that every user can get to."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "log.jsonl").write_text(LOG, "utf-8")
        yield Path(folder)


@ROOT
@pytest.mark.parametrize("mode", [0o700, 0o711, 0o744])
def test_a_folder_above_lets_nobody_look(warm: Warm, common: Path, mode: int):
    here = common / "closed/here"
    here.mkdir(parents=True)
    (common / "closed").chmod(mode)
    found = warm("analyze", common / "log.jsonl", "--format", "json", cwd=here, uid=65534)
    assert found.code == 0, found.err
    assert json.loads(found.out)["spend"]["requests"] == 50


@pytest.mark.parametrize("folder", ["/nonexistent", "/dev/null"])
def test_a_tmpdir_that_is_none_is_passed_over(warm: Warm, log: Path, folder: str):
    assert warm("analyze", "-", env={"TMPDIR": folder}, streams={0: log}).code == 0


def test_no_room_for_a_copy_is_told(warm: Warm, log: Path, tmp_path: Path):
    full = "import costaudit.drafts as d, os; d.unnamed = lambda *_: os.open('/dev/full', os.O_WRONLY)"
    found = warm("analyze", "-", before=full, streams={0: log})
    assert found.code == 2
    assert "No space left on device (TMPDIR names a folder with room)" in one_line(found.err)


def test_no_folder_for_temporary_files_is_told(warm: Warm, log: Path):
    none = (
        "import tempfile, os; os.access = lambda *_, **__: False\n"
        "def nowhere(): raise FileNotFoundError(2, 'No usable temporary directory found in []')\n"
        "tempfile.gettempdir = nowhere"
    )
    found = warm("analyze", "-", before=none, streams={0: log})
    assert found.code == 2
    assert "TMPDIR" in one_line(found.err)
    assert warm("analyze", log, before=none).code == 0


# Limits


@ROOT
@pytest.mark.parametrize("threads", ["2", "64"])
def test_fewer_threads_are_used_where_there_are_no_more(warm: Warm, common: Path, threads: str):
    big = common / "big.jsonl"
    big.write_text(LOG * 400, "utf-8")
    found = warm("analyze", big, "--threads", threads, limits={"NPROC": 1}, uid=65533)
    if found.code != 0:  # Arrow needs one of its own
        assert found.code == 2
        assert "no more threads can be started" in one_line(found.err)


def test_more_threads_than_there_can_be_are_no_trouble(warm: Warm, log: Path):
    assert warm("analyze", log, "--threads", "1000000").code == 0


@pytest.mark.parametrize("error", ["MemoryError()", "pyarrow.ArrowMemoryError('malloc of 5 failed')"])
def test_memory_that_is_short_is_told(warm: Warm, log: Path, error: str):
    short = (
        f"import pyarrow, costaudit.tape.read as l\ndef short(*_, **__): raise {error}\nl.read_tape = short"
    )
    found = warm("analyze", log, before=short)
    assert found.code == 2
    assert "not enough memory" in one_line(found.err)


def test_any_other_exception_is_a_bug(warm: Warm, log: Path):
    wrong = "import costaudit.tape.read as l\ndef wrong(*_, **__): raise KeyError('x')\nl.read_tape = wrong"
    found = warm("analyze", log, before=wrong)
    assert found.code == 3
    assert "this is a bug in costaudit: KeyError in <string>:2" in found.err


# Signals

SLOW = (
    "import time, costaudit.tape.read as l; done = l.read_tape\n"
    "def slow(*a, **k):\n"
    "    open('at work', 'w').close()\n"
    "    time.sleep(20)\n"
    "    return done(*a, **k)\n"
    "l.read_tape = slow"
)
SIGNALS = [
    (signal.SIGINT, 130, "interrupted"),
    (signal.SIGTERM, 143, "SIGTERM"),
    (signal.SIGHUP, 129, "SIGHUP"),
]


def when_at_work(folder: Path, *numbers: signal.Signals) -> Callable[[int], None]:
    def send(pid: int) -> None:
        while not (folder / "at work").exists():
            time.sleep(0.01)
        (folder / "at work").unlink()
        for number in numbers:
            time.sleep(0.1)
            os.kill(pid, number)

    return send


@pytest.mark.parametrize(("number", "code", "said"), SIGNALS)
@pytest.mark.parametrize("command", ["analyze -", "tag LOG -o out.jsonl", "ledger LOG -o out.parquet"])
@pytest.mark.parametrize("drafts", ["", "import costaudit.drafts as d; d.unnamed = lambda *_: None\n"])
def test_signals_end_a_command_and_leave_nothing(
    warm: Warm, log: Path, command: str, drafts: str, number: signal.Signals, code: int, said: str
):
    argv = [str(log) if word == "LOG" else word for word in command.split()]
    (log.parent / "tmp").mkdir()
    start = time.monotonic()
    found = warm(
        *argv, cwd=log.parent, env={"TMPDIR": str(log.parent / "tmp")}, streams={0: log},
        before=drafts + SLOW, meanwhile=when_at_work(log.parent, number),
    )  # fmt: skip
    assert time.monotonic() - start < 15
    assert found.code == code
    assert said in one_line(found.err)
    assert names(log.parent) == ["log.jsonl", "tmp"]
    assert names(log.parent / "tmp") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_second_signal_kills_at_once(warm: Warm, log: Path, number: signal.Signals):
    stuck = SLOW.replace("    time.sleep(20)\n", "    try: time.sleep(20)\n    finally: time.sleep(20)\n")
    found = warm(
        "analyze",
        log,
        cwd=log.parent,
        before=stuck,
        meanwhile=when_at_work(log.parent, signal.SIGTERM, number),
    )
    assert found.code == -number


def test_a_hangup_that_was_ignored_at_the_start_stays_ignored(warm: Warm, log: Path):
    brief = SLOW.replace("sleep(20)", "sleep(1)")
    nohup = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + brief
    found = warm(
        "analyze", log, cwd=log.parent, before=nohup, meanwhile=when_at_work(log.parent, signal.SIGHUP)
    )
    assert (found.code, found.err) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_threads_at_work_are_not_waited_for(warm: Warm, log: Path, number: signal.Signals):
    slow = (
        "import time, costaudit.ingest.jsonl as j\n"
        "def parse(*_):\n"
        "    open('at work', 'w').close()\n"
        "    time.sleep(20)\n"
        "j.JsonlReader.parse = parse"
    )
    start = time.monotonic()
    found = warm(
        "analyze",
        log,
        "--threads",
        "2",
        cwd=log.parent,
        before=slow,
        meanwhile=when_at_work(log.parent, number),
    )
    assert found.code == 128 + number
    assert time.monotonic() - start < 15
