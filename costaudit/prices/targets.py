"""What the words of `pricing check` name: whole books, or single tables, judged within their book."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import msgspec

from costaudit.errors import TableError, UsageError
from costaudit.prices.check import Checked
from costaudit.prices.folders import Folder, Held
from costaudit.prices.trees import GIT, open_tables, split_spec

_BOOK = "providers.toml"
"""The table that every directory of tables has."""


class Target(msgspec.Struct, frozen=True):
    """A directory of tables that is to be checked."""

    spec: str
    """As on the command line; for single tables, their directory."""
    folder: Folder | str
    only: frozenset[str] | None = None
    """The tables that are meant, as messages name them; None for all."""

    def means(self, file: str) -> bool:
        """Whether a file is meant: a table that was named, or none of the tables, such as a policy."""
        shown = self.folder if isinstance(self.folder, (str, Path)) else self.folder.shown
        return self.only is None or file in self.only or not file.startswith(f"{shown}/")


def find_targets(words: Sequence[str], at: Path) -> tuple[Target, ...]:
    """The books that words name, each once, in their order; tables of one book come together.

    Raises UsageError or TableError for what is no table, or stands in no directory of tables.
    """
    found: dict[str, Target] = {}
    for word in words:
        spec, table = _book_of(word, at) if _is_table(word, at) else (word.rstrip("/") or word, None)
        target = found.get(spec) or Target(spec, _folder(spec, at), frozenset())
        whole = table is None or target.only is None
        only = None if whole or table is None or target.only is None else target.only | {table}
        found[spec] = msgspec.structs.replace(target, only=only)
    return tuple(found.values())


def base_of(target: Target, base: str, at: Path) -> str:
    """The base of a target: `git:REV` without a path is where the target itself is in that revision."""
    if not base.startswith(GIT) or ":" in base.removeprefix(GIT):
        return base
    if target.spec.startswith(GIT):
        return f"{base}:{split_spec(target.spec)[1]}"
    return f"{base}:./{Path(os.path.relpath(at / target.spec, at)).as_posix()}"


def narrow_checked(checked: Checked, target: Target) -> Checked:
    """What was found in what is meant; all of it where a table cannot be read: nothing else was judged."""
    if target.only is None or checked.unreadable:
        return checked
    return Checked(
        tuple(v for v in checked.violations if target.means(v.file)),
        tuple(s for s in checked.suppressed if target.means(s.violation.file)),
    )


def join_checked(parts: Sequence[Checked]) -> Checked:
    """What was found in several books."""
    return Checked(
        tuple(sorted(v for part in parts for v in part.violations)),
        tuple(s for part in parts for s in part.suppressed),
        unreadable=any(part.unreadable for part in parts),
    )


def _is_table(word: str, at: Path) -> bool:
    if word.startswith(GIT):
        return split_spec(word)[1].endswith((".csv", ".toml"))
    return (at / word).is_file()


def _folder(spec: str, at: Path) -> Folder | str:
    return open_tables(spec, at).folder if spec.startswith(GIT) else spec


def _book_of(word: str, at: Path) -> tuple[str, str]:
    """The directory of tables that a table belongs to, and how messages name the table."""
    if word.startswith(GIT):
        return _book_in_git(word, at)
    path = Path(word)
    for levels in (1, 2):
        folder = Path(os.path.normpath(at / path)).parents[levels - 1]
        if (folder / _BOOK).is_file():
            shown = str(folder if path.is_absolute() else Path(os.path.relpath(folder, at)))
            return shown, f"{shown}/{'/'.join(Path(os.path.normpath(at / path)).parts[-levels:])}"
    raise TableError(
        "stands in no directory of tables", path=word, hint=f"a book has {_BOOK} and a folder per provider"
    )


def _book_in_git(word: str, at: Path) -> tuple[str, str]:
    rev, path = split_spec(word)
    table = PurePosixPath(path)
    for folder in list(table.parents)[:2]:
        spec = f"{GIT}{rev}:{folder}"
        try:
            tables = open_tables(spec, at).folder
        except TableError:
            continue
        name = table.relative_to(folder)
        if isinstance(tables, Held) and (tables / _BOOK).is_file() and (tables / str(name)).is_file():
            return spec, f"{tables.shown}/{name}"
    raise UsageError(f"{word} stands in no directory of tables", hint="name the directory")
