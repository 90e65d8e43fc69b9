"""The log files that a command line names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from costaudit.cli import streams
from costaudit.ingest.limits import DEFAULTS, Limits

if TYPE_CHECKING:
    from costaudit.errors import InputError
    from costaudit.ingest.logfile import LogFile


@contextlib.contextmanager
def found_logs(
    paths: Sequence[str], limits: Limits = DEFAULTS
) -> Iterator[tuple[list[LogFile], list[InputError]]]:
    """The files that paths stand for and those that are no logs; temporary copies of them live within it.

    Raises InputError where none is a log.
    """
    from costaudit.ingest.files import find_logs  # noqa: PLC0415 - start-up
    from costaudit.ingest.logfile import spools  # noqa: PLC0415

    with spools():
        files, refused = find_logs(paths, streams.standard_input(paths), limits)
        if refused and not files:
            raise refused[0]
        yield files, refused
