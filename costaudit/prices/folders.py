"""Where tables are read from: a directory, or files held in memory (a tree of git, a book under test)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from costaudit.errors import TableError, shown
from costaudit.textfile import decoded, read_text

SHIPPED: Final = "pricing"
"""Name of the directory of tables, in the installed package and in the checkout."""


class Held:
    """A folder or file in memory, with the part of `pathlib.Path` that reading tables needs."""

    __slots__ = ("_at", "_files", "_folders", "shown")

    def __init__(self, files: Mapping[str, bytes], shown: str = "") -> None:
        self._files = files
        """Contents by path with slashes, relative to the folder."""
        self._folders = {str(parent) for name in files for parent in PurePosixPath(name).parents}
        self._at = PurePosixPath()
        self.shown = shown
        """The folder as messages name it."""

    def __truediv__(self, part: str) -> Held:
        """A file or folder inside of it."""
        inside = object.__new__(Held)
        inside._files, inside._folders, inside.shown = self._files, self._folders, self.shown
        inside._at = self._at / part
        return inside

    def __lt__(self, other: Held) -> bool:
        return self._at < other._at

    def __str__(self) -> str:
        return f"{self.shown}/{self._at}" if self.shown else str(self._at)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self._at.name

    @property
    def suffix(self) -> str:
        """The ending with its dot."""
        return self._at.suffix

    def is_file(self) -> bool:
        """Whether there is such a file."""
        return str(self._at) in self._files

    def is_dir(self) -> bool:
        """Whether any file is in it."""
        return str(self._at) in self._folders

    def exists(self) -> bool:
        """Whether there is such a file or folder."""
        return self.is_file() or self.is_dir()

    def read_bytes(self) -> bytes:
        """The content; raises FileNotFoundError."""
        try:
            return self._files[str(self._at)]
        except KeyError:
            raise FileNotFoundError(f"no file {self}") from None

    def read_text(self, encoding: str = "utf-8") -> str:
        """The content as text; raises FileNotFoundError or UnicodeDecodeError."""
        return self.read_bytes().decode(encoding)

    def rglob(self, _pattern: str) -> Iterator[Held]:
        """Every file and folder below the root, whatever the pattern."""
        for name in (*self._files, *self._folders):
            yield self / name

    def relative_to(self, other: Held) -> PurePosixPath:
        """The path inside of a folder."""
        return self._at.relative_to(other._at)


Folder = Path | Held


def shipped_directory() -> Path:
    """Where the shipped tables are: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / SHIPPED
    return inside if inside.is_dir() else package.parent / SHIPPED


def open_folder(directory: Folder | str | None) -> tuple[Folder, str]:
    """A directory of tables (the shipped one by default), and how messages name it."""
    if directory is None:
        return shipped_directory(), SHIPPED
    if isinstance(directory, Held):
        return directory, directory.shown
    return Path(directory), shown(directory)


def table_text(path: Folder, name: str) -> str:
    """The text of a table, which messages name so; raises TableError when it cannot be read."""
    if isinstance(path, Path):
        return read_text(path, name, error=TableError)
    try:
        return decoded(path.read_bytes(), name, error=TableError)
    except OSError as error:
        raise TableError(f"cannot be read: {error}", path=name) from error
