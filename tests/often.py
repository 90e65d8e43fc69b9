"""How often a test repeats what it does with other random values."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

THOROUGH = bool(os.environ.get("COSTAUDIT_THOROUGH"))
"""Set by `make thorough`."""


def often(usually: int, thoroughly: int) -> int:
    """How many examples, seeds or rows: few in the usual suite, many in `make thorough`."""
    return thoroughly if THOROUGH else usually


def repeated(usually: int, thoroughly: int) -> settings:
    """For a test by hypothesis whose single example takes long; it may have fixtures of a function."""
    return settings(
        max_examples=often(usually, thoroughly),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
