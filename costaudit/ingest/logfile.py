"""A file to read: its name, where its bytes are, and what its first bytes say it is."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from costaudit.ingest.limits import DEFAULTS, Limits


class Container(StrEnum):
    """How records are laid out in a file."""

    JSONL = "jsonl"
    """One JSON value per line."""
    JSON = "json"
    """JSON that does not keep to lines: an array, one document, or documents after each other."""
    CSV = "csv"
    """A header and rows, separated by commas, semicolons, tabs or bars."""
    PARQUET = "parquet"
    SQLITE = "sqlite"


class Compression(StrEnum):
    """What the whole file is compressed with."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


class LineEnds(StrEnum):
    """What ends the lines of a text."""

    NEWLINE = "\n"
    """Also with a carriage return before it."""
    RETURN = "\r"
    """A carriage return alone, as spreadsheets on old Macs write it; read as if it were a newline."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file to read, with what its first bytes say it is."""

    name: str
    """The file as the user named it ('-' for standard input)."""
    path: Path
    """What is opened: the file, or a copy of it where it could be read only once or only unpacked."""
    container: Container
    compression: Compression
    """What the bytes at `path` are compressed with."""
    size: int
    """Bytes of the file as the user has it."""
    filesystem: Any = None
    """The pyarrow filesystem that `path` is on; None for this machine's own."""
    encoding: str = "utf-8"
    """How the uncompressed text is encoded, as Python names it. All that reads blocks sees UTF-8."""
    line_ends: LineEnds = LineEnds.NEWLINE
    limits: Limits = DEFAULTS
    """How much of what a file can have too much of is read."""
    data: bytes | None = None
    """The bytes themselves, where they are in memory already: nothing is opened then."""
    copies: tuple[str, ...] = ()
    """Other files of the same bytes (packed or not), and other names of this one: they are not read."""

    def open(self) -> IO[bytes]:
        """The file's bytes, to read and to seek in."""
        if self.data is not None:
            return io.BytesIO(self.data)
        return open_bytes(self.path, self.filesystem)

    def in_memory(self) -> LogFile:
        """The same file, held in memory; raises OSError when it cannot be read."""
        with self.open() as raw:
            return replace(self, data=raw.read())


def open_bytes(path: Path, filesystem: Any = None) -> IO[bytes]:
    """A file's bytes, from this machine or from a pyarrow filesystem."""
    if filesystem is None:
        return path.open("rb")
    return filesystem.open_input_file(path.as_posix())  # type: ignore[no-any-return]


class OneFile:
    """What readers of one file have in common."""

    __slots__ = ()
    file: LogFile

    @property
    def name(self) -> str:
        """The file that is read."""
        return self.file.name

    def place(self, line: int) -> tuple[str, int]:
        """The file and the line (or row) that an entry of a block's `lines` stands for."""
        return self.file.name, line


_SPOOLS: list[Path] = []


def spool(pieces: Any) -> Path:
    """A temporary copy of bytes that come in pieces; `remove_spools` deletes it."""
    with tempfile.NamedTemporaryFile(prefix="costaudit-", delete=False) as copy:
        _SPOOLS.append(Path(copy.name))
        for piece in pieces:
            copy.write(piece)
    return Path(copy.name)


def remove_spools() -> None:
    """Delete the temporary copies that this process made."""
    while _SPOOLS:
        _SPOOLS.pop().unlink(missing_ok=True)
