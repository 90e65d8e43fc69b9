"""Saved ledgers in this process: made from logs, read again, and priced under a plan."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal

from msgspec.structs import replace

from costaudit.engine.audit import Pass
from costaudit.engine.from_ledgers import LedgerPass, pass_of_ledgers
from costaudit.engine.ledger import Cells
from costaudit.engine.plan import Plan
from costaudit.engine.saved import SavedLedger, ledger_facts, read_ledger, write_ledger
from costaudit.ingest.files import find_logs
from tests.engine.audits import audit_files, plan


def detailed(plan: Plan, resolution: Literal["hour", "day"] = "day") -> Plan:
    return replace(plan, detail=True, resolution=resolution)


def save_ledger(
    out: Path, *paths: Path | str, resolution: Literal["hour", "day"] = "day", under: Plan | None = None
) -> Path:
    """The ledger of some logs, as `costaudit ledger` writes it."""
    files, refused = find_logs([str(p) for p in paths])
    passed = audit_files(files, detailed(under or plan(), resolution), refused=refused, threads=1)
    stream = io.BytesIO()
    write_ledger(passed, stream)
    out.write_bytes(stream.getvalue())
    return out


def load_ledger(path: Path) -> SavedLedger:
    (file,), _ = find_logs([str(path)])
    facts = ledger_facts(file)
    assert facts is not None
    return read_ledger(file, facts)


def ledger_pass(*paths: Path, under: Plan | None = None, **options: Any) -> LedgerPass:
    return pass_of_ledgers([load_ledger(p) for p in paths], under or plan(), **options)


ROUTES = ("number", "route_same", "route_any", "verify", "kept", "lacks")


def _offer(passed: Pass, code: int) -> object:
    if code < 0:
        return None
    offer, ids = passed.plan.offering.offers[code], [card.id for card in passed.plan.prices.cards]
    return ids[offer.card], offer.expected, ids[offer.fallback] if offer.fallback >= 0 else None


def rows_of(passed: Pass, *, routes: bool = True) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """The cells of a pass with cards by their ids, so that passes of other plans can be compared."""
    cells: Cells = passed.cells
    ids = {code: card.id for code, card in enumerate(passed.plan.prices.cards)}
    reasons = {-1 - place: reason for place, reason in enumerate(passed.plan.prices.reasons)}
    columns: list[list[Any]] = []
    for name, codes in cells.keys.items():
        if not routes and name in ROUTES:
            continue
        if name == "card":
            columns.append([ids.get(c) or reasons[c] for c in codes.tolist()])
        elif name == "verify":
            columns.append([ids.get(c) for c in codes.tolist()])
        elif name.startswith("route_"):
            columns.append([_offer(passed, c) for c in codes.tolist()])
        elif name in cells.values:
            columns.append(list(cells.words(name)))
        else:
            columns.append(codes.tolist())
    found: dict[tuple[Any, ...], list[int]] = {}
    measures = list(zip(*(column.tolist() for column in cells.measures.values()), strict=True))
    for key, sums in zip(zip(*columns, strict=True), measures, strict=True):
        held = found.setdefault(key, [0] * len(sums))
        found[key] = [a + int(b) for a, b in zip(held, sums, strict=True)]
    return {key: tuple(sums) for key, sums in found.items()}
