"""What comes through a pipe with a name, as a shell makes for `<(zcat logs.gz)`."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from typing import Final

from costaudit.errors import InputError

_PATIENCE_S: Final = 5.0
"""How long a pipe is waited for that nobody has opened to write."""
_PIECE_BYTES: Final = 1 << 20


def pieces_of_pipe(path: str) -> Iterator[bytes]:
    """The bytes until the last writer closes; raises InputError where there is none.

    A writer may take its time. One that has not come after some seconds will not.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    try:
        yield from _pieces(handle, path)
    finally:
        os.close(handle)


def _pieces(handle: int, path: str) -> Iterator[bytes]:
    until = time.monotonic() + _PATIENCE_S
    came = False
    while True:
        select.select([handle], [], [], 0.05 if not came else None)
        try:
            piece = os.read(handle, _PIECE_BYTES)
        except BlockingIOError:
            came = True  # somebody holds it open and has written nothing yet
            select.select([handle], [], [], None)
            continue
        if piece:
            came = True
            yield piece
        elif came:
            return
        elif time.monotonic() > until:
            raise InputError("nobody writes to this pipe (a FIFO)", path=path, hint="start its writer first")
        else:
            time.sleep(0.05)
