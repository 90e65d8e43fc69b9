"""Likely reasons why a log and a bill differ: each only where the numbers show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from costaudit.questions.audit import result as m
from costaudit.questions.audit.bill.cells import Cell, Statement
from costaudit.tokens import OUTPUT_SIDE

LEAST_DAYS: Final = 3
"""Days that a pattern over time must hold for."""

_ZERO: Final = Decimal(0)
_WEEK: Final = 7


class _Case(msgspec.Struct, frozen=True):
    """A statement with the tolerance as a share."""

    made: Statement
    tolerance: Decimal

    def near(self, a: Decimal | int, b: Decimal | int) -> bool:
        """Whether two numbers agree within the tolerance of the second."""
        return abs(Decimal(a) - Decimal(b)) <= abs(Decimal(b)) * self.tolerance

    def size(self, cells: Sequence[Cell]) -> tuple[Decimal, Decimal]:
        """Bill and log of some cells as one number each: money, or tokens by value where they have one."""
        if self.made.kind == "cost":
            return sum((c.bill.usd for c in cells), _ZERO), sum((c.log.usd for c in cells), _ZERO)
        left = right = _ZERO
        worth = any(c.values for c in self.made.cells)
        for c in cells:
            for name in self.made.stated:
                value = (c.values or {}).get(name, _ZERO) if worth else Decimal(1)
                left += c.bill.tokens[name] * value
                right += c.log.tokens[name] * value
        return left, right

    def by_day(self, cells: Sequence[Cell] | None = None) -> list[tuple[str, Decimal, Decimal]]:
        """(first day, bill, log) of every span, over all cells or some."""
        spans: dict[Any, list[Cell]] = {span: [] for span in self.made.spans}
        for c in self.made.cells if cells is None else cells:
            spans[c.span].append(c)
        return [(str(span.first), *self.size(held)) for span, held in spans.items()]

    def by_class(self, cells: Sequence[Cell]) -> list[tuple[Decimal, Decimal]]:
        """(bill, log) of every class of tokens."""
        names = self.made.stated if self.made.kind == "usage" else ()
        return [(Decimal(_total(cells, "bill", n)), Decimal(_total(cells, "log", n))) for n in names]

    def models(self) -> Iterator[tuple[str, list[Cell]]]:
        """The cells of every model."""
        groups: dict[str, list[Cell]] = {}
        for c in self.made.cells:
            if c.model is not None:
                groups.setdefault(c.model, []).append(c)
        yield from sorted(groups.items())


def find_hints(made: Statement, tolerance_percent: Decimal) -> list[m.BillHint]:
    """Every reason that the numbers suggest, the most specific first; none where bill and log match."""
    case = _Case(made, tolerance_percent / 100)
    return [hint for find in FINDERS for hint in find(case)]


def _total(cells: Sequence[Cell], side: str, name: str) -> int:
    return sum(getattr(c, side).tokens[name] for c in cells)


def find_cache_twice(case: _Case) -> Iterator[m.BillHint]:
    """The log's input is the bill's input and cache reads together: cached tokens were logged as new."""
    if not {"input", "cache_read"} <= set(case.made.stated):
        return
    for model, cells in case.models():
        new, read = _total(cells, "bill", "input"), _total(cells, "bill", "cache_read")
        logged = _total(cells, "log", "input")
        if read and not case.near(logged, new) and case.near(logged, new + read):
            yield m.BillHint(
                code="cached_as_input",
                title=f"{model}: the log's input is the bill's input plus its cache reads, so the log counts"
                " cached tokens as new",
                evidence={"model": model, "bill_input": new, "bill_cache_read": read, "log_input": logged},
            )


def find_double(case: _Case) -> Iterator[m.BillHint]:
    """The log has everything twice."""
    if case.made.kind != "usage":
        return
    for model, cells in case.models():
        pairs = [(_total(cells, "bill", n), _total(cells, "log", n)) for n in case.made.stated]
        used = [(b, x) for b, x in pairs if b or x]
        if used and all(b and case.near(x, 2 * b) for b, x in used):
            yield m.BillHint(
                code="counted_twice",
                title=f"{model}: the log has twice the bill's tokens of every class, as when two tools"
                " log each call",
                evidence={
                    "model": model,
                    "bill_tokens": sum(b for b, _ in used),
                    "log_tokens": sum(x for _, x in used),
                },
            )


def find_short_output(case: _Case) -> Iterator[m.BillHint]:
    """Input agrees and output does not: streams whose last usage was not logged."""
    if case.made.kind != "usage" or "output" not in case.made.stated:
        return
    inputs = [n for n in case.made.stated if n not in (*OUTPUT_SIDE, "web_searches")]
    for model, cells in case.models():
        billed, logged = _total(cells, "bill", "output"), _total(cells, "log", "output")
        agree = all(case.near(_total(cells, "log", n), _total(cells, "bill", n)) for n in inputs)
        if (
            agree
            and billed
            and logged < billed * (1 - case.tolerance)
            and any(_total(cells, "bill", n) for n in inputs)
        ):
            yield m.BillHint(
                code="output_short",
                title=f"{model}: input agrees, but the log has {logged:,} of {billed:,} tokens of output,"
                " as when the usage at the end of streams is not logged",
                evidence={"model": model, "bill_output": billed, "log_output": logged},
            )


def find_batch(case: _Case) -> Iterator[m.BillHint]:
    """The bill has batches that the log does not know, or asks half of what the log's tokens cost at list."""
    for model, cells in case.models():
        billed, logged = case.size(cells)
        known = sum(c.log.batch_tokens for c in cells)
        batch = sum(c.bill.batch_tokens for c in cells)
        if case.made.kind == "cost" and billed > 0 and not known and case.near(logged, 2 * billed):
            yield m.BillHint(
                code="half_price",
                title=f"{model}: the bill is half of the log's list cost, which is what batches cost;"
                " the log marks none",
                evidence={"model": model, "bill_usd": f"{billed:f}", "log_usd": f"{logged:f}"},
            )
        elif case.made.kind == "usage" and batch and not known and logged:
            yield m.BillHint(
                code="batch_not_logged",
                title=f"{model}: {batch:,} of the bill's tokens went through the batch API; the log marks"
                " none, so it is priced too high",
                evidence={"model": model, "bill_batch_tokens": batch},
            )


def find_missing_days(case: _Case) -> Iterator[m.BillHint]:
    """Days that the bill has and the log has not, or the other way round, while others match."""
    days = [(day, b, x) for day, b, x in case.by_day() if b or x]
    absent = [day for day, b, x in days if b > 0 and not x]
    unbilled = [day for day, b, x in days if x and not b]
    both = [(b, x) for _, b, x in days if b and x]
    if absent and both:
        rest = sum(case.near(x, b) for b, x in both)
        yield m.BillHint(
            code="missing_days",
            title=f"the log has nothing on {_listed(absent)}; of the other {len(both)} days {rest} match",
            evidence={"days": absent, "other_days": len(both), "matching": rest},
        )
    if unbilled and both:
        yield m.BillHint(
            code="unbilled_days",
            title=f"the bill has nothing on {_listed(unbilled)}, where the log has requests",
            evidence={"days": unbilled},
        )


def _listed(days: Sequence[str]) -> str:
    told = ", ".join(days[:_WEEK])
    return f"{told} and {len(days) - _WEEK} more days" if len(days) > _WEEK else told


def find_missing_models(case: _Case) -> Iterator[m.BillHint]:
    """Models that one side alone has."""
    if not any(c.log.requests for c in case.made.cells):
        yield m.BillHint(
            code="no_requests",
            title=f"the log has no request in this period that {case.made.provider} bills",
            evidence={"other_days": case.made.other_days},
        )
        return
    absent = [model for model, cells in case.models() if not any(c.log.requests for c in cells)]
    if absent:
        more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
        yield m.BillHint(
            code="missing_models",
            title=f"the log has no request of {', '.join(absent[:3])}{more}: another service or key may use"
            f" {'it' if len(absent) == 1 else 'them'}",
            evidence={"models": absent},
        )


def find_sampling(case: _Case) -> Iterator[m.BillHint]:
    """Every day the same share of the models that the log has: a sample, or one of several services."""
    logged_models = {c.model for c in case.made.cells if c.log.requests}
    cells = [c for c in case.made.cells if c.model in logged_models]
    days = [(b, x) for _, b, x in case.by_day(cells) if b > 0]
    billed, logged = sum((b for b, _ in days), _ZERO), sum((x for _, x in days), _ZERO)
    if len(days) < LEAST_DAYS or not 0 < logged < billed * (1 - case.tolerance):
        return
    share = logged / billed
    alike = [(b, x) for b, x in (*days, *case.by_class(cells)) if b > 0]
    if all(abs(x / b - share) <= case.tolerance * share for b, x in alike):
        percent = f"{share * 100:.1f}"
        yield m.BillHint(
            code="constant_share",
            title=f"on each of {len(days)} days the log has about {percent}% of what is billed for its"
            " models, as a sample would",
            evidence={"days": len(days), "percent": percent},
        )


def find_time_zone(case: _Case) -> Iterator[m.BillHint]:
    """What one day lacks the next has: days that begin at other hours.

    The differences then cancel out: added up day by day they stay on one side of zero, within a day.
    """
    days = case.by_day()
    off = [abs(x - b) for _, b, x in days if not case.near(x, b)]
    if len(days) < LEAST_DAYS or len(off) * 2 <= len(days):
        return
    running, sums = _ZERO, []
    for _, b, x in days:
        running += x - b
        sums.append(running)
    largest = max(b for _, b, _ in days)
    inner = sums[:-1]
    one_sided = all(s >= 0 for s in inner) or all(s <= 0 for s in inner)
    total = sum((b for _, b, _ in days), _ZERO)
    if one_sided and max(abs(s) for s in inner) <= largest and abs(sums[-1]) <= total * case.tolerance:
        yield m.BillHint(
            code="shifted_days",
            title=f"{len(off)} of {len(days)} days differ, but the differences of neighbouring days cancel"
            " out: the days of bill and log may begin at different hours",
            evidence={"days": len(days), "differing": len(off)},
        )


_MORE_LOGS: Final = "look for services and keys that do not write this log"

NEXT: Final = {
    "cached_as_input": "log the cached tokens apart from the input (docs/formats.md)",
    "counted_twice": "leave out one of the logs, or log the provider's response id so that they are merged",
    "output_short": "log the usage at the end of streams (OpenAI: stream_options.include_usage)",
    "half_price": "log the service tier, so that batches are priced as such",
    "batch_not_logged": "log the service tier, so that batches are priced as such",
    "no_requests": _MORE_LOGS,
    "missing_models": _MORE_LOGS,
    "missing_days": "look for the logs of the missing days",
    "unbilled_days": "see whether the bill covers every project, workspace and key of the log",
    "shifted_days": "compare whole weeks or months, or export the bill in UTC",
    "constant_share": "see whether the log is sampled; if it is, no sum of it is the bill",
}
"""What to do about each reason."""

FINDERS: Final[tuple[Callable[[_Case], Iterator[m.BillHint]], ...]] = (
    find_cache_twice, find_double, find_short_output, find_batch, find_missing_models, find_missing_days,
    find_time_zone, find_sampling,
)  # fmt: skip
