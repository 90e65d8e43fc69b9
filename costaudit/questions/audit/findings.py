"""Findings: single facts with money, evidence and a next step, the largest money first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np

from costaudit.engine.costing import SPARE, usd
from costaudit.engine.kernel import IMPLAUSIBLE
from costaudit.engine.ledger import NO_PERIOD
from costaudit.engine.ratios import edge_text
from costaudit.engine.subjects import ledger_subjects
from costaudit.ingest.unclear import REASONS
from costaudit.money import exact, shown, usd_from_pico
from costaudit.prices.numbered import PRICED
from costaudit.prices.resolver import How
from costaudit.questions.audit import result as m
from costaudit.questions.audit.guesses import find_guesses
from costaudit.questions.audit.reconcile import FoundSignature
from costaudit.questions.audit.work import Audited
from costaudit.schema import INPUT_SIDE, Quality, Status

MOVES: Final = 5
"""Routing moves listed one by one."""
UNREAD_NAMES: Final = 20
"""Names of numbers that nobody reads that are told, the most frequent first."""


def find_all(work: Audited) -> list[m.Finding]:
    """Every finding of an audit, sorted by money, then code."""
    return ranked(f for find in FINDERS for f in find(work))


def ranked(found: Iterable[m.Finding]) -> list[m.Finding]:
    """The largest money first, then by code."""
    return sorted(found, key=lambda f: (-(f.usd if f.usd is not None else Decimal(-1)), f.code, f.title))


def find_moves(work: Audited) -> Iterator[m.Finding]:
    """CA-O1: traffic of a tier on a model that a cheaper adequate one could serve, largest saving first."""
    cells, plan = work.passed.cells, work.passed.plan
    saving = work.projected.overspecification + work.projected.lock_in
    moves: dict[tuple[int, str, str], list[int]] = {}
    """The cells of every move."""
    for i in np.flatnonzero([s > 0 for s in saving.tolist()]):
        same, any_ = int(cells.keys["route_same"][i]), int(cells.keys["route_any"][i])
        before, after = (
            plan.prices.cards[cells.keys["card"][i]],
            plan.offering.offered(any_ if any_ >= 0 else same),
        )
        if after is None:
            raise AssertionError("what saves has a route")
        key = (
            int(cells.keys["tier"][i]),
            f"{before.provider}/{before.model}",
            f"{after.provider}/{after.model}",
        )
        moves.setdefault(key, []).append(int(i))
    sums = {key: _sum(saving, here) for key, here in moves.items()}
    for key in sorted(sums, key=lambda k: (-sums[k], k))[:MOVES]:
        (tier, before_name, after_name), here = key, moves[key]
        requests = int(cells.measures["requests"][here].sum())
        yield _finding(
            work,
            "CA-O1",
            f"tier {tier}: {before_name} → {after_name}",
            usd(sums[key]),
            {"tier": tier, "from": before_name, "to": after_name, "requests": requests},
            "check the quality of the cheaper model on these requests before moving them",
            of=(saving, here),
        )


def find_markup(work: Audited) -> Iterator[m.Finding]:
    """CA-M1: a gateway bills more than list, by the log's own costs or by its published fees.

    What a signature of its own explains is told there.
    """
    cells, costed = work.passed.cells, work.costed
    signatures = _signatures(work)
    names = ((name, number) for number, name in enumerate(cells.values["gateway"]) if name is not None)
    for gateway, number in sorted(names):
        of_gateway = (cells.keys["gateway"] == number) & costed.priced & costed.exact
        for here, title, evidence, next_ in (
            (
                of_gateway & costed.reported,
                "costs reported through {} are {}% above list",
                "reported",
                "a constant percentage is a fee; single large differences are tool calls or other prices",
            ),
            (
                of_gateway & ~costed.reported,
                "{} adds {}% by its published fees",
                "table",
                "compare with an invoice, or call the provider directly",
            ),
        ):
            extra, base = usd(_sum(work.projected.markup, here)), usd(_sum(costed.list_units, here))
            whole: tuple[Any, Any] | None = (work.projected.markup, here)
            constant: list[FoundSignature] = []
            if evidence == "reported":
                elsewhere = _told_elsewhere(signatures, gateway, above=True)
                extra -= sum((f.excess_usd for f in elsewhere), Decimal(0))
                whole = None if elsewhere else whole  # the days of what is told elsewhere are not known
                base -= sum((f.sums.list_usd for f in elsewhere), Decimal(0))
                constant = [
                    f for f in signatures if f.group[2] == gateway and f.match.signature.code == "CA-M1"
                ]
            if extra <= 0 or base <= 0:
                continue
            percent = _plain((extra * 100 / base).quantize(Decimal("0.01")))
            told = {"signature": _evidence(constant)} if constant else {}
            yield _finding(
                work,
                "CA-M1",
                title.format(gateway, percent),
                extra,
                {"gateway": gateway, "percent": percent, "list_usd": exact(base), "evidence": evidence}
                | told,
                constant[0].match.signature.next if constant else next_,
                of=whole,
            )


def find_discounts(work: Audited) -> Iterator[m.Finding]:
    """CA-M2: requests billed below list: a negotiated price, or a log that prices differently.

    What a signature of its own explains is told there.
    """
    discount = work.projected.discount
    here = np.array([d > 0 for d in discount.tolist()], bool)
    elsewhere = _told_elsewhere(_signatures(work), above=False)
    amount = usd(_sum(discount, here)) + sum((f.excess_usd for f in elsewhere), Decimal(0))
    base = usd(_sum(work.costed.list_units, here)) - sum((f.sums.list_usd for f in elsewhere), Decimal(0))
    if amount > 0 and amount >= base / 1000:  # less than 0.1% is rounding in the log
        percent = _plain((amount * 100 / base).quantize(Decimal("0.01")))
        requests = int(work.passed.cells.measures["requests"][here].sum())
        requests -= sum(f.sums.requests for f in elsewhere)
        yield m.Finding(
            code="CA-M2",
            title=f"{requests:,} requests report {percent}% less than list",
            usd=None,
            monthly_usd=None,
            evidence={
                "requests": requests,
                "below_list_usd": exact(amount),
                "list_usd": exact(base),
            },
            next="add a negotiated price to your own tables; else see how the log prices cached tokens",
        )


GROUPS: Final = 10
"""Groups of requests that the evidence of a signature names."""


def find_ratios(work: Audited) -> Iterator[m.Finding]:
    """CA-C2 to CA-C8: many requests whose reported cost is the same multiple of list, and why that may be."""
    found: dict[tuple[str, str, str | None], list[FoundSignature]] = {}
    for one in work.signatures:
        signature = one.match.signature
        if signature.code != "CA-M1":
            found.setdefault((signature.code, signature.name, one.group[2]), []).append(one)
    for (code, _, gateway), groups in found.items():
        signature = groups[0].match.signature
        requests = sum(f.sums.requests for f in groups)
        models = len({f.group[:2] for f in groups})
        of = f"{groups[0].group[0]}/{groups[0].group[1]}" if models == 1 else f"{models:,} models"
        through = "" if gateway is None else f" through {gateway}"
        excess = sum((f.excess_usd for f in groups), Decimal(0))
        money = excess if excess > 0 and work.costed.reported.any() else None
        yield m.Finding(
            code=code,
            title=f"{requests:,} requests of {of}{through} {signature.says}",
            usd=money,
            monthly_usd=None if money is None else work.monthly(money),
            evidence={"gateway": gateway, **_evidence(groups)},
            next=signature.next,
        )


def _evidence(groups: Sequence[FoundSignature]) -> dict[str, Any]:
    sums = [f.sums for f in groups]
    return {
        "name": groups[0].match.signature.name,
        "requests": sum(s.requests for s in sums),
        "list_usd": exact(sum((s.list_usd for s in sums), Decimal(0))),
        "reported_usd": exact(sum((s.reported_usd for s in sums), Decimal(0))),
        "groups": [
            {
                "model": f"{f.group[0]}/{f.group[1]}", "service_tier": f.group[3],
                "requests": f.sums.requests, "of_requests": f.of,
                "ratio_from": edge_text(f.median) if f.median >= 0 else None,
                "ratio_to": edge_text(f.median + 1) if f.median >= 0 else None,
            }
            for f in groups[:GROUPS]
        ],
    }  # fmt: skip


def _signatures(work: Audited) -> Sequence[FoundSignature]:
    """Those whose requests are billed by what they report."""
    return work.signatures if work.costed.reported.any() else ()


def _told_elsewhere(
    signatures: Sequence[FoundSignature], gateway: str | None = None, *, above: bool
) -> list[FoundSignature]:
    """Signatures with a finding of their own, above list of one gateway or below list of all."""
    return [
        f
        for f in signatures
        if f.match.signature.code != "CA-M1"
        and (f.excess_usd > 0) == above
        and (not above or f.group[2] == gateway)
    ]


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def find_failures(work: Audited) -> Iterator[m.Finding]:
    """CA-R1, CA-R2: attempts that were billed and brought nothing."""
    cells = work.passed.cells
    status = np.array(cells.words("status"))
    for code, statuses, title in (
        ("CA-R1", (Status.ERROR, Status.CANCELLED), "failed or cancelled attempts were billed"),
        ("CA-R2", (Status.SUPERSEDED,), "attempts that a retry replaced were billed"),
    ):
        here = np.isin(status, [s.value for s in statuses])
        amount = _sum(work.projected.reliability, here)
        if amount > 0:
            paid = here & np.array([a > 0 for a in work.projected.reliability.tolist()])
            yield _finding(
                work,
                code,
                title,
                usd(amount),
                {"requests": int(cells.measures["requests"][paid].sum())},
                "fail over to an equivalent model of another provider instead of retrying the same one",
                of=(work.projected.reliability, here),
            )


def find_odd_costs(work: Audited) -> Iterator[m.Finding]:
    """CA-C1: reported costs that cannot be true; they are in no total."""
    cells = work.passed.cells
    count = int(cells.measures["requests"][cells.keys["reported"] == IMPLAUSIBLE].sum())
    impossible = work.passed.standouts.impossible
    if count:
        title = f"{count:,} reported {'cost is' if count == 1 else 'costs are'} impossible and set aside"
        if impossible:
            worst = impossible[0]
            title += (
                f", the largest {shown(usd_from_pico(worst.reported_picousd))} for {worst.tokens:,} tokens"
            )
        yield m.Finding(
            code="CA-C1",
            title=title,
            usd=None,
            monthly_usd=None,
            evidence={
                "examples": [
                    {
                        "file": o.file, "line": o.line, "model": o.model, "tokens": o.tokens,
                        "reported_usd": exact(usd_from_pico(o.reported_picousd)),
                    }
                    for o in impossible[:5]
                ]
            },
            next="the list cost stands in for them; look at the price table of the tool that wrote the log",
        )  # fmt: skip


def find_unpriced(work: Audited) -> Iterator[m.Finding]:
    """CA-P1: requests without a price. What they cost is not known, and in no total."""
    cells, priced = work.passed.cells, work.costed.priced
    requests = int(cells.measures["requests"][~priced].sum())
    if requests:
        names = [n for n, p in zip(cells.words("model"), priced, strict=True) if not p and n is not None]
        yield m.Finding(
            code="CA-P1",
            title=f"{requests:,} requests have no price and are not in the totals",
            usd=None,
            monthly_usd=None,
            evidence={"requests": requests, "models": sorted(set(names))[:10]},
            next="add the price or map the name to a model of the book (docs/pricing.md)",
        )


def find_assumed(work: Audited) -> Iterator[m.Finding]:
    """CA-P2: tokens read from a cache whose price nobody states: billed as new ones, which is the most."""
    cells, prices = work.passed.cells, work.passed.plan.prices
    card, read = cells.keys["card"], cells.measures["cache_read"]
    here = np.flatnonzero((card >= 0) & (read > 0))
    here = here[prices.assumed_reads()[card[here]]]
    if len(here):
        rates = prices.rates().rates[card[here], PRICED.index("cache_read")]
        money = usd(_dot(read[here], rates) * SPARE)
        tokens = int(read[here].sum())
        yield _finding(
            work,
            "CA-P2",
            f"{tokens:,} tokens read from a cache are billed as new ones: no source has their price",
            money,
            {"tokens": tokens, "models": sorted({prices.name_of(c) for c in card[here].tolist()})[:10]},
            "look the cached price up with the provider, and state it in an overlay",
        )


def find_unstated_profiles(work: Audited) -> Iterator[m.Finding]:
    """CA-P3: Claude on Bedrock by ids without a profile: priced as global, geographic ones cost 10 % more."""
    cells, costed, prices = work.passed.cells, work.costed, work.passed.plan.prices
    subjects, group = ledger_subjects(cells)
    unstated = [prices.subject(subject).how is How.PROFILE_UNSTATED for subject in subjects]
    here = np.array(unstated, bool)[group] & costed.priced
    requests = int(cells.measures["requests"][here].sum())
    if requests:
        listed = usd(_sum(costed.list_units, here))
        yield m.Finding(
            code="CA-P3",
            title=f"{requests:,} requests to Claude on Bedrock name no profile and are priced as global",
            usd=None,
            monthly_usd=None,
            evidence={
                "requests": requests,
                "list_usd": exact(listed),
                "more_if_geographic_usd": exact(listed / 10),
            },
            next="log the id that is called (us., eu., global.): geographic profiles cost 10 % more",
        )


def _dot(counts: Any, rates: Any) -> int:
    return sum(count * rate for count, rate in zip(counts.tolist(), rates.tolist(), strict=True))


def find_weak_usage(work: Audited) -> Iterator[m.Finding]:
    """CA-U1: token counts that the log does not state in full."""
    cells = work.passed.cells
    quality = np.array(cells.words("quality"))
    status = np.array(cells.words("status"))
    weak = np.isin(quality, [Quality.PARTIAL.value, Quality.NONE.value]) & (status == Status.OK.value)
    requests = int(cells.measures["requests"][weak].sum())
    if requests:
        yield m.Finding(
            code="CA-U1",
            title=f"{requests:,} requests state no usage or only part of it",
            usd=None,
            monthly_usd=None,
            evidence={"requests": requests},
            next="log the usage of streams (OpenAI: stream_options.include_usage), or price text: --estimate",
        )


def find_ambiguous(work: Audited) -> Iterator[m.Finding]:
    """CA-U5: counts that can be read in two ways, and how far the one that is taken may be off.

    At most all that was cached could have been beside the input instead of inside of it, or the other way
    around, and all reasoning beside the output.
    """
    cells, costed = work.passed.cells, work.costed
    here = np.array([word == Quality.AMBIGUOUS for word in cells.words("quality")], bool)
    requests = int(cells.measures["requests"][here].sum())
    if requests:
        most = usd(_sum(_other_reading(work), here & costed.priced))
        off = f": by another reading list is up to {shown(most)} off" if most else ""
        yield m.Finding(
            code="CA-U5",
            title=f"{requests:,} requests have counts that can be read in two ways{off}",
            usd=None,
            monthly_usd=None,
            evidence={
                "requests": requests,
                "list_usd": exact(usd(_sum(costed.list_units, here & costed.priced))),
                "at_most_off_usd": exact(most) if most else None,
            },
            next="log a total, or cached and reasoning tokens in the provider's own names (docs/formats.md)",
        )


def _other_reading(work: Audited) -> Any:
    """What cached tokens cost as further input and reasoning as further output, by cell, in ledger units."""
    cells, plan = work.passed.cells, work.passed.plan
    rates, card = plan.prices.rates().rates, np.maximum(cells.keys["card"], 0)
    names = [name for name in INPUT_SIDE if name.startswith("cache")]
    cached = np.sum([cells.measures[name] for name in names], axis=0, dtype=object)
    sides = (("input", cached), ("output", cells.measures["reasoning"].astype(object)))
    return sum(np.maximum(rates[card, PRICED.index(name)], 0) * count for name, count in sides) * SPARE


def find_unread(work: Audited) -> Iterator[m.Finding]:
    """CA-U2: numbers of usage that nobody reads. What they count is in no bill, or under another name.

    Names are those of the log, with the objects that they stand in (`output_details.video_tokens`).
    """
    found = work.passed.found
    told = sorted(found.unused.sums.items(), key=lambda one: (-one[1][0], one[0]))
    if told:
        name, (records, _) = told[0]
        more = f", and {len(told) - 1:,} more" if len(told) > 1 else ""
        yield m.Finding(
            code="CA-U2",
            title=f"{name} is in {records:,} of {found.records:,} records and is not read{more}",
            usd=None,
            monthly_usd=None,
            evidence={
                "names": [
                    {"name": name, "records": records, "sum": total}
                    for name, (records, total) in told[:UNREAD_NAMES]
                ],
                "further_names": max(len(told) - UNREAD_NAMES, 0),
                "records": found.records,
            },
            next="if it counts what is billed, name its place in costaudit.toml (docs/formats.md)",
        )


def find_unclear(work: Audited) -> Iterator[m.Finding]:
    """CA-U3: dates and amounts that can be read in two ways, and that no column or option makes clear.

    They are not guessed: a request without its time has no price of its day, and no reported cost.
    """
    columns = sorted(work.passed.found.unclear.columns.items(), key=lambda one: (-one[1].records, one[0]))
    if columns:
        (file, name, reason), (records, _) = columns[0]
        more = f", and {len(columns) - 1:,} more" if len(columns) > 1 else ""
        yield m.Finding(
            code="CA-U3",
            title=f"{name} is not read in {records:,} record{'s' * (records != 1)} of {file}{more}",
            usd=None,
            monthly_usd=None,
            evidence={
                "columns": [
                    {
                        "file": c.file,
                        "column": c.name,
                        "reason": c.reason,
                        "records": h.records,
                        "line": h.line,
                    }
                    for c, h in columns[:UNREAD_NAMES]
                ],
                "further_columns": max(len(columns) - UNREAD_NAMES, 0),
            },
            next=REASONS[reason],
        )


def find_refused(work: Audited) -> Iterator[m.Finding]:
    """CA-U4: tokens of calls that were refused before a model ran. Nobody bills them."""
    refused = work.passed.found.refused
    if refused.requests:
        yield m.Finding(
            code="CA-U4",
            title=f"{refused.tokens:,} tokens are counted for requests that were refused: nobody bills them",
            usd=None,
            monthly_usd=None,
            evidence={"requests": refused.requests, "tokens": refused.tokens},
            next="nothing to do: they are left out; who adds up the log's own counts has too many",
        )


def find_retired(work: Audited) -> Iterator[m.Finding]:
    """CA-T1: calls to a model after its retirement: a wrong time, a wrong alias, or a replayed log."""
    cells, plan = work.passed.cells, work.passed.plan
    late: dict[str, int] = {}
    periods = cells.keys["period"].tolist()
    for i, card in enumerate(cells.keys["card"].tolist()):
        facts = plan.prices.facts(card) if card >= 0 else None
        period = periods[i]
        if facts is None or facts.retired_on is None or period == NO_PERIOD or plan.resolution != "day":
            continue
        if period > (facts.retired_on.toordinal() - 719_163):  # days since 1970-01-01
            name = f"{facts.provider}/{facts.model}"
            late[name] = late.get(name, 0) + int(cells.measures["requests"][i])
    if late:
        yield m.Finding(
            code="CA-T1",
            title=f"{sum(late.values()):,} requests name a model after its retirement",
            usd=None,
            monthly_usd=None,
            evidence={"models": dict(sorted(late.items(), key=lambda kv: (-kv[1], kv[0]))[:10])},
            next="check the log's times and names; they are priced at the last known price",
        )


def find_overlaps(work: Audited) -> Iterator[m.Finding]:
    """CA-D1: requests without an id that are alike in two files: each may be two, or one counted twice."""
    overlaps = work.passed.found.overlaps
    if overlaps:
        files = f"{overlaps[0].file} and {overlaps[0].other}"
        requests = sum(overlap.requests for overlap in overlaps)
        yield m.Finding(
            code="CA-D1",
            title=f"{requests:,} requests without an id are alike in two files, as {files}",
            usd=None,
            monthly_usd=None,
            evidence={
                "requests": requests,
                "files": [{"file": o.file, "other": o.other, "requests": o.requests} for o in overlaps[:10]],
            },
            next="if one is a copy of a part of the other, leave it out: they are counted in both",
        )


def find_reused_ids(work: Audited) -> Iterator[m.Finding]:
    """CA-D2: ids that stand for several calls: a server that answers with one id, or draws from too few."""
    found = work.passed.found
    if found.reused_ids:
        yield m.Finding(
            code="CA-D2",
            title=f"{found.reused_requests:,} requests have an id that is used again for other calls",
            usd=None,
            monthly_usd=None,
            evidence={"ids": found.reused_ids, "requests": found.reused_requests},
            next="each is counted for itself; log an id of your own for every call",
        )


def _finding(  # noqa: PLR0913 - the fields of a finding, and where its money lies
    work: Audited,
    code: str,
    title: str,
    money: Decimal,
    evidence: dict[str, Any],
    next_: str,
    *,
    of: tuple[Any, Any] | None = None,
) -> m.Finding:
    """A finding with its money per month: by the days of the ledger amounts and cells that it is `of`."""
    monthly = work.monthly(money) if of is None else work.monthly_of(*of)
    return m.Finding(code=code, title=title, usd=money, monthly_usd=monthly, evidence=evidence, next=next_)


def _sum(amounts: Any, where: Any) -> int:
    return sum(amounts[where].tolist())


FINDERS: Final[tuple[Callable[[Any], Iterator[m.Finding]], ...]] = (
    find_moves, find_markup, find_discounts, find_ratios, find_failures, find_odd_costs, find_unpriced,
    find_assumed, find_unstated_profiles, find_weak_usage, find_ambiguous, find_unread, find_unclear,
    find_refused, find_retired, find_overlaps, find_reused_ids, find_guesses,
)  # fmt: skip
