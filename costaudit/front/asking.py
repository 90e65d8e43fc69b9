"""What the functions of the front have in common: their logs, their settings, and somebody who listens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from costaudit.errors import UsageError, one_of
from costaudit.front.agents import AgentLogs, agent_logs
from costaudit.front.book import settings_named
from costaudit.front.options import BookOptions, Day, LogOptions, instant_of, optional, reading_of
from costaudit.front.reading import LogReading, Tests
from costaudit.front.sources import as_paths
from costaudit.front.telling import Notes, heard_by

Log = Any
"""A path (file, folder, pattern, URL, `-`), a pandas frame, an Arrow table, record batch or data set."""


Agents = bool | str | Sequence[str]
"""Whether the logs of coding agents are looked for; or the names of those that are, like `claude-code`."""


class AskedLogs(NamedTuple):
    """What is to be read, and how."""

    paths: Sequence[str]
    reading: LogReading
    notes: Notes
    agents: AgentLogs | None
    """The logs of coding agents among the paths, where they were asked for."""


@contextlib.contextmanager
def asked_logs(  # noqa: PLR0913 - what questions about logs differ in
    logs: Sequence[Log],
    options: LogOptions,
    tests: Tests | None = None,
    changes: Sequence[str] = (),
    *,
    fewest: int = 1,
    agents: Agents = False,
    kind: type = LogOptions,
) -> Iterator[AskedLogs]:
    """The paths of some logs and how to read them, under the settings that hold, with somebody to listen.

    Raises UsageError for an option that its kind does not have.
    """
    named = [agents] if isinstance(agents, str) else agents
    is_wanted = named is True or bool(named)
    if len(logs) < fewest and not is_wanted:
        raise UsageError("no log is named", hint="a path, a pandas frame, an Arrow table or data set")
    with noted(options, kind) as notes, as_paths(logs) as (paths, called):
        if not is_wanted:
            yield AskedLogs(paths, reading_of(options, tests, changes, called), notes, None)
            return
        found = agent_logs([] if isinstance(named, bool) else named, quiet=options.get("quiet", False))
        reading = reading_of(options, tests, changes, {**called, **found.called})
        yield AskedLogs([*paths, *found.beside(paths)], reading, notes, found)


@contextlib.contextmanager
def noted(options: BookOptions | LogOptions, kind: type = BookOptions) -> Iterator[Notes]:
    """Under the settings that some options name: what is said within it.

    Raises UsageError for an option that its kind does not have.
    """
    for name in options:
        one_of(name, kind.__annotations__, "option")
    notes = Notes()
    with settings_named(optional(options.get("settings"))), heard_by(notes):
        yield notes


def moment(at: Day | None, option: str = "--at", noun: str = "time") -> int:
    """A date or time as microseconds UTC; now without one."""
    return now() if at is None else instant_of(at, option, noun)


def now() -> int:
    """The second that it is, microseconds UTC."""
    return int(datetime.now(UTC).timestamp()) * 1_000_000
