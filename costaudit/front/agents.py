"""The logs of coding agents that lie in the home of whoever asks."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from costaudit.errors import InputError, one_of, shown
from costaudit.front import telling

if TYPE_CHECKING:
    from costaudit.ingest.agents.places import Surroundings
    from costaudit.ingest.agents.search import Searched
    from costaudit.questions.audit.agents.result import AgentPlace

POLICY: Final = "same-provider"
"""The policy unless another one is asked for: an agent of one provider cannot work with another's models."""


class AgentLogs(msgspec.Struct, frozen=True):
    """What was found in the usual places."""

    paths: Sequence[str]
    called: Mapping[str, str]
    """By path, what is told instead of it: the home as ~."""
    places: Sequence[AgentPlace]
    """The places that are there."""
    absent: int
    """How many others were looked for."""

    def beside(self, named: Sequence[str]) -> list[str]:
        """The paths that are not in files or folders that were named: those are read under that name."""
        known = [os.path.realpath(path) for path in named]
        inside = tuple(os.path.join(path, "") for path in known)  # noqa: PTH118 - names
        real = ((path, os.path.realpath(path)) for path in self.paths)
        return [path for path, place in real if place not in known and not place.startswith(inside)]


def agent_logs(names: Sequence[str], *, quiet: bool = False) -> AgentLogs:
    """The logs of some agents, or of all without a name, in the home of this process.

    Raises InputError, with the places that were looked at, where there are none.
    """
    from costaudit.ingest.agents.places import Surroundings  # noqa: PLC0415 - start-up

    try:
        home = Path.home()
    except RuntimeError as error:  # no HOME, and nobody of that number in the list of users
        raise InputError("it is not known where your home is", hint="HOME names it") from error
    return found_agents(Surroundings(home, os.environ, sys.platform), names, quiet=quiet)


def found_agents(around: Surroundings, names: Sequence[str] = (), *, quiet: bool = False) -> AgentLogs:
    """The same for a given home, environment and platform."""
    from costaudit.ingest.agents.places import AGENTS, places_of  # noqa: PLC0415 - start-up
    from costaudit.ingest.agents.search import search, told  # noqa: PLC0415

    wanted = [one_of(part.strip(), AGENTS, "agent") for name in names for part in name.split(",")]
    searched = search([p for p in places_of(around) if not wanted or p.agent in wanted])
    for one in searched:
        for folder, reason in one.unread:
            telling.warn(f"left out: {shown(told(folder, around))}: cannot be read: {reason}", quiet=quiet)
    files = {os.fspath(path): shown(told(path, around)) for one in searched for path in one.files}
    if not files:
        raise InputError("no logs of coding agents were found", hint=f"looked in {_looked(searched, around)}")
    there = [one for one in searched if one.is_there]
    places = [_place(one, around) for one in there]
    return AgentLogs(list(files), files, places, len(searched) - len(there))


def _place(one: Searched, around: Surroundings) -> AgentPlace:
    from costaudit.ingest.agents.search import told  # noqa: PLC0415 - start-up
    from costaudit.questions.audit.agents.result import AgentPlace  # noqa: PLC0415

    reasons = [f"{told(folder, around)}: {reason}" for folder, reason in one.unread]
    return AgentPlace(
        agent=one.place.agent,
        folder=shown(told(one.place.folder, around)),
        state="unreadable" if one.unread else "read" if one.files else "empty",
        files=len(one.files),
        detail=shown("; ".join(reasons[:3])),
    )


def _looked(searched: Sequence[Searched], around: Surroundings) -> str:
    """The places in few words: those of editors differ in the editor and the extension alone."""
    from costaudit.ingest.agents.search import told  # noqa: PLC0415 - start-up

    plain: list[str] = []
    editors: dict[str, None] = {}
    for one in searched:
        folder = told(one.place.folder, around)
        user, below, _ = folder.partition("/globalStorage/")
        if below:
            editors[user] = None
        elif not any(folder.startswith(f"{other}/") or folder == other for other in plain):
            plain.append(folder)
    if editors:
        plain.append(f"globalStorage/*/tasks of Cline, Roo Code and Kilo Code in {', '.join(editors)}")
    return ", ".join(plain)
