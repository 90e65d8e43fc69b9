"""Lines that a container runtime has cut: put together again before they are read.

Docker's json-file driver and the CRI runtimes of Kubernetes cut what a program writes at 16 KiB. Kubernetes
marks the pieces of a line but for the last with a P (for partial; the last has an F, for full); Docker leaves
the newline away at the end of a piece. Fluent Bit keeps the mark beside the text (`_p`, `logtag`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from costaudit.ingest.format import Record
from costaudit.ingest.quarantine import Place

_LINE: Final = re.compile(rb"\d{4}-\d\d-\d\dT\S{8,30} (stdout|stderr) ([PF]) ?(.*)", re.DOTALL)

_LEAST: Final = 16_000
"""Bytes of a piece without a mark: whoever trims newlines leaves whole lines that are shorter."""


def whole_lines(lines: Iterable[tuple[bytes, Place]], longest: int) -> Iterator[tuple[bytes, Place]]:
    """Lines with those that Kubernetes cut put together, each at the place of its first piece.

    What would be longer than the longest, and what has no last piece here, is left as it is.
    """
    held: dict[bytes, tuple[bytes, Place]] = {}
    for line, place in lines:
        found = _LINE.fullmatch(line) if line[:1].isdigit() else None
        if found is None:
            yield line, place
            continue
        stream, mark, text = found.groups()
        begun = held.pop(stream, None)
        whole = (line, place) if begun is None else (begun[0] + text, begun[1])
        if mark == b"P" and len(whole[0]) <= longest:
            held[stream] = whole
        else:
            yield whole
    yield from held.values()


def stream_of(record: Record) -> str | None:
    """The stream that a record is a piece of a line of; None for a whole line."""
    text, stream = record.get("log"), record.get("stream")
    if not isinstance(text, str) or not isinstance(stream, str) or text.endswith("\n"):
        return None
    mark = record.get("_p", record.get("logtag"))
    is_piece = mark == "P" if mark is not None else len(text.encode("utf-8", "replace")) >= _LEAST
    return stream if is_piece else None


def with_next(begun: Record, following: Record) -> Record:
    """A line with its next piece."""
    return {**begun, "log": f"{begun['log']}{following['log']}"}
