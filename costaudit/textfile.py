"""Small text files (settings, tables, samples) read whole: bounded, UTF-8, and else told by name and line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from costaudit.errors import CostauditError, InputError
from costaudit.outputs import reads

MOST_BYTES: Final = 256 << 20
"""A larger file was not written by hand, nor exported from a review."""

_PIECE: Final = 1 << 16
_BOM: Final = b"\xef\xbb\xbf"


def read_text(
    path: Path,
    shown: str | None = None,
    *,
    error: type[CostauditError] = InputError,
    most: int = MOST_BYTES,
) -> str:
    r"""The text of a file, with line ends as \n and without a byte order mark.

    Raises the error for a file that cannot be read, is larger than `most` bytes or is not UTF-8.
    """
    name = shown or str(path)
    reads(path, name)
    try:
        with path.open("rb") as stream:
            data = b"".join(_pieces(stream, most))
    except OSError as trouble:
        raise error(f"cannot be read: {trouble.strerror}", path=name) from trouble
    except ValueError as trouble:  # no name of a file
        raise error(f"cannot be read: {trouble}", path=name) from trouble
    if len(data) > most:
        raise error(f"is larger than {most >> 20} MB", path=name)
    return decoded(data, name, error=error)


def _pieces(stream: IO[bytes], most: int) -> Iterator[bytes]:
    """The bytes of a file, at most one piece beyond the limit: memory is taken for what there is."""
    while most >= 0 and (piece := stream.read(_PIECE)):
        most -= len(piece)
        yield piece


def decoded(data: bytes, shown: str, *, error: type[CostauditError] = InputError) -> str:
    """The text of bytes, as `read_text` gives it."""
    try:
        text = data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as trouble:
        line = data.count(b"\n", 0, trouble.start) + 1
        raise error("is not UTF-8 text", path=shown, line=line, hint="save it as UTF-8") from trouble
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_there(path: Path) -> bool:
    """Whether there is such a file; no where a folder above lets nobody look, or the name cannot be one."""
    try:
        return path.is_file()
    except OSError:
        return False
