"""How people and spreadsheets write dates and amounts, and who may say what is meant.

`11/4/2025` is the 4th of November or the 11th of April, `1,234` is a thousand or one and a bit. What a text
alone does not say, its column may; what the column does not say, the user may. Nobody guesses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from costaudit.errors import UsageError, did_you_mean


class DateOrder(StrEnum):
    """In which order a date has its day, month and year."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"
    YEAR_FIRST = "year-first"
    """With a year of two digits; a year of four digits in front leaves no question."""


class DecimalMark(StrEnum):
    """What stands between an amount and its fractions; the other mark may group thousands."""

    POINT = "point"
    COMMA = "comma"


@dataclass(frozen=True, slots=True)
class Notation:
    """What the user says of texts whose columns do not tell."""

    dates: DateOrder | None = None
    decimals: DecimalMark | None = None


UNSAID: Final = Notation()

_Choice = TypeVar("_Choice", DateOrder, DecimalMark)


def notation_from(dates: str | None, decimals: str | None) -> Notation:
    """The notation of a command's options; raises UsageError for words that they do not have.

    >>> notation_from("day-first", None).dates
    <DateOrder.DAY_FIRST: 'day-first'>
    """
    return Notation(_chosen(DateOrder, dates, "--dates"), _chosen(DecimalMark, decimals, "--decimals"))


def _chosen(kind: type[_Choice], word: str | None, option: str) -> _Choice | None:
    if word is None:
        return None
    known = [one.value for one in kind]
    if word not in known:
        hint = did_you_mean(word, known) or " or ".join(known)
        raise UsageError(f"{option} cannot be {word[:40]!r}", hint=hint)
    return kind(word)
