"""Which requests of logs or a ledger some price tables give no price."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from costaudit.front.book import BookChoice, choose_book
from costaudit.front.found import found_logs
from costaudit.front.reading import LogReading, Tagging, plan_of, read_logs, saved_ledgers

if TYPE_CHECKING:
    from costaudit.engine.audit import Pass
    from costaudit.prices.folders import Folder
    from costaudit.prices.rules.rule import UnpricedTraffic

NOT_OF_TABLES: Final = frozenset({"no_usage", "no_model", "no_timestamp"})
"""Reasons that no table can mend."""


def unpriced_traffic(
    paths: Sequence[str], tables: Folder | None, overlays: Sequence[Path]
) -> list[UnpricedTraffic]:
    """What an audit of the paths by these tables leaves without a price, by model and reason.

    Names are resolved as the settings of the project say. Raises InputError when nothing can be read.
    """
    from costaudit.engine.costing import CostSource  # noqa: PLC0415 - start-up
    from costaudit.prices.gateways import load_gateways  # noqa: PLC0415
    from costaudit.prices.rules.rule import UnpricedTraffic  # noqa: PLC0415
    from costaudit.questions.audit.build import build_audit  # noqa: PLC0415

    passed = _read(paths, replace(choose_book(None, list(overlays)), prices=tables))
    found = build_audit(passed, load_gateways(tables, overlays), source=CostSource.LIST).coverage.unpriced
    shown = ", ".join(paths)
    return [
        UnpricedTraffic(row.model or "", row.reason, row.requests, shown, row.detail)
        for row in found
        if row.reason not in NOT_OF_TABLES
    ]


def _read(paths: Sequence[str], choice: BookChoice) -> Pass:
    """One pass over logs or ledgers. Which routes a ledger knows does not matter here."""
    from costaudit.engine.from_ledgers import pass_of_ledgers  # noqa: PLC0415 - start-up

    if "-" not in paths:  # standard input can be read once, and is no ledger
        with found_logs(paths) as (files, _):
            ledgers = saved_ledgers(files, Tagging())
        if ledgers:
            return pass_of_ledgers(ledgers, plan_of(choice), goes_by_reported=False).passed
    return read_logs(paths, LogReading(None, None, choice, None, Tagging(), None, quiet=True, verbose=False))
