"""Committed-use discounts on a month's spend, before and after routing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final, Literal

from costaudit.questions.audit import result as m
from costaudit.questions.audit.fees.commitment import Commitment
from costaudit.questions.audit.fees.markup import plain
from costaudit.questions.audit.fees.traffic import RoutedTraffic, percent_text
from costaudit.questions.audit.month import rounded_usd

Mix = Literal["as_logged", "after_routing"]
MIXES: Final[tuple[Mix, Mix]] = ("as_logged", "after_routing")


def commitment(asked: Commitment, traffic: RoutedTraffic, *, is_log: bool) -> m.CommitmentResult:
    """What a committed-use discount does to the month, before and after routing."""
    before, after = traffic.logged_month, traffic.routed_month
    known = before is not None and after is not None
    spends = [before.list_usd, after.list_usd] if before is not None and after is not None else []
    costs = [asked.cost_usd(usd) for usd in spends]
    return m.CommitmentResult(
        label=asked.label,
        percent=plain(asked.percent),
        committed_usd_month=asked.usd,
        months=asked.months,
        paid_usd_month=rounded_usd(asked.paid_usd),
        paid_usd_term=rounded_usd(asked.paid_usd * asked.months),
        break_even_utilisation_percent=plain(100 - asked.percent),
        uses=[_use(mix, asked, usd) for mix, usd in zip(MIXES, spends, strict=False)],
        routing_saves_usd_month=rounded_usd(spends[0] - spends[1]) if known else None,
        routing_saves_committed_usd_month=rounded_usd(costs[0] - costs[1]) if known else None,
        largest_paying_usd_month=rounded_usd(asked.most_usd(spends[1])) if known else None,
        cheapest=_cheapest([*spends, *costs]) if known else [],
        assumptions=list(_commitment_assumptions(is_log=is_log)),
    )


def _cheapest(costs: Sequence[Fraction]) -> list[str]:
    """Of the spend as logged and routed, without and with the commitment."""
    names = ("neither", "routing", "commitment", "both")
    return [name for name, usd in zip(names, costs, strict=True) if usd == min(costs)]


def _use(mix: Mix, asked: Commitment, list_usd: Fraction) -> m.CommitmentUse:
    saving = asked.saving_usd(list_usd)
    return m.CommitmentUse(
        mix=mix,
        list_usd=rounded_usd(list_usd),
        utilisation_percent=percent_text(asked.utilisation(list_usd), 2),
        with_commitment_usd=rounded_usd(asked.cost_usd(list_usd)),
        saving_monthly_usd=rounded_usd(saving),
        saving_term_usd=rounded_usd(saving * asked.months),
    )


def _commitment_assumptions(*, is_log: bool) -> Iterator[str]:
    what = "The log's spend" if is_log else "The scenario's spend"
    yield f"{what} of 30 days stays the same in every month of the term."
    yield (
        "All of it counts towards the commitment; for a commitment to one provider, simulate its log alone "
        "with --policy same-provider."
    )
    yield "What is committed to is counted by list price; use beyond it is paid by list."
