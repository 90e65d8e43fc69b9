"""A repository that wants to run something, or to show other tables than its commits hold: neither happens.

Each trap is first sprung by a command of git that falls for it: one that catches nobody is noticed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.prices.test_git_tables import git, repo
from tests.prices.test_rules import BASIC, price, tables

__all__ = ["repo"]

Run = Callable[..., Any]
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="GIT ABSENT: needs git")

TABLE = "HEAD:pricing/acme/prices.csv"
COMMANDS = (
    ("pricing", "check", "git:HEAD:pricing", "--base", "git:HEAD~1:./pricing"),
    ("pricing", "diff", "git:HEAD~1:pricing", "git:HEAD"),
    ("pricing", "diff", "git:HEAD~1:pricing/acme/prices.csv"),
)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that leaves a mark beside itself: `sprung`."""
    program = tmp_path / "trap"
    program.write_text(f'#!/bin/sh\ntouch "{tmp_path}/sprung"\nexit 1\n', "utf-8")
    program.chmod(0o755)
    return program


def sprung(trap: Path) -> bool:
    """Whether the trap was run since the last time it was asked."""
    mark = trap.with_name("sprung")
    was = mark.exists()
    mark.unlink(missing_ok=True)
    return was


def provoke(place: Path, *argv: str, **environ: str) -> None:
    """Let git fall into a trap; whether it fails afterwards does not matter."""
    subprocess.run(
        ["git", *argv],
        cwd=place,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def answers(run: Run) -> list[tuple[int, str]]:
    """What the commands answer; the day is fixed, so that it does not matter."""
    outcomes = [run(*argv, "--at", "2026-06-01", "--format", "json") for argv in COMMANDS]
    return [(outcome.code, outcome.out) for outcome in outcomes]


@pytest.mark.parametrize(
    ("settings", "falls"),
    [
        ({"core.fsmonitor": "TRAP"}, ("status",)),
        ({"core.hooksPath": "HOOKS"}, ("checkout", "-q", "HEAD~0")),
        ({"filter.x.smudge": "TRAP", "filter.x.clean": "TRAP"}, ("cat-file", "--filters", TABLE)),
        ({"filter.x.process": "TRAP", "filter.x.required": "true"}, ("cat-file", "--filters", TABLE)),
        ({"diff.x.textconv": "TRAP"}, ("cat-file", "--textconv", TABLE)),
        ({"diff.external": "TRAP"}, ("diff", "HEAD~1")),
        ({"diff.x.command": "TRAP"}, ("diff", "HEAD~1")),
        ({"alias.rev-parse": "!TRAP", "alias.ls-tree": "!TRAP", "alias.x": "!TRAP"}, ("x",)),
        ({"gpg.program": "TRAP", "log.showSignature": "true"}, ("tag", "-s", "-m", "x", "x")),
        ({"core.editor": "TRAP", "sequence.editor": "TRAP"}, ("commit", "--amend")),
        ({"core.sshCommand": "TRAP", "remote.origin.url": "ssh://x.invalid/y"}, ("fetch",)),
        ({"remote.origin.url": "ext::TRAP", "protocol.allow": "always"}, ("fetch",)),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else " ".join(value),
)
def test_settings_of_a_repository_run_nothing(
    run: Run, repo: Path, trap: Path, settings: dict[str, str], falls: tuple[str, ...]
):
    honest = answers(run)
    hooks = trap.with_name("hooks")
    hooks.mkdir()
    for name in ("post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc"):
        (hooks / name).symlink_to(trap)
    (repo / ".git" / "info" / "attributes").write_text("* filter=x diff=x\n", "utf-8")
    for name, value in settings.items():
        git(repo, "config", name, value.replace("TRAP", str(trap)).replace("HOOKS", str(hooks)))
    provoke(repo, *falls)
    assert sprung(trap), "the trap is not armed"
    assert answers(run) == honest
    assert not sprung(trap)


@pytest.mark.parametrize(
    ("url", "settings", "environ"),
    [
        ("ssh://x.invalid/y", {"core.sshCommand": "TRAP"}, {}),
        ("ssh://x.invalid/y", {}, {"GIT_SSH_COMMAND": "TRAP"}),
        ("ext::TRAP", {"protocol.ext.allow": "always"}, {}),
        ("ext::TRAP", {}, {"GIT_ALLOW_PROTOCOL": "ext"}),
        ("", {"remote.origin.uploadpack": "TRAP"}, {}),
    ],
)
def test_what_a_partial_clone_lacks_is_not_fetched(
    run: Run,
    repo: Path,
    trap: Path,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    settings: dict[str, str],
    environ: dict[str, str],
):
    git(repo, "config", "uploadpack.allowFilter", "true")
    partial = trap.with_name("partial.git")
    git(repo, "clone", "-q", "--bare", "--filter=blob:none", repo.as_uri(), str(partial))
    armed = {name: value.replace("TRAP", str(trap)) for name, value in settings.items()}
    if url:
        armed["remote.origin.url"] = url.replace("TRAP", str(trap))
    for name, value in armed.items():
        git(partial, "config", name, value)
    for name, value in environ.items():
        monkeypatch.setenv(name, value.replace("TRAP", str(trap)))
    monkeypatch.chdir(partial)
    provoke(partial, "cat-file", "-p", TABLE)
    assert sprung(trap), "the trap is not armed"
    for argv in COMMANDS[:2]:
        outcome = run(*(word.replace("./", "") for word in argv))
        assert (outcome.code, outcome.out) == (2, "")
        assert "git: " in outcome.err
    assert not sprung(trap)


def test_commits_are_what_their_hash_says_not_what_replaces_them(run: Run, repo: Path):
    honest = answers(run)
    git(repo, "replace", "HEAD~1", "HEAD")
    assert answers(run) == honest
    git(repo, "replace", "-d", "HEAD~1")
    git(repo, "checkout", "-q", "--orphan", "other")
    other = tables(price("m,input,3,mtok,2026-01-01,"), BASIC[1])
    (repo / "pricing" / "acme" / "prices.csv").write_bytes((other / "acme" / "prices.csv").read_bytes())
    git(repo, "commit", "-q", "-a", "-m", "other")
    listed = subprocess.run(
        ["git", "rev-parse", "branch", "other"], cwd=repo, capture_output=True, check=True
    )
    git(repo, "checkout", "-q", "branch")
    (repo / ".git" / "info" / "grafts").write_bytes(b" ".join(listed.stdout.split()) + b"\n")
    assert answers(run) == honest


def test_variables_of_git_say_where_the_repository_is_and_no_more(
    run: Run, repo: Path, trap: Path, monkeypatch: pytest.MonkeyPatch
):
    honest = answers(run)
    trace = trap.with_name("trace")
    for name, value in {
        "GIT_TRACE": str(trace), "GIT_TRACE2_EVENT": str(trace), "GIT_TRACE_SETUP": str(trace),
        "GIT_PAGER": str(trap), "GIT_EXTERNAL_DIFF": str(trap), "GIT_GLOB_PATHSPECS": "1",
        "GIT_REPLACE_REF_BASE": "refs/heads/", "GIT_INDEX_FILE": "/dev/null", "GIT_ICASE_PATHSPECS": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    provoke(repo, "--version")
    assert trace.exists(), "the trap is not armed"
    trace.unlink()
    assert answers(run) == honest
    assert not trace.exists()
    assert not sprung(trap)
    monkeypatch.chdir(trap.parent)
    monkeypatch.setenv("GIT_DIR", str(repo / ".git"))
    assert run(*COMMANDS[1], "--at", "2026-06-01").code == 0


def test_a_program_of_the_working_directory_is_not_git(
    run: Run, repo: Path, trap: Path, monkeypatch: pytest.MonkeyPatch
):
    honest = answers(run)
    shutil.copy(trap, repo / "git")
    monkeypatch.setenv("PATH", os.pathsep.join([".", "", os.environ["PATH"]]))
    assert shutil.which("git") in ("./git", "git"), "the trap is not armed"
    assert answers(run) == honest
    assert not sprung(trap)


@pytest.mark.parametrize("word", ["--all", "-n", "--output=x", "--git-dir", "--show-toplevel", "HEAD --all"])
def test_no_word_becomes_an_option_of_git(run: Run, repo: Path, word: str):
    before = sorted(path.name for path in repo.iterdir())
    for argv in (("check",), ("check", "--base"), ("diff",)):
        for spec in (f"git:{word}:pricing", f"git:HEAD:{word}"):
            outcome = run("pricing", *argv, spec)
            assert (outcome.code, outcome.out) == (2, "")
            assert re.search("names no revision|knows no revision|no tables at", outcome.err)
    assert sorted(path.name for path in repo.iterdir()) == before


@pytest.mark.parametrize("path", [":/pricing", ":(top)pricing", ":(glob)**", "pric*", ":(icase)PRICING"])
def test_a_path_is_a_path_and_no_pattern(run: Run, repo: Path, path: str):
    outcome = run("pricing", "check", f"git:HEAD:{path}")
    assert (outcome.code, outcome.out) == (2, "")
    assert "no tables at" in outcome.err


def test_a_repository_that_git_does_not_trust_is_told_in_its_words(
    run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GIT_CONFIG_COUNT", "0")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    (repo / ".git" / "config").write_text("[core\n", "utf-8")
    outcome = run("pricing", "diff", "git:HEAD")
    assert (outcome.code, outcome.out) == (2, "")
    assert "git: fatal: bad config line 1" in outcome.err
