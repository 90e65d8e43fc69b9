"""Tables of a revision: a real repository, a bare clone with two branches, no checkout and no network."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costaudit.prices.book import load_book
from costaudit.prices.trees import open_tables
from tests.prices.test_diff import write
from tests.prices.test_rules import BASIC, price, tables

Run = Callable[..., Any]
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="GIT ABSENT: needs git")

EDITED = tables(
    price("m,input,3,mtok,2026-01-01,"), BASIC[1], price("m,output,9,mtok,2026-12-01,", status="scheduled")
)


def git(place: Path, *argv: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *argv], cwd=place, check=True, capture_output=True)


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose branch edits a price of main and announces another."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    place = tmp_path / "repo"
    place.mkdir()
    git(place, "init", "-q", "-b", "main")
    write(place / "pricing", tables(*BASIC))
    (place / "pricing" / "Ümläut.md").write_text("no table", "utf-8")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "main")
    git(place, "checkout", "-q", "-b", "branch")
    write(place / "pricing", EDITED)
    git(place, "commit", "-q", "-a", "-m", "branch")
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def bare(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(repo), str(place))
    shutil.rmtree(repo)
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def dated(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bare clone with a branch that announces a price."""
    git(repo, "checkout", "-q", "-b", "dated", "main")
    later = price("m,output,9,mtok,2026-12-01,", status="scheduled", day="2026-05-31")
    write(repo / "pricing", tables(*BASIC, later))
    git(repo, "commit", "-q", "-a", "-m", "dated")
    place = tmp_path / "dated.git"
    git(tmp_path, "clone", "-q", "--bare", str(repo), str(place))
    shutil.rmtree(repo)
    monkeypatch.chdir(place)
    return place


def test_a_bare_clone_is_checked_branch_against_branch(run: Run, bare: Path):
    argv = ("pricing", "check", "git:branch:pricing", "--base", "git:main:pricing", "--at", "2026-06-01")
    outcome = run(*argv)
    assert outcome.code == 1
    assert outcome.out.splitlines()[0] == (
        "pricing/acme/prices.csv:2: CA204 error: acme/m/input@2026-01-01 was 2 and is 3 now, without a "
        "correction"
    )
    assert run("pricing", "check", "git:main:pricing", "--base", "git:main:pricing").code == 0


def test_a_branch_is_held_against_where_it_left_main_without_a_word(run: Run, repo: Path):
    found = run("pricing", "check", "pricing", "--at", "2026-06-01")
    assert found.code == 1
    assert "CA204 error: acme/m/input@2026-01-01 was 2 and is 3 now" in found.out
    git(repo, "checkout", "-q", "main")
    assert run("pricing", "check", "pricing", "--at", "2026-06-01").code == 0


def test_tables_that_git_does_not_know_have_no_history(run: Run, repo: Path):
    write(repo / "new", EDITED)
    assert "CA204" not in run("pricing", "check", "new", "--at", "2026-06-01").out


def test_a_bare_clone_is_compared_branch_with_branch(run: Run, bare: Path):
    argv = ("git:main:pricing", "git:branch:pricing", "--at", "2026-06-01", "--format", "json")
    told = json.loads(run("pricing", "diff", *argv).out)
    assert [(c["kind"], c["what"], c["old"], c["new"], c["file"]) for c in told["changes"]] == [
        ("correction", "input", "2", "3", "pricing/acme/prices.csv"),
        ("scheduled", "output", "8", "9", "pricing/acme/prices.csv"),
    ]
    assert told["base"]["name"] == "git:main:pricing"
    assert run("pricing", "diff", *argv, "--fail-if", "correction").code == 1


@pytest.fixture
def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket can be opened, and git may use no protocol."""

    def refused(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "none")


@pytest.mark.usefixtures("bare", "without_network")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("text", "pricing/acme/prices.csv:2: CA204 error: acme/m/input@2026-01-01 was 2 and is 3 now"),
        ("json", '"code": "CA204"'),
        ("markdown", "### costaudit pricing check: failed"),
        ("github", "::error file=pricing/acme/prices.csv,line=2,title=CA204 edited-in-place::"),
        ("gitlab", '"check_name": "edited-in-place"'),
        ("sarif", '"ruleId": "CA204"'),
        ("junit", '<failure type="CA204"'),
    ],
)
def test_a_branch_that_edits_a_price_fails_in_every_format(run: Run, name: str, said: str):
    argv = ("git:branch:pricing", "--base", "git:main:pricing", "--at", "2026-06-01", "--format", name)
    outcome = run("pricing", "check", *argv)
    assert outcome.code == 1
    assert said in outcome.out


@pytest.mark.usefixtures("dated", "without_network")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("text", "    output  8  →  9  +12.5 %"),
        ("json", '"kind": "scheduled"'),
        ("markdown", "| 2026-12-01 | acme/m output | 8 | 9 | +12.5 % | pricing/acme/prices.csv:4 |"),
        (
            "github",
            "::notice file=pricing/acme/prices.csv,line=4,title=scheduled::acme/m output from 2026-12-01",
        ),
        ("gitlab", '"severity": "info"'),
        ("sarif", '"level": "note"'),
        ("junit", 'name="scheduled: acme/m output from 2026-12-01"'),
    ],
)
def test_a_dated_change_passes_and_the_diff_says_so_in_every_format(run: Run, name: str, said: str):
    between = ("git:main:pricing", "git:dated:pricing")
    check = run("pricing", "check", between[1], "--base", between[0], "--at", "2026-05-31", "--format", name)
    assert check.code == 0
    diff = run("pricing", "diff", *between, "--at", "2026-06-01", "--fail-if", "correction", "--format", name)
    assert diff.code == 0
    assert said in diff.out


def test_the_shipped_tables_are_what_is_checked_where_there_is_no_working_tree(run: Run, bare: Path):
    outcome = run("pricing", "check", "--base", "git:main:pricing", "--select", "CA205")
    assert outcome.code == 1, "the shipped book has no acme"
    assert "pricing/acme/prices.csv: CA205 error: acme/m/input@2026-01-01 (2) is gone" in outcome.out


def test_the_working_tree_is_compared_with_a_revision(run: Run, repo: Path):
    write(repo / "pricing", tables(price("m,input,4,mtok,2026-01-01,"), BASIC[1]))
    out = run("pricing", "diff", "git:main", "--at", "2026-06-01").out
    assert "input  2  →  4  +100.0 %  edited in place" in out
    assert "(pricing/acme/prices.csv:2)" in out
    assert "CA204" in run("pricing", "check", "--base", "git:HEAD~1:pricing").out


def test_a_path_may_be_seen_from_the_directory(run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(repo / "pricing")
    for path in ("./acme/prices.csv", "pricing/acme/prices.csv"):
        out = run("pricing", "diff", f"git:main:{path}", f"git:branch:{path}", "--at", "2026-06-01").out
        assert "acme/m from 2026-01-01 (pricing/acme/prices.csv:2)" in out
    assert "edited in place" in run("pricing", "diff", "git:main:.", "--at", "2026-06-01").out


def test_a_revision_reads_like_the_directory_it_was_made_from(repo: Path):
    held = open_tables("git:HEAD:pricing", repo).folder
    assert load_book(held).sha256 == load_book(repo / "pricing").sha256


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("git:nowhere:pricing", "knows no revision 'nowhere'"),
        ("git:main:tables", "no tables at 'tables' in 'main'"),
        ("git:main:pricing/acme/none.csv", "no tables at"),
        ("git:-n:pricing", "names no revision"),
        ("git:", "names no revision"),
    ],
)
def test_what_git_does_not_have_is_said(run: Run, repo: Path, spec: str, said: str):
    for argv in (("diff", spec), ("check", "--base", spec)):
        outcome = run("pricing", *argv)
        assert (outcome.code, outcome.out) == (2, "")
        assert said in outcome.err


def test_without_git_it_says_so(run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(repo))
    outcome = run("pricing", "diff", "git:main")
    assert (outcome.code, outcome.out) == (2, "")
    assert "git is not installed" in outcome.err
