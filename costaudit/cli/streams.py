"""The standard streams: closed, full, without a reader, or with fewer characters than there are."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any, Final, TextIO

from costaudit import outputs
from costaudit.errors import UsageError

_PLAIN: Final = str.maketrans({
    "…": "...", "—": "-", "–": "-", "−": "-", "─": "-", "·": ".", "×": "x", "→": "->", "≤": "<=", "≥": ">=",
    "±": "+-", "Σ": "S", "²": "2", "“": '"', "”": '"', "▏": "|", "▁": "_", "▂": ".",
    "▃": ":", "▄": "-", "▅": "=", "▆": "+", "▇": "*", "█": "#",
})  # fmt: skip


def _readable(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that a stream cannot take: plain ones that read alike, or question marks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_plain(c) for c in error.object[error.start : error.end]), error.end


def _plain(char: str) -> str:
    known = char.translate(_PLAIN)
    bare = unicodedata.normalize("NFKD", known)[:1] if known == char else known
    return bare if bare.isascii() else "??" if unicodedata.east_asian_width(char) in "WF" else "?"


READABLE: Final = "costaudit.readable"
"""How text is encoded that must not fail."""
codecs.register_error(READABLE, _readable)


def prepare() -> None:
    """Let no file that is opened take the place of a closed stream, and no character end a command."""
    for handle in range(3):
        try:
            os.fstat(handle)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free handle, which is this one
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, READABLE), (sys.stderr, READABLE)):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)
    if sys.stdout is not None:
        with contextlib.suppress(OSError):  # a stream in memory has no handle
            outputs.appends(sys.stdout.fileno(), "standard output")


def finish() -> None:
    """What stdout still holds is written while trouble can be told."""
    if sys.stdout is not None:
        with open_stdout():
            pass


def silence(stream: TextIO | None = None) -> None:
    """Nobody takes what a stream still holds: Python would complain of it at the end."""
    with contextlib.suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), (stream or sys.stdout).fileno())


class Stdout(io.RawIOBase):
    """The bytes of stdout."""

    def writable(self) -> bool:
        """Nothing else is."""
        return True

    def write(self, data: Any, /) -> int:
        """Raises UsageError or BrokenPipeError."""
        with open_stdout() as stdout:
            return stdout.buffer.write(data)


@contextlib.contextmanager
def open_stdout() -> Iterator[TextIO]:
    """Stdout, and what is written to it flushed. Raises UsageError where that is not possible."""
    if sys.stdout is None:
        raise UsageError("standard output is closed", hint="-o FILE writes the answer to a file")
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
        raise
    except OSError as error:
        silence()
        raise UsageError(f"standard output cannot be written: {error.strerror}") from error


def tell(text: str) -> None:
    """Write to stderr; a command does not end because nobody listens there."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody looks at a stream."""
    return stream is not None and stream.isatty()
