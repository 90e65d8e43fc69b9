"""Amounts as people write them: with a currency, groups of thousands, and either decimal mark."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from costaudit.ingest.notation import DecimalMark

LONGEST: Final = 40
"""Characters of an amount with its currency."""

_BLANKS: Final = str.maketrans(
    dict.fromkeys("\u00a0\u2007\u2009\u202f\t", " ") | {"\u2212": "-", "\u2019": "'"}
)
DOLLARS: Final = frozenset({
    "$", "us$", "usd", "u$s", "us-$", "usd$", "dollar", "dollars", "us dollar", "us dollars",
})  # fmt: skip
"""What is taken for dollars of the United States, in lower case."""
_NAMED: Final = r"[^\W\d_]{0,3}[$€£¥₹₩₽₺¢฿₫₴₪₿]|us-\$|[A-Za-z]{3}"
_AMOUNT: Final = re.compile(
    rf"(?P<open>\()?(?P<sign>[-+])?\ ?(?P<before>{_NAMED})?\ ?(?P<inner>[-+])?"
    r"(?P<number>[\d.,' ]*\d[.,]?)(?P<power>[eE][-+]?\d{1,2})?(?P<after>-)?"
    rf"\ ?(?P<behind>{_NAMED})?(?P<close>\))?"
)
_BY_POINT: Final = re.compile(r"(?:(?:[1-9]\d{0,2}(?:([,' ])\d{3})(?:\1\d{3})*)|\d*)(?:\.\d*)?")
_BY_COMMA: Final = re.compile(r"(?:(?:[1-9]\d{0,2}(?:([.' ])\d{3})(?:\1\d{3})*)|\d*)(?:,\d*)?")
_IN_LAKHS: Final = re.compile(r"[1-9]\d?(?:,\d\d)+,\d{3}(?:\.\d*)?")


class Amount(msgspec.Struct, frozen=True):
    """What a text can mean as an amount."""

    readings: dict[DecimalMark, str]
    """By its decimal mark the amount in plain digits; the same under both where there is no question."""
    currency: str | None
    """As the text names it; None where it names none, or dollars of the United States."""

    def whole(self) -> Amount:
        """The readings without a fraction: what a count can mean."""
        kept = {
            mark: plain.partition(".")[0]
            for mark, plain in self.readings.items()
            if "e" not in plain and not plain.partition(".")[2].strip("0")
        }
        return Amount(kept, self.currency)

    def only(self) -> str | None:
        """The one amount that the text can mean, in plain digits; None where there are several."""
        plain = set(self.readings.values())
        return plain.pop() if len(plain) == 1 else None


def amount_of(text: str) -> Amount | None:
    """What a text can mean as an amount; None where it is none.

    >>> amount_of("$1,234.50").only(), amount_of("0,010").only(), amount_of("(3.5)").only()
    ('1234.50', '0.010', '-3.5')
    >>> amount_of("1,234").readings[DecimalMark.COMMA], amount_of("0,10 €").currency
    ('1.234', '€')
    """
    if len(text) > LONGEST:
        return None
    found = _AMOUNT.fullmatch(text.translate(_BLANKS).strip())
    if found is None or bool(found["open"]) != bool(found["close"]) or (found["before"] and found["behind"]):
        return None
    signs = [sign for sign in (found["sign"], found["inner"], found["after"]) if sign]
    if len(signs) > 1:
        return None
    minus = "-" if signs == ["-"] or found["open"] else ""  # an accountant's parentheses
    power = (found["power"] or "").lower()
    plain = {mark: _plain(found["number"].strip(), mark) for mark in DecimalMark}
    readings = {mark: minus + number + power for mark, number in plain.items() if number is not None}
    named = (found["before"] or found["behind"] or "").strip()
    return Amount(readings, None if not named or named.lower() in DOLLARS else named) if readings else None


def _plain(number: str, mark: DecimalMark) -> str | None:
    """Digits between a certain decimal mark as plain ones; None where they cannot be meant so."""
    if mark is DecimalMark.POINT:
        if not (_BY_POINT.fullmatch(number) or _IN_LAKHS.fullmatch(number)):
            return None
        whole, point, fraction = number.partition(".")
    else:
        if not _BY_COMMA.fullmatch(number):
            return None
        whole, point, fraction = number.partition(",")
    digits = "".join(c for c in whole if c.isdecimal())
    return None if not digits + fraction else (digits or "0") + ("." + fraction if point and fraction else "")
