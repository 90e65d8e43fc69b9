"""Which requests of logs or a ledger some price tables give no price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from costaudit.cli.book import choose_book
from costaudit.cli.reading import Reading, Tagging, read_logs

if TYPE_CHECKING:
    from costaudit.prices.folders import Folder
    from costaudit.prices.rules.rule import Unpriced

NOT_OF_TABLES: Final = frozenset({"no_usage", "no_model", "no_timestamp"})
"""Reasons that no table can mend."""


def unpriced_traffic(paths: Sequence[str], tables: Folder | None, overlays: Sequence[Path]) -> list[Unpriced]:
    """What an audit of the paths by these tables leaves without a price, by model and reason.

    Names are resolved as the settings of the project say. Raises InputError when nothing can be read.
    """
    from costaudit.prices.gateways import load_gateways  # noqa: PLC0415 - start-up
    from costaudit.prices.rules.rule import Unpriced  # noqa: PLC0415
    from costaudit.report.build import build_audit  # noqa: PLC0415

    choice = replace(choose_book(None, list(overlays)), prices=tables)
    passed = read_logs(paths, Reading(None, None, choice, None, Tagging(), None, quiet=True, verbose=False))
    found = build_audit(passed, load_gateways(tables)).coverage.unpriced
    shown = ", ".join(paths)
    return [
        Unpriced(row.model or "", row.reason, row.requests, shown, row.detail)
        for row in found
        if row.reason not in NOT_OF_TABLES
    ]
