"""A repository with price tables, and branches that change them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from costaudit.prices.folders import Held
from tests.ci.forge import Forge, serve
from tests.conftest import ROOT
from tests.prices.test_diff import write
from tests.prices.test_rules import BASIC, price, tables
from tests.render.checks.published import junit_schema, sarif_schema

__all__ = ["junit_schema", "sarif_schema"]

EDITED = tables(price("m,input,3,mtok,2026-01-01,"), BASIC[1])
"""A price of the past, edited in place."""
TODAY = datetime.now(UTC).date().isoformat()
DATED = tables(
    *BASIC,
    price("m,input,3,mtok,2099-01-01,", status="scheduled", day=TODAY),
    price("m,output,12,mtok,2099-01-01,", status="scheduled", day=TODAY),
)
"""Prices that start on a day to come, written down today."""
HISTORY = {"edited": EDITED, "dated": DATED, "same": tables(*BASIC)}


def git(place: Path, *argv: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *argv], cwd=place, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(place: Path, book: Held, message: str) -> str:
    """Commit tables; returns the commit."""
    write(place / "pricing", book)
    (place / f"{message}.txt").write_text(message, "utf-8")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", message)
    return git(place, "rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with main, and a branch for each of HISTORY."""
    if shutil.which("git") is None:
        pytest.skip("GIT ABSENT: needs git")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    place = tmp_path / "origin"
    place.mkdir()
    git(place, "init", "-q", "-b", "main")
    commit(place, tables(*BASIC), "main")
    for name, book in HISTORY.items():
        git(place, "checkout", "-q", "-b", name, "main")
        commit(place, book, name)
    git(place, "checkout", "-q", "main")
    return place


@pytest.fixture
def merged(repo: Path, tmp_path: Path) -> Path:
    """A clone as actions/checkout leaves it; `check_out` puts a pull request into it."""
    place = tmp_path / "work"
    git(tmp_path, "clone", "-q", str(repo), str(place))
    return place


def check_out(place: Path, branch: str) -> str:
    """What GitHub checks of a pull request: its merge with the base branch; returns the commit."""
    git(place, "checkout", "-q", "--detach", "origin/main")
    git(place, "merge", "-q", "--no-ff", "-m", f"merge {branch}", f"origin/{branch}")
    return git(place, "rev-parse", "HEAD")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Where `costaudit` is that of this checkout."""
    shims = tmp_path / "bin"
    shims.mkdir()
    shim = shims / "costaudit"
    shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m costaudit "$@"\n', "utf-8")
    shim.chmod(0o755)
    return {**os.environ, "PATH": f"{shims}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def forge() -> Iterator[Forge]:
    """The API of a forge."""
    with serve(Forge()) as served:
        yield served
