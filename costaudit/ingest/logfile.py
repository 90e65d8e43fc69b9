"""A file to read: its name, where its bytes are, and what its first bytes say it is."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from costaudit import drafts
from costaudit.errors import InputError
from costaudit.ingest.limits import DEFAULTS, ReadLimits
from costaudit.ingest.notation import UNSAID, Notation
from costaudit.outputs import reads


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
    XLSX = "xlsx"
    """A workbook of Excel: a table in each of its sheets."""
    TAPE = "tape"
    """Requests that were read from logs before: see `costaudit.tape.tapefile`."""


TAPE_MAGIC: Final = b"costaudit tape\n"
"""How a tape begins."""


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
    limits: ReadLimits = DEFAULTS
    """How much of what a file can have too much of is read."""
    notation: Notation = UNSAID
    """What the user says of dates and amounts whose columns do not tell how they are meant."""
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
        reads(path)
        return path.open("rb")
    return filesystem.open_input_file(path.as_posix())  # type: ignore[no-any-return]


Places = tuple[list[str], npt.NDArray[np.int32], npt.NDArray[np.int64]]
"""Names of files; for every entry the index of its file, and its line or row in it, counted from 1."""


class OneFile:
    """What readers of one file have in common."""

    __slots__ = ()
    file: LogFile

    @property
    def name(self) -> str:
        """The file that is read."""
        return self.file.name

    def places(self, lines: npt.NDArray[np.int64]) -> Places:
        """Where the entries of a block's `lines` stand: files, the file of each, and its line (or row)."""
        return [self.file.name], np.zeros(len(lines), np.int32), lines


_SPOOLS: dict[int, Path | None] = {}
"""The handles of temporary copies, with the names of those that have one."""


def spool(pieces: Iterable[bytes], *, named: bool = False) -> Path:
    """A temporary copy of bytes that come in pieces, for this user only; `remove_spools` deletes it.

    It has no name where the system can do that, unless it must be opened by one. Raises InputError where
    there is no room for it.
    """
    try:
        folder = drafts.temporary_folder()
        handle = None if named else drafts.unnamed(folder)
        path: Path | None = None
        if handle is None:
            handle, path = drafts.named(folder)
    except OSError as error:
        raise _no_room(error) from error
    _SPOOLS[handle] = path
    with os.fdopen(handle, "wb", closefd=False) as copy:
        for piece in pieces:
            try:
                copy.write(piece)
            except OSError as error:
                raise _no_room(error) from error
    return drafts.path_of(handle) if path is None else path


def _no_room(error: OSError) -> InputError:
    return InputError(
        f"no temporary copy can be made of what is read once: {error.strerror}",
        hint="TMPDIR names a folder with room",
    )


def remove_spools() -> None:
    """Delete the temporary copies that this process made."""
    while _SPOOLS:
        handle, path = _SPOOLS.popitem()
        os.close(handle)
        if path is not None:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def spools() -> Iterator[None]:
    """Temporary copies live within it; those that killed processes left are deleted before."""
    with contextlib.suppress(OSError):
        drafts.sweep(drafts.temporary_folder())
    try:
        yield
    finally:
        remove_spools()
