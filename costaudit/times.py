"""Lengths of time in microseconds, as instants are counted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US


def instant(us: int) -> str:
    """Microseconds as RFC 3339 in UTC."""
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
