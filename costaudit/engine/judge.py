"""What requests come to: price, tag and route, decided once per cell of requests that are treated alike.

Requests are grouped by all that a rule, a price or a candidate may look at, numbers cut at the edges at which
these change. A cell is priced, tagged and routed once. The requests of cells of which that cannot be said
are looked at one by one, in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.alike import AUDIO, IMAGES, JSON_MODE, TOOLS, Alike, Index, Ints, Mask, SizeBand
from costaudit.engine.cell_prices import price_cells
from costaudit.engine.choose import CellMembers, Chosen, choose
from costaudit.engine.exact import sum_by
from costaudit.engine.gateways import with_gateways
from costaudit.engine.ledger import NO_PERIOD, WORD_KEYS
from costaudit.engine.plan import Plan
from costaudit.engine.shares import request_hashes, session_hashes
from costaudit.engine.subjects import SUBJECT_WORDS
from costaudit.prices.cards import NO_TS
from costaudit.prices.numbered import MEASURE, PRICED
from costaudit.routing.policy import matches
from costaudit.routing.terms import WHOLE
from costaudit.schema import COUNTS, INPUT_SIDE, UNTAGGED, Quality, Status
from costaudit.tape.columns import Batch, Words
from costaudit.tape.groups import group_rows
from costaudit.tape.segment import Segment
from costaudit.tiers.evidence import Tags
from costaudit.tiers.tagger import Judged
from costaudit.times import DAY_US, HOUR_US

DISJOINT: Final = tuple(name for name in COUNTS if name != "reasoning")
"""Counts that add up: reasoning is a part of the output."""

_DEFAULTS: Final = {"status": Status.OK.value, "quality": Quality.EXACT.value, "reading": "inclusive"}

_FAILED: Final = (Status.ERROR, Status.CANCELLED)

_NEEDED_FOR: Final = {
    AUDIO: ("input_audio", "output_audio", "cache_read_audio"),
    IMAGES: ("input_image", "cache_read_image"),
}
"""What a model must be able to do for tokens of some classes."""


def total_of(counts: Mapping[str, Ints | None], names: tuple[str, ...], rows: int) -> Ints:
    """The sum of some counts, per request."""
    total = np.zeros(rows, np.int64)
    for name in names:
        column = counts[name]
        if column is not None:
            total = total + column
    return total


class SegmentRows:
    """The requests of a segment as arrays, before any price, tag or route."""

    def __init__(self, segment: Segment, plan: Plan) -> None:
        self.segment = segment.regrouped(WORD_KEYS)
        self.size = segment.size
        self.calls = Batch(self.segment.rows)
        kinds = Batch(self.segment.kinds)
        self.kind = self.segment.kind()
        self.kind_words = {name: kinds.words(name, _DEFAULTS.get(name)) for name in WORD_KEYS}
        words = self.kind_words
        self.kind_words["gateway"] = with_gateways(
            words["gateway"], words["provider"], words["model"], plan.prices.book
        )
        self.ts = self.calls.times()
        self.price_ts = self.ts
        if plan.prices_at is not None:
            self.price_ts = np.full(self.size, plan.prices_at, np.int64)
        self.counts = {name: self.calls.counts(name) for name in COUNTS}
        self.context = total_of(self.counts, INPUT_SIDE, self.size)
        longest = self.calls.counts("longest_prompt")
        if longest is not None:
            told = self.calls.valid("longest_prompt")
            self.context = np.where(told, np.minimum(self.context, longest), self.context)
        output = self.counts["output"]
        self.output = np.zeros(self.size, np.int64) if output is None else output
        self.kind_needs = _kind_needs(kinds)

    @cached_property
    def words(self) -> dict[str, Words]:
        """By name of WORD_KEYS; codes per request."""
        return {name: Words(w.codes[self.kind], w.values) for name, w in self.kind_words.items()}

    @cached_property
    def needs(self) -> npt.NDArray[np.int32]:
        """What each request needs of a model: bits of `alike.NEEDS`."""
        return self.kind_needs[self.kind] | _class_needs(self.classes)

    @cached_property
    def classes(self) -> npt.NDArray[np.int32]:
        """Bit i says whether a request has any of the i-th class of PRICED."""
        mask = np.full(self.size, 1 << PRICED.index("request"), np.int32)
        for place, name in enumerate(PRICED):
            column = None if name == "request" else self.counts[MEASURE[name]]
            if column is not None:
                mask |= (column > 0).astype(np.int32) << place
        return mask

    @cached_property
    def priced_counts(self) -> list[Ints | None]:
        """By place in PRICED; None for nothing of it in any request."""
        ones = np.ones(self.size, np.int64)
        return [ones if name == "request" else self.counts[MEASURE[name]] for name in PRICED]

    def single(self, rows: Index, tier: npt.NDArray[np.int8], plan: Plan) -> Alike:
        """Some of the requests, each in a cell of its own."""
        kind, context, output = self.kind[rows], self.context[rows], self.output[rows]
        length, classes = context + output, self.classes[rows]
        users, stays, share = (_at(marks, rows) for marks in self.marks(plan))
        return Alike(
            words={name: Words(w.codes[kind], w.values) for name, w in self.kind_words.items()},
            tier=tier,
            low=self.price_ts[rows],
            high=self.price_ts[rows],
            context=SizeBand(context - 1, context),
            length=SizeBand(length - 1, length),
            output=SizeBand(output - 1, output),
            needs=self.kind_needs[kind] | _class_needs(classes),
            classes=_unpacked(classes),
            requests=np.ones(len(rows), np.int64),
            sums=tuple(None if column is None else column[rows] for column in self.priced_counts),
            single=True,
            unmoved=None if users is None else users > 0,
            share=share,
            stays=None if stays is None else stays > 0,
            session=None if plan.sessions is None else session_hashes(self.calls)[rows],
        )

    def marks(self, plan: Plan) -> tuple[Ints | None, Ints | None, Ints | None]:
        """What a policy asks of single requests; None where it does not ask.

        Whether their user is never moved, whether their session keeps its models, and which share of the
        traffic they are in (see `Alike`).
        """
        users = stays = share = None
        if plan.policy.never.users:
            named = self.calls.words("user")
            never = [matches(plan.policy.never.users, user) for user in named.values]
            users = np.array(never, np.int64)[named.codes]
        if plan.sessions_kept is not None:
            stays = np.isin(session_hashes(self.calls), plan.sessions_kept).astype(np.int64)
        if plan.shares:
            limits = np.array([int(s * WHOLE) for s in plan.shares], np.int64)
            bucket = (request_hashes(self.calls, np.arange(self.size)) % np.uint64(WHOLE)).astype(np.int64)
            share = np.searchsorted(limits, bucket, side="right").astype(np.int64)
        return users, stays, share


def _at(column: Ints | None, rows: Index) -> Ints | None:
    return None if column is None else column[rows]


def _kind_needs(kinds: Batch) -> npt.NDArray[np.int32]:
    needs = np.zeros(kinds.rows, np.int32)
    for name, bit in (("has_images", IMAGES), ("has_tools", TOOLS)):
        flag = kinds.flag(name)
        if flag is not None:
            needs |= np.where(flag, bit, 0).astype(np.int32)
    shape = kinds.words("response_format")
    json_words = [v for v in shape.values if v and v.startswith("json")]
    return needs | np.where(shape.among(*json_words), JSON_MODE, 0).astype(np.int32)


def _class_needs(classes: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    needs = np.zeros(len(classes), np.int32)
    for need, names in _NEEDED_FOR.items():
        bits = sum(1 << PRICED.index(name) for name in names)
        needs |= np.where(classes & bits, need, 0).astype(np.int32)
    return needs


def _unpacked(classes: npt.NDArray[np.int32]) -> Mask:
    return np.asarray((classes[:, None] >> np.arange(len(PRICED))) & 1 == 1)


class RequestCells(msgspec.Struct, frozen=True):
    """The requests of a segment in cells."""

    alike: Alike
    of_row: Index
    """The cell of every request."""
    first: Index
    """A request of each cell."""
    period: Ints
    """Day or hour since 1970 of each cell, NO_PERIOD without one."""
    keys: _Keys
    """What the cells are told apart by, but for what only rules of tiers look at."""


_Keys = dict[str, tuple[npt.NDArray[np.integer], int, int]]


def _grouped(rows: SegmentRows, plan: Plan, tags: Tags | None) -> RequestCells:
    """The requests in cells; by their tags, too, where those are known and not to be made by cell."""
    step = DAY_US if plan.resolution == "day" else HOUR_US
    cuts = plan.bands
    keys: _Keys = {"kind": (rows.kind, 0, rows.segment.kinds.num_rows - 1)}
    dated = rows.ts != NO_TS
    period = rows.ts // step
    low = int(period[dated].min()) if dated.any() else 0
    high = int(period[dated].max()) if dated.any() else 0
    if not dated.all():
        period = np.where(dated, period, low - 1)
    keys["period"] = (period, low - (not dated.all()), high)
    sizes = {"context": rows.context, "length": rows.context + rows.output, "output": rows.output}
    for name, values in sizes.items():
        keys[name] = (cuts[name].of(values), 0, cuts[name].size - 1)
    keys["classes"] = (rows.classes, int(rows.classes.min()), int(rows.classes.max()))
    for name, marks in zip(("users", "stays", "share"), rows.marks(plan), strict=True):
        if marks is not None:
            keys[name] = (marks, 0, int(marks.max(initial=0)))
    for_routes = {name: ends for name, (_, *ends) in keys.items()}
    if tags is None:
        keys |= _facts(rows, plan)
    else:
        keys["tag"] = _dense(
            (tags.tier.astype(np.int64) + 1) << 40
            | tags.confidence.astype(np.int64) << 32
            | tags.evidence.astype(np.int64) << 24
            | (tags.rule.astype(np.int64) + 1)
        )
    distinct, of_row, size = group_rows(keys)
    first = np.empty(size, np.intp)
    first[of_row[::-1]] = np.arange(rows.size - 1, -1, -1)
    number = distinct["period"].astype(np.int64)
    known = rows.ts[first] != NO_TS
    if plan.prices_at is not None:
        start = end = np.full(size, plan.prices_at, np.int64)
    else:
        least, most = (int(rows.ts[dated].min()), int(rows.ts[dated].max())) if dated.any() else (0, 0)
        start = np.where(known, np.maximum(number * step, least), NO_TS)
        end = np.where(known, np.minimum(number * step + step - 1, most), NO_TS)
    kind, classes = distinct["kind"], rows.classes[first]
    requests = np.bincount(of_row, minlength=size).astype(np.int64)
    sums: list[npt.NDArray[Any] | None] = []
    for name in PRICED:
        column = None if name == "request" else rows.counts[MEASURE[name]]
        sums.append(
            requests if name == "request" else None if column is None else sum_by(of_row, size, column)
        )
    marked = {
        name: distinct[name].astype(np.int64) for name in ("users", "stays", "share") if name in distinct
    }
    alike = Alike(
        words={name: Words(w.codes[kind], w.values) for name, w in rows.kind_words.items()},
        tier=np.full(size, UNTAGGED, np.int8) if tags is None else tags.tier[first],
        low=start,
        high=end,
        context=cuts["context"].band(distinct["context"]),
        length=cuts["length"].band(distinct["length"]),
        output=cuts["output"].band(distinct["output"]),
        needs=rows.kind_needs[kind] | _class_needs(classes),
        classes=_unpacked(classes),
        requests=requests,
        sums=tuple(sums),
        single=bool(size == rows.size),
        unmoved=marked["users"] > 0 if "users" in marked else None,
        share=marked.get("share"),
        stays=marked["stays"] > 0 if "stays" in marked else None,
    )
    told: _Keys = {name: (distinct[name], low, high) for name, (low, high) in for_routes.items()}
    return RequestCells(_pinned(alike, rows, first), of_row, first, np.where(known, number, NO_PERIOD), told)


def _pinned(alike: Alike, rows: SegmentRows, first: Index) -> Alike:
    """Where every cell holds one request, what is known of that one."""
    if not alike.single:
        return alike
    context, output = rows.context[first], rows.output[first]
    length, ts = context + output, rows.price_ts[first]
    return msgspec.structs.replace(
        alike, low=ts, high=ts, context=SizeBand(context - 1, context), length=SizeBand(length - 1, length),
        output=SizeBand(output - 1, output),
    )  # fmt: skip


def _dense(codes: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.integer], int, int]:
    """Codes of few different values as numbers from 0."""
    values, dense = np.unique(codes, return_inverse=True)
    return dense, 0, len(values) - 1


def _facts(rows: SegmentRows, plan: Plan) -> _Keys:
    """Numbers that rules of tiers look at, cut where those change their minds."""
    keys: _Keys = {}
    for name, cuts in plan.fact_bands.items():
        if name == "reasoning_percent":
            reasoning = rows.counts["reasoning"]
            if reasoning is None:
                continue
            values: Ints | None = reasoning * 100 // np.maximum(rows.output, 1)
        elif name in COUNTS:
            values = rows.counts[name]
        else:
            column = rows.calls.column(name)
            values = None
            if column is not None:
                plain = column.cast(pa.int64()).fill_null(-1)
                values = np.asarray(plain.to_numpy(zero_copy_only=False), np.int64)
        if values is not None:
            keys[f"fact {name}"] = (cuts.of(values), 0, cuts.size - 1)
    tags = rows.calls.column("tier_tag")
    if tags is not None:
        keys["tier_tag"] = _dense(np.asarray(tags.cast(pa.int64()).fill_null(-1), np.int64))
    return keys


class Decided(msgspec.Struct, frozen=True):
    """What the requests of a segment come to, in units: cells, or parts of cells that are not one.

    Arrays have one entry per unit, but for `of_row`.
    """

    rows: SegmentRows
    of_row: Index
    """The unit of every request."""
    kind: Ints
    period: Ints
    tags: Tags
    card: npt.NDArray[np.int32]
    """Number in `Plan.cards`; negative codes of a reason where there is no price."""
    route: Chosen
    chat: Mask
    providers: frozenset[str]
    """Providers of the book that served the requests."""

    @property
    def size(self) -> int:
        """Number of units."""
        return len(self.card)

    def take(self, units: Index) -> Decided:
        """Some of the units, or parts of them; `of_row` stays what it was."""
        return msgspec.structs.replace(
            self, kind=self.kind[units], period=self.period[units], tags=self.tags.take(units),
            card=self.card[units], route=self.route.take(units), chat=self.chat[units],
        )  # fmt: skip


def decide(segment: Segment, plan: Plan, judged: Judged | None = None) -> Decided:
    """Price, tag and route the requests of a segment, as the plan sees them.

    `judged` is what was said of their tiers before, if it was.
    """
    rows = SegmentRows(plan.seen(segment), plan)
    tags = _tags(rows, plan, judged)
    cells = _grouped(rows, plan, tags)
    if tags is None:
        by_cell = plan.tagger.tag(rows.segment.take(cells.first).batch())
        alike = msgspec.structs.replace(cells.alike, tier=by_cell.tier)
    else:
        alike, by_cell = cells.alike, tags.take(cells.first)
    alike, of_cell = _collapsed(alike, cells, rows, plan)
    prices = price_cells(alike, plan, free_cells(alike))
    members = None if alike.single else CellMembers(of_cell[cells.of_row], rows.priced_counts)
    found = choose(plan, alike, prices, members)
    unsure = (found.unsure | prices.unsure)[of_cell]
    if plan.sessions is not None:
        unsure = np.ones(len(of_cell), bool)
    whole = Decided(
        rows, cells.of_row, rows.kind[cells.first], cells.period, by_cell, prices.card[of_cell],
        found.chosen.take(of_cell), prices.chat[of_cell], prices.providers,
    )  # fmt: skip
    apart = [(own, cells.of_row[own], chosen) for own, _, chosen in found.apart]
    apart = [part for part in apart if not unsure[part[1]].all()]
    return _refined(whole, unsure, apart, plan) if unsure.any() or apart else whole


def _collapsed(alike: Alike, cells: RequestCells, rows: SegmentRows, plan: Plan) -> tuple[Alike, Index]:
    """Fewer cells, of requests that are priced and routed alike once they have a tag; which one each is in.

    Cells of features differ by their tags, and mostly by nothing else that a price or a policy looks at.
    """
    if alike.single:
        return alike, np.arange(alike.size)
    names = {*SUBJECT_WORDS, "status", "quality", *plan.reads.words}
    _, kind, size = group_rows(
        {n: (w.codes, 0, len(w.values) - 1) for n, w in rows.kind_words.items() if n in names}
    )
    keys: _Keys = cells.keys | {
        "kind": (kind[cells.keys["kind"][0]], 0, size - 1),
        "tier": (alike.tier, UNTAGGED, int(alike.tier.max())),
        "needs": (alike.needs, 0, int(alike.needs.max())),
    }
    _, of_cell, size = group_rows(keys)
    first = np.empty(size, np.intp)
    first[of_cell[::-1]] = np.arange(alike.size - 1, -1, -1)
    sums = tuple(None if column is None else sum_by(of_cell, size, column) for column in alike.sums)
    requests = sum_by(of_cell, size, alike.requests)
    return msgspec.structs.replace(alike.take(first), requests=requests, sums=sums), of_cell


def _tags(rows: SegmentRows, plan: Plan, judged: Judged | None) -> Tags | None:
    """The tag of every request; None where those of a cell have one."""
    if judged is not None:
        return plan.tagger.settle(judged)
    names = rows.segment.rows.schema.names
    by_row = any(name.startswith(("text_", "start_")) for name in names) or any(
        name in names for name in plan.tagger.word_columns
    )
    return plan.tagger.tag(rows.segment.batch()) if by_row else None


def free_cells(alike: Alike) -> Mask:
    """Cells that nobody bills: answers of a gateway's cache, and failures without usage."""
    status = alike.words["status"]
    used = [place for place, name in enumerate(PRICED) if name != "request"]
    return status.among(Status.CACHE_HIT) | (status.among(*_FAILED) & ~alike.classes[:, used].any(axis=1))


def _refined(
    whole: Decided, unsure: Mask, apart: Sequence[tuple[Index, Index, Chosen]], plan: Plan
) -> Decided:
    """The same with some requests in units of their own: those apart, and single ones of unsure cells."""
    parts: list[_Units] = []
    for rows, cell, chosen in apart:
        kept = np.flatnonzero(~unsure[cell])
        rows, cell, chosen = rows[kept], cell[kept], chosen.take(kept)  # noqa: PLW2901 - without unsure cells
        parts.append(
            _Units.of(rows, cell, chosen, whole.card[cell], whole.chat[cell], ("same", "any", "kept"))
        )
    rows = np.flatnonzero(unsure[whole.of_row])
    if len(rows):
        cell = whole.of_row[rows]
        alike = whole.rows.single(rows, whole.tags.tier[cell], plan)
        prices = price_cells(alike, plan, free_cells(alike))
        chosen = choose(plan, alike, prices).chosen
        parts.append(_Units.of(rows, cell, chosen, prices.card, prices.chat, ("card", *_ROUTE)))
    # Cells that are one keep their order; the units of the others come behind them.
    is_one = np.ones(whole.size, bool)
    for part in parts:
        is_one[part.cell] = False
    kept = np.flatnonzero(is_one)
    of_row = (np.cumsum(is_one) - 1)[whole.of_row]
    count = len(kept)
    for part in parts:
        of_row[part.rows] = part.unit + count
        count += len(part.cell)
    of = np.concatenate([kept, *(part.cell for part in parts)])
    routes = [whole.route.take(kept), *(part.chosen for part in parts)]
    return Decided(
        whole.rows,
        of_row,
        whole.kind[of],
        whole.period[of],
        whole.tags.take(of),
        np.concatenate([whole.card[kept], *(part.card for part in parts)]),
        Chosen(*(np.concatenate([getattr(route, name) for route in routes]) for name in _ROUTE)),
        np.concatenate([whole.chat[kept], *(part.chat for part in parts)]),
        whole.providers,
    )


class _Units(msgspec.Struct, frozen=True):
    """Requests in units that are alike in what was decided; all but the first two have one entry per unit."""

    rows: Index
    unit: Index
    """Of every request."""
    cell: Index
    card: npt.NDArray[np.int32]
    chat: Mask
    chosen: Chosen

    @classmethod
    def of(
        cls,
        rows: Index,
        cell: Index,
        chosen: Chosen,
        card: npt.NDArray[np.int32],
        chat: Mask,
        by: Sequence[str],
    ) -> _Units:
        """The requests of some cells, told apart by some of what was decided."""
        keys: _Keys = {"cell": (cell, 0, int(cell.max()))}
        for name in by:
            codes = card if name == "card" else getattr(chosen, name)
            keys[name] = (codes, int(codes.min()), int(codes.max()))
        _, unit, size = group_rows(keys)
        first = np.empty(size, np.intp)
        first[unit[::-1]] = np.arange(len(rows) - 1, -1, -1)
        return cls(rows, unit, cell[first], card[first], chat[first], chosen.take(first))


_ROUTE: Final = ("same", "any", "kept", "lacks", "number", "verify")
