"""Requests one by one: as pandas frames, and written as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Unpack

from costaudit.errors import UsageError
from costaudit.front.asking import Log, asked_logs
from costaudit.front.options import LogOptions
from costaudit.front.reading import opened_logs

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def frame_of(columns: Mapping[str, Sequence[Any]], schema: pa.Schema, *, exact: bool) -> pd.DataFrame:
    """Columns of `costaudit tag` as a frame of the same types, whatever is absent in them.

    Times are in UTC, whole numbers and flags may be absent, money is float64 or, if `exact`, `Decimal`.
    """
    import pandas as pd  # noqa: PLC0415 - start-up

    return pd.DataFrame(
        {field.name: _series(columns[field.name], field.type, exact=exact) for field in schema}
    )


def _series(values: Sequence[Any], kind: pa.DataType, *, exact: bool) -> pd.Series:
    import pandas as pd  # noqa: PLC0415 - start-up
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_timestamp(kind):
        return pd.to_datetime(pd.Series(values, dtype="Int64"), unit="us", utc=True)
    if pa.types.is_decimal(kind):
        if exact:
            return pd.Series(values, dtype="object")
        return pd.Series([_as_float(value) for value in values], dtype="float64")
    if pa.types.is_integer(kind):
        return pd.Series(values, dtype="Int64")
    if pa.types.is_boolean(kind):
        return pd.Series(values, dtype="boolean")
    return pd.Series(values, dtype="string" if pa.types.is_string(kind) else "object")


def _as_float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def row_format(output: Path | None) -> str:
    """The ending of a file that rows are written to: JSON lines without one. Raises UsageError for others."""
    from costaudit.questions.tagging.rows import WRITERS  # noqa: PLC0415 - start-up

    if output is None or str(output) == "-":
        return ".jsonl"
    found = max((e for e in WRITERS if output.name.lower().endswith(e)), key=len, default=None)
    if found is None:
        raise UsageError(
            "no format has the ending of this file", path=str(output), hint=f"one of {', '.join(WRITERS)}"
        )
    return found


def write_rows(
    stream: IO[bytes], *logs: Log, ending: str, with_text: bool, **options: Unpack[LogOptions]
) -> None:
    """Write every request as a row, in the format of an ending: see `row_format`."""
    from costaudit.questions.tagging.rows import WRITERS, columns_of  # noqa: PLC0415 - start-up
    from costaudit.tape.record import Keeps  # noqa: PLC0415

    keeps = Keeps(ids=True, texts=with_text)
    with (
        asked_logs(logs, options) as (paths, reading, _, _),
        opened_logs(paths, reading, keeps=keeps) as read,
    ):
        writer = WRITERS[ending](stream, with_text=with_text)
        for requests in read.rows():
            writer.write(columns_of(requests, read.plan, with_text=with_text))
        writer.close()
