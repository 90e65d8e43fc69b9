"""Traffic that fees come on top of, and fees in the words of the report."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from costaudit.questions.audit.fees.markup import MarkupTerms, Volume, plain


class RoutedTraffic(msgspec.Struct, frozen=True):
    """The same requests before and after routing, in the log's period and, where known, in a month."""

    logged: Volume
    routed: Volume
    logged_month: Volume | None
    routed_month: Volume | None


def terms_of(markup: MarkupTerms) -> dict[str, Any]:
    """The fields of `FeeTerms`."""
    free = markup.free_percent_requests or (markup.free_requests if markup.usd_per_request else 0)
    return {
        "label": markup.label,
        "percent": plain(markup.percent) if markup.percent or markup.is_percent else None,
        "per_request_usd": markup.usd_per_request or None,
        "per_mtok_usd": markup.usd_per_mtok or None,
        "subscription_usd_month": markup.usd_per_month or None,
        "free_usd_month": markup.free_usd or None,
        "free_requests_month": free or None,
        "source": markup.evidence,
        "notes": list(markup.notes),
    }


def percent_text(share: Fraction, places: int = 4) -> str:
    """A share as a percentage, without trailing zeros."""
    return plain(Decimal(round(share * 10 ** (places + 2))).scaleb(-places))
