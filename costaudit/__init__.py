"""costaudit: audit what LLM requests cost, from the logs that are already there.

    import costaudit
    found = costaudit.audit("logs/")
    found.report.spend.list_usd
    found.frame("by_model")

Every command is a function: see docs/library.md. Errors are of one family, `CostauditError`, with `hint`,
`path` and `line`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from costaudit.errors import ConfigError, CostauditError, InputError, UsageError
    from costaudit.front.api import audit, explain_request, fallback, simulate, tag
    from costaudit.front.gates import check, gates
    from costaudit.front.kept import cache, clear_cache, make_ledger, make_tape
    from costaudit.front.labels import draw_sample, read_labels
    from costaudit.front.policies import export_policy, policies, policy
    from costaudit.front.pricing import (
        check_prices,
        compare_prices,
        price_changes,
        price_doubts,
        price_history,
        price_list,
        price_rows,
        price_rules,
        quote,
    )
    from costaudit.front.project import (
        begin_settings,
        check_settings,
        doctor,
        formats,
        scenarios,
        settings,
        try_format,
    )
    from costaudit.front.shadow import shadow_compare, shadow_plan

__version__ = "0.1.0"

_HOMES = {
    "costaudit.errors": ("ConfigError", "CostauditError", "InputError", "UsageError"),
    "costaudit.front.api": ("audit", "explain_request", "fallback", "simulate", "tag"),
    "costaudit.front.gates": ("check", "gates"),
    "costaudit.front.kept": ("cache", "clear_cache", "make_ledger", "make_tape"),
    "costaudit.front.labels": ("draw_sample", "read_labels"),
    "costaudit.front.policies": ("export_policy", "policies", "policy"),
    "costaudit.front.pricing": (
        "check_prices", "compare_prices", "price_changes", "price_doubts", "price_history", "price_list",
        "price_rows", "price_rules", "quote",
    ),
    "costaudit.front.project": (
        "begin_settings", "check_settings", "doctor", "formats", "scenarios", "settings", "try_format",
    ),
    "costaudit.front.shadow": ("shadow_compare", "shadow_plan"),
}  # fmt: skip

__all__ = [
    "ConfigError", "CostauditError", "InputError", "UsageError", "__version__", "audit", "begin_settings",
    "cache", "check", "check_prices", "check_settings", "clear_cache", "compare_prices", "doctor",
    "draw_sample", "explain_request", "export_policy", "fallback", "formats", "gates", "make_ledger",
    "make_tape", "policies", "policy", "price_changes", "price_doubts", "price_history", "price_list",
    "price_rows", "price_rules", "quote", "read_labels", "scenarios", "settings", "shadow_compare",
    "shadow_plan", "simulate", "tag", "try_format",
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
