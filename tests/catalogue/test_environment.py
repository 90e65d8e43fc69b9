"""Terminals, locales, time zones and working directories that are not as usual."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

from tests.catalogue.auditor import Auditor
from tests.catalogue.cases import TRUST, named
from tests.catalogue.logs import MANY, line, lines
from tests.catalogue.test_files import NOBODY, as_nobody

FOREIGN = b"".join(line(number, feature="模型é") for number in range(5))
VARIABLES: dict[str, dict[str, str | None]] = {
    "no HOME": {"HOME": None},
    "bogus TZ": {"TZ": "Mars/Phobos"},
    "COLUMNS 0": {"COLUMNS": "0"},
    "COLUMNS 1": {"COLUMNS": "1"},
    "COLUMNS 10^7": {"COLUMNS": "10000000"},
    "COLUMNS text": {"COLUMNS": "wide"},
    "COLUMNS ²": {"COLUMNS": "²"},
}


@named(VARIABLES)
@pytest.mark.parametrize("command", ["analyze", "simulate"])
def test_variables_of_the_environment(audit: Auditor, command: str, case: dict[str, str | None]):
    ended = audit.run(command, audit.file("x.jsonl", FOREIGN), env=case)
    assert 100 < len(ended.out) < 2_000_000


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("command", ["analyze", "simulate"])
def test_an_output_that_cannot_show_everything(audit: Auditor, command: str, encoding: str):
    ended = audit.run(command, audit.file("x.jsonl", FOREIGN), encoding=encoding)
    assert len(ended.out) > 100


LOCALES = {
    "ascii output": {"PYTHONIOENCODING": "ascii"},
    "latin-1 output": {"PYTHONIOENCODING": "latin-1"},
    "C locale without UTF-8 mode": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "POSIX locale": {"LC_ALL": "POSIX"},
    "unknown locale": {"LC_ALL": "xx_XX"},
}
ENTRY = [sys.executable, "-m", "costaudit"]


@TRUST
@named(LOCALES)
@pytest.mark.parametrize("words", [["analyze", "LOG"], ["simulate"]], ids=["analyze", "simulate"])
def test_locales_of_a_real_process(audit: Auditor, words: list[str], case: dict[str, str]):
    log = str(audit.file("x.jsonl", FOREIGN))
    argv = [*ENTRY, *(log if word == "LOG" else word for word in words)]
    done = subprocess.run(argv, capture_output=True, env={**os.environ, **case}, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr


@TRUST
def test_a_working_directory_that_is_gone(audit: Auditor):
    gone, log = audit.place / "gone", audit.file("x.jsonl", lines(MANY))
    gone.mkdir()
    command = (
        f"cd {gone} && rmdir {gone} && exec {shlex.join([*ENTRY, 'analyze', str(log), '--format', 'json'])}"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 2), done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 2 or f'"requests": {MANY}' in done.stdout


@as_nobody
@pytest.mark.parametrize("mode", [0o311, 0o300], ids=["not listed", "not searched"])
def test_a_folder_above_that_may_not_be_read(audit: Auditor, mode: int):
    below = audit.place / "a" / "b"
    below.mkdir(parents=True)
    log = audit.file("x.jsonl", lines(MANY))
    below.parent.chmod(mode)
    audit.plain(log, requests=MANY, cwd=below, uid=NOBODY)
