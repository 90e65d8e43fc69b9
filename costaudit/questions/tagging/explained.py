"""Why one request got its tier, its price and its route: facts, every rule that spoke, the verdict.

This is an answer about one request that was asked for by its id, so words of the prompt may stand in it; the
prompt itself only where that is asked for too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from costaudit.engine.audit import Requests
from costaudit.engine.plan import Plan
from costaudit.ingest.canonical import calls_of
from costaudit.ingest.request_id import request_ids
from costaudit.money import EXACT, exact, shown, usd_for
from costaudit.prices.numbered import MEASURE, PRICED
from costaudit.prices.rows import UNIT_CLASSES
from costaudit.questions.tagging.result import (
    ExplainedPrice,
    ExplainedReason,
    ExplainedRequest,
    ExplainedRoute,
    ExplainedSource,
    ExplainedTier,
    Explanation,
)
from costaudit.questions.tagging.rows import TEXTS, columns_of, moment
from costaudit.render.part import PricedLine, StatedRate
from costaudit.render.safe import display_width, pad, safe, wrap
from costaudit.schema import FIELDS, UNTAGGED, Call, Tier
from costaudit.tape.columns import Batch
from costaudit.tape.record import hashes_in, hashes_of
from costaudit.tape.tape import Tape
from costaudit.tape.texts import with_texts
from costaudit.tiers.evidence import Evidence, TagReason

_USUAL: Final = Call()
_WIDEST: Final = 120


class PriceLine(msgspec.Struct, frozen=True):
    """What one price class of a request comes to."""

    klass: str
    units: int
    """Tokens, searches or requests."""
    rate_usd: Decimal
    """USD per 1M tokens, or per unit."""
    usd: Decimal
    rate_id: str


class Explained(msgspec.Struct, frozen=True):
    """One request with all that was decided about it."""

    call: Call
    row: dict[str, Any]
    """The columns of `costaudit tag`."""
    reasons: list[TagReason]
    scores: list[int]
    """What the text alone says of each tier, in thousandths; all 0 where it says nothing."""
    lines: list[PriceLine]
    detail: str
    """More on why there is no price."""


def explain_requests(requests: Requests, tape: Tape, plan: Plan, wanted: str) -> list[Explained]:
    """The requests of a tape that keeps ids with a call id, response id or id of `costaudit tag`."""
    calls = Batch(requests.batch)
    hit = calls.words("call_id").among(wanted) | calls.words("response_id").among(wanted)
    (hashed,) = hashes_of([wanted])
    for name in ("call_hash", "response_hash"):  # on a tape from a file there is no more of an id
        hashes, there = hashes_in(calls.batch, name)
        hit |= there & (hashes == hashed)
    hit |= np.array([ident == wanted for ident in request_ids(requests.batch)], bool)
    if not hit.any():
        return []
    some = requests.take(np.flatnonzero(hit), plan)
    texts = with_texts(some.batch, tape, plan.tagger)
    columns = columns_of(some, plan, with_text=False)
    return [
        _explained(some, texts, plan, row, {name: values[row] for name, values in columns.items()})
        for row in range(some.batch.num_rows)
    ]


def _explained(
    requests: Requests, texts: pa.RecordBatch, plan: Plan, row: int, values: dict[str, Any]
) -> Explained:
    one = texts.slice(row, 1)
    (call,) = calls_of(one)
    card = int(requests.judged.card[row])
    words = requests.judged.words
    subject = tuple(
        words[n].values[words[n].codes[row]]
        for n in ("provider", "model", "service_tier", "region", "speed", "gateway")
    )
    return Explained(
        call=call,
        row=values,
        reasons=plan.tagger.explain(texts, row, signals=True),
        scores=[int(s) for s in plan.tagger.text_scores(one)[0]],
        lines=list(_price_lines(call, plan, card)) if card >= 0 else [],
        detail="" if card >= 0 else plan.prices.subject(subject).detail,
    )


def _price_lines(call: Call, plan: Plan, card: int) -> Iterator[PriceLine]:
    rates = plan.prices.cards[card].rates
    for name in PRICED:
        units = 1 if name == "request" else getattr(call, MEASURE[name])
        rate = rates.get(name)
        if not units or rate is None or (name == "request" and not rate.usd):
            continue
        per_unit = name in UNIT_CLASSES
        usd = EXACT.multiply(rate.usd, Decimal(units)) if per_unit else usd_for(units, rate.usd)
        yield PriceLine(name, units, rate.usd, usd, rate.rate_id)


# The answer


def explanation_of(wanted: str, found: Sequence[Explained], *, with_text: bool) -> Explanation:
    """What programs are told of some requests; their texts only where they are asked for."""
    return Explanation(
        schema_="costaudit/explain@1", id=wanted, requests=[_part_of(e, with_text=with_text) for e in found]
    )


def _part_of(e: Explained, *, with_text: bool) -> ExplainedRequest:
    row = e.row
    return ExplainedRequest(
        id=row["id"],
        source=ExplainedSource(file=row["source_file"], line=row["source_line"], records=row["records"]),
        call=_call_value(e.call, with_text=with_text),
        tier=ExplainedTier(
            tier=row["tier"],
            name=tier_name(row["tier"]),
            confidence=row["tier_confidence"],
            evidence=row["tier_evidence"],
            reasons=row["tier_reasons"],
        ),
        reasons=[
            ExplainedReason(
                evidence=r.evidence.name.lower(),
                rule=r.rule,
                tier=r.tier,
                confidence=r.confidence,
                points=r.points,
                signal=r.signal,
            )
            for r in e.reasons
        ],
        text_scores=e.scores if any(e.scores) else None,
        price=ExplainedPrice(
            list_usd=row["list_usd"],
            unpriced_reason=row["unpriced_reason"],
            detail=e.detail or None,
            lines=[
                PricedLine(
                    class_=line.klass,
                    tokens=line.units,
                    usd_per_mtok=StatedRate(line.rate_usd),
                    usd=line.usd,
                    rate_id=line.rate_id,
                )
                for line in e.lines
            ],
        ),
        route=ExplainedRoute(
            provider=row["route_provider"],
            model=row["route_model"],
            list_usd=row["route_usd"],
            kept_reason=row["kept_reason"],
        ),
    )


def _call_value(call: Call, *, with_text: bool) -> dict[str, Any]:
    """All canonical facts; texts by their length unless they are asked for."""
    told: dict[str, Any] = {}
    for name in FIELDS:
        value = getattr(call, name)
        if name in TEXTS:
            told[f"{name}_characters"] = None if value is None else len(value)
            if with_text:
                told[name] = value
        else:
            told[name] = moment(value) if name == "ts" and value is not None else value
    return told


def tier_name(tier: int | None) -> str:
    """The name of a tier, and of none."""
    return "untagged" if tier is None or tier == UNTAGGED else Tier(tier).label


# Text


def explained_text(found: Sequence[Explained], columns: int, *, with_text: bool) -> str:
    """For the eye, in lines of at most `columns`."""
    width = min(max(columns, 40), _WIDEST)
    parts = ["\n".join(_request_lines(e, width, with_text=with_text)) for e in found]
    return "\n\n".join(parts) + "\n"


def _request_lines(e: Explained, width: int, *, with_text: bool) -> Iterator[str]:
    row = e.row
    yield from wrap(_verdict(e), width)
    merged = f", merged from {row['records']} records" if row["records"] > 1 else ""
    yield from _wrapped(f"{safe(row['source_file'], 60)}:{row['source_line']}{merged}", width)
    yield ""
    yield "What the log says"
    yield from _pairs(list(_facts(e.call, with_text=with_text)), width)
    yield ""
    yield "What speaks for a tier, strongest evidence first"
    yield from _reason_lines(e, width)
    yield ""
    yield "List price"
    yield from _price_text(e, width)
    yield ""
    yield "Under the policy"
    yield from _wrapped(_route(row), width)


def _verdict(e: Explained) -> str:
    row = e.row
    if row["tier"] is None:
        return f"{row['id']}: untagged, so it keeps its model"
    rule = ", ".join(row["tier_reasons"])
    return (
        f"{row['id']}: tier {row['tier']} {tier_name(row['tier'])}, confidence {row['tier_confidence']}%, "
        f"by {rule} ({row['tier_evidence']})"
    )


def _wrapped(text: str, width: int, indent: str = "  ") -> Iterator[str]:
    yield from (indent + line for line in wrap(text, width - len(indent)))


def _pairs(pairs: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    label = max((display_width(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        first, *rest = wrap(value, max(width - label - 4, 10)) or [""]
        yield f"  {pad(name, label)}  {first}"
        yield from (" " * (label + 4) + line for line in rest)


def _facts(call: Call, *, with_text: bool) -> Iterator[tuple[str, str]]:
    for name in FIELDS:
        value = getattr(call, name)
        if value is None or (value == getattr(_USUAL, name) and name not in ("input", "output")):
            continue
        if name in TEXTS:
            yield (
                name,
                f"{len(value):,} characters" + ("" if with_text else ", not shown without --with-text"),
            )
            if with_text:
                yield "", safe(value, 2000)
        elif name == "ts":
            yield name, moment(value)
        elif name == "reported_picousd":
            yield "reported_usd", exact(Decimal(value).scaleb(-12, EXACT))
        elif isinstance(value, int) and not isinstance(value, bool):
            yield name, f"{value:,}"
        else:
            yield name, safe(str(value), 200)


def _reason_lines(e: Explained, width: int) -> Iterator[str]:
    if not e.reasons:
        yield "  nothing"
        return
    rows = [
        (
            r.evidence.name.lower(),
            f"tier {r.tier}",
            f"{r.confidence}%"
            if r.confidence is not None
            else f"{r.points:+g}"
            if r.points is not None
            else "",
            f"{r.rule}: {safe(r.signal, 60)!r}" if r.signal is not None else r.rule,
        )
        for r in e.reasons
    ]
    wide = [max(len(row[i]) for row in rows) for i in range(3)]
    for evidence, tier, weight, rule in rows:
        head = f"  {evidence:<{wide[0]}}  {tier}  {weight:>{wide[2]}}  "
        first, *rest = wrap(rule, max(width - len(head), 10)) or [""]
        yield head + first
        yield from (" " * len(head) + line for line in rest)
    if any(r.evidence == Evidence.TEXT for r in e.reasons) and any(e.scores):
        told = ", ".join(f"tier {t} {score / 10:.1f}%" for t, score in enumerate(e.scores))
        yield from _wrapped(f"The text alone: {told}.", width)
    if any(r.points is not None for r in e.reasons):
        yield from _wrapped("Percentages are confidences; signed numbers are points of the text.", width)


def _price_text(e: Explained, width: int) -> Iterator[str]:
    row = e.row
    if row["list_usd"] is None:
        reason = row["unpriced_reason"].replace("_", " ")
        yield from _wrapped(f"none: {reason}" + (f"; {e.detail}" if e.detail else ""), width)
        return
    cells = [
        (line.klass, f"{line.units:,}", _rate(line),
         f"${exact(line.usd)}", line.rate_id)
        for line in e.lines
    ]  # fmt: skip
    cells.append(("total", "", "", f"${exact(row['list_usd'])}", ""))
    wide = [max(len(c[i]) for c in cells) for i in range(4)]
    for klass, units, rate, usd, ident in cells:
        head = f"  {klass:<{wide[0]}}  {units:>{wide[1]}}  {rate:<{wide[2]}}  {usd:>{wide[3]}}"
        if ident and len(head) + 2 + len(ident) <= width:
            yield f"{head}  {ident}"
            continue
        yield head
        if ident:
            yield from _wrapped(ident, width, "    ")


def _rate(line: PriceLine) -> str:
    return f"× ${line.rate_usd:f}" + ("" if line.klass in UNIT_CLASSES else " / 1M")


def _route(row: dict[str, Any]) -> str:
    if row["kept_reason"] is None:
        saved = row["list_usd"] - row["route_usd"]
        return (
            f"{row['route_provider']}/{row['route_model']} for ${exact(row['route_usd'])} at list, "
            f"{shown(saved)} less"
        )
    return f"keeps its model: {row['kept_reason'].replace('_', ' ')}"
