"""Standard streams that are closed, full or used twice, and signals."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.catalogue.auditor import Auditor
from tests.catalogue.cases import TRUST
from tests.catalogue.logs import MANY, lines
from tests.warm import CLOSED

GOOD = lines(MANY)
FULL = "/dev/full"
COSTAUDIT = shlex.join([sys.executable, "-m", "costaudit"])


def test_closed_stdout(audit: Auditor):
    audit.run("analyze", audit.file("x.jsonl", GOOD), streams={1: CLOSED}, codes=(0, 2))


@pytest.mark.parametrize("command", ["analyze", "tag"])
def test_full_stdout(audit: Auditor, command: str):
    ended = audit.run(command, audit.file("x.jsonl", GOOD), streams={1: FULL}, codes=(2,))
    assert "space" in ended.err


def test_closed_stderr(audit: Auditor):
    log = audit.file("x.jsonl", GOOD + b"bad\n")
    ended = audit.run("analyze", log, "--format", "json", streams={2: CLOSED})
    assert json.loads(ended.out)["spend"]["requests"] == MANY


def test_full_stderr(audit: Auditor):
    log = audit.file("x.jsonl", GOOD + b"bad\n")
    ended = audit.run("analyze", log, "--format", "json", streams={2: FULL}, codes=(0, 2))
    assert ended.code or json.loads(ended.out)["spend"]["requests"] == MANY


def test_closed_stdin(audit: Auditor):
    assert "standard input" in audit.run("analyze", "-", streams={0: CLOSED}, codes=(2,)).err


def test_empty_stdin(audit: Auditor):
    assert "empty" in audit.run("analyze", "-", codes=(2,)).err


def test_standard_input_named_twice(audit: Auditor):
    report = audit.analyzed("-", "-", streams={0: audit.file("x.jsonl", GOOD)}, codes=(0, 2))
    assert not report or report["spend"]["requests"] == MANY


@TRUST
@pytest.mark.parametrize(
    ("redirected", "options", "codes"),
    [
        pytest.param(">&-", "", (0, 2), id="stdout closed"),
        pytest.param(">/dev/full", "", (2,), id="stdout full"),
        pytest.param("2>&-", "--format json", (0,), id="stderr closed"),
    ],
)
def test_streams_of_a_real_process(audit: Auditor, redirected: str, options: str, codes: tuple[int, ...]):
    log = audit.file("x.jsonl", GOOD + b"bad\n")
    command = f"exec {COSTAUDIT} analyze {log} {options} {redirected}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode in codes
    assert "Traceback" not in done.stderr
    assert "bug in costaudit" not in done.stderr


@TRUST
@pytest.mark.parametrize("command", ["tag LOG | head -1", "analyze LOG --format json | head -c 10"])
def test_a_reader_that_has_seen_enough(audit: Auditor, command: str):
    filled = command.replace("LOG", str(audit.file("x.jsonl", lines(20_000))))
    pipe = f"{COSTAUDIT} {filled} >/dev/null; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", pipe], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("0\n", "")


# --- signals -------------------------------------------------------------------------------------


def sent(number: int, after_s: float) -> Callable[[int], None]:
    """Send a signal to a process some time after its start."""

    def send(child: int) -> None:
        time.sleep(after_s)
        os.kill(child, number)

    return send


@TRUST
@pytest.mark.parametrize(
    ("number", "codes"),
    [
        pytest.param(signal.SIGINT, (130,), id="SIGINT"),
        pytest.param(signal.SIGTERM, (-15, 143), id="SIGTERM"),
        pytest.param(signal.SIGHUP, (-1, 129), id="SIGHUP"),
    ],
)
def test_a_signal_while_tagging_leaves_no_litter(audit: Auditor, number: int, codes: tuple[int, ...]):
    log, out = audit.file("x.jsonl", lines(300_000)), audit.place / "t.jsonl"
    ended = audit.run("tag", log, "-o", out, codes=codes, meanwhile=sent(number, 1))
    assert number != signal.SIGINT or "interrupted" in ended.err
    assert audit.names() == ["x.jsonl"]
    assert ended.wall_s < 12


@TRUST
def test_a_signal_leaves_no_copy_of_standard_input(audit: Auditor):
    log, place = audit.file("x.jsonl", lines(300_000)), audit.place / "tmp"
    place.mkdir()
    audit.run("analyze", "-", streams={0: log}, env={"TMPDIR": str(place)}, codes=(-15, 143),
              meanwhile=sent(signal.SIGTERM, 1.5))  # fmt: skip
    assert not list(place.iterdir())
