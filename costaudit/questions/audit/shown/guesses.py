"""On the first screen: what the keys of a log were taken for, where nobody has said it."""

from __future__ import annotations

from collections.abc import Iterator

from costaudit.questions.audit.guesses import USED
from costaudit.questions.audit.shown.report import Report
from costaudit.render.blocks import Item, Items, ListLimits


def show_guesses(report: Report, _: ListLimits) -> Iterator[Items]:
    """Every key that was taken for a field, with the reason, and those that were left out."""
    for finding in report.findings:
        if finding.code != USED:
            continue
        told = finding.evidence
        items = [
            Item(f"{one['key']} → {one['field']}{_unit(one['unit'])}: {one['why']}") for one in told["fields"]
        ]
        items += [Item(f"{one['key']} is left out: {one['why']}") for one in told["left"]]
        files = ", ".join(told["files"][:1]) + (" …" if len(told["files"]) > 1 else "")
        yield Items(
            f"Guessed from names and values of {files} ({USED})", tuple(items), notes=tuple(told["notes"])
        )


def _unit(unit: str | None) -> str:
    return "" if unit is None else f" ({unit})"
