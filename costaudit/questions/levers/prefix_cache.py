"""The cache ledger: what reading from prompt caches saved, what writing cost, what was lost, by cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from heapq import nlargest
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.exact import exact_total, exact_totals, sum_by
from costaudit.engine.plan import Plan
from costaudit.money import EXACT
from costaudit.questions.audit.result import LeverRow
from costaudit.questions.levers import result as m
from costaudit.questions.levers.calls import calls_of
from costaudit.questions.levers.conversations import NONE
from costaudit.questions.levers.losses import CAUSES, HOUR_S, CacheWork
from costaudit.render.figures import count
from costaudit.render.part import plain_of
from costaudit.tape.tape import Tape

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NAME: Final = "prefix_cache"
SHOWN: Final = 10
"""Models, features, sessions and places that are listed one by one."""

GAPS: Final = (60, 300, 600, HOUR_S, None)
"""Edges of the distribution of gaps, in seconds."""

_BREAK: Final = 1_000
"""Tokens: places where prompts change are told in such steps."""

_NO_SESSIONS: Final = "not judged: no session has calls with times and prices for cached tokens"

_WRITES: Final = ("short", "hour")


class _Sums(msgspec.Struct):
    """Sums over the parts of a tape, as integers: money in 1e-15 USD."""

    requests: int = 0
    sessions: int = 0
    tokens: dict[str, int] = msgspec.field(default_factory=dict)
    units: dict[str, int] = msgspec.field(default_factory=dict)
    causes: dict[str, list[int]] = msgspec.field(default_factory=dict)
    """By cause: requests, tokens, billed, lost."""
    gaps: list[list[int]] = msgspec.field(default_factory=lambda: [[0, 0, 0] for _ in GAPS])
    breaks: dict[tuple[str, int], list[int]] = msgspec.field(default_factory=dict)
    groups: dict[str, dict[Any, list[int]]] = msgspec.field(default_factory=dict)
    worst: list[tuple[int, str, int, int]] = msgspec.field(default_factory=list)
    """Lost, file, line and calls of sessions."""
    found: list[int] = msgspec.field(default_factory=lambda: [0, 0])
    """Tokens read, and tokens that could have been."""
    options: dict[str, list[int]] = msgspec.field(default_factory=dict)
    """By name of a what-if: what it gains where a cache is found, what it costs anyway, calls."""
    staying: dict[str, list[int]] = msgspec.field(default_factory=dict)
    """The same of the calls that the policy leaves where they are."""
    marking: dict[tuple[bool, str, str | None], list[int]] = msgspec.field(default_factory=dict)
    """What marking gains and costs, by whether the calls move, model and feature."""


def prefix_cache(tape: Tape, plan: Plan) -> LeverRow:
    """What prompt caches save, cost and lose on a tape, at the prices of a plan that is informed."""
    if not tape.has_sessions:
        return LeverRow(name=NAME, evidence=_NO_SESSIONS)
    sums = _Sums()
    for calls in calls_of(tape, plan):
        _take(sums, CacheWork.of(calls, plan))
    if not sums.requests:
        return LeverRow(name=NAME, evidence=_NO_SESSIONS)
    ledger = _ledger(sums)
    low, point, high = _range(sums, sums.options, None)
    judged = f"{count(sums.requests, 'call')} of {count(sums.sessions, 'session')}"
    return LeverRow(
        name=NAME,
        alone_usd=point,
        marginal_usd=_range(sums, sums.staying, False)[1],
        low_usd=low,
        high_usd=high,
        requests=sum(cause.requests for cause in ledger.causes),
        evidence=f"{judged}, replayed in their order",
        detail=plain_of(ledger),
    )


def _take(sums: _Sums, work: CacheWork) -> None:
    calls, rates, losses = work.calls, work.rates, work.losses
    lost, billed = losses.usd(rates), losses.billed(rates)
    sums.requests += len(calls)
    sums.sessions += len(np.unique(calls.session))
    cost = {name: getattr(calls, name) * getattr(rates, name) for name in ("read", "short", "hour", "fresh")}
    for name, units in cost.items():
        _add(sums.tokens, name, exact_total(getattr(calls, name)))
        _add(sums.units, name, exact_total(units))
    saved = calls.read * (rates.fresh - rates.read)
    premium = sum(
        (getattr(calls, n) * (getattr(rates, n) - rates.fresh) for n in _WRITES),
        np.zeros(len(calls), np.int64),
    )
    for name, units in (
        ("saved", saved),
        ("premium", premium),
        ("dead", work.dead_units()),
        ("billed", billed),
    ):
        _add(sums.units, name, exact_total(units))
    for number, cause in enumerate(CAUSES):
        here = losses.cause == number
        if here.any():
            told = (
                int(here.sum()),
                exact_total(losses.tokens, here),
                exact_total(billed, here),
                exact_total(lost, here),
            )
            _add_all(sums.causes, cause, told)
    _take_gaps(sums, work, lost)
    _take_breaks(sums, work, lost)
    whole = sum(cost.values(), np.zeros(len(calls), np.int64))
    for kind, codes, names in (
        ("model", calls.model, calls.models),
        ("feature", calls.feature, calls.features),
    ):
        group, known = codes.astype(np.intp), np.bincount(codes, minlength=len(names))
        amounts = [sum_by(group, len(names), units).tolist() for units in (whole, saved, premium, lost)]
        for code in np.flatnonzero(known).tolist():
            own = [int(column[code]) for column in amounts]
            _add_all(sums.groups.setdefault(kind, {}), names[code], (int(known[code]), *own))
    _take_sessions(sums, work, lost)
    fresh = (losses.before != NONE) & (losses.gap_s <= losses.lifetime) & losses.cached
    fresh &= losses.known >= losses.minimum
    sums.found[0] += exact_total(np.minimum(calls.read, losses.known), fresh)
    sums.found[1] += exact_total(losses.known, fresh)
    for options, some in ((sums.options, np.ones(len(calls), bool)), (sums.staying, ~calls.moves)):
        for name, gain, price, n in _options(work, some):
            _add_all(options, name, (gain, price, n))
    _take_marking(sums, work)


def _add(sums: dict[Any, int], key: Any, amount: int) -> None:
    sums[key] = sums.get(key, 0) + amount


def _add_all(sums: dict[Any, list[int]], key: Any, amounts: Sequence[int]) -> None:
    held = sums.setdefault(key, [0] * len(amounts))
    sums[key] = [a + b for a, b in zip(held, amounts, strict=True)]


def _take_gaps(sums: _Sums, work: CacheWork, lost: Ints) -> None:
    losses, after = work.losses, -1
    for row, until in zip(sums.gaps, GAPS, strict=True):
        here = (losses.before != NONE) & (losses.gap_s > after)
        if until is not None:
            here &= losses.gap_s <= until
            after = until
        row[0] += int(here.sum())
        row[1] += exact_total(losses.tokens, here)
        row[2] += exact_total(lost, here)


def _take_breaks(sums: _Sums, work: CacheWork, lost: Ints) -> None:
    """Where prompts changed: what was still read tells the place, in thousands of tokens."""
    calls = work.calls
    here = np.flatnonzero(work.losses.cause == CAUSES.index("prefix_changed"))
    for row in here.tolist():
        place = int(calls.read[row]) // _BREAK * _BREAK
        _add_all(sums.breaks, (calls.models[calls.model[row]], place), (1, int(lost[row])))


def _take_sessions(sums: _Sums, work: CacheWork, lost: Ints) -> None:
    calls = work.calls
    order = np.lexsort((np.arange(len(calls)), calls.ts, calls.session))
    session = calls.session[order]
    starts = np.flatnonzero(np.append(True, session[1:] != session[:-1]))
    amounts = exact_totals(lost[order], starts)
    sizes = np.diff(np.append(starts, len(order)))
    top = nlargest(SHOWN, zip(amounts, starts.tolist(), sizes.tolist(), strict=True))
    found = [
        (amount, calls.files[calls.file[order[start]]], int(calls.line[order[start]]), size)
        for amount, start, size in top
        if amount > 0
    ]
    sums.worst = sorted([*sums.worst, *found], key=lambda s: (-s[0], s[1:]))[:SHOWN]


def _options(work: CacheWork, some: Mask) -> Iterator[tuple[str, int, int, int]]:
    """What other lifetimes would gain where a cache is found, cost in any case, and for how many calls."""
    calls, rates, losses = work.calls, work.rates, work.losses
    some = some & rates.has_hour & losses.marks
    lost = losses.cause == CAUSES.index("expired")
    again = some & lost & (losses.gap_s <= HOUR_S) & (losses.lifetime < HOUR_S)
    gain = (losses.hour + losses.short) * rates.hour + losses.fresh * rates.fresh - losses.tokens * rates.read
    price = calls.short * (rates.hour - rates.short)
    yield "hour_for_minutes", exact_total(gain, again), exact_total(price, some), int(again.sum())
    kept = np.minimum(calls.read, losses.known)
    gone = some & (losses.lifetime >= HOUR_S) & (losses.gap_s > _MINUTES_S) & (kept > 0)
    saved = calls.hour * (rates.hour - rates.short)
    price = kept * (rates.short - rates.read)
    yield "minutes_for_hour", exact_total(saved, some), exact_total(price, gone), int(gone.sum())


_MINUTES_S: Final = 300


def _take_marking(sums: _Sums, work: CacheWork) -> None:
    """What marking whole prompts would gain and cost, for calls of sessions that mark none."""
    calls, rates, losses = work.calls, work.rates, work.losses
    bare = losses.marks & ~losses.cached & (calls.context >= losses.minimum)
    found = (
        bare & (losses.before != NONE) & (losses.gap_s <= losses.lifetime) & (losses.known >= losses.minimum)
    )
    read = np.where(found, losses.known, 0)
    gain, price = read * (rates.short - rates.read), calls.context * (rates.short - rates.fresh)
    pairs = np.unique(np.stack([calls.moves, calls.model, calls.feature])[:, bare], axis=1).T.tolist()
    for moves, model, feature in pairs:
        here = bare & (calls.moves == moves) & (calls.model == model) & (calls.feature == feature)
        key = (bool(moves), calls.models[model], calls.features[feature])
        _add_all(
            sums.marking, key, (exact_total(gain, here), exact_total(price, here), int((here & found).sum()))
        )


def _marked(sums: _Sums, share: Fraction, moves: bool | None) -> Fraction:
    """What marking saves where it pays: of each model and feature by itself."""
    nets: dict[Any, Fraction] = {}
    for (moved, *key), (gain, price, _) in sums.marking.items():
        if moves is None or moved is moves:
            nets[tuple(key)] = nets.get(tuple(key), Fraction(0)) + share * gain - price
    return sum((net for net in nets.values() if net > 0), Fraction(0))


def _share(sums: _Sums) -> Fraction:
    return Fraction(sums.found[0], sums.found[1]) if sums.found[1] else Fraction(1)


def _range(
    sums: _Sums, options: dict[str, list[int]], moves: bool | None
) -> tuple[Decimal, Decimal, Decimal]:
    """What other settings save: the least, the point and the most."""
    share = _share(sums)

    def lifetime(found: Fraction) -> Fraction:
        nets = (_net(name, gain, price, found) for name, (gain, price, _) in options.items())
        return max([*nets, Fraction(0)])

    changed = sums.causes.get("prefix_changed", [0, 0, 0, 0])[3] + sums.causes.get("not_found", [0] * 4)[3]
    low = lifetime(share)
    point = low + _marked(sums, share, moves)
    high = lifetime(Fraction(1)) + _marked(sums, Fraction(1), moves) + changed
    return _rounded(low), _rounded(point), _rounded(max(high, point))


def _net(name: str, gain: int, price: int, share: Fraction) -> Fraction:
    """What an option saves: a longer life is worth something only where the cache is then found."""
    return share * gain - price if name != "minutes_for_hour" else Fraction(gain - price)


def _usd(units: int) -> Decimal:
    return Decimal(units).scaleb(-15, EXACT)


def _rounded(units: Fraction) -> Decimal:
    """Dollars, to a millionth of one: a share of an amount has no end."""
    return Decimal(round(units / 10**9)).scaleb(-6, EXACT)


def _ledger(sums: _Sums) -> m.CacheLedger:
    units, tokens = sums.units, sums.tokens
    whole = sum(units[name] for name in ("read", "short", "hour", "fresh"))
    lost = sum(amounts[3] for amounts in sums.causes.values())
    return m.CacheLedger(
        requests=sums.requests, sessions=sums.sessions, input_usd=_usd(whole),
        read_tokens=tokens["read"], read_usd=_usd(units["read"]),
        written_tokens=tokens["short"] + tokens["hour"], written_usd=_usd(units["short"] + units["hour"]),
        fresh_tokens=tokens["fresh"], fresh_usd=_usd(units["fresh"]),
        new_usd=_usd(whole - units["read"] - units["billed"]),
        saved_usd=_usd(units["saved"]), premium_usd=_usd(units["premium"]),
        net_usd=_usd(units["saved"] - units["premium"]), never_read_usd=_usd(units["dead"]),
        lost_usd=_usd(lost),
        found_share=round(float(_share(sums)), 4) if sums.found[1] else None,
        causes=[
            m.CacheCause(cause=cause, requests=n, tokens=t, billed_usd=_usd(billed), lost_usd=_usd(amount))
            for cause, (n, t, billed, amount) in sorted(sums.causes.items(), key=lambda c: (-c[1][3], c[0]))
        ],
        gaps=[
            m.CacheGap(until_s=until, requests=n, lost_tokens=t, lost_usd=_usd(amount))
            for until, (n, t, amount) in zip(GAPS, sums.gaps, strict=True)
        ],
        breaks=[
            m.CacheBreak(model=model, at_token=place, requests=n, lost_usd=_usd(amount))
            for (model, place), (n, amount) in _first(sums.breaks)
        ],
        what_if=list(_what_ifs(sums)),
        by_model=_groups(sums.groups["model"]), by_feature=_groups(sums.groups["feature"]),
        worst_sessions=[
            m.CacheSession(file=file, line=line, requests=n, lost_usd=_usd(amount))
            for amount, file, line, n in sums.worst
        ],
    )  # fmt: skip


def _first(breaks: dict[tuple[str, int], list[int]]) -> list[tuple[tuple[str, int], list[int]]]:
    return sorted(breaks.items(), key=lambda b: (-b[1][1], b[0]))[:SHOWN]


def _what_ifs(sums: _Sums) -> Iterator[m.CacheWhatIf]:
    share = _share(sums)
    for name, (gain, price, n) in sums.options.items():
        if gain or price:
            yield m.CacheWhatIf(
                name=name, usd=_rounded(_net(name, gain, price, share)),
                high_usd=_rounded(_net(name, gain, price, Fraction(1))), requests=n,
            )  # fmt: skip
    if sums.marking:
        gain, price, n = (sum(column) for column in zip(*sums.marking.values(), strict=True))
        yield m.CacheWhatIf(
            name="mark_everything", usd=_rounded(share * gain - price),
            high_usd=_rounded(Fraction(gain - price)), requests=n,
        )  # fmt: skip


def _groups(sums: dict[str | None, list[int]]) -> list[m.CacheGroup]:
    ranked = sorted(sums.items(), key=lambda g: (-g[1][4], -g[1][1], g[0] or ""))[:SHOWN]
    return [
        m.CacheGroup(
            name=name, requests=n, input_usd=_usd(whole), saved_usd=_usd(saved), premium_usd=_usd(premium),
            lost_usd=_usd(lost),
        )
        for name, (n, whole, saved, premium, lost) in ranked
    ]  # fmt: skip
