"""Supposed prices: a book in which some prices are changed, as a command line says it.

`google/gemini-2.0-flash input -40%` is one change: a model (a name of the book, an alias, or a glob over
`provider/model`), the price class (several joined by commas; all token classes where none is named), what
happens to the price, and from when on.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from msgspec.structs import replace

from costaudit.errors import UsageError, did_you_mean
from costaudit.prices.book import ModelKey, PriceBook
from costaudit.prices.changes import PriceChange
from costaudit.prices.resolver import How, Resolved, Resolver
from costaudit.prices.rows import PRICE_CLASSES, UNIT_CLASSES, instant_text, instant_us

GRAMMAR: Final = "PROVIDER/MODEL [CLASS] ±P%|=USD|±USD [from DATE]"
EXAMPLE: Final = "like 'google/gemini-2.0-flash input -40%' or 'openai/gpt-4o output =8 from 2027-01-01'"

TOKEN_PRICES: Final = tuple(c for c in PRICE_CLASSES if c not in UNIT_CLASSES)
"""What a change without a class is a change of."""

MOST_PERCENT: Final = 1000
MOST_USD: Final = 100_000
"""Per 1M tokens; thirty times the dearest price of the book."""
MOST_USD_PER_UNIT: Final = 1_000

_AMOUNT: Final = re.compile(r"(?P<sign>[-+=]?)\$?(?P<number>\d+(?:\.\d+)?|\.\d+)(?P<percent>%?)")
_MINUS: Final = str.maketrans("−–", "--")


def changed_book(book: PriceBook, changes: Sequence[PriceChange]) -> PriceBook:
    """The book with the changes made, one after the other; its digest says that it is another.

    Raises UsageError for a price that would fall below 0.
    """
    if not changes:
        return book
    told = [
        f"{c.text} {' '.join(sorted('/'.join(key) for key in c.models))}" for c in (*book.changes, *changes)
    ]
    digest = hashlib.sha256("\0".join([book.sha256, *told]).encode()).hexdigest()
    changed = replace(book, changes=(*book.changes, *changes), sha256=digest)
    for change in changes:
        if change.kind == "add" and change.amount < 0:
            _refuse_negative(changed, change)
    return changed


def _refuse_negative(book: PriceBook, change: PriceChange) -> None:
    for key in sorted(change.models):
        for row in book.in_force[key]:
            if row.usd is not None and row.usd < 0:
                raise UsageError(
                    f"the price change {change.text!r} makes a price negative",
                    hint=f"{row.provider}/{row.model} {row.klass} would cost {row.usd:f}",
                )


def parse_change(text: str, book: PriceBook, resolver: Resolver) -> PriceChange:
    """Read one change; raises UsageError that says what is wrong, with what may have been meant."""
    words = text.translate(_MINUS).split()
    start = 0
    if len(words) > 2 and words[-2] == "from":
        start = _day(words[-1], text)
        words = words[:-2]
    if len(words) not in (2, 3):
        raise UsageError(f"the price change {text!r} is not {GRAMMAR}", hint=EXAMPLE)
    name, *klass, amount = words
    classes = _classes(klass[0], text) if klass else TOKEN_PRICES
    kind, number = _amount(amount, classes, text)
    if kind != "percent" and not klass:
        raise UsageError(
            f"the price change {text!r} needs a class: an amount of dollars is the price of one thing",
            hint=EXAMPLE,
        )
    models = _models(name, text, book, resolver)
    if klass:
        _refuse_unpriced(models, classes, text, book)
    dated = f" from {instant_text(start)}" if start else ""
    return PriceChange(
        text=" ".join([name, *klass, amount]) + dated,
        models=frozenset(models),
        classes=frozenset(classes),
        kind=kind,
        amount=number,
        valid_from=start,
    )


def _day(word: str, text: str) -> int:
    try:
        return instant_us(date.fromisoformat(word).isoformat())
    except ValueError:
        raise UsageError(
            f"the price change {text!r}: {word!r} is not a date", hint="like from 2027-01-01"
        ) from None


def _classes(word: str, text: str) -> tuple[str, ...]:
    found = tuple(word.split(","))
    for name in found:
        if name not in PRICE_CLASSES:
            hint = did_you_mean(name, PRICE_CLASSES) or "one of " + ", ".join(PRICE_CLASSES)
            raise UsageError(f"the price change {text!r}: no price class {name!r}", hint=hint)
    return found


def _amount(word: str, classes: Sequence[str], text: str) -> tuple[Literal["percent", "set", "add"], Decimal]:
    found = _AMOUNT.fullmatch(word)
    if not found:
        raise UsageError(f"the price change {text!r}: {word!r} is no change of a price", hint=EXAMPLE)
    number, sign = Decimal(found["number"]), found["sign"]
    if number.as_tuple().exponent < -9:  # type: ignore[operator]  # finite: the exponent is an int
        raise UsageError(f"the price change {text!r}: more than 9 decimals")
    if found["percent"]:
        if (not sign and number) or sign == "=":
            raise UsageError(
                f"the price change {text!r}: by, or to?", hint=f"write +{number:f}% or -{number:f}%"
            )
        percent = -number if sign == "-" else number
        if not -100 <= percent <= MOST_PERCENT:
            raise UsageError(f"the price change {text!r} is outside -100% .. +{MOST_PERCENT}%")
        return "percent", percent
    if not sign:
        raise UsageError(f"the price change {text!r}: by, or to?", hint=f"write ={number:f} or +{number:f}")
    most = MOST_USD_PER_UNIT if UNIT_CLASSES & set(classes) else MOST_USD
    if number > most:
        raise UsageError(f"the price change {text!r}: more than {most:,} USD")
    return ("set", number) if sign == "=" else ("add", -number if sign == "-" else number)


def _models(name: str, text: str, book: PriceBook, resolver: Resolver) -> set[ModelKey]:
    provider, slash, model = name.partition("/")
    if not slash or not model:
        elsewhere = _named(resolver, None, name)
        hint = f"write {elsewhere!r}" if elsewhere else resolver.suggestion(name)
        raise UsageError(f"the price change {text!r}: {name!r} is not PROVIDER/MODEL", hint=hint or EXAMPLE)
    if any(mark in name for mark in "*?["):
        pattern = name.lower()
        found = {key for key in book.rows if fnmatch.fnmatchcase("/".join(key).lower(), pattern)}
        if not found:
            raise UsageError(f"the price change {text!r}: no model of the book is {name!r}")
        return found
    known = book.provider_by_log_name.get(provider.lower(), provider)
    if known not in book.providers:
        raise UsageError(
            f"the price change {text!r}: no provider {provider!r}",
            hint=did_you_mean(provider, book.providers),
        )
    periods = resolver.periods(known, model)
    resolved = [r for _, r in periods if isinstance(r, Resolved) and r.how is not How.OTHER_PROVIDER]
    if not resolved:
        ids = book.model_by_name[known].values()
        elsewhere = _named(resolver, known, model)
        hint = f"there is {elsewhere}" if elsewhere else did_you_mean(model, ids)
        raise UsageError(
            f"the price change {text!r}: {known} has no model {model!r}",
            hint=hint or resolver.suggestion(model) or "see costaudit pricing list",
        )
    return {(r.provider, r.model) for r in resolved}


def _named(resolver: Resolver, provider: str | None, model: str) -> str | None:
    """The name of the book that a name comes to, with the provider that has it."""
    found = next((r for _, r in resolver.periods(provider, model) if isinstance(r, Resolved)), None)
    return None if found is None else f"{found.provider}/{model}"


def _refuse_unpriced(models: set[ModelKey], classes: Sequence[str], text: str, book: PriceBook) -> None:
    """A class that none of the models has a price for: the change would do nothing."""
    priced = {row.klass for key in models for row in book.in_force[key]}
    for name in classes:
        if name not in priced:
            has = ", ".join(c for c in PRICE_CLASSES if c in priced)
            raise UsageError(
                f"the price change {text!r}: there is no price of {name}", hint=f"there is {has}"
            )
