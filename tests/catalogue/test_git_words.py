"""Revisions that would be options, commands or paths, and repositories that would have something run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from costaudit.prices.book import shipped_directory
from tests.catalogue.auditor import Auditor
from tests.catalogue.cases import TRUST, named

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="GIT ABSENT: needs git")

WHO = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
WORDS = (
    "git:--upload-pack=touch pwned:x", "git:-h:pricing", "git::pricing", "git:HEAD", "git:HEAD:../../etc",
    "git:HEAD:/etc/passwd", "git:HEAD:--output=pwned", "git:HEAD^{/x}:pricing", "git:HEAD:pricing\n--x",
    "git:@{-1}:pricing", "git:HEAD:$(touch pwned)", "git:refs/heads/;touch pwned:pricing",
    "git:HEAD:.git/config", "git:ext::sh -c touch% pwned:x", "git:" + "a" * 100_000,
)  # fmt: skip


def commit_all(place: Path) -> Path:
    """Make a repository of a folder."""
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run(["git", *WHO, *words], cwd=place, check=True, capture_output=True)
    return place


@named({word[:40].replace("\n", " "): word for word in WORDS})
@pytest.mark.parametrize("command", ["diff IT", pytest.param("check pricing --base IT", marks=TRUST)])
def test_a_revision_is_nothing_but_a_revision(audit: Auditor, command: str, case: str):
    repo = commit_all(audit.file("repo/pricing/openai/prices.csv", b"x\n").parents[2])
    before = set(repo.iterdir())
    words = [case if word == "IT" else word for word in command.split()]
    ended = audit.run("pricing", *words, cwd=repo, codes=(0, 1, 2))
    assert set(repo.iterdir()) == before
    assert len(ended.err) < 3000 or len(case) > 2000
    assert "root:" not in ended.text + ended.err


HOSTILE = """[core]
 fsmonitor = "touch PWNED"
 pager = "touch PWNED"
 sshCommand = "touch PWNED"
 hooksPath = HOOKS
[diff "x"]
 textconv = "touch PWNED"
[filter "x"]
 smudge = "touch PWNED"
[alias]
 rev-parse = "!touch PWNED"
"""


def test_settings_and_hooks_of_a_repository_are_not_run(audit: Auditor):
    repo, pwned = audit.place / "repo", audit.place / "pwned"
    shutil.copytree(shipped_directory() / "deepseek", repo / "pricing" / "deepseek")
    shutil.copy(shipped_directory() / "providers.toml", repo / "pricing")
    commit_all(repo)
    with (repo / ".git" / "config").open("a") as settings:
        settings.write(HOSTILE.replace("PWNED", str(pwned)).replace("HOOKS", str(repo / "hooks")))
    (repo / ".gitattributes").write_text("*.csv diff=x filter=x\n", "utf-8")
    audit.run("pricing", "diff", "git:HEAD", cwd=repo, codes=(0, 1, 2))
    audit.run("pricing", "check", "pricing", "--base", "git:HEAD", cwd=repo, codes=(0, 1, 2))
    assert not pwned.exists()
