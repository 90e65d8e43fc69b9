"""An outage as tables."""

from __future__ import annotations

from collections.abc import Iterator

from costaudit.questions.fallback import result as m
from costaudit.questions.fallback.shown import ROWS, dollars, number, percent_of
from costaudit.render.blocks import Block, Column, Table
from costaudit.render.figures import count, name_shown, split_rows


def show_outage(outage: m.OutageRow, chain: m.ChainRow) -> Iterator[Block]:
    """Its windows with one chain, what stays unserved, and the other chains."""
    windows = outage.windows if len({w.start for w in outage.windows}) > 1 else outage.windows[:1]
    rows = [(w, next(c for c in w.chains if c.name == chain.name)) for w in windows]
    yield Table(
        f"{outage.provider} down for {count(outage.hours, 'hour')}, with {chain.name}",
        (
            Column("window", tuple(w.window for w, _ in rows), number=False),
            Column(
                "from (UTC)", tuple(w.start[:16].replace("T", " ") for w, _ in rows), number=False, leaves=2
            ),
            Column("requests", tuple(f"{w.requests:,}" for w, _ in rows)),
            Column("answered", tuple(percent_of(c.served_share) for _, c in rows)),
            Column("unserved", tuple(number(c.unserved) for _, c in rows)),
            Column("extra cost", dollars([c.extra_usd for _, c in rows], signed=True)),
            Column("cost", dollars([c.chain_usd for _, c in rows]), leaves=1),
        ),
        notes=tuple(_outage_notes(outage)),
    )
    window, hit = rows[0]
    if not window.requests:
        return
    yield from _parts(window, hit)
    yield _others(outage, window)


def _outage_notes(outage: m.OutageRow) -> Iterator[str]:
    yield "Without a fallback all of these are unserved. Extra: over their cost on their own model."
    if outage.windows_hit != outage.windows_of_log:
        yield (
            f"In {(outage.windows_of_log or 0) - (outage.windows_hit or 0):,} of "
            f"{outage.windows_of_log or 0:,} such windows there is no request to it; the others are ranked."
        )


def _parts(window: m.OutageWindow, hit: m.OutageChain) -> Iterator[Table]:
    tiers = [(_tier(p), p) for p in hit.by_tier]
    features = [(name_shown(p.feature, "feature"), p) for p in hit.by_feature]
    for title, parts in (("tier", tiers), ("feature", features)):
        listed, rest = split_rows(parts, ROWS)
        if len(parts) < 2:
            continue
        yield Table(
            f"Unserved in the {window.window} window, by {title}"
            if window.window != "stated"
            else f"Unserved by {title}",
            (
                Column(title, tuple(name for name, _ in listed), number=False),
                Column("without a fallback", tuple(f"{p.requests:,}" for _, p in listed)),
                Column("with the chain", tuple(number(p.requests - p.served) for _, p in listed)),
            ),
            notes=(f"and {count(sum(p.requests for _, p in rest), 'request')} of {len(rest)} more",)
            if rest
            else (),
        )


def _tier(part: m.OutagePart) -> str:
    return "untagged" if part.tier is None else f"{part.tier}"


def _others(outage: m.OutageRow, window: m.OutageWindow) -> Table:
    rows = window.chains
    return Table(
        f"Chains, {outage.provider} down at the {window.window} time"
        if window.window != "stated"
        else "Chains",
        (
            Column("chain", tuple(c.name for c in rows), number=False),
            Column("answered", tuple(percent_of(c.served_share) for c in rows)),
            Column("unserved", tuple(number(c.unserved) for c in rows)),
            Column("extra cost", dollars([c.extra_usd for c in rows], signed=True)),
        ),
    )
