"""Bills and usage exports of providers, met among logs: sums of many calls, which are refused by name.

They say what a log should come to, and are read for that by `--compare-bill`. Without this they would pass
for flat records, because they have a model and token counts.
"""

from __future__ import annotations

from typing import Final

from costaudit.ingest.bills import aggregate_kind
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.schema import Call


def is_export(record: Record) -> bool:
    """True for a row or page of an export that `--compare-bill` reads."""
    return aggregate_kind(record) is not None


def refuse(record: Record) -> list[Call]:
    """Raises Skip: there is no call in a sum."""
    raise Skip("aggregate", f"{aggregate_kind(record)}: compare it with a log, by --compare-bill")


ADAPTER: Final = Adapter(
    name="usage-export",
    title="bills and usage exports of OpenAI, Anthropic and DeepSeek: refused, for --compare-bill reads them",
    matches=is_export,
    calls=refuse,
)
