"""Requests as pandas frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def frame_of(columns: Mapping[str, Sequence[Any]], *, exact: bool) -> pd.DataFrame:
    """The columns of `costaudit tag` as a frame: `ts` as times, money as floats or, if `exact`, as it is."""
    import pandas as pd  # noqa: PLC0415 - start-up

    told = {n: list(values) if exact else [_as_float(v) for v in values] for n, values in columns.items()}
    frame = pd.DataFrame(told)
    frame["ts"] = pd.to_datetime(frame["ts"], unit="us", utc=True)
    return frame


def _as_float(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value
