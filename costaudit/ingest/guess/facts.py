"""Which columns say when, by which id, for whom, with what outcome and how long."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from costaudit.ingest.adapters.flat_fields import BY_TARGET
from costaudit.ingest.adapters.mapped import TARGETS
from costaudit.ingest.guess.survey import LONG, LogColumn
from costaudit.ingest.guess.work import Work, alike, named

_MOST_APART_US: Final = 600 * 1_000_000
"""Times of one record that are no further apart say the same day, and with it the same prices."""
_NEARLY_ALL: Final = 20
_CODE: Final = re.compile(r"[\w./:\-]{1,64}")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{8}|\d{4}/\d\d/\d\d")


def find_time(work: Work) -> None:
    """Take the column of the time: that of the beginning, where several are there."""
    named_so = [c for c in work.columns if _speaks_of_time(c)]
    found = [c for c in named_so if _is_time(c)]
    if not found:
        by_value = [c for c in work.columns if c.is_text and _is_time(c) and not c.words.known - {"count"}]
        found = by_value
    unread = [c for c in named_so if c not in found and c.is_text and "latency" not in c.words]
    work.leave(unread, "its values are no dates that leave no question (see --dates)")
    if not found:
        return
    exact = [c for c in found if TARGETS.get(c.key) == "ts"]
    ends = [c for c in found if "end" in c.words and c not in exact]
    chosen = exact[:1] or [c for c in found if c not in ends] or ends
    starts = [c for c in chosen if "start" in c.words]
    if len(chosen) > 1 and _far_apart(chosen):
        work.leave(chosen, f"{named(chosen)} are times of one record that differ: none is taken")
        return
    column = (starts or chosen)[0]
    work.leave([c for c in found if c is not column], f"{column.path} says when")
    how = "the end of the call: " if column in ends else ""
    work.take("timestamp", column, f"{how}its values are times")


def _speaks_of_time(column: LogColumn) -> bool:
    words = column.words
    if TARGETS.get(column.key) == "ts":
        return True
    wrong = {"latency", "token", "cost", "per", "id", "user", "session", "model"}
    return bool({"time", "start", "end"} & words.known) and not wrong & words.known


def _is_time(column: LogColumn) -> bool:
    return column.size > 0 and _NEARLY_ALL * (column.size - len(column.times)) <= column.size


def _far_apart(columns: Sequence[LogColumn]) -> bool:
    for row in columns[0].times:
        here = [column.times[row] for column in columns if row in column.times]
        if max(here) - min(here) > _MOST_APART_US:
            return True
    return False


def find_ids(work: Work) -> None:
    """Take the column of the request's id, if no two records that differ share one."""
    ranked: dict[int, list[LogColumn]] = {}
    identity = _records(work)
    for column in work.columns:
        rank = _id_rank(column)
        if rank is None:
            continue
        if isinstance(rank, str):
            work.leave(column, rank)
        elif LONG in column.texts or column.is_flag:
            work.leave(column, "its values are too long for ids")
        elif repeats := _repeats(column, identity):
            work.leave(column, f"it repeats in {repeats:,} of {column.size:,} records: no id of a request")
        elif column.size < work.survey.records / 2:
            work.leave(column, "most records have none")
        else:
            ranked.setdefault(rank, []).append(column)
    if not ranked:
        return
    best = ranked.pop(max(ranked))
    for lesser in ranked.values():
        work.leave(lesser, f"{best[0].path} is clearer")
    if len(best) > 1 and not alike(best):
        work.leave(best, f"{named(best)} are equally good for the id of a request: none is taken")
        return
    work.take("request_id", best[0], "its name speaks of an id, and no two records share one")


_NO_REQUEST: Final = {
    "trace": "a trace", "session": "a session", "user": "a user", "account": "an account",
    "parent": "another record", "feature": "a job", "model": "a model", "provider": "a provider",
}  # fmt: skip


def _id_rank(column: LogColumn) -> int | str | None:
    """How clearly a name speaks of a request's id; what it is the id of instead; None for no id."""
    if TARGETS.get(column.key) in ("request_id", "call_id", "response_id"):
        return 4 if column.key != "id" else 3
    words = column.words
    if "id" not in words:
        if "trace" in words and column.is_text:
            return "it is the id of a trace, not of a request"
        return 1 if words.known == {"request"} and not words.others and column.is_text else None
    of = next((word for word in _NO_REQUEST if word in words), None)
    if of in ("trace", "parent"):
        return f"it is the id of {_NO_REQUEST[of]}, not of a request"
    if of is not None or "token" in words or "cost" in words:
        return None  # whom it is of is looked for later
    is_clear = {"request", "response"} & words.known
    return (3 if is_clear else 2) - bool(words.others)


def _records(work: Work) -> dict[int, int]:
    """By record a number that records with the same values share."""
    sums: dict[int, int] = {}
    for column in work.survey.columns.values():
        for row, value in zip(column.rows, column.values, strict=True):
            sums[row] = sums.get(row, 0) ^ hash((column.path, type(value).__name__, value))
    return sums


def _repeats(column: LogColumn, identity: dict[int, int]) -> int:
    """Records that share a value of the column with another record that is not the same in all."""
    seen: dict[Any, set[int]] = {}
    for row, value in zip(column.rows, column.values, strict=True):
        seen.setdefault(value, set()).add(identity[row])
    return sum(len(records) for records in seen.values() if len(records) > 1)


def find_attribution(work: Work) -> None:
    """Take the columns of the user, the session and the feature."""
    _take_one(work, "user", lambda c: _is_about(c, {"user"}))
    if "user" not in work.taken:
        _take_one(work, "user", lambda c: _is_about(c, {"account"}))
    _take_one(work, "session", lambda c: _is_about(c, {"session"}))
    _take_one(work, "endpoint", lambda c: _is_about(c, {"feature"}) and _is_code(c))


def _is_about(column: LogColumn, wanted: set[str]) -> bool:
    words = column.words
    short = LONG not in column.texts and not column.is_flag
    return short and wanted <= words.known <= wanted | {"id", "name", "count"} and not words.others


def _is_code(column: LogColumn) -> bool:
    """Whether the values are short names that repeat: what stands in reports is no free text."""
    texts = column.texts
    few = 2 * column.distinct <= column.size or column.distinct <= _NEARLY_ALL
    return column.is_text and few and all(_CODE.fullmatch(text) for text in set(texts))


def _take_one(work: Work, field: str, fits: Callable[[LogColumn], bool]) -> None:
    target = TARGETS[field]
    names = BY_TARGET[target].names
    found = sorted((c for c in work.columns if c.key in names or fits(c)), key=lambda c: c.key not in names)
    if not found:
        return
    if len(found) > 1 and found[0].key not in names and not alike(found):
        with_id = [c for c in found if "id" in c.words]
        if len(with_id) != 1:
            work.leave(found, f"{named(found)} are equally good for {field}: none is taken")
            return
        found = [with_id[0], *(c for c in found if c is not with_id[0])]
    work.take(field, found[0], f"its name speaks of {_SPOKEN[field]}")
    work.leave(found[1:], f"{found[0].path} is taken for the {field}")


_SPOKEN: Final = {"user": "who asked", "session": "a conversation", "endpoint": "what asked"}


def find_latency(work: Work) -> None:
    """Take the column of the latency, if its name states the unit."""
    found = []
    for column in work.columns:
        words = column.words
        if "latency" not in words and TARGETS.get(column.key) != "latency_ms":
            continue
        if {"token", "cost", "per", "things", "average", "other"} & words.known or not column.is_numeric:
            continue
        units = {"ms", "s", "us", "ns"} & words.known
        if "us" in units and "usd" in units:
            continue
        if len(units) != 1:
            work.leave(column, "its name states no unit")
        elif min(column.numbers.values()) < 0:
            work.leave(column, "some of its numbers are below 0")
        else:
            found.append((column, units.pop()))
    if len(found) == 1:
        column, unit = found[0]
        work.take(
            "latency_ms", column, f"its name speaks of a duration in {unit}", None if unit == "ms" else unit
        )
    elif found:
        columns = [c for c, _ in found]
        work.leave(columns, f"{named(columns)} are equally good for the latency: none is taken")


def of_whole_days(column: LogColumn) -> bool:
    """Whether the times are days, without a time of day."""
    return column.size > 0 and all(isinstance(v, str) and _DAY.fullmatch(v.strip()) for v in column.values)
