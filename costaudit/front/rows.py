"""Requests as pandas frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

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
