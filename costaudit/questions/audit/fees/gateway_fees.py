"""The published fees of a gateway as of a day, as a markup. What is not published is refused, not guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from costaudit.errors import UsageError, did_you_mean
from costaudit.money import shown
from costaudit.prices.gateways import Fee, Gateway, Gateways
from costaudit.prices.rows import instant_text
from costaudit.questions.audit.fees.markup import Asked, GatewayFees, MarkupTerms, plain

CREDIT_KINDS: Final = ("percent", "credit_purchase_percent", "per_request_usd", "subscription_usd_month")
"""Fees of tokens that are bought through the gateway."""

OWN_KEY_KINDS: Final = ("byok_percent", "per_request_usd", "subscription_usd_month")
"""Fees when the provider bills the tokens to a key of one's own."""

_SAYS: Final = {
    "percent": "percentage on tokens",
    "credit_purchase_percent": "fee on buying credits",
    "per_request_usd": "fee per request",
    "subscription_usd_month": "subscription",
    "byok_percent": "fee for one's own key",
}


def look_up(asked: Asked, gateways: Gateways, at: int) -> MarkupTerms:
    """The markup that was asked for. Fees without a date of their own are those in force `at`.

    Raises UsageError for a gateway that is not known, and for fees that it does not publish.
    """
    if isinstance(asked, MarkupTerms):
        return asked
    gateway = known(asked, gateways)
    moment = at if asked.at is None else asked.at
    kinds = OWN_KEY_KINDS if asked.own_key else CREDIT_KINDS
    fees = {kind: fee for kind in kinds if (fee := _disclosed(gateway, kind, moment)) is not None}
    if not fees.keys() & {"percent", "credit_purchase_percent", "byok_percent"}:
        what = "for one's own key" if asked.own_key else "on tokens"
        raise UsageError(f"no fee of {gateway.id} {what} is recorded for {_day(moment)}", hint=_HINT)
    return _markup(asked, gateway, fees, moment)


def check_known(asked: Iterable[Asked], gateways: Gateways) -> None:
    """Raises UsageError for a gateway that is not known; its fees are looked up later, for a day."""
    for one in asked:
        if isinstance(one, GatewayFees):
            known(one, gateways)


def known(asked: GatewayFees, gateways: Gateways) -> Gateway:
    """The gateway of a name; raises UsageError with the closest ones."""
    gateway = gateways.named(asked.name)
    if gateway is None:
        ids = sorted({g.id for g in gateways.by_log_name.values()})
        hint = did_you_mean(asked.name, gateways.by_log_name) or "known: " + ", ".join(ids)
        raise UsageError(f"no fees are known of a gateway {asked.name!r}", hint=hint)
    return gateway


_HINT: Final = "put in your own figure, like 5% or 5%+500/month"


def _disclosed(gateway: Gateway, kind: str, at: int) -> Fee | None:
    """The fee in force; None where the gateway never had one of that kind."""
    fee = gateway.fee(kind, at)
    if fee is not None and fee.value is None:
        raise UsageError(
            f"{gateway.id} does not publish its {_SAYS[kind]}: {fee.note.rstrip('.')}", hint=_HINT
        )
    first = gateway.first_fee(kind)
    if fee is None and first is not None:
        raise UsageError(
            f"the {_SAYS[kind]} of {gateway.id} is not known for {_day(at)}: the first one recorded "
            f"is of {_day(first.valid_from)}",
            hint=_HINT,
        )
    return fee


def _markup(asked: GatewayFees, gateway: Gateway, fees: dict[str, Fee], at: int) -> MarkupTerms:
    def value(kind: str) -> Decimal:
        fee = fees.get(kind)
        return Decimal(0) if fee is None or fee.value is None else fee.value

    percent = value("percent") + value("credit_purchase_percent") + value("byok_percent")
    own, each = fees.get("byok_percent"), fees.get("per_request_usd")
    word = "byok" if asked.own_key else "gateway"
    return MarkupTerms(
        label=f"{word}:{gateway.id}@{_day(at)}",
        percent=percent,
        usd_per_request=value("per_request_usd"),
        usd_per_month=value("subscription_usd_month"),
        free_usd=(own.free_allowance_usd if own else None) or Decimal(0),
        free_percent_requests=(own.free_requests_month if own else None) or 0,
        free_requests=(each.free_requests_month if each else None) or 0,
        evidence="table",
        notes=tuple(_notes(fees)),
    )


def _notes(fees: dict[str, Fee]) -> Iterator[str]:
    """Every fee with its date, its source, and what the table says beside."""
    for kind, fee in fees.items():
        if not fee.value:
            continue
        size = f"{plain(fee.value)}%" if kind.endswith("percent") else shown(fee.value)
        least = f", at least {shown(fee.minimum_usd)} a purchase (not counted)" if fee.minimum_usd else ""
        yield f"{_SAYS[kind]} {size}{least}, since {_day(fee.valid_from)} ({fee.source}): {fee.note}"


def _day(us: int) -> str:
    return instant_text(us)[:10]
