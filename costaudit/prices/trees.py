"""Tables wherever they are: a directory, one table file, or a revision of git, read without a checkout.

`git:REV:PATH` is what `git show REV:PATH` shows: a directory of tables, or one of them; without PATH it is
`pricing`. It works in any clone of the repository that the current directory is in, bare ones too, and
never touches the network.

Nothing that the repository or its settings say is run. Only plumbing is called that reads objects: it knows
no hook, filter, textconv, alias, pager or fsmonitor. What it would run in a partial clone, a fetch, is
forbidden twice.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from costaudit.errors import TableError, UsageError
from costaudit.outputs import reads
from costaudit.prices.folders import SHIPPED, Folder, Held, shipped_directory

GIT: Final = "git:"
_SUFFIXES: Final = (".csv", ".toml")
_ALONE: Final = ("prices.csv", "models.csv", "aliases.csv")

_KEPT: Final = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CEILING_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXEC_PATH", "GIT_OBJECT_DIRECTORY", "GIT_QUARANTINE_PATH",
    "GIT_WORK_TREE",
)  # fmt: skip
"""Variables of the caller that say where a repository is, such as in a hook. Others change what git does."""
_SETTINGS: Final = "GIT_CONFIG"
"""How variables begin that hold settings of the caller: safe.directory may be among them."""
_FIXED: Final = {
    "GIT_ALLOW_PROTOCOL": "",  # no transport is allowed, whatever the repository's settings allow
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",  # a commit is what its hash says
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


class Opened(msgspec.Struct, frozen=True):
    """Tables that were named on a command line."""

    folder: Folder
    shown: str
    """How the user named them."""
    only: tuple[str, str] | None = None
    """Provider and name of the table, when it is a single one."""
    file: str | None = None
    """How messages name that table."""


def open_tables(spec: str, at: Path) -> Opened:
    """The tables that a word of the command line names, seen from a directory.

    Raises UsageError or TableError that says what is missing: git, the revision, the path.
    """
    if spec.startswith(GIT):
        return _open_git(spec, at)
    path = at / spec
    if path.is_dir():
        return Opened(Path(spec), spec)
    if path.is_file():
        reads(path, spec)
        return _alone(spec, path.resolve().parent.name, path.name, path.read_bytes(), spec)
    raise TableError("no such directory of price tables, and no such table", path=spec)


def narrow(opened: Opened, provider: str, table: str) -> Opened:
    """One table of a directory, to be compared with a single one; a single one becomes that table."""
    if opened.only is not None:
        if opened.only[1] != table:
            raise UsageError(f"{opened.shown} is no {table}", hint="compare tables of one kind")
        held = (opened.folder / opened.only[0] / opened.only[1]).read_bytes()
        return _alone(opened.shown, provider, table, held, opened.file or opened.shown)
    path = opened.folder / provider / table
    if not path.exists():
        raise TableError(f"there is no {provider}/{table} to compare", path=opened.shown)
    folder = opened.folder.shown if isinstance(opened.folder, Held) else opened.shown.rstrip("/")
    shown = f"{opened.shown.rstrip('/')}/{provider}/{table}"
    return _alone(shown, provider, table, path.read_bytes(), f"{folder}/{provider}/{table}")


def _alone(spec: str, provider: str, table: str, content: bytes, shown: str) -> Opened:
    """A single table in a book of its own."""
    name = table if table in _ALONE else _kind_of(content, spec)
    files = {
        "providers.toml": f'["{provider}"]\nkind = "vendor"\n'.encode(),
        f"{provider}/{name}": content,
    }
    return Opened(Held(files, shown), spec, (provider, name), shown)


def _kind_of(content: bytes, spec: str) -> str:
    header = content.split(b"\n", 1)[0].decode("utf-8", "replace").split(",")
    if "usd" in header:
        return "prices.csv"
    if "alias" in header:
        return "aliases.csv"
    if "context_window" in header:
        return "models.csv"
    raise TableError("not a table of prices, models or aliases", path=spec, line=1)


def working_tables(spec: str, at: Path) -> str | None:
    """The path in the working tree of what a `git:` word names in a revision; None where there is no such."""
    if not spec.startswith(GIT):
        return None
    _, path = split_spec(spec)
    top = _git(["rev-parse", "--show-toplevel"], at)
    if top.returncode:
        return None  # a bare clone has no working tree
    place = Path(os.fsdecode(top.stdout.rstrip(b"\n"))) / _from_root(path, at)
    if not place.exists():
        return None
    if place.is_dir() and place.resolve() == shipped_directory().resolve():
        return SHIPPED
    try:
        return str(place.relative_to(at.resolve()))
    except ValueError:
        return str(place)


_TRUNKS: Final = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
"""Where a branch came from, by the names that repositories have for it."""


def fork_of(path: str, at: Path) -> str | None:
    """The commit at which the branch of the working tree left its trunk, as `git:COMMIT`.

    None where the path is not of this repository then, there is no trunk, or no git.
    """
    try:
        found = (_git(["merge-base", "HEAD", trunk], at) for trunk in _TRUNKS)
        commit = next((done.stdout.decode().strip() for done in found if done.returncode == 0), None)
        held = commit and next(_list_tree(commit, _from_root(f"./{path}", at), at), None)
    except UsageError:
        return None
    return f"{GIT}{commit}" if held else None


def git_version() -> str | None:
    """The version of the git that is used; None where there is none."""
    try:
        told = _git(["--version"], Path(__file__).parent).stdout.split()
    except (UsageError, OSError):
        return None
    return told[2].decode("ascii", "replace") if len(told) > 2 else None


def split_spec(spec: str) -> tuple[str, str]:
    """Revision and path of a `git:` word; raises UsageError for one without a revision."""
    rev, _, path = spec.removeprefix(GIT).partition(":")
    if not rev or rev.startswith("-"):
        raise UsageError(f"{spec!r} names no revision", hint="like git:main:pricing or git:HEAD~1:pricing")
    return rev, path or SHIPPED


def _open_git(spec: str, at: Path) -> Opened:
    rev, named = split_spec(spec)
    commit = _commit(rev, at)
    path = _from_root(named, at)
    listed = list(_list_tree(commit, path, at))
    if not listed:
        raise TableError(
            f"no tables at {path!r} in {rev!r}", path=spec, hint="the path is seen from the root"
        )
    contents = _read_blobs([ident for ident, _ in listed], at)
    if len(listed) == 1 and listed[0][1] == path:
        parent = PurePosixPath(path).parent.name
        return _alone(spec, parent, PurePosixPath(path).name, contents[listed[0][0]], path)
    inside = f"{path}/" if path else ""
    files = {name.removeprefix(inside): contents[ident] for ident, name in listed}
    return Opened(Held(files, path or "."), spec)


def _commit(rev: str, at: Path) -> str:
    found = _git(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}"], at)
    if found.returncode == 0:
        return found.stdout.decode().strip()
    opened = _git(["rev-parse", "--git-dir"], at)
    if b"not a git repository" in opened.stderr:
        raise UsageError("not inside a git repository", hint="run it in the repository, or name a directory")
    if opened.returncode:
        raise UsageError(_said(opened))
    hint = "a shallow clone knows its last commit only: fetch the other, in CI with the whole history"
    raise UsageError(f"git knows no revision {rev!r}", hint=hint)


def _from_root(path: str, at: Path) -> str:
    """A path as seen from the root of the repository: `./x` is seen from the directory."""
    prefix = ""
    if path == "." or path.startswith("./"):
        prefix = os.fsdecode(_git(["rev-parse", "--show-prefix"], at).stdout.rstrip(b"\n"))
    plain = posixpath.normpath(PurePosixPath(prefix) / path)
    return "" if plain == "." else plain


def _list_tree(commit: str, path: str, at: Path) -> Iterator[tuple[str, str]]:
    """Object and path of every plain file of tables below a path."""
    listed = _git(["ls-tree", "-r", "-z", "--full-tree", commit, "--", *([path] if path else [])], at)
    if listed.returncode:
        raise UsageError(_said(listed))
    for entry in listed.stdout.split(b"\0"):
        head, tab, name = entry.partition(b"\t")
        text = os.fsdecode(name)
        if tab and head.startswith(b"100") and text.endswith(_SUFFIXES):
            yield head.split()[2].decode(), text


def _read_blobs(idents: list[str], at: Path) -> dict[str, bytes]:
    """The contents of objects, all in one call."""
    answered = _git(["cat-file", "--batch"], at, "".join(f"{ident}\n" for ident in idents).encode())
    if answered.returncode:
        raise UsageError(_said(answered))
    found, place = {}, 0
    for ident in idents:
        end = answered.stdout.index(b"\n", place)
        words = answered.stdout[place:end].split()
        if len(words) != 3:
            hint = "a partial clone has not fetched it"
            raise UsageError(f"git has no content for object {ident}", hint=hint)
        start, size = end + 1, int(words[2])
        found[ident] = answered.stdout[start : start + size]
        place = start + size + 1
    return found


def _git(arguments: list[str], at: Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a plumbing command of git, without a shell, without waiting for a terminal or the network."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name in _KEPT or name.startswith(_SETTINGS)
    }
    return subprocess.run(  # noqa: S603 - words of the user stand behind --end-of-options or --, or on stdin
        [_program(), *arguments],
        cwd=at,
        input=given,
        capture_output=True,
        check=False,
        env=kept | _FIXED,
    )


def _program() -> str:
    """Where git is. A PATH that names the working directory does not make a file in it git."""
    places = [place for place in os.get_exec_path() if Path(place).is_absolute()]
    program = shutil.which("git", path=os.pathsep.join(places)) if places else None
    if program is None or not Path(program).is_absolute():
        raise UsageError("git is not installed", hint="name a directory of tables instead")
    return program


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"git: {lines[0] if lines else f'exit {done.returncode}'}"
