"""Where a projection puts the requests of every cell, kept so that it can be priced again.

`project` in `routing.projection` moves a request where that is cheaper. An allocation remembers who moves,
and to what offer: at other prices it stays as it is, whether or not it still pays.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.costing import Amounts, Costed, sum_parts
from costaudit.engine.kernel import NO_REPORT
from costaudit.engine.ledger import NO_PERIOD, Cells, sums
from costaudit.routing.projection import POINT
from costaudit.tape.groups import group_rows

Mask = npt.NDArray[np.bool_]


class Allocation(msgspec.Struct, frozen=True):
    """The routes of a projection; all arrays have one entry per cell."""

    acted: Mask
    """The policy decides on these: they have a price, ended well, and their tag is believed."""
    moved: Mask
    """These leave the model that serves them today."""
    cells: Cells
    """The ledger; `route_any` and `route_same` of the cells that move are the offer that they take."""

    def at(self, rows: npt.NDArray[np.intp]) -> Allocation:
        """The routes of some cells."""
        return Allocation(self.acted[rows], self.moved[rows], cells_at(self.cells, rows))


def allocate(costed: Costed) -> Allocation:
    """The routes that a projection takes."""
    keys = costed.cells.keys
    acted = costed.firm & costed.billable & (keys["band"] >= POINT)
    base = np.minimum(costed.billed_units, costed.list_units)
    moved = acted & (np.asarray(costed.any_units < base, bool) | costed.always)
    among_all = np.asarray(sum_parts(costed.parts) <= costed.same_units, bool)
    taken = np.where(among_all, keys["route_any"], keys["route_same"])
    routes = {name: np.where(moved, taken, keys[name]) for name in ("route_any", "route_same")}
    cells = Cells({**keys, **routes}, costed.cells.values, costed.cells.measures)
    return Allocation(acted, moved, cells)


def served_units(costed: Costed, allocation: Allocation) -> Amounts:
    """What serving the requests comes to with an allocation, at the prices of `costed`.

    Without the gateways' markup, without what failed attempts cost, without verifying, deciding and lost
    cache discounts. A cell that is not firm costs what was billed.
    """
    counted = costed.firm
    base = np.where(counted, np.minimum(costed.billed_units, costed.list_units), costed.billed_units)
    kept = np.where(counted & ~costed.billable, 0, base)
    return np.asarray(np.where(allocation.moved & counted, costed.any_units, kept))


def allocated_units(costed: Costed, allocation: Allocation) -> Amounts:
    """What the bill comes to with an allocation, with all that the policy adds."""
    added = np.where(allocation.acted, costed.verified_units + costed.router_units, 0)
    lost = np.where(costed.firm & costed.billable, costed.cache_units, 0)
    return np.asarray(served_units(costed, allocation) + added + lost)


_DECIDES: Final = ("card", "tier", "band", "number", "route_same", "route_any", "verify")
_WORDS: Final = ("status", "quality")


def condensed(cells: Cells) -> Cells:
    """A ledger added up over everything but what decides the list cost of its requests and of their routes.

    Periods, gateways, names and reported costs are gone: such cells are billed by list.
    """
    keys: dict[str, tuple[npt.NDArray[np.integer], int, int]] = {
        name: (cells.keys[name], int(cells.keys[name].min(initial=0)), int(cells.keys[name].max(initial=0)))
        for name in _DECIDES
    }
    for name in _WORDS:
        keys[name] = (cells.keys[name], 0, len(cells.values[name]) - 1)
    found, group, size = group_rows(keys)
    nothing = np.zeros(size, np.int32)
    found |= {"period": nothing + NO_PERIOD, "gateway": nothing, "reported": nothing + NO_REPORT}
    measures = {
        name: None if name == "reported_picousd" else column for name, column in cells.measures.items()
    }
    words = {name: cells.values[name] for name in _WORDS}
    return Cells(found, {**words, "gateway": (None,)}, sums(group, size, measures))


def cells_at(cells: Cells, rows: npt.NDArray[np.intp]) -> Cells:
    """Some cells of a ledger."""
    return Cells(
        {name: column[rows] for name, column in cells.keys.items()},
        cells.values,
        {name: column[rows] for name, column in cells.measures.items()},
    )
