"""What if a provider were down for some hours: which requests, and what a fallback chain makes of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final, TypeVar

import msgspec
import numpy as np

from costaudit.engine.ledger import NO_PERIOD, Cells, CellSum
from costaudit.errors import UsageError, did_you_mean
from costaudit.questions.fallback.chain import Chain
from costaudit.questions.fallback.replay import ChainOutcome, Odds, replay, total_outcome

HOUR_S: Final = 3600

LONGEST_H: Final = 24 * 31
"""Hours that an outage may last."""

_FORM: Final = re.compile(
    r"(?P<provider>[^@]+)@(?:(?P<start>[^/]+)/)?(?:PT?)?(?P<number>\d+)(?P<unit>[hHdD])"
)

_HINT: Final = "like openai@4h, or openai@2026-10-03T10:00/4h for a stated start"


class Outage(msgspec.Struct, frozen=True):
    """A provider that is down for whole hours."""

    provider: str
    hours: int
    start: int | None = None
    """Hours since 1970 (UTC); None for the worst, the median and the best window of the log."""


def parse_outage(text: str) -> Outage:
    """`PROVIDER@4h` or `PROVIDER@START/4h` (also `PT4H`, `2d`, `P2D`); raises UsageError otherwise.

    >>> parse_outage("openai@1970-01-02T01:00/PT4H")
    Outage(provider='openai', hours=4, start=25)
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--outage {text!r} is not PROVIDER@HOURS", hint=_HINT)
    hours = int(found["number"][:6]) * (24 if found["unit"] in "dD" else 1)
    if not 1 <= hours <= LONGEST_H:
        raise UsageError(f"--outage {text!r}: from 1 hour to {LONGEST_H} hours", hint=_HINT)
    start = None if found["start"] is None else _hour(found["start"], text)
    return Outage(found["provider"].strip(), hours, start)


def _hour(text: str, whole: str) -> int:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"--outage {whole!r}: {text!r} is not a time", hint=_HINT) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    hour, rest = divmod(int(moment.timestamp()), HOUR_S)
    if rest:
        raise UsageError(f"--outage {whole!r}: an outage starts at a full hour (UTC)", hint=_HINT)
    return hour


class Window(msgspec.Struct, frozen=True):
    """Some hours of the log."""

    name: str
    """worst, median, best, or stated."""
    start: int
    hours: int
    requests: int
    """Requests to the provider in these hours."""


class Windows(msgspec.Struct, frozen=True):
    """The windows that an outage is tried on."""

    chosen: tuple[Window, ...]
    hit: int
    """Windows of the log in which the provider has requests."""
    all: int
    """All windows of so many whole hours between the first and the last hour of the log."""


def windows_of(cells: Cells, outage: Outage) -> Windows:
    """The windows that an outage is tried on.

    Those with requests to the provider are ranked by them: the most is the worst, the fewest the best; of
    equal ones the earliest. The median is the one with fewer of the middle two. Raises UsageError for a
    provider that the log does not have.
    """
    providers = cells.words("provider") if cells.keys else []
    if outage.provider not in providers:
        known = sorted({p for p in providers if p is not None})
        raise UsageError(
            f"--outage: no request of the log was served by {outage.provider!r}",
            hint=did_you_mean(outage.provider, known) or f"one of {', '.join(known[:8])}",
        )
    hour = cells.keys["hour"]
    dated = hour != NO_PERIOD
    if not dated.any():
        raise UsageError("--outage: the log has no times")
    first, last = int(hour[dated].min()), int(hour[dated].max())
    here = dated & np.array([p == outage.provider for p in providers], bool)
    per_hour = np.bincount(
        hour[here] - first, weights=cells.measures["requests"][here], minlength=last - first + 1
    )
    sums = np.concatenate([[0], np.cumsum(per_hour.astype(np.int64))])

    def window(name: str, start: int) -> Window:
        low, high = (min(max(edge - first, 0), last - first + 1) for edge in (start, start + outage.hours))
        return Window(name, start, outage.hours, int(sums[high] - sums[low]))

    if outage.start is not None:
        return Windows((window("stated", outage.start),), 0, 0)
    starts = range(first, max(first, last - outage.hours + 1) + 1)
    hit = [w for start in starts if (w := window("", start)).requests]
    ranked = sorted(hit, key=lambda w: (-w.requests, w.start))
    # Of equal windows the earliest, also at the best end of the ranking.
    middle, fewest = ranked[len(ranked) // 2], ranked[-1].requests
    chosen = {"worst": ranked[0], "median": middle, "best": next(w for w in ranked if w.requests == fewest)}
    named = tuple(Window(name, w.start, w.hours, w.requests) for name, w in chosen.items())
    return Windows(named, len(hit), len(starts))


class HitRequests(msgspec.Struct, frozen=True):
    """Requests of one tier or feature that an outage hits."""

    requests: int
    served: Fraction


class Hit(msgspec.Struct, frozen=True):
    """What a chain makes of an outage."""

    outcome: ChainOutcome
    by_tier: Mapping[int, HitRequests]
    by_feature: Mapping[str | None, HitRequests]


def all_requests(*parts: Cells) -> Cells:
    """Requests that were answered at once and those whose first attempt failed, as one table."""
    whole = CellSum()
    for cells in parts:
        if cells.keys and cells.rows:
            whole.add(cells)
    return whole.total()


def strike(cells: Cells, outage: Outage, window: Window, chain: Chain, odds: Odds) -> Hit:
    """All first attempts at the provider within a window fail; the chain takes over."""
    hour = cells.keys["hour"]
    named = np.array([p == outage.provider for p in cells.values["provider"]], bool)
    here = named[cells.keys["provider"]] & (hour >= window.start) & (hour < window.start + window.hours)
    hit = _taken(cells, np.flatnonzero(here & (hour != NO_PERIOD)))
    outcomes = replay(hit, chain, odds, down=outage.provider)
    return Hit(
        total_outcome(outcomes),
        _parts(hit.keys["tier"].tolist(), outcomes),
        _parts(hit.words("feature"), outcomes),
    )


def _taken(cells: Cells, index: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Cells:
    return Cells(
        {name: codes[index] for name, codes in cells.keys.items()},
        cells.values,
        {name: column[index] for name, column in cells.measures.items()},
    )


K = TypeVar("K")


def _parts(keys: Sequence[K], outcomes: Sequence[ChainOutcome]) -> dict[K, HitRequests]:
    requests: dict[K, int] = defaultdict(int)
    served: dict[K, Fraction] = defaultdict(Fraction)
    for key, one in zip(keys, outcomes, strict=True):
        requests[key] += one.requests
        served[key] += one.served
    return {key: HitRequests(requests[key], served[key]) for key in requests}
