"""Which column is the cost in US dollars: where its name, its values or the prices of the book say so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from costaudit.ingest.currency import is_foreign
from costaudit.ingest.guess.count_names import INPUT, OUTPUT, WEAK, count_name
from costaudit.ingest.guess.prices import AFTER_ALL
from costaudit.ingest.guess.running import runs, runs_within
from costaudit.ingest.guess.survey import LONG, LogColumn
from costaudit.ingest.guess.work import Work, alike, named
from costaudit.ingest.written_amounts import DOLLARS, amount_of

_UNITS: Final = {"cents": "cents", "milli": "milli_usd", "micro": "micro_usd", "nano": "nano_usd"}
_FACTORS: Final = {
    "usd": Decimal(1), "cents": Decimal(100), "milli_usd": Decimal(1000), "micro_usd": Decimal(10**6),
    "nano_usd": Decimal(10**9),
}  # fmt: skip
_PRICED: Final = 300
"""Records that are priced to see what a column is."""
_FEWEST: Final = 3
_LOOKED_AT: Final = 50
_ONE_IN: Final = Decimal("0.01")
"""How far a cost may be from list to prove what it is."""
_FAR: Final = 20
_PARTS: Final = {"in": "the input", "out": "the output", "cache": "the cache", "reasoning": "the reasoning"}
_AGAINST: Final = {
    "per": "a rate", "limit": "a limit", "estimate": "an estimate", "share": "a share",
    "average": "an average", "running": "a running sum", "other": "another call",
    "session": "a whole session", "user": "a whole account", "account": "a whole account",
    "things": "something else", "token": "tokens", "thousand": "a rate", "million": "a rate",
    "trace": "a whole trace", "id": "an id", "time": "time", "feature": "a whole job", "model": "a model",
}  # fmt: skip
_MONEY: Final = frozenset({"cost", "usd", "cents", "foreign"})


def find_cost(work: Work) -> None:
    """Take the column of the cost, with its unit."""
    foreign = _foreign_column(work)
    named_so = [c for c in work.columns if (_MONEY & c.words.known and _is_amount(c)) or _has_signs(c)]
    others_foreign = [c for c in named_so if "foreign" in c.words]
    work.leave(others_foreign, "its name says another currency than US dollars")
    found = [c for c in named_so if c not in others_foreign and not _left_by_itself(work, c)]
    if foreign is not None:
        work.leave(found, f"{foreign.path} says another currency than US dollars")
        return
    found = [c for c in found if not _left_by_values(work, c)]
    listed = _listed(work)
    judged = [(c, *_unit(work, c, listed, others_foreign)) for c in found]
    for column, unit, why in judged:
        if unit is None:
            work.leave(column, why)
    sure = [(c, unit, why) for c, unit, why in judged if unit is not None]
    if len(sure) > 1 and not alike([c for c, *_ in sure]):
        columns = [c for c, *_ in sure]
        work.leave(columns, f"{named(columns)} may both be the cost, and differ: none is taken")
        return
    for column, unit, why in sure[:1]:
        work.take("cost_usd", column, why, None if unit == "usd" else unit)
    work.leave([c for c, *_ in sure[1:]], "it says the same as the cost that is taken")


def _is_amount(column: LogColumn) -> bool:
    """Whether the values are amounts, also with a sign of a currency."""
    if column.is_flag:
        return False
    return column.is_numeric or any(any(c.isdigit() for c in t) for t in column.texts if t != LONG)


def _has_signs(column: LogColumn) -> bool:
    """Whether the values are amounts with the sign or the code of a currency."""
    texts = list(dict.fromkeys(column.texts))[:_LOOKED_AT]
    return bool(texts) and len(column.texts) == column.size and all(map(_has_sign, texts))


def _has_sign(text: str) -> bool:
    amount = amount_of(text) if text != LONG and any(c.isdigit() for c in text) else None
    return amount is not None and (amount.currency is not None or "$" in text or "usd" in text.lower())


def _foreign_column(work: Work) -> LogColumn | None:
    """A column that says in which currency amounts are, where that is not always the dollar."""
    for column in work.survey.columns.values():
        if "currency" in column.words and any(is_foreign(text) for text in set(column.texts)):
            return column
    return None


def _says_dollars(work: Work) -> LogColumn | None:
    for column in work.survey.columns.values():
        says = "currency" in column.words and column.size == work.survey.records
        if says and all(isinstance(v, str) and v.strip().lower() in DOLLARS for v in column.values):
            return column
    return None


def _left_by_itself(work: Work, column: LogColumn) -> bool:
    """Leave a column whose name is about something else than the cost of one call."""
    words = column.words
    against = next((what for word, what in _AGAINST.items() if word in words), None)
    if against is not None:
        work.leave(column, f"its name speaks of {against}, not of the cost of one call")
    part = next((what for word, what in _PARTS.items() if word in words), None)
    if against is None and part is not None:
        work.leave(column, f"it is the cost of {part} alone")
    return against is not None or part is not None


def _left_by_values(work: Work, column: LogColumn) -> bool:
    """Leave a column whose values are no costs of single calls."""
    why = None
    if not column.is_numeric:
        why = "its amounts are in another currency, or can be read in two ways (see --decimals)"
    elif min(column.numbers.values()) < 0:
        why = "some of its numbers are below 0"
    elif _is_unit_price(work, column):
        why = "it is the same for all calls of a model, however many tokens: a price, and no cost"
    elif _runs(work, column):
        why = "it grows from record to record, as a running sum does"
    if why is not None:
        work.leave(column, why)
    return why is not None


def _is_unit_price(work: Work, column: LogColumn) -> bool:
    model, counts = work.fields.get("model"), work.fields.get(INPUT) or work.fields.get(OUTPUT)
    if model is None or counts is None:
        return False
    names = model.by_row()
    by_model: dict[object, set[Decimal]] = {}
    for row, number in column.numbers.items():
        by_model.setdefault(names.get(row), set()).add(number)
    return counts.distinct > 2 * len(by_model) and all(len(prices) == 1 for prices in by_model.values())


def _runs(work: Work, column: LogColumn) -> bool:
    """Whether a cost is a running sum: it grows, and the output does not."""
    if column.distinct <= _FEWEST:
        return False
    output = work.fields.get(OUTPUT)
    grows = runs(work.survey, column) or runs_within(work.survey, column) is not None
    tokens = work.fields.get(INPUT)
    with_tokens = tokens is not None and (
        runs(work.survey, tokens) or runs_within(work.survey, tokens) is not None
    )
    if not grows:
        return False
    return not with_tokens or output is None or not _keeps_to_tokens(work, column)


def _keeps_to_tokens(work: Work, column: LogColumn) -> bool:
    """Whether a cost stays in proportion to what the calls come to at list."""
    ratios = [number / listed for _, number, listed in _pairs(column, _listed(work)) if number]
    return len(ratios) >= _FEWEST and max(ratios) <= 3 * min(ratios)


def _listed(work: Work) -> dict[int, Decimal]:
    """What the first records come to at list, by record."""
    model, prices = work.fields.get("model"), work.prices
    tokens, answers = work.fields.get(INPUT), work.fields.get(OUTPUT)
    if model is None or prices is None or tokens is None or answers is None:
        return {}
    names, times = model.by_row(), work.fields["timestamp"].times if "timestamp" in work.fields else {}
    providers = work.fields["provider"].by_row() if "provider" in work.fields else {}
    cached = work.fields["cache_read_tokens"].numbers if "cache_read_tokens" in work.fields else {}
    factors = {f: 1000 if work.taken[f].unit == "thousand" else 1 for f in (INPUT, OUTPUT)}
    found: dict[int, Decimal] = {}
    for row in list(tokens.numbers.keys() & answers.numbers.keys() & names.keys())[: 10 * _PRICED]:
        name, provider = names[row], providers.get(row)
        read = int(cached.get(row, 0))
        asked = int(tokens.numbers[row] * factors[INPUT]) - (0 if work.beside else read)
        if not isinstance(name, str) or asked < 0:
            continue
        counts = {"input": asked, "cache_read": read, "output": int(answers.numbers[row] * factors[OUTPUT])}
        usd = prices.list_usd(
            name, provider if isinstance(provider, str) else None, times.get(row, AFTER_ALL), counts
        )
        if usd:
            found[row] = usd
        if len(found) >= _PRICED:
            break
    return found


def _pairs(column: LogColumn, listed: dict[int, Decimal]) -> Iterator[tuple[int, Decimal, Decimal]]:
    return ((row, column.numbers[row], usd) for row, usd in listed.items() if row in column.numbers)


def _unit(
    work: Work, column: LogColumn, listed: dict[int, Decimal], foreign: Sequence[LogColumn]
) -> tuple[str | None, str]:
    """The unit of a cost with what says so; None with why it is not certain."""
    words = column.words
    stated = next((unit for word, unit in _UNITS.items() if word in words), "usd")
    proven = _proven(column, listed)
    beside = _says_dollars(work)
    in_text = (
        column.size > 0
        and all("$" in t or "usd" in t.lower() for t in column.texts)
        and len(column.texts) == column.size
    )
    if "usd" in words or in_text or beside is not None:
        if proven is not None and proven != stated:
            return (
                None,
                f"its name says {_told(stated)}, and by the prices of the book it is {_told(proven)}",
            )
        off = _off(column, listed, stated)
        if off is not None and proven is None:
            return None, f"its numbers are {off} what the prices of the book come to"
        by = "its name" if "usd" in words else "its text" if in_text or beside is None else beside.path
        return stated, f"{by} says {_told(stated)}" + (", and so do the prices of the book" if proven else "")
    if proven is not None and (stated in ("usd", proven)) and not foreign:
        return proven, f"its numbers are what the prices of the book come to, in {_told(proven)}"
    return None, "nothing says in which currency it is"


def _told(unit: str) -> str:
    return {"usd": "US dollars", "cents": "cents of a US dollar"}.get(unit, unit.replace("_usd", "-dollars"))


def _proven(column: LogColumn, listed: dict[int, Decimal]) -> str | None:
    """The unit in which nearly all numbers are the list prices of the book; None where there is none."""
    pairs = [(n, usd) for _, n, usd in _pairs(column, listed) if len(n.normalize().as_tuple().digits) > 1]
    for unit, factor in _FACTORS.items():
        exact = sum(number == usd * factor for number, usd in pairs)
        if exact > 1 and exact == len(pairs):
            return unit  # to the last digit
    if len(pairs) < _FEWEST:
        return None
    for unit, factor in _FACTORS.items():
        fits = sum(abs(number - usd * factor) <= _ONE_IN * usd * factor for number, usd in pairs)
        if 5 * fits >= 4 * len(pairs):
            return unit
    return None


def _off(column: LogColumn, listed: dict[int, Decimal], unit: str) -> str | None:
    """How far off list a cost is, where it is very far."""
    ratios = sorted(number / (usd * _FACTORS[unit]) for _, number, usd in _pairs(column, listed) if number)
    if len(ratios) < _FEWEST:
        return None
    middle = ratios[len(ratios) // 2]
    if middle > _FAR:
        return f"{middle:,.0f} times"
    return f"1/{1 / middle:,.0f} of" if middle * _FAR < 1 else None


def cache_is_beside(work: Work) -> bool | None:
    """Whether cached tokens stand beside the input, as a cost shows; None where none tells."""
    cached = work.fields.get("cache_read_tokens")
    if cached is None:
        return None
    rows = {row for row, number in cached.numbers.items() if number}
    amounts = [
        c for c in work.columns if _MONEY & c.words.known and "foreign" not in c.words and c.is_numeric
    ]
    before, fits = work.beside, set()
    for work.beside in (False, True):
        listed = {row: usd for row, usd in _listed(work).items() if row in rows}
        if any(_proven(column, listed) for column in amounts):
            fits.add(work.beside)
    work.beside = before
    return fits.pop() if len(fits) == 1 else None


def check_weak_counts(work: Work) -> None:
    """Drop counts whose names do not speak of tokens where a certain cost contradicts them."""
    counts = [work.fields[f] for f in (INPUT, OUTPUT) if f in work.fields]
    names = [count_name(c) for c in counts]
    if not any(name is not None and not isinstance(name, str) and name.clear == WEAK for name in names):
        return
    listed = _listed(work)
    for column in work.survey.columns.values():
        if "usd" in column.words and column.is_numeric and not _AGAINST.keys() & column.words.known:
            unit = next((unit for word, unit in _UNITS.items() if word in column.words), "usd")
            off = _off(column, listed, unit)
            if off is not None:
                for field in [f for f in (INPUT, OUTPUT) if f in work.fields]:
                    work.drop(field, f"{column.path} is {off} what these would cost as tokens")
                return
