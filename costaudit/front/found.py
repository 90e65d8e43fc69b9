"""The log files that a command line names."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING

from costaudit import outputs
from costaudit.ingest.limits import DEFAULTS, ReadLimits
from costaudit.ingest.notation import UNSAID, Notation

if TYPE_CHECKING:
    from costaudit.errors import InputError
    from costaudit.ingest.logfile import LogFile


@contextlib.contextmanager
def found_logs(
    paths: Sequence[str],
    limits: ReadLimits = DEFAULTS,
    called: Mapping[str, str] | None = None,
    notation: Notation = UNSAID,
) -> Iterator[tuple[list[LogFile], list[InputError]]]:
    """The files that paths stand for and those that are no logs; temporary copies of them live within it.

    Raises InputError where none is a log. Paths that are `called` something are told by that.
    """
    from costaudit.ingest.files import find_logs  # noqa: PLC0415 - start-up
    from costaudit.ingest.logfile import spools  # noqa: PLC0415

    with spools():
        files, refused = find_logs(paths, _standard_input(paths), limits, called, notation)
        if refused and not files:
            raise refused[0]
        yield files, refused


def _standard_input(paths: Sequence[str]) -> IO[bytes] | None:
    """What - stands for among paths; None where it is closed."""
    if sys.stdin is None:
        return None
    if "-" in paths:
        with contextlib.suppress(OSError):  # a stream in memory has no handle
            outputs.reads_handle(sys.stdin.buffer.fileno(), "standard input")
    return sys.stdin.buffer
