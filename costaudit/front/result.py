"""What a question came to, for programs: the typed report, frames of its tables, JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from costaudit.errors import UsageError, did_you_mean
from costaudit.render.part import Part

if TYPE_CHECKING:
    import pandas as pd

R = TypeVar("R", bound=Part)


class Result(msgspec.Struct, Generic[R], frozen=True, eq=False):
    """The answer to a question."""

    report: R
    """Everything that is known, as `--format json` writes it: money as `Decimal` dollars."""
    notes: tuple[str, ...]
    """What the command line would have warned of: what was set aside, left out, may be counted twice."""
    _text: Callable[[int], str]

    def to_json(self) -> str:
        """The report as `costaudit … --format json` writes it, to the byte."""
        from costaudit.render.jsonout import render_json  # noqa: PLC0415 - start-up

        return render_json(self.report)

    def text(self, width: int = 100) -> str:
        """The report as the terminal shows it, in lines of at most `width` columns."""
        return self._text(width)

    def tables(self) -> tuple[str, ...]:
        """The names of the tables of the report that have rows: what `frame` takes."""
        return tuple(dict(_tables(self.report, "")))

    def frame(self, name: str, *, exact: bool = False) -> pd.DataFrame:
        """A table of the report as a pandas frame, like `by_model` or `projection.steps`.

        Money is in dollars: floats or, with `exact`, `Decimal`. Parts within a row are columns with a dot
        (`tokens.input`). Raises UsageError for a name that no table with rows has.
        """
        import pandas as pd  # noqa: PLC0415 - start-up

        known = dict(_tables(self.report, ""))
        if name not in known:
            raise UsageError(
                f"the report has no rows of {name!r}",
                hint=did_you_mean(name, known) or f"tables: {', '.join(known)}",
            )
        return pd.DataFrame.from_records([_flat(row, exact=exact) for row in known[name]])

    def __repr__(self) -> str:
        return f"<{type(self.report).__name__}: {self.text(100).partition(chr(10))[0]}>"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from html import escape  # noqa: PLC0415 - start-up

        return f"<pre>{escape(self.text(100))}</pre>"


def _tables(part: Part, before: str) -> Iterator[tuple[str, list[Part]]]:
    """Every list of parts in a part, by its path."""
    for name in type(part).__struct_fields__:
        value = getattr(part, name)
        if isinstance(value, Part):
            yield from _tables(value, f"{before}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], Part):
            yield before + name, value


def _flat(row: Part, *, exact: bool, before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in type(row).__struct_fields__:
        value = getattr(row, name)
        if isinstance(value, Part):
            found |= _flat(value, exact=exact, before=f"{before}{name}.")
        else:
            found[before + name] = float(value) if isinstance(value, Decimal) and not exact else value
    return found


class AuditResult(Result[R], frozen=True, eq=False):
    """The answer to a question about the spend of logs."""

    _requests: Callable[[bool], Iterable[pd.DataFrame]]

    def requests(self, *, exact: bool = False) -> Iterator[pd.DataFrame]:
        """Every request as a row, in frames of some ten thousand: the columns of `costaudit tag`.

        The logs are read again. `ts` is a UTC time; money is in dollars, floats or, with `exact`, `Decimal`.
        """
        return iter(self._requests(exact))
