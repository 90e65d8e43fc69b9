"""Further savings: a row per lever, and what prompt caches saved and lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from costaudit.questions.audit import result as m
from costaudit.questions.audit.shown.report import Report
from costaudit.render.blocks import Block, Column, ListLimits, Table
from costaudit.render.figures import counts_shown, money, share, words

NAMES: Final[Mapping[str, str]] = {"prefix_cache": "prompt caches"}

CAUSES: Final[Mapping[str, str]] = {
    "expired": "the cache had expired",
    "prefix_changed": "the prompt began otherwise",
    "not_found": "the provider did not find it",
    "model_switched": "another model answered before",
    "never_marked": "nothing was marked for the cache",
    "below_minimum": "too short to be cached",
}

WHAT_IFS: Final[Mapping[str, str]] = {
    "hour_for_minutes": "Caches of an hour in the place of 5 minutes",
    "minutes_for_hour": "Caches of 5 minutes in the place of an hour",
    "mark_everything": "Marking whole prompts where none is marked",
}


def show_levers(report: Report, limits: ListLimits) -> Iterator[Block]:
    """Further savings, as far as the log carries the evidence."""
    rows = [lever for lever in report.levers if lever.alone_usd is not None][: limits.rows]
    if rows:
        yield Table(
            "Further levers",
            (
                Column("lever", tuple(NAMES.get(r.name, words(r.name)) for r in rows), number=False),
                Column("saves", money([r.alone_usd for r in rows])),
                Column("after routing", money([r.marginal_usd for r in rows]), leaves=3),
                Column("low", money([r.low_usd for r in rows]), leaves=2),
                Column("high", money([r.high_usd for r in rows]), leaves=1),
            ),
            under=Column("evidence", tuple(r.evidence for r in rows), number=False),
        )
    for lever in rows:
        if lever.name == "prefix_cache":
            yield from _caches(lever, limits)


def _caches(lever: m.LeverRow, limits: ListLimits) -> Iterator[Block]:
    found = lever.detail
    causes = found["causes"][: limits.rows]
    if not causes and not found["read_tokens"] and not found["written_tokens"]:
        return
    lost = money([*(Decimal(c["lost_usd"]) for c in causes), Decimal(found["lost_usd"])])
    yield Table(
        "Prompt caches: what was sent again and not read from one",
        (
            Column("because", tuple(CAUSES[c["cause"]] for c in causes), "all", number=False),
            Column("requests", counts_shown([c["requests"] for c in causes]), leaves=2),
            Column("tokens", counts_shown([c["tokens"] for c in causes]), leaves=1),
            Column("lost", lost[:-1], lost[-1]),
        ),
        notes=tuple(_notes(found)),
    )


def _notes(found: Mapping[str, Any]) -> Iterator[str]:
    names = ("saved_usd", "premium_usd", "net_usd", "never_read_usd", "input_usd")
    saved, premium, net, dead, whole = money([Decimal(found[name]) for name in names])
    yield (
        f"Reading from caches saved {saved} of input, writing to them cost {premium} more: {net} net, beside "
        f"the {whole} that the input cost."
    )
    if Decimal(found["never_read_usd"]):
        yield f"{dead} of the writing was for what nobody read again."
    if found["found_share"] is not None:
        part = share(found["found_share"], 1)
        yield f"Within its lifetime {part} of what a cache could hold was read from it."
    for one in found["what_if"]:
        usd = Decimal(one["usd"])
        told = f"save {money([usd])[0]}" if usd >= 0 else f"cost {money([-usd])[0]} more"
        yield f"{WHAT_IFS[one['name']]} would {told}."
