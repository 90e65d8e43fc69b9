"""What is paid on top of list: markups of the projected bill, break-even volumes, committed-use discounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec
import numpy as np
from msgspec.structs import replace

from costaudit.engine.costing import DIGITS
from costaudit.questions.audit import result as m
from costaudit.questions.audit.fees.break_even import Option
from costaudit.questions.audit.fees.break_even_part import break_even
from costaudit.questions.audit.fees.commitment import Commitment
from costaudit.questions.audit.fees.commitment_part import commitment
from costaudit.questions.audit.fees.markup import MarkupTerms, Volume
from costaudit.questions.audit.fees.traffic import RoutedTraffic, percent_text, terms_of
from costaudit.questions.audit.month import MONTHS_A_YEAR, rounded_usd, usd_of
from costaudit.questions.audit.work import Audited, marked_up
from costaudit.routing.projection import exact_sum
from costaudit.schema import COUNTS, UNITS

DEFAULT_MARKUPS: Final = tuple(MarkupTerms(f"{p}%", percent=Decimal(p)) for p in (0, 5, 10, 15))

AS_LOGGED: Final = "as in this log"


class Fees(msgspec.Struct, frozen=True):
    """What a simulation is asked about fees."""

    markups: Sequence[MarkupTerms] = ()
    """The default ones, and that of the log, where there are none."""
    options: Sequence[Option] = ()
    commitments: Sequence[Commitment] = ()


def traffic_of(work: Audited) -> RoutedTraffic:
    """The traffic of a log: its list price, its projected bill, its requests and tokens."""
    measures = work.passed.cells.measures
    counted = [measures[name] for name in COUNTS if name != "reasoning" and name not in UNITS]
    requests, tokens = measures["requests"], np.sum(counted, axis=0, dtype=object)
    logged, routed = (
        Volume(
            Fraction(exact_sum(usd), 10**DIGITS), Fraction(exact_sum(requests)), Fraction(exact_sum(tokens))
        )
        for usd in (work.costed.list_units, work.projected.after)
    )
    logged_month, routed_month = (
        _month(*(work.scale.monthly(amounts) for amounts in (usd, requests, tokens)))
        for usd in (work.costed.list_units, work.projected.after)
    )
    return RoutedTraffic(logged, routed, logged_month, routed_month)


def _month(units: Fraction | None, requests: Fraction | None, tokens: Fraction | None) -> Volume | None:
    if units is None or requests is None:
        return None
    return Volume(units / 10**DIGITS, requests, tokens)


def projected_with(
    projection: m.Projection, fees: Fees, traffic: RoutedTraffic, log: Audited | None = None
) -> m.Projection:
    """A projection with all that was asked about fees. `log` is where the log's own markup is found."""
    scenarios = [markup_scenario(markup, traffic) for markup in fees.markups or DEFAULT_MARKUPS]
    if log is not None and not fees.markups:
        scenarios += as_logged(log)
    return replace(
        projection,
        markup_scenarios=scenarios,
        break_even=break_even(fees.options, traffic, is_log=log is not None) if fees.options else None,
        commitments=[commitment(one, traffic, is_log=log is not None) for one in fees.commitments],
    )


def markup_scenario(markup: MarkupTerms, traffic: RoutedTraffic) -> m.MarkupScenario:
    """What a markup would add to the projected bill, in the log's period, per 30 days and per year."""
    month = traffic.routed_month
    if month is not None:
        monthly: Fraction | None = markup.month_usd(month)
    else:
        monthly = Fraction(markup.usd_per_month) if _is_flat(markup) else None
    period = None if markup.is_monthly else markup.variable_usd(traffic.routed)
    return m.MarkupScenario(
        **terms_of(markup),
        monthly_usd=usd_of(monthly),
        yearly_usd=usd_of(None if monthly is None else monthly * MONTHS_A_YEAR),
        period_usd=usd_of(period),
    )


def _is_flat(markup: MarkupTerms) -> bool:
    """Whether it is a subscription and nothing else."""
    others = markup.percent, markup.usd_per_request, markup.usd_per_mtok
    return bool(markup.usd_per_month) and not any(others)


def as_logged(work: Audited) -> Iterator[m.MarkupScenario]:
    """The markup that the log shows, on what is projected of each gateway's own traffic."""
    parts = [part for part in marked_up(work) if part.extra > 0 and part.base > 0]
    if not parts:
        return
    period, monthly, notes = Fraction(0), Fraction(0), []
    is_scaled = True
    for part in parts:
        rate = Fraction(part.extra, part.base)
        period += rate * exact_sum(work.projected.after[part.where])
        month = work.scale.monthly(work.projected.after, part.where)
        is_scaled = is_scaled and month is not None
        monthly += rate * (month or 0)
        requests = int(work.passed.cells.measures["requests"][part.where].sum())
        told = "stated in the log" if part.evidence == "reported" else "published fees"
        name = "(no gateway)" if part.gateway is None else part.gateway
        notes.append(f"{name} {percent_text(rate)}% over list, {told} for {requests:,} of its requests")
    after = exact_sum(work.projected.after)
    total = usd_of(monthly / 10**DIGITS) if is_scaled else None
    yield m.MarkupScenario(
        label=AS_LOGGED,
        percent=percent_text(period / after) if after else None,
        source="log",
        notes=notes,
        monthly_usd=total,
        yearly_usd=usd_of(monthly * MONTHS_A_YEAR / 10**DIGITS) if is_scaled else None,
        period_usd=rounded_usd(period / 10**DIGITS),
    )
