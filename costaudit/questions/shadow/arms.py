"""The calls of one arm of a test: what each cost, whether it ended well, what it is known by."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.judge import total_of
from costaudit.engine.plan import Plan
from costaudit.engine.rows import price_rows
from costaudit.errors import UsageError, did_you_mean
from costaudit.prices.cards import NO_TS
from costaudit.schema import Status
from costaudit.tape.columns import Batch, Words
from costaudit.tape.read import Select
from costaudit.tape.segment import Segment
from costaudit.tiers.traits import PROMPT, SYSTEM
from costaudit.tokens import OUTPUT_SIDE

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

CostSource = Literal["list", "reported"]

DIGITS: Final = 15
"""Costs are integers of 1e-15 USD."""

UNKNOWN: Final = -1
"""In arrays of latencies: not logged."""

ARM_FIELDS: Final = (
    "feature", "model", "model_requested", "provider", "gateway", "user_tier", "service_tier", "region",
    "response_format", "tags",
)  # fmt: skip
"""Columns that can tell two arms apart; `tags:NAME` is the value of the tag NAME."""


class ArmKeys(msgspec.Struct, frozen=True):
    """What the calls of an arm are known by, to find the same request in the other one."""

    call: list[int | None]
    """Hashes of ids, as the two that follow."""
    response: list[int | None]
    parent: list[int | None]
    prompt: list[tuple[int | None, int] | None]
    """Hashes of system text and prompt."""


class ArmCalls(msgspec.Struct, frozen=True):
    """One value per call in every array."""

    ts: Ints
    """Microseconds UTC, NO_TS where unknown."""
    cost: npt.NDArray[Any]
    """Integers of 10^-DIGITS USD; 0 where there is none."""
    priced: Mask
    ended_well: Mask
    tokens_in: Ints
    tokens_out: Ints
    measured: Mask
    """Where the log states token counts."""
    latency_ms: Ints
    """UNKNOWN where not logged."""
    feature: Words
    cards: Counter[str]
    """Calls by the id of the card that they cost."""
    keys: ArmKeys | None

    @property
    def size(self) -> int:
        """Number of calls."""
        return len(self.ts)


def arm_calls(segment: Segment, plan: Plan, *, keyed: bool, source: CostSource = "list") -> ArmCalls:
    """What is known of some requests of a tape. `keyed` keeps hashes of the ids, which take most memory."""
    rows = price_rows(segment, plan)
    calls, words, units, card = rows.calls, rows.words, rows.list_units, rows.card
    status = words["status"]
    priced = units >= 0
    if source == "reported":
        priced = calls.valid("reported_picousd")
        stated = calls.counts("reported_picousd")
        units = np.zeros(calls.rows, object) if stated is None else stated.astype(object) * 1000
    latency = calls.column("latency_ms")
    return ArmCalls(
        ts=rows.ts,
        cost=np.where(priced, units, 0),
        priced=np.asarray(priced, bool),
        ended_well=status.among(Status.OK, Status.CACHE_HIT),
        tokens_in=rows.context,
        tokens_out=total_of(rows.counts, OUTPUT_SIDE, calls.rows),
        measured=~words["quality"].among("none"),
        latency_ms=np.full(calls.rows, UNKNOWN, np.int64)
        if latency is None
        else np.asarray(latency.fill_null(UNKNOWN), np.int64),
        feature=words["feature"],
        cards=_by_card(card, plan),
        keys=_keys(calls) if keyed else None,
    )


def _by_card(numbers: npt.NDArray[np.int32], plan: Plan) -> Counter[str]:
    found = Counter(numbers[numbers >= 0].tolist())
    return Counter({plan.prices.cards[number].id: calls for number, calls in found.items()})


def _keys(calls: Batch) -> ArmKeys:
    def hashes(name: str) -> list[int | None]:
        column = calls.column(name)
        return [None] * calls.rows if column is None else list(column.to_pylist())

    asked = zip(hashes(SYSTEM), hashes(PROMPT), strict=True)
    prompts = [None if prompt is None else (system, prompt) for system, prompt in asked]
    return ArmKeys(hashes("call_hash"), hashes("response_hash"), hashes("parent_hash"), prompts)


_COLUMNS: Final = (
    "ts", "cost", "priced", "ended_well", "tokens_in", "tokens_out", "measured", "latency_ms",
)  # fmt: skip
_KEYS: Final = ("call", "response", "parent", "prompt")


def join_calls(parts: Sequence[ArmCalls]) -> ArmCalls:
    """The calls of several blocks as one, in an order that depends only on what they hold."""
    names = sorted({v for part in parts for v in part.feature.values}, key=lambda n: (n is None, n or ""))
    code = {name: number for number, name in enumerate(names)}
    features = [
        np.array([code[value] for value in part.feature.values], np.int64)[part.feature.codes]
        for part in parts
    ]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
    columns["feature"] = np.concatenate(features)
    keyed = [part.keys for part in parts if part.keys is not None]
    keys = {name: [v for own in keyed for v in getattr(own, name)] for name in _KEYS}
    if len(keyed) != len(parts):
        keys = {}
    told = zip(
        *(columns[name].tolist() for name in (*_COLUMNS, "feature")),
        *([("" if v is None else str(v)) for v in listed] for listed in keys.values()),
        strict=True,
    )
    order = [row for row, _ in sorted(enumerate(told), key=operator.itemgetter(1))]
    place = np.array(order, np.intp)
    return ArmCalls(
        **{name: columns[name][place] for name in _COLUMNS},
        feature=Words(columns["feature"][place], tuple(names)),
        cards=sum((part.cards for part in parts), Counter()),
        keys=ArmKeys(**{name: [listed[row] for row in order] for name, listed in keys.items()})
        if keys
        else None,
    )


def days_of(ts: Ints) -> Ints:
    """The calendar day (UTC) of each time, counted from 1970-01-01; NO_TS where unknown."""
    return np.where(ts == NO_TS, NO_TS, ts // 86_400_000_000)


class ArmField(msgspec.Struct, frozen=True):
    """A column whose values are the arms of a test."""

    column: str
    tag: str | None
    """The NAME of `tags:NAME`: tags written NAME:VALUE or NAME=VALUE."""
    values: tuple[str, str]

    def select(self, value: str) -> Select:
        """The rows of one arm."""

        def matches(text: str | None) -> bool:
            if text is None:
                return False
            if self.column != "tags":
                return text == value
            tags = {tag.strip() for tag in text.split(",")}
            if self.tag is None:
                return value in tags
            return bool(tags & {f"{self.tag}:{value}", f"{self.tag}={value}"})

        def select(batch: pa.RecordBatch) -> Mask:
            words = Batch(batch).words(self.column)
            return np.array([matches(text) for text in words.values], bool)[words.codes]

        return select


def parse_arm_field(text: str) -> ArmField:
    """`FIELD=A,B`; raises UsageError that says what is wrong with it.

    >>> parse_arm_field("tags:arm=old,new")
    ArmField(column='tags', tag='arm', values=('old', 'new'))
    """
    field, _, listed = text.partition("=")
    values = [value.strip() for value in listed.split(",")]
    column, _, tag = field.strip().partition(":")
    if len(values) != 2 or not all(values) or values[0] == values[1]:
        raise UsageError(
            f"--arm-field {text!r} does not name two arms",
            hint="like model=gpt-4o,gpt-4o-mini or tags:arm=old,new",
        )
    if column not in ARM_FIELDS or (tag and column != "tags"):
        raise UsageError(
            f"--arm-field {text!r}: no arms can be told apart by {field!r}",
            hint=did_you_mean(column, ARM_FIELDS) or f"one of {', '.join(ARM_FIELDS)}, tags:NAME",
        )
    return ArmField(column, tag or None, (values[0], values[1]))
