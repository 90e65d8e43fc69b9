"""What `pricing check` is given: several directories, single tables, revisions, and the base of each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.prices.test_diff import write
from tests.prices.test_git_tables import git
from tests.prices.test_rules import BASIC, price, tables

Run = Callable[..., Any]
DEAR = tables(BASIC[0], price("m,output,1,mtok,2026-01-01,"))
TWO = tables(
    *BASIC,
    providers_toml='[acme]\nkind = "vendor"\n["bolt"]\nkind = "vendor"\n',
    bolt__prices_csv=(DEAR / "acme" / "prices.csv").read_text(),
    bolt__models_csv=(DEAR / "acme" / "models.csv").read_text(),
)


def found(run: Run, *argv: Any) -> list[tuple[str, str]]:
    """File and code of every violation."""
    told = json.loads(run("pricing", "check", *argv, "--format", "json", "--at", "2026-06-01").out)
    return [(v["file"], v["code"]) for v in told["violations"]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two books, of which b has a mistake and c one in the second of two providers."""
    books = {"a": tables(*BASIC), "b": DEAR, "c": TWO}
    for name, book in books.items():
        write(tmp_path / name, book)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_several_directories_are_checked_in_one_run(run: Run, place: Path):
    assert found(run, "a", "b", "c") == [("b/acme/prices.csv", "CA302"), ("c/bolt/prices.csv", "CA302")]
    assert run("pricing", "check", "a", "b").code == 1
    assert run("pricing", "check", "a", "a/").code == 0


def test_one_directory_that_cannot_be_read_hides_nothing_of_the_other(run: Run, place: Path):
    (place / "a" / "acme" / "prices.csv").write_text("model\n", "utf-8")
    assert {code for _, code in found(run, "a", "b")} == {"CA101", "CA302"}
    assert run("pricing", "check", "a", "b").code == 2


def test_a_table_is_checked_within_its_book(run: Run, place: Path):
    assert found(run, "c/acme/prices.csv") == []
    assert found(run, "c/bolt/prices.csv") == [("c/bolt/prices.csv", "CA302")]
    assert found(run, place / "c/bolt/prices.csv") == [(f"{place}/c/bolt/prices.csv", "CA302")]
    assert found(run, "c/acme/prices.csv", "c/bolt/prices.csv") == [("c/bolt/prices.csv", "CA302")]
    assert found(run, "c/acme/prices.csv", "c") == [("c/bolt/prices.csv", "CA302")]
    assert found(run, "c", "c/acme/prices.csv") == [("c/bolt/prices.csv", "CA302")]


def test_a_table_at_the_top_of_the_book_is_a_table_too(run: Run, place: Path):
    (place / "c" / "suppressions.toml").write_text(
        '[[suppressions]]\ncode = "CA309"\nsubject = "x"\nreason = "y"\n', "utf-8"
    )
    assert found(run, "c/suppressions.toml") == [("c/suppressions.toml", "CA114")]


def test_a_table_is_named_from_the_folder_of_its_provider(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(place / "c" / "bolt")
    assert found(run, "prices.csv") == [("../bolt/prices.csv", "CA302")]


def test_a_table_without_a_book_is_refused(run: Run, place: Path):
    (place / "alone").mkdir()
    shutil.copy(place / "b" / "acme" / "prices.csv", place / "alone" / "prices.csv")
    outcome = run("pricing", "check", "alone/prices.csv")
    assert outcome.code == 2
    assert "alone/prices.csv: stands in no directory of tables" in outcome.err


def test_one_base_cannot_be_that_of_two_directories(run: Run, place: Path):
    outcome = run("pricing", "check", "a", "b", "--base", "a")
    assert outcome.code == 2
    assert "--base a is of one directory, and 2 are checked" in outcome.err


@pytest.fixture
def repo(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    if shutil.which("git") is None:
        pytest.skip("GIT ABSENT: needs git")
    git(place, "init", "-q", "-b", "main")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "main")
    write(place / "a", tables(price("m,input,3,mtok,2026-01-01,"), BASIC[1]))
    return place


def test_a_revision_alone_is_the_base_of_each_directory(run: Run, repo: Path):
    assert found(run, "a", "b", "--base", "git:HEAD") == [
        ("a/acme/prices.csv", "CA204"),
        ("b/acme/prices.csv", "CA302"),
    ]


def test_it_is_found_from_below_too(run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(repo / "b")
    assert found(run, "../a", "--base", "git:HEAD") == [("../a/acme/prices.csv", "CA204")]


def test_a_revision_is_compared_with_a_revision(run: Run, repo: Path):
    git(repo, "commit", "-q", "-a", "-m", "edited")
    assert found(run, "git:HEAD:a", "--base", "git:HEAD~1") == [("a/acme/prices.csv", "CA204")]
    assert found(run, "git:HEAD:c/bolt/prices.csv") == [("c/bolt/prices.csv", "CA302")]
    assert found(run, "git:HEAD:c/acme/prices.csv") == []


def test_a_table_that_a_revision_does_not_have_is_refused(run: Run, repo: Path):
    outcome = run("pricing", "check", "git:HEAD:c/bolt/none.csv")
    assert outcome.code == 2
    assert "stands in no directory of tables" in outcome.err
