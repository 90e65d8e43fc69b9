"""What a question came to, for programs: the typed report, frames of its tables, JSON, text, HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec

from costaudit.errors import UsageError, did_you_mean, one_of
from costaudit.render.part import Part, plain_of

if TYPE_CHECKING:
    import pandas as pd

    from costaudit.render.blocks import Block

R = TypeVar("R")
Draw = Callable[[int, bool], str]
"""The columns that there are, and whether it is a terminal with colour, to the answer in a format."""

ROWS: Final = 50
"""Rows of each table that a notebook shows of an answer that is laid out as lines."""


class Result(msgspec.Struct, Generic[R], frozen=True, eq=False):
    """The answer to a question."""

    report: R
    """Everything that is known, as `--format json` writes it: money as `Decimal` dollars."""
    notes: tuple[str, ...]
    """What the command line would have warned of: what was set aside, left out, may be counted twice."""
    _drawn: Mapping[str, Draw]
    _blocks: Callable[[], Iterable[Block]] | None = None

    def to_json(self) -> str:
        """The report as `costaudit … --format json` writes it, to the byte."""
        from costaudit.render.jsontext import render_value  # noqa: PLC0415 - start-up

        return render_value(self._value())

    def text(self, width: int = 100) -> str:
        """The report as the terminal shows it, in lines of at most `width` columns."""
        return self.render("text", width)

    def render(self, format_: str, width: int = 100, *, color: bool = False) -> str:
        """The report as `costaudit … --format FORMAT` writes it.

        Raises UsageError for a format that it has not. Only `text` heeds the width and the colour.
        """
        if format_ == "json" and "json" not in self._drawn:
            return self.to_json()
        return self._drawn[one_of(format_, {*self._drawn, "json"}, "format")](width, color)

    def tables(self) -> tuple[str, ...]:
        """The names of the tables of the report that have rows: what `frame` takes."""
        return tuple(self._tables())

    def frame(self, name: str | None = None, *, exact: bool = False) -> pd.DataFrame:
        """A table of the report as a pandas frame, like `by_model` or `projection.steps`.

        The only one without a name. Money is in dollars: floats, `Decimal` with `exact`. Parts within a row
        are columns with a dot (`tokens.input`). Raises UsageError for a name that no table with rows has.
        """
        import pandas as pd  # noqa: PLC0415 - start-up

        known = self._tables()
        if name is None and len(known) == 1:
            (name,) = known
        if name not in known:
            raise UsageError(
                f"the report has no rows of {name!r}",
                hint=did_you_mean(name or "", known) or f"tables: {', '.join(known)}",
            )
        return pd.DataFrame.from_records([_flat(row, exact=exact) for row in known[name]])

    def _value(self) -> Any:
        """What JSON says."""
        report: Any = self.report
        if isinstance(report, list):
            return [plain_of(one) if isinstance(one, Part) else one for one in report]
        if isinstance(report, Part):
            return plain_of(report)
        return report if isinstance(report, Mapping) else report.model_dump(mode="json", by_alias=True)

    def _tables(self) -> dict[str, Sequence[Any]]:
        report: Any = self.report
        if isinstance(report, list):
            return {"rows": report} if report else {}
        return dict(_tables(report if isinstance(report, Part) else self._value(), ""))

    def __repr__(self) -> str:
        return f"<{type(self.report).__name__}: {self.text(100).partition(chr(10))[0]}>"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from costaudit.render.html import render_blocks  # noqa: PLC0415 - start-up

        return render_blocks(self._as_blocks() if self._blocks is None else self._blocks())

    def _as_blocks(self) -> Iterator[Block]:
        """The first line of the text, and the tables of the report."""
        from costaudit.render.blocks import Column, Headline, Table  # noqa: PLC0415 - start-up

        yield Headline(self.text(100).partition("\n")[0])
        for name, rows in self._tables().items():
            cells = [
                {key: _cell(value) for key, value in _flat(row, exact=True).items()} for row in rows[:ROWS]
            ]
            titles = list(dict.fromkeys(key for row in cells for key in row))
            columns = (
                Column(title, tuple(row.get(title, "") for row in cells), number=_is_figure(rows[0], title))
                for title in titles
            )
            notes = (f"and {len(rows) - ROWS:,} more",) if len(rows) > ROWS else ()
            yield Table(name.replace("_", " "), tuple(columns), notes=notes)


def drawn_by_lines(report: R, notes: Sequence[str], text: Callable[[int], str]) -> Result[R]:
    """An answer that is laid out as lines of text."""
    return Result(report, tuple(notes), {"text": lambda width, _: text(width)})


def drawn_by_blocks(report: R, notes: Sequence[str], blocks: Callable[[], Iterable[Block]]) -> Result[R]:
    """An answer that is laid out as blocks, which every format draws."""
    return Result(report, tuple(notes), of_blocks(blocks), blocks)


def of_blocks(blocks: Callable[[], Iterable[Block]]) -> dict[str, Draw]:
    """How blocks are drawn."""

    def text(width: int, color: bool) -> str:
        from costaudit.render.text import render_blocks  # noqa: PLC0415 - start-up

        return render_blocks(blocks(), width, color)

    def markdown(_width: int, _color: bool) -> str:
        from costaudit.render.markdown import render_blocks  # noqa: PLC0415 - start-up

        return render_blocks(blocks())

    return {"text": text, "markdown": markdown}


def _tables(part: Any, before: str) -> Iterator[tuple[str, Sequence[Any]]]:
    """Every list of parts in a part, by its path."""
    named = part.items() if isinstance(part, Mapping) else _fields(part)
    for name, value in named:
        if isinstance(value, (Part, Mapping)):
            yield from _tables(value, f"{before}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], (Part, Mapping)):
            yield before + name, value


def _fields(part: Any) -> Iterator[tuple[str, Any]]:
    for name in type(part).__struct_fields__:
        yield name, getattr(part, name)


def _flat(row: Any, *, exact: bool, before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items() if isinstance(row, Mapping) else _fields(row):
        if isinstance(value, (Part, Mapping)):
            found |= _flat(value, exact=exact, before=f"{before}{name}.")
        else:
            found[before + name] = float(value) if isinstance(value, Decimal) and not exact else value
    return found


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_cell, value))
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _is_figure(row: Any, title: str) -> bool:
    value = _flat(row, exact=True).get(title)
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


class AuditResult(Result[R], frozen=True, eq=False):
    """The answer to a question about the spend of logs."""

    _requests: Callable[[bool], Iterable[pd.DataFrame]] = lambda _exact: ()

    def requests(self, *, exact: bool = False) -> Iterator[pd.DataFrame]:
        """Every request as a row, in frames of some ten thousand: the columns of `costaudit tag`.

        The logs are read again. `ts` is a UTC time; money is in dollars, floats or, with `exact`, `Decimal`.
        """
        return iter(self._requests(exact))


if TYPE_CHECKING:
    from costaudit.render.checks.model import CheckReport

    _OfCheck = Result[CheckReport]
else:
    _OfCheck = Result  # what it is of is imported when something is judged


class JudgedResult(_OfCheck, frozen=True, eq=False):
    """What was judged: `report` has `verdict`, `exit_code` and `violations`.

    It is drawn in every format of commands that judge.
    """

    _judged: Callable[[], Mapping[str, Any]] | None = None
    """What JSON says, where the command has more to say than what it objects to."""

    def render(self, format_: str, width: int = 100, *, color: bool = False) -> str:
        """As `costaudit … --format FORMAT` writes it; raises UsageError for a format that it has not."""
        from costaudit.render.checks import CHECK_RENDERERS, check_format  # noqa: PLC0415 - start-up

        if format_ == "json":
            return self.to_json()
        own = self._drawn.get(check_format(format_, "--format"))
        return CHECK_RENDERERS[format_](self.report) if own is None else own(width, color)

    def renamed(self, name: Callable[[str], str]) -> JudgedResult:
        """The same with every file named as another reader names it: see `CheckReport.renamed`."""
        return msgspec.structs.replace(self, report=self.report.renamed(name))

    def _value(self) -> Any:
        from costaudit.render.checks.jsonout import value_of  # noqa: PLC0415 - start-up

        return value_of(self.report) if self._judged is None else self._judged()

    def _tables(self) -> dict[str, Sequence[Any]]:
        return dict(_tables(self._value(), ""))
