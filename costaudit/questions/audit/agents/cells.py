"""The requests of agents on a tape, summed by all that the report tells them apart by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.exact import sum_by
from costaudit.engine.kernel import BELIEVED, stated_costs
from costaudit.engine.plan import Plan
from costaudit.engine.rows import JudgedRows, judge_rows
from costaudit.ingest.agents.places import AGENTS
from costaudit.prices.cards import NO_TS
from costaudit.prices.numbered import PRICED
from costaudit.questions.audit.agents.sessions import Owners
from costaudit.questions.audit.work import logged_name
from costaudit.schema import Quality
from costaudit.tape.groups import group_rows
from costaudit.tape.record import FILE
from costaudit.tape.tape import Tape
from costaudit.times import DAY_US

Ints = npt.NDArray[np.int64]

CLASSES: Final = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
"""The token classes that are told."""

SUBAGENT: Final = "subagent"
"""The tag of calls of sub-agents."""

INEXACT: Final = (Quality.PARTIAL, Quality.AMBIGUOUS, Quality.ESTIMATED)
"""Qualities of counts that are there, and not exact."""

_NO_DAY: Final = -1


class AgentCell(msgspec.Struct, frozen=True):
    """Requests that the report does not tell apart."""

    agent: str
    session: str | None
    project: str | None
    """The name of the folder that the agent worked in, as tagged."""
    file: str | None
    is_subagent: bool
    day: int | None
    """UTC days since 1970."""
    model: str | None
    requests: int
    inexact: int
    """Of these, requests whose tokens are not known exactly."""
    tokens: tuple[int, ...]
    """By place in CLASSES."""
    rates: tuple[int, ...] | None
    """The list prices of these tokens, in 1e-15 USD each; None for requests without a price."""
    units: int
    """List cost in 1e-15 USD; 0 without a price."""
    reported: int | None
    """What they say that they cost, in 1e-12 USD, where it is believed."""
    first: int | None
    """The time of the first of them, in microseconds …"""
    last: int | None


def cells_of(tape: Tape, plan: Plan) -> Iterator[AgentCell]:
    """The requests of agents on a tape that keeps ids, under the plan of an audit."""
    owners = Owners.of(tape.recorded())
    for reel in tape.reels():
        if reel.size:
            yield from _cells(judge_rows(reel.segment, plan), plan, owners)


def _cells(rows: JudgedRows, plan: Plan, owners: Owners) -> Iterator[AgentCell]:
    calls = rows.calls
    words = {
        "agent": rows.words["feature"],
        "tags": calls.words("tags"),
        "session": owners.applied(calls, calls.words("session")),
        "file": calls.words(FILE),
        "provider": rows.words["provider"],
        "model": rows.words["model"],
    }
    mine = np.flatnonzero(words["agent"].among(*AGENTS))
    if not len(mine):
        return
    day = np.where(rows.ts == NO_TS, _NO_DAY, rows.ts // DAY_US)
    priced = rows.list_units >= 0
    card = np.where(priced, rows.card, np.minimum(rows.card, -1))
    numbers = {"day": day[mine], "card": card[mine]}
    keys = {name: (codes, int(codes.min()), int(codes.max())) for name, codes in numbers.items()}
    keys |= {name: (word.codes[mine], 0, len(word.values) - 1) for name, word in words.items()}
    distinct, group, size = group_rows(keys)
    sums = {name: sum_by(group, size, column[mine]) for name, column in _measures(rows, plan).items()}
    times = _Times.of(group, size, rows.ts[mine])
    for i in range(size):
        said = {name: words[name].values[distinct[name][i]] for name in words}
        yield _cell(
            said, {name: int(distinct[name][i]) for name in numbers}, _taken(sums, i), times.of_group(i), plan
        )


def _taken(sums: Mapping[str, npt.NDArray[Any]], place: int) -> dict[str, int]:
    return {name: int(column[place]) for name, column in sums.items()}


def _measures(rows: JudgedRows, plan: Plan) -> dict[str, npt.NDArray[Any]]:
    """What is summed of every request."""
    size = len(rows.card)
    counts = {name: rows.counts[name] for name in CLASSES}
    found: dict[str, Any] = {n: np.zeros(size, np.int64) if c is None else c for n, c in counts.items()}
    found |= {"requests": np.ones(size, np.int64), "units": np.maximum(rows.list_units, 0)}
    picousd = rows.calls.counts("reported_picousd")
    believed = np.zeros(size, bool)
    if picousd is not None:
        believed = np.isin(stated_costs(rows.source, plan, rows.card, picousd).reported, BELIEVED)
    return found | {
        "inexact": rows.words["quality"].among(*INEXACT).astype(np.int64),
        "stated": believed.astype(np.int64),
        "reported": np.zeros(size, np.int64) if picousd is None else np.where(believed, picousd, 0),
    }


class _Times(msgspec.Struct, frozen=True):
    """The first and the last time of every group."""

    first: Ints
    last: Ints

    @classmethod
    def of(cls, group: npt.NDArray[np.intp], size: int, ts: Ints) -> _Times:
        dated = ts != NO_TS
        first, last = np.full(size, np.iinfo(np.int64).max), np.full(size, NO_TS, np.int64)
        np.minimum.at(first, group[dated], ts[dated])
        np.maximum.at(last, group[dated], ts[dated])
        return cls(first, last)

    def of_group(self, place: int) -> tuple[int | None, int | None]:
        """None where no request of it has a time."""
        if self.last[place] == NO_TS:
            return None, None
        return int(self.first[place]), int(self.last[place])


def _cell(
    said: Mapping[str, str | None],
    at: Mapping[str, int],
    sums: Mapping[str, int],
    times: tuple[int | None, int | None],
    plan: Plan,
) -> AgentCell:
    tags = (said["tags"] or "").split(",")
    card = at["card"]
    rates = plan.prices.rates().rates[card] if card >= 0 else None
    return AgentCell(
        agent=said["agent"] or "",
        session=said["session"],
        project=next((tag.removeprefix("project:") for tag in tags if tag.startswith("project:")), None),
        file=said["file"],
        is_subagent=SUBAGENT in tags,
        day=None if at["day"] == _NO_DAY else at["day"],
        model=_model(said, card, plan),
        requests=sums["requests"],
        inexact=sums["inexact"],
        tokens=tuple(sums[name] for name in CLASSES),
        rates=None if rates is None else tuple(int(rates[PRICED.index(name)]) for name in CLASSES),
        units=sums["units"],
        reported=sums["reported"] if sums["stated"] else None,
        first=times[0],
        last=times[1],
    )


def _model(said: Mapping[str, str | None], card: int, plan: Plan) -> str | None:
    """A model by the name of the book or, where it has no price, as logged."""
    found = plan.prices.cards[card] if card >= 0 else None
    if found is not None and found.model:
        return f"{found.provider}/{found.model}"
    return logged_name(said["provider"], said["model"])
