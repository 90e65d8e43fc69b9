"""Which columns count tokens: by names, by values, and by what they add up to over all records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import product
from typing import Final

from costaudit.ingest.guess.count_names import (
    EXACT_NAME,
    INPUT,
    OUTPUT,
    SHORT,
    TOTAL,
    WEAK,
    CountName,
    count_name,
)
from costaudit.ingest.guess.running import TOGETHER, adds_up_another, runs, runs_within
from costaudit.ingest.guess.survey import LogColumn
from costaudit.ingest.guess.work import Work, alike, named

MOST_TOKENS: Final = 20_000_000
"""Beyond that no single call goes: ten times the largest context window."""
_FEWEST: Final = 3
"""Records from which on a sum that always fits is no chance."""
_QUARTER: Final = 4
_THOUSAND: Final = Decimal(1000)

_RISES: Final = "it grows from record to record, as a running sum does"
_OR_GROWS: Final = "; it may be one conversation, which nothing shows"

_Named = list[tuple[LogColumn, CountName]]


def find_counts(work: Work) -> None:
    """Take the columns of the input, the output, the total and what of them was cached or thought."""
    found = _fitting(work)
    totals = [column for column, name in found if name.field == TOTAL]
    sides = {side: [(c, n) for c, n in found if n.field == side] for side in (INPUT, OUTPUT)}
    _move_totals(work, sides, totals)
    _drop_running(work, sides, totals)
    chosen = {side: _best(side_) for side, side_ in sides.items()}
    _settle_sides(work, chosen, totals)
    _refuse_weak(work, chosen)
    for side, columns in chosen.items():
        if columns:
            _take(work, side, *columns[0])
            work.leave(
                [c for c, _ in sides[side] if c is not columns[0][0]], f"{columns[0][0].path} is clearer"
            )
    _take_parts(work, [(c, n) for c, n in found if n.field not in (INPUT, OUTPUT, TOTAL)])
    _take_total(work, totals)
    _tell_unnamed(work, totals)


def _fitting(work: Work) -> _Named:
    """The columns whose name speaks of a count, and whose values can be counts."""
    found = []
    spoken = {word for column in work.columns for word in column.words.plain}
    for column in work.columns:
        name = count_name(column)
        short = [word for word in column.words.plain if word in SHORT]
        if short and (SHORT[short[0]] not in spoken or _is_often_0(column)):
            work.leave(column, "a single letter of its name does not say what it counts")
            continue
        if isinstance(name, str):
            if column.size and not column.is_text:
                work.leave(column, f"its name speaks of {name}, not of the tokens of one call")
        elif name is not None:
            column.is_count = True
            why = _unfit(column, name)
            if why is None:
                found.append((column, name))
            elif "token" in column.words or name.clear > WEAK or column.is_text:
                work.leave(column, why)
    return found


def _is_often_0(column: LogColumn) -> bool:
    """Whether a count is 0 more often than a side of a call is: in a quarter of the records."""
    return _QUARTER * sum(number == 0 for number in column.numbers.values()) >= column.size


def _unfit(column: LogColumn, name: CountName) -> str | None:
    """Why the values of a column are no counts of tokens; None where they can be."""
    if column.is_flag or not column.is_numeric:
        return "its values are no numbers" if column.numbers or not column.is_text else "its values are text"
    numbers = column.numbers.values()
    if min(numbers) < 0:
        return "some of its numbers are below 0"
    if name.thousand:
        return _unfit_thousands(numbers)
    if not column.is_whole:
        return "its numbers have fractions, and its name states no unit"
    if max(numbers) > MOST_TOKENS:
        return f"it has numbers above {MOST_TOKENS:,}: clocks, ids or sums, and no tokens of one call"
    return None


def _unfit_thousands(numbers: Iterable[Decimal]) -> str | None:
    finest = min(int(number.normalize().as_tuple().exponent) for number in numbers)
    if finest < -3:
        return "as thousands of tokens its numbers have too many digits"
    if finest > -3:
        return "its thousands of tokens are rounded: they are no counts"
    return None


def _values(column: LogColumn, name: CountName) -> dict[int, Decimal]:
    return {row: n * _THOUSAND for row, n in column.numbers.items()} if name.thousand else column.numbers


def _move_totals(work: Work, sides: dict[str, _Named], totals: list[LogColumn]) -> None:
    """A side that is always the sum of the other side and of a third column is a total."""
    for side, other in ((INPUT, OUTPUT), (OUTPUT, INPUT)):
        for column, name in list(sides[side]):
            rest = [c for c in [*(c for c, _ in sides[side]), *totals] if c is not column]
            parts = [(c, d) for c, _ in sides[other] for d in rest]
            pair = next(((c, d) for c, d in parts if _adds_up(c, d, column)), None)
            if pair is None:
                continue
            sides[side].remove((column, name))
            both = named(pair)
            if pair[1] in totals:
                totals.remove(pair[1])
                work.leave(
                    [column, pair[1]], f"{column.path} is {both} together, which is not what their names say"
                )
            else:
                totals.append(column)
                work.notes.append(f"{column.path} is a total: in all records it is {both} together")


def _adds_up(one: LogColumn, other: LogColumn, total: LogColumn) -> bool:
    """Whether two columns sum up to a third in all records that have all three, and not by chance."""
    rows = total.numbers.keys() & one.numbers.keys() & other.numbers.keys()
    if len(rows) < _FEWEST:
        return False
    a, b, t = one.numbers, other.numbers, total.numbers
    if any(a[row] + b[row] != t[row] for row in rows):
        return False
    return any(a[row] for row in rows) and any(b[row] for row in rows) and len({t[row] for row in rows}) > 1


def _drop_running(work: Work, sides: dict[str, _Named], totals: list[LogColumn]) -> None:
    """Leave running sums out. An input may grow with its conversation, where the output does not."""
    survey = work.survey
    asked, answered = ([c for c, _ in sides[side]] for side in (INPUT, OUTPUT))
    for column in [*answered, *asked, *totals]:
        of = adds_up_another(survey, column)
        if of is not None:
            work.leave(column, f"it is the running sum of {of}")
    both = [[c for c in columns if runs(survey, c, TOGETHER)] for columns in (asked, answered)]
    if all(both):
        work.leave([*both[0], *both[1]], _RISES)
    for column in answered:
        why = _grows(work, column)
        if why is not None:
            work.leave(column, why)
    some = any(c.path not in work.left for c in answered)
    for column in [*asked, *totals]:
        _drop_growing(work, column, is_total=column in totals, answered=some)
    for side, columns in sides.items():
        sides[side] = [(c, n) for c, n in columns if c.path not in work.left]
    totals[:] = [c for c in totals if c.path not in work.left]


def _grows(work: Work, column: LogColumn) -> str | None:
    """Why a column is a running sum, if it grows by more than chance."""
    if runs(work.survey, column):
        return _RISES
    within = runs_within(work.survey, column)
    return None if within is None else f"it grows within each {within}, as a running sum does"


def _drop_growing(work: Work, column: LogColumn, *, is_total: bool, answered: bool) -> None:
    """Leave an input or a total that grows; within a session it may, where outputs do not."""
    why = _grows(work, column)
    if why is None:
        return
    if why == _RISES or not answered:
        work.leave(column, why if is_total or not answered else why + _OR_GROWS)
    else:
        within = runs_within(work.survey, column)
        work.notes.append(
            f"{column.path} grows within each {within}, as conversations do; the output does not"
        )


def _best(candidates: _Named) -> _Named:
    """The clearest columns of one side, those with the same values once."""
    if not candidates:
        return []
    exact = [(c, n) for c, n in candidates if n.clear == EXACT_NAME]
    if exact:
        return exact[:1]  # a flat record's own name is known to come first
    strong = [(c, n) for c, n in candidates if n.clear > WEAK] or candidates
    strong = sorted(strong, key=lambda one: -one[1].clear)
    kept: _Named = []
    for column, name in strong:
        if not any(_same(column, name, *other) or _is_part(column, name, *other) for other in kept):
            kept.append((column, name))
    return kept


def _same(column: LogColumn, name: CountName, other: LogColumn, its: CountName) -> bool:
    return alike([column, other]) or _values(column, name) == _values(other, its)


def _is_part(column: LogColumn, name: CountName, whole: LogColumn, its: CountName) -> bool:
    """Whether a column with further words in its name is never above another whose words are all known."""
    if name.clear >= its.clear:
        return False
    mine, all_ = _values(column, name), _values(whole, its)
    return all(row in all_ and number <= all_[row] for row, number in mine.items())


def _settle_sides(work: Work, chosen: dict[str, _Named], totals: Sequence[LogColumn]) -> None:
    """Where several columns are equally good for a side, the total decides, or neither is taken."""
    if max(len(columns) for columns in chosen.values()) < 2:
        return
    fits = [
        (one, other)
        for one, other in product(chosen[INPUT], chosen[OUTPUT])
        if any(_adds_up(one[0], other[0], total) for total in totals)
    ]
    if len(fits) == 1:
        for side, column in zip((INPUT, OUTPUT), fits[0], strict=True):
            others = [c for c, _ in chosen[side] if c is not column[0]]
            work.leave(
                others, f"with {column[0].path} the two sides make the total in all records, with it not"
            )
            chosen[side] = [column]
        return
    for side, columns in chosen.items():
        if len(columns) > 1:
            several = [c for c, _ in columns]
            work.leave(several, f"{named(several)} are equally good for {side}, and differ: none is taken")
            chosen[side] = []


def _refuse_weak(work: Work, chosen: dict[str, _Named]) -> None:
    """A name that does not speak of tokens counts only where both sides have such a name."""
    weak = [one for columns in chosen.values() for one in columns if one[1].clear == WEAK]
    if not weak:
        return
    if all(chosen.values()):
        work.notes.append(f"the names of {named([c for c, _ in weak])} do not speak of tokens")
        return
    work.leave([c for c, _ in weak], "its name does not speak of tokens, and the other side is not there")
    for side, columns in chosen.items():
        chosen[side] = [one for one in columns if one not in weak]


def _take(work: Work, field: str, column: LogColumn, name: CountName) -> None:
    unit = "thousand" if name.thousand else None
    if name.fresh and field == INPUT:
        work.beside = True
    work.take(field, column, f"{_reason(name)}: {_span(column)}", unit)


def _reason(name: CountName) -> str:
    if name.clear == EXACT_NAME:
        return "the name of a flat record"
    return "its name speaks of it" if name.clear > WEAK else "its name and the other side's"


def _span(column: LogColumn) -> str:
    numbers = column.numbers.values()
    low, high = min(numbers), max(numbers)
    kind = "whole numbers" if column.is_whole else "numbers"
    return f"{kind} from {_figure(low)} to {_figure(high)}" if low != high else f"always {_figure(low)}"


def _figure(number: Decimal) -> str:
    return f"{int(number):,}" if number == number.to_integral_value() else f"{number:,f}"


def _take_total(work: Work, totals: Sequence[LogColumn]) -> None:
    """Take the total where it is one of both sides: it tells how the other counts are meant."""
    one, other = work.fields.get(INPUT), work.fields.get(OUTPUT)
    if one is None or other is None:
        work.leave(totals, "a total does not say how much of it is on which side")
        return
    both = named([one, other])
    fits = [total for total in totals if _adds_up(one, other, total)]
    chosen = fits or [total for total in totals if _mostly_adds_up(work, total)]
    work.leave([total for total in totals if total not in chosen], f"it is not {both} together")
    if len(chosen) > 1 and not alike(chosen):
        work.leave(chosen, f"{named(chosen)} are equally good for the total, and differ: none is taken")
    elif chosen:
        work.leave(chosen[1:], f"it is the same as {chosen[0].path}")
        work.take(TOTAL, chosen[0], f"it is {both} together in {'all' if fits else 'most'} records")


def _mostly_adds_up(work: Work, total: LogColumn) -> bool:
    """Whether a column is the sum of both sides in most records, also with what was cached or thought."""
    one, other = work.fields[INPUT].numbers, work.fields[OUTPUT].numbers
    parts = [work.fields[f].numbers for f in ("cache_read_tokens", "reasoning_tokens") if f in work.fields]
    rows = total.numbers.keys() & one.keys() & other.keys()
    fits = 0
    for row in rows:
        beyond = total.numbers[row] - one[row] - other[row]
        more = [part.get(row, Decimal(0)) for part in parts]
        fits += beyond in (0, *more, sum(more))
    return len(rows) >= _FEWEST and 2 * fits > len(rows)


def _take_parts(work: Work, parts: _Named) -> None:
    """Take what was cached, thought, heard or drawn, where one column speaks of it."""
    for field in dict.fromkeys(name.field for _, name in parts):
        of_field = [(c, n) for c, n in parts if n.field == field]
        exact = [(c, n) for c, n in of_field if n.clear == EXACT_NAME]
        chosen = exact[:1] or of_field
        columns = [c for c, _ in chosen]
        if len(columns) > 1 and not alike(columns):
            work.leave(columns, f"{named(columns)} are equally good for {field}, and differ: none is taken")
            continue
        column, name = chosen[0]
        why = _runs(work, column)
        if why is not None:
            work.leave(column, why)
            continue
        work.beside |= name.fresh
        work.take(field, column, f"{_reason(name)}: {_span(column)}", "thousand" if name.thousand else None)
        work.leave([c for c, _ in of_field if c is not column], f"it says the same as {column.path}")


def _runs(work: Work, column: LogColumn) -> str | None:
    if runs(work.survey, column) and not column.words.others and column.distinct > _FEWEST:
        return _RISES
    return None


def _tell_unnamed(work: Work, totals: Sequence[LogColumn]) -> None:
    """Two whole numbers that make up a total, and whose names do not say which side each is."""
    if not totals or INPUT in work.fields or OUTPUT in work.fields:
        return
    total = totals[0]
    columns = [c for c in work.columns if c.is_whole and not c.words.known - {"token", "count"}]
    for i, one in enumerate(columns):
        for other in columns[i + 1 :]:
            if _adds_up(one, other, total):
                work.leave(
                    [one, other],
                    f"{named([one, other])} make up {total.path}; their names do not say which side each is",
                )
                return
