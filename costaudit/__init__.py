"""costaudit: audit what LLM requests cost, from the logs that are already there.

    import costaudit
    found = costaudit.audit("logs/")
    found.report.spend.list_usd
    found.frame("by_model")

See docs/library.md. Errors are of one family, `CostauditError`, with `hint`, `path` and `line`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from costaudit.errors import ConfigError, CostauditError, InputError, UsageError
    from costaudit.front.api import audit, check_prices, fallback, quote, simulate, tag

__version__ = "0.1.0"

_HOMES = {
    "costaudit.front.api": ("audit", "check_prices", "fallback", "quote", "simulate", "tag"),
    "costaudit.errors": ("ConfigError", "CostauditError", "InputError", "UsageError"),
}

__all__ = [
    "ConfigError", "CostauditError", "InputError", "UsageError", "__version__", "audit", "check_prices",
    "fallback", "quote", "simulate", "tag",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """What is asked for is imported then: `import costaudit` takes no time."""
    for home, names in _HOMES.items():
        if name in names:
            found = getattr(importlib.import_module(home), name)
            globals()[name] = found
            return found
    raise AttributeError(f"module 'costaudit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
