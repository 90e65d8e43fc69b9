"""One file per log format, and `ADAPTERS`, the registry of them all.

The registry loads when it is first asked for: `ingest.usage` needs `base` from this package, and the
formats need `ingest.usage`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from costaudit.ingest.adapters.registry import ADAPTERS

__all__ = ["ADAPTERS"]


def __getattr__(name: str) -> object:
    if name == "ADAPTERS":
        from costaudit.ingest.adapters.registry import ADAPTERS as registry  # noqa: N811, PLC0415 - see above

        return registry
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
