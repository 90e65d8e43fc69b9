"""From the requests of a tape to what coding agents cost."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from costaudit.engine.plan import Plan
from costaudit.engine.rows import UNIT_DIGITS
from costaudit.money import EXACT, usd_from_pico
from costaudit.questions.audit.agents import result as a
from costaudit.questions.audit.agents.cells import CLASSES, AgentCell, cells_of
from costaudit.tape.tape import Tape
from costaudit.times import DAY_US, instant

SESSIONS_SHOWN: Final = 10_000
"""Sessions listed one by one; the rest is summed in one row."""

LOG_FOLDERS: Final[Mapping[str, re.Pattern[str]]] = {
    "claude-code": re.compile(r"(?:^|/)projects/([^/]+)/"),
    "gemini-cli": re.compile(r"(?:^|/)tmp/([^/]+)/chats/"),
}
"""What the path of a log says of the project: Claude Code's folder is the path of the project with a - for
every mark, Gemini CLI's the short name of the project or, of older versions, a hash of its path."""

_PARENT: Final = re.compile(r"/chats/([^/]+)/[^/]+$")
"""The session of a sub-agent of Gemini CLI is in a folder that is named after the one that called it."""

T = TypeVar("T")


def build_agents(
    tape: Tape, plan: Plan, places: Sequence[a.AgentPlace] = (), absent: int = 0
) -> a.AgentSpend:
    """The part of the report, from the requests of a tape that keeps ids, under the plan of its audit.

    `places` are those that are there, `absent` is how many others were looked for.
    """
    cells = [_within_parent(cell) for cell in cells_of(tape, plan)]
    projects = project_names(cells)
    project = [projects.get(_folder(cell)) for cell in cells]
    return a.AgentSpend(
        within_provider=plan.policy.same_provider,
        total=a.AgentRow(**_row(cells)),
        sessions=_sessions(cells),
        cache=_cache(cells),
        by_agent=_by_agent(cells),
        by_project=_by_project(cells, project),
        by_session=_by_session(cells, project),
        by_day=_by_day(cells),
        by_model=_by_model(cells),
        places=list(places),
        places_absent=absent,
    )


def _within_parent(cell: AgentCell) -> AgentCell:
    """Requests of a sub-agent as those of the session that called it, where the path of the log tells."""
    if cell.agent != "gemini-cli" or not cell.is_subagent:
        return cell
    found = _PARENT.search((cell.file or "").replace("\\", "/"))
    return cell if found is None else replace(cell, session=found[1])


def _usd(units: int) -> Decimal:
    """Exact dollars of list costs of calls."""
    return Decimal(units).scaleb(-UNIT_DIGITS, EXACT)


def _grouped(cells: Sequence[AgentCell], key: Callable[[int], T]) -> dict[T, list[AgentCell]]:
    """Cells by what a function says of their places."""
    groups: dict[T, list[AgentCell]] = defaultdict(list)
    for place, cell in enumerate(cells):
        groups[key(place)].append(cell)
    return groups


def _row(cells: Sequence[AgentCell]) -> dict[str, Any]:
    """The fields of AgentRow."""
    inside = [cell for cell in cells if cell.is_subagent]
    stated = [cell.reported for cell in cells if cell.reported is not None]
    sums = [sum(cell.tokens[i] for cell in cells) for i in range(len(CLASSES))]
    return {
        "requests": sum(cell.requests for cell in cells),
        "tokens": a.AgentTokens(**dict(zip(CLASSES, sums, strict=True))),
        "list_usd": _listed(cells),
        "reported_usd": usd_from_pico(sum(stated)) if stated else None,
        "unpriced_requests": sum(cell.requests for cell in cells if cell.rates is None),
        "inexact_requests": sum(cell.inexact for cell in cells),
        "subagent_requests": sum(cell.requests for cell in inside),
        "subagent_usd": _listed(inside),
    }


def _listed(cells: Sequence[AgentCell]) -> Decimal | None:
    priced = [cell.units for cell in cells if cell.rates is not None]
    return _usd(sum(priced)) if priced else None


def _sessions(cells: Sequence[AgentCell]) -> int:
    return len({(cell.agent, cell.session) for cell in cells if cell.session is not None})


def _dearest_first(row: Any) -> tuple[Any, ...]:
    names = [getattr(row, name, None) for name in ("agent", "project", "session", "model")]
    return (-(row.list_usd or 0), -row.requests, *(str(name) for name in names))


def _by_agent(cells: Sequence[AgentCell]) -> list[a.AgentSum]:
    groups = _grouped(cells, lambda i: cells[i].agent)
    rows = [a.AgentSum(agent=n, sessions=_sessions(some), **_row(some)) for n, some in groups.items()]
    return sorted(rows, key=_dearest_first)


def _by_model(cells: Sequence[AgentCell]) -> list[a.AgentModel]:
    groups = _grouped(cells, lambda i: cells[i].model)
    return sorted((a.AgentModel(model=n, **_row(some)) for n, some in groups.items()), key=_dearest_first)


def _by_day(cells: Sequence[AgentCell]) -> list[a.AgentDay]:
    groups = _grouped(cells, lambda i: cells[i].day)
    days = sorted(groups, key=lambda day: (day is None, day or 0))
    names = {day: None if day is None else instant(day * DAY_US)[:10] for day in days}
    return [a.AgentDay(date=names[day], **_row(groups[day])) for day in days]


def _by_project(cells: Sequence[AgentCell], project: Sequence[str | None]) -> list[a.AgentProject]:
    rows = [
        a.AgentProject(
            project=name,
            agents=sorted({cell.agent for cell in some}),
            sessions=_sessions(some),
            **_row(some),
        )
        for name, some in _grouped(cells, lambda i: project[i]).items()
    ]
    return sorted(rows, key=_dearest_first)


def _by_session(cells: Sequence[AgentCell], project: Sequence[str | None]) -> list[a.AgentSession]:
    groups: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for place, cell in enumerate(cells):
        groups[cell.agent, cell.session].append(place)
    rows = sorted((_session(cells, project, places) for places in groups.values()), key=_dearest_first)
    others = rows[SESSIONS_SHOWN:]
    if len(others) < 2:
        return rows
    shown = {(row.agent, row.session) for row in rows[:SESSIONS_SHOWN]}
    rest = [cell for cell in cells if (cell.agent, cell.session) not in shown]
    whole = a.AgentSession(
        others=len(others), session=None, agent=None, project=None, file=None, start=None, end=None,
        **_row(rest),
    )  # fmt: skip
    return [*rows[:SESSIONS_SHOWN], whole]


def _session(
    cells: Sequence[AgentCell], project: Sequence[str | None], places: Sequence[int]
) -> a.AgentSession:
    some = [cells[place] for place in places]
    first = min(places, key=lambda i: (cells[i].is_subagent, cells[i].first is None, cells[i].first or 0))
    times = [one for cell in some for one in (cell.first, cell.last) if one is not None]
    return a.AgentSession(
        session=cells[first].session,
        agent=cells[first].agent,
        project=project[first],
        file=cells[first].file,
        start=instant(min(times)) if times else None,
        end=instant(max(times)) if times else None,
        **_row(some),
    )


# Projects

_Folder = tuple[str, str]
"""An agent and a folder of its logs; or "" and the name of a project, where the log says only that."""


def _folder(cell: AgentCell) -> _Folder:
    """What the project of some requests is known by."""
    pattern = LOG_FOLDERS.get(cell.agent)
    path = (cell.file or "").replace("\\", "/")
    found = None if pattern is None else pattern.search(path)
    return ("", cell.project or "") if found is None else (cell.agent, found[1])


def project_names(cells: Sequence[AgentCell]) -> dict[_Folder, str]:
    """What every project is called: by its own folder, or by the folder of its logs where two would be alike.

    Who works in a project also works in folders below it: of the names that its log tells the one counts that
    the folder of the logs ends with.
    """
    said: dict[_Folder, Counter[str]] = defaultdict(Counter)
    for cell in cells:
        said[_folder(cell)][cell.project or ""] += cell.requests
    names = {}
    for folder, counts in said.items():
        fitting = sorted(name for name in counts if name and folder[1].endswith(_as_folder(name)))
        names[folder] = max(fitting, key=lambda name: (len(name), counts[name]), default=folder[1])
    several = Counter(name for (agent, _), name in names.items() if agent)
    return {
        folder: folder[1] if folder[0] and several[name] > 1 else name
        for folder, name in names.items()
        if name
    }


def _as_folder(name: str) -> str:
    """A name as Claude Code has it in the folders of its logs."""
    return re.sub("[^A-Za-z0-9]", "-", name)


# Caches


def _cache(cells: Sequence[AgentCell]) -> a.AgentCache:
    priced = [cell for cell in cells if cell.rates is not None]
    cost, fresh = _units(priced), _units(priced, at="input")
    counts = {name: sum(cell.tokens[i] for cell in priced) for i, name in enumerate(CLASSES)}
    written = cost["cache_write_5m"] + cost["cache_write_1h"]
    as_input = fresh["cache_write_5m"] + fresh["cache_write_1h"]
    saved = fresh["cache_read"] - cost["cache_read"]
    return a.AgentCache(
        read_tokens=counts["cache_read"],
        read_usd=_usd(cost["cache_read"]),
        read_as_input_usd=_usd(fresh["cache_read"]),
        saved_usd=_usd(saved),
        write_5m_tokens=counts["cache_write_5m"],
        write_5m_usd=_usd(cost["cache_write_5m"]),
        write_1h_tokens=counts["cache_write_1h"],
        write_1h_usd=_usd(cost["cache_write_1h"]),
        write_as_input_usd=_usd(as_input),
        net_usd=_usd(saved - (written - as_input)),
    )


def _units(cells: Sequence[AgentCell], at: str | None = None) -> dict[str, int]:
    """List cost of every class in 1e-15 USD; `at` the price of another class than its own.

    A class that has no price has no tokens in requests that have one; without a price for new input, its own.
    """
    found = dict.fromkeys(CLASSES, 0)
    for cell in cells:
        for place, name in enumerate(CLASSES):
            rates = cell.rates or ()
            rate = rates[place] if at is None else rates[CLASSES.index(at)]
            found[name] += cell.tokens[place] * max(rate if rate >= 0 else rates[place], 0)
    return found
