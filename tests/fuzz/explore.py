"""How often a check is repeated with new input: a fixed number of times, or for FUZZ_SECONDS."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
"""For each test; 0 for the usual suite, which tries the same input in every run."""

_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def explore(check: Callable[..., None], examples: int, **drawn: st.SearchStrategy[Any]) -> None:
    """Call a check with drawn input; raises what it raises, for the smallest input that hypothesis finds."""
    if not SECONDS:
        settings(max_examples=examples, suppress_health_check=_QUIET)(given(**drawn)(check))()
        return
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        anew = settings(max_examples=200, derandomize=False, database=None, suppress_health_check=_QUIET)
        seed(random.SystemRandom().randrange(2**63))(anew(given(**drawn)(check)))()
