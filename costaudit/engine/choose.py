"""The choice of a route: the adequate candidate of the lowest expected cost, where that is below today's.

Once among the providers that the log uses, and once among all. Requests are chosen for in cells: a candidate
is taken for all of a cell where it would be taken for each of its requests, whatever the tokens of each are.
Where that cannot be said the cell is unsure, which a cell of one request never is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.alike import (
    NEEDS,
    NO,
    NO_EDGE,
    UNSURE,
    YES,
    Alike,
    Answers,
    Index,
    Ints,
    Mask,
    SizeBand,
)
from costaudit.engine.cell_prices import CellPrices, places_in
from costaudit.engine.exact import weighted_sum
from costaudit.engine.plan import Plan
from costaudit.engine.sessions import KEEPS, SessionBook, code_of
from costaudit.prices.numbered import PRICED, RateMatrix
from costaudit.routing.contexts import NOT_ACTED_ON, Context, contexts_of
from costaudit.routing.offering import CandidateRoute
from costaudit.routing.offers import NO_ROUTE, NONE, SCALE
from costaudit.routing.policy import Treatment
from costaudit.routing.terms import WHOLE
from costaudit.schema import UNTAGGED, Quality, Status
from costaudit.tape.groups import group_rows

Cards = npt.NDArray[np.int32]

KEPT: Final = (
    "routed",
    "untagged",
    "unpriced",
    "not_billed",
    "tier_keeps",
    "not_chat",
    "no_adequate_candidate",
    "not_cheaper",
    "never",
    "outside_share",
    "session_keeps",
    "not_exact",
)
"""Codes of the ledger's `kept`: why a request keeps its model."""

LACKS: Final = (
    "",
    "provider",
    "in_service",
    "image",
    "audio",
    "tools",
    "json_mode",
    "context_window",
    "max_output",
    "price",
    "quality",
)
"""Codes of the ledger's `lacks`: what the candidate that came nearest does not have, in the order in which it
is asked. A provider that may serve, a model in service and priced, abilities, room, a price for each class of
tokens, evals that reach the floor."""

_ABOVE_ALL: Final = 10**40


class Chosen(msgspec.Struct):
    """The routes of some cells or requests."""

    same: Cards
    """Offer taken among providers used; NO_ROUTE where the model is kept."""
    any: Cards
    """Offer taken among all."""
    kept: npt.NDArray[np.int8]
    """Index into KEPT."""
    lacks: npt.NDArray[np.int8]
    """Index into LACKS: 0 unless no candidate is adequate."""
    number: npt.NDArray[np.int8]
    """Of the policy's treatment; NOT_ACTED_ON for requests that it leaves alone."""
    verify: Cards
    """Card of the model that verifies the request, moved or not; NONE without one."""

    def take(self, rows: Index) -> Chosen:
        """The routes of some of them."""
        names = ("same", "any", "kept", "lacks", "number", "verify")
        return Chosen(*(getattr(self, name)[rows] for name in names))

    @classmethod
    def none(cls, size: int) -> Chosen:
        """Nothing chosen yet for so many cells."""
        route = np.full(size, NO_ROUTE, np.int32)
        zero = np.zeros(size, np.int8)
        number = np.full(size, NOT_ACTED_ON, np.int8)
        return cls(route, route.copy(), zero, zero.copy(), number, np.full(size, NONE, np.int32))


class CellMembers(msgspec.Struct, frozen=True):
    """The single requests of cells."""

    of_row: Index
    """The cell of every request."""
    counts: Sequence[npt.NDArray[Any] | None]
    """By place in PRICED, one entry per request."""

    def within(self, cells: Index, size: int) -> tuple[Index, Index]:
        """The requests of some of so many cells, and for each the place of its cell among them."""
        places = np.full(size, -1, np.int32)
        places[cells] = np.arange(len(cells), dtype=np.int32)
        place = places[self.of_row]
        rows = np.flatnonzero(place >= 0)
        return rows, place[rows].astype(np.intp)


class Routes(msgspec.Struct):
    """What is chosen for some cells."""

    chosen: Chosen
    """By cell."""
    unsure: Mask
    """Cells of which more must be known of the single request."""
    apart: list[tuple[Index, Index, Chosen]]
    """Requests whose route depends on their own tokens: they, their cells, and what is chosen for each."""


def choose(plan: Plan, cells: Alike, prices: CellPrices, members: CellMembers | None = None) -> Routes:
    """The routes of some cells. With their `members`, requests of one cell may go different ways."""
    found = Routes(Chosen.none(cells.size), np.zeros(cells.size, bool), [])
    chosen, unsure = found.chosen, found.unsure
    ok, has_price = cells.words["status"].among(Status.OK), prices.card >= 0
    movable = ok & has_price & prices.chat
    tasks = plan.evals is not None and plan.evals.speaks_of_tasks
    contexts = contexts_of(
        plan.policy, plan.reads, cells.words, cells.tier, np.where(movable, prices.card, -1),
        plan.prices.cards,
        evals=plan.evals is not None, tasks=tasks,
    )  # fmt: skip
    never = contexts.never if cells.unmoved is None else contexts.never | (movable & cells.unmoved)
    # What a call of which something is not known would cost elsewhere is not known either.
    inexact = ~cells.words["quality"].among(Quality.EXACT)
    code = np.where(never | inexact, NOT_ACTED_ON, contexts.code)
    for why, where in (
        ("not_chat", ~prices.chat),
        ("untagged", (cells.tier == UNTAGGED) & (code == NOT_ACTED_ON)),
        ("not_exact", inexact),
        ("never", never),
        ("not_billed", ~ok),
        ("unpriced", ~has_price),
    ):
        chosen.kept[where] = KEPT.index(why)  # the last that holds
    for number, context in enumerate(contexts.known):
        index = np.flatnonzero(code == number)
        if len(index):
            some = cells if len(index) == cells.size else cells.take(index, words=False)
            unsure[index] = _choose_context(plan, context, some, prices.card[index], index, found, members)
    if cells.stays is not None:
        _keep(found, cells.stays, "session_keeps")
    return found


def _keep(found: Routes, cells: Mask, why: str) -> None:
    """Let the requests of some cells that are routed keep their models after all."""
    everywhere = [(found.chosen, cells), *((own, cells[cell]) for _, cell, own in found.apart)]
    for chosen, stays in everywhere:
        index = np.flatnonzero(stays & (chosen.kept == KEPT.index("routed")))
        chosen.same[index] = chosen.any[index] = NO_ROUTE
        chosen.kept[index] = KEPT.index(why)


def _choose_context(  # noqa: PLR0913, PLR0917 - of whom, where they stand, and who they are
    plan: Plan,
    context: Context,
    cells: Alike,
    card: Cards,
    index: Index,
    found: Routes,
    members: CellMembers | None,
) -> Mask:
    """Choose for the cells of one context, which stand at `index` among all; say which are unsure."""
    chosen = found.chosen
    unsure = np.zeros(cells.size, bool)
    treatment = plan.policy.treatment(context.number)
    groups = plan.offering.routes(context.number, context.service)
    if treatment is None or (not groups and treatment.keep is False):
        chosen.kept[index] = KEPT.index("tier_keeps")
        return unsure
    chosen.number[index] = context.number
    check, unsure = _checks(plan, context, cells)
    if treatment.verification.on == "all":
        chosen.verify[index] = check
        check = np.full(cells.size, NONE, np.int32)
    if treatment.keep:
        chosen.kept[index] = KEPT.index("tier_keeps")
        return unsure
    after, doubtful = _fallbacks(plan, context, cells)
    unsure |= doubtful
    for rows, checker, fallback, together in _parts(check, after, cells):
        contest = _Contest(
            plan,
            context,
            treatment,
            cells if len(rows) == cells.size else cells.take(rows, words=False),
            card[rows],
            checker,
            fallback,
        )
        if together and plan.sessions is not None:
            _choose_sessions(contest, plan.sessions, groups, index[rows], chosen)
        else:
            unsure[rows] |= contest.choose(groups, index[rows], found, members)
    if treatment.share != 1:
        outside = np.zeros(len(found.unsure), bool)
        outside[index] = True
        if treatment.share and cells.share is not None:
            outside[index] = cells.share > plan.shares.index(treatment.share)
        _keep(found, outside, "outside_share")
    return unsure


def _parts(check: Cards, after: Cards, cells: Alike) -> Iterator[tuple[Index, int, int, bool]]:
    """The cells with the same checker and fallback; sessions that are routed as a whole apart."""
    together = np.zeros(cells.size, bool) if cells.session is None else cells.session != 0
    if not together.any() and (check == check[0]).all() and (after == after[0]).all():
        yield np.arange(cells.size), int(check[0]), int(after[0]), False
        return
    keys: dict[str, tuple[npt.NDArray[np.integer], int, int]] = {
        "check": (check, NONE, int(check.max())),
        "after": (after, NONE, int(after.max())),
        "together": (together.astype(np.int64), 0, 1),
    }
    distinct, group, size = group_rows(keys)
    for number in range(size):
        checker, fallback = int(distinct["check"][number]), int(distinct["after"][number])
        yield np.flatnonzero(group == number), checker, fallback, bool(distinct["together"][number])


def _checks(plan: Plan, context: Context, cells: Alike) -> tuple[Cards, Mask]:
    """The card of the model that verifies, and where that is not one for all requests of a cell."""
    checker = plan.offering.checker(context.number)
    if checker is None:
        return np.full(cells.size, NONE, np.int32), np.zeros(cells.size, bool)
    low, high = (np.minimum(edge, NO_EDGE - 1) for edge in (cells.length.over + 1, cells.length.most))
    ends = [checker.cards(ts, tokens) for ts in (cells.low, cells.high) for tokens in (low, high)]
    alike = np.all([end == ends[0] for end in ends], axis=0)
    return ends[0], ~(alike & (cells.single or len(checker.route.timeline.windows) == 0))


def _fallbacks(plan: Plan, context: Context, cells: Alike) -> tuple[Cards, Mask]:
    """The card of the first fallback model that can serve; NONE for that of today."""
    found, unsure = np.full(cells.size, NONE, np.int32), np.zeros(cells.size, bool)
    open_ = np.ones(cells.size, bool)
    for route in plan.offering.fallbacks(context.number, context.service):
        if context.allowed is None or route.candidate.provider in context.allowed:
            place, doubtful = _places(plan, route, cells)
            card = _card_at(route, place)
            fits = np.minimum(_fits(plan.prices.rates(), cells, card, None), np.where(doubtful, UNSURE, YES))
            unsure |= open_ & (fits == UNSURE)
            found = np.where(open_ & (fits == YES), card, found)
            open_ &= fits == NO
    return found.astype(np.int32), unsure


def _places(plan: Plan, route: CandidateRoute, cells: Alike) -> tuple[npt.NDArray[np.int32], Mask]:
    if not len(route.codes):
        return np.full(1, NONE, np.int32), np.zeros(1, bool)
    return places_in(plan, route.timeline, route.codes, cells, slice(None))


def _card_at(route: CandidateRoute, place: npt.NDArray[np.int32]) -> Cards:
    if not len(route.codes):
        return np.full(len(place), NONE, np.int32)
    return np.where(place >= 0, route.codes[np.maximum(place, 0)], NONE).astype(np.int32)


Ratios = tuple[Ints, Ints]
"""Tokens of a candidate per token today, of input and of output, in ten-thousandths."""


def _tests(matrix: RateMatrix, cells: Alike, card: Cards, ratios: Ratios | None) -> dict[str, Answers]:
    """What a candidate must pass to serve the requests of each cell, by name in LACKS and in that order.

    An answer that is the same for all cells is one.
    """
    safe = np.maximum(card, 0)
    tests: dict[str, Answers] = {"in_service": _answer(card >= 0)}
    for bit, column, name in NEEDS:
        able = getattr(matrix, column)[safe]
        if not able.all():
            tests[name] = _answer(able | (cells.needs & bit == 0))
    read, written = ratios or (None, None)
    least = (
        None if read is None or written is None else (np.minimum(read, written), np.maximum(read, written))
    )
    tests["context_window"] = _below(cells.length, matrix.context_window[safe], least)
    output = None if written is None else (written, written)
    tests["max_output"] = _below(cells.output, matrix.max_output[safe], output)
    for place, total in enumerate(cells.sums):
        missing = matrix.rates[safe, place] < 0
        if total is not None and missing.any():
            lacking = _answer(~(missing & cells.classes[:, place]))
            tests["price"] = np.minimum(tests.get("price", lacking), lacking)
    return tests


def _answer(holds: npt.NDArray[Any]) -> Answers:
    return np.where(holds, np.int8(YES), np.int8(NO))


def _below(band: SizeBand, limit: Ints, ratios: Ratios | None) -> Answers:
    """Whether sizes of a band, times a ratio in ten-thousandths, stay within a limit."""
    if ratios is None:
        if len(limit) == 1 and (limit[0] >= NO_EDGE or int(band.most.max()) <= limit[0]):
            return np.full(1, YES, np.int8)
        fits, never = band.most <= limit, band.over >= limit
    else:
        least, most = ratios
        room = np.where(limit < NO_EDGE // WHOLE, limit, NO_EDGE // WHOLE) * WHOLE
        fits = np.minimum(band.most, NO_EDGE // (4 * WHOLE)) * most <= room
        never = (np.minimum(band.over, NO_EDGE // (4 * WHOLE)) + 1) * least > room
    fits = fits | (limit >= NO_EDGE)
    return np.where(fits, YES, np.where(never, NO, UNSURE)).astype(np.int8)


def _fits(matrix: RateMatrix, cells: Alike, card: Cards, ratios: Ratios | None) -> Answers:
    fits = np.full(1, YES, np.int8)
    for answer in _tests(matrix, cells, card, ratios).values():
        fits = np.minimum(fits, answer)
    return fits


class _Bid(msgspec.Struct, frozen=True):
    """A candidate for some cells; arrays have one entry per cell, or one for all."""

    order: int
    used: bool
    """Whether its provider is in use."""
    fits: Answers
    offer: Cards
    """NONE where evals do not reach the floor, NO_ROUTE where requests stay where they are already."""
    rates: list[Ints]
    """What a unit of each class of the contest costs, and each request beside; scaled as the contest is."""

    def at(self, cells: Index) -> _Bid:
        """The bid for single requests, by their cells."""
        fits = self.fits if len(self.fits) == 1 else self.fits[cells]
        offer = self.offer if len(self.offer) == 1 else self.offer[cells]
        rates = [r if len(r) == 1 else r[cells] for r in self.rates]
        return _Bid(self.order, self.used, fits, offer, rates)


def _collapsed(rates: Ints) -> Ints:
    """One rate where all are the same: that is quicker to multiply with."""
    return rates[:1] if len(rates) > 1 and (rates == rates[0]).all() else rates


class _Contest:
    """The choice for cells of one context with the same checker and fallback."""

    def __init__(  # noqa: PLR0913, PLR0917 - whom it is about, and on what terms
        self,
        plan: Plan,
        context: Context,
        treatment: Treatment,
        cells: Alike,
        card: Cards,
        checker: int,
        fallback: int,
    ) -> None:
        self.plan, self.context, self.treatment = plan, context, treatment
        self.cells, self.card, self.size, self.single = cells, card, cells.size, cells.single
        self.requests = cells.requests
        self.checker, self.fallback = checker, fallback
        self.shares = plan.offering.may_pay_shares(context.number)
        self.scale = SCALE if self.shares else 1
        fees = bool(plan.prices.rates().rates[:, PRICED.index("request")].any())
        self.places = [
            place
            for place, total in enumerate(cells.sums)
            if total is not None and (fees or PRICED[place] != "request")
        ]
        """Classes of which there is any, by place in PRICED."""
        matrix = plan.prices.rates().rates
        self.today = [np.maximum(matrix[card, place], 0) for place in self.places]
        """What a unit of each class costs today, in 1e-15 USD."""
        self.columns = [total for place in self.places if (total := cells.sums[place]) is not None]

    # What is offered

    def bid(self, order: int, route: CandidateRoute) -> _Bid | None:
        """What a candidate offers; None where it can serve no request."""
        plan = self.plan
        if self.context.allowed is not None and route.candidate.provider not in self.context.allowed:
            return None
        place, doubtful = _places(plan, route, self.cells)
        if (place < 0).all():
            return None
        safe = np.maximum(place, 0)
        offers = plan.offering.offers_of(self.context, route, self.checker, self.fallback)
        offer = np.where(place >= 0, offers[safe], NONE).astype(np.int32)
        if (offer == NONE).all():
            return None
        card = _card_at(route, place)
        fits = _fits(plan.prices.rates(), self.cells, card, self.ratios(route, safe))
        fits = np.minimum(np.where(offer == NONE, NO, fits), np.where(doubtful, UNSURE, YES)).astype(np.int8)
        if (fits == NO).all():
            return None
        rates = self._rates(offer)
        if self.treatment.always:  # whoever is served by the candidate already stays as it is
            models = plan.prices.rates().model
            here = models[np.maximum(card, 0)] == models[self.card]
            offer = np.where(here, NO_ROUTE, offer).astype(np.int32)
            own = [today * self.scale for today in (*self.today, np.zeros(1, np.int64))]
            rates = [np.where(here, mine, other) for mine, other in zip(own, rates, strict=True)]
        used = route.candidate.provider in plan.providers_used
        return _Bid(order, used, fits, offer, [_collapsed(r) for r in rates])

    def ratios(self, route: CandidateRoute, place: npt.NDArray[np.int32]) -> Ratios | None:
        """How a candidate counts tokens, for cards of its timeline."""
        if not self.plan.policy.pairs:
            return None
        read, written = self.plan.offering.ratios_of(self.context, route)
        if (read == WHOLE).all() and (written == WHOLE).all():
            return None
        return read[place], written[place]

    def _rates(self, offer: Cards) -> list[Ints]:
        offers, safe = self.plan.offering.matrix(), np.maximum(offer, 0)
        rates = [np.maximum(offers.rates[safe, place], 0) * self.scale for place in self.places]
        if self.shares:
            own = offers.own_share[safe]
            rates = [r + today * own for r, today in zip(rates, self.today, strict=True)]
        return [*rates, offers.fixed[safe] * self.scale]

    def units(self, rates: Sequence[Ints]) -> npt.NDArray[Any]:
        """What the requests of each cell cost in all: exactly for single ones, else about."""
        *each, fixed = rates
        columns = [*self.columns, self.requests] if fixed.any() else self.columns
        each = [*each, fixed] if fixed.any() else each
        if not columns:
            return np.zeros(self.size, np.int64)
        if self.single:
            return weighted_sum(columns, [int(r[0]) if len(r) == 1 else r for r in each])
        about = [c.astype(float) * r for c, r in zip(columns, each, strict=True)]
        return np.asarray(np.sum(about, axis=0))

    # Who wins

    def choose(
        self,
        groups: Sequence[Sequence[CandidateRoute]],
        index: Index,
        found: Routes,
        members: CellMembers | None,
    ) -> Mask:
        """Choose among all candidates, and say which cells are unsure."""
        bids: list[list[_Bid]] = []
        order = 0
        for group in groups:
            offered = [bid for place, route in enumerate(group) if (bid := self.bid(order + place, route))]
            bids.append(offered if self.treatment.always else self._undominated(offered))
            order += len(group)
        same, any_ = self.played(bids, strict=members is None)
        unsure = same.unsure | any_.unsure
        chosen = found.chosen
        _write(chosen, index, same, any_)
        if members is not None:
            mixed = np.flatnonzero((same.mixed | any_.mixed) & ~unsure)
            if len(mixed):
                rows, place = members.within(index[mixed], len(found.unsure))
                cell = mixed[place]
                own = self._single(rows, cell, members)
                sides = own.played([[bid.at(cell) for bid in some] for some in bids], strict=False)
                apart = chosen.take(index[cell])
                _write(apart, np.arange(len(rows)), *sides)
                found.apart.append((rows, index[cell], apart))
        if not any_.fitted.all():
            unsure |= self._explain(groups, ~any_.fitted, index, chosen)
        return unsure

    def played(self, bids: Sequence[Sequence[_Bid]], *, strict: bool) -> tuple[_Side, _Side]:
        """The best among providers used, and among all. `strict` where a cell must be one or is unsure."""
        any_ = _Side(self, strict=strict)
        for some in bids:
            any_.compete(some)
        if all(bid.used for some in bids for bid in some):
            return any_, any_
        same = _Side(self, strict=strict)
        for some in bids:
            same.compete([bid for bid in some if bid.used])
        any_.settle(same)
        return same, any_

    def _single(self, rows: Index, cell: Index, members: CellMembers) -> _Contest:
        """The same contest for single requests, by their cells."""
        own = copy.copy(self)
        own.size, own.single = len(rows), True
        own.today = [rates[cell] for rates in self.today]
        own.requests = np.ones(len(rows), np.int64)
        columns = (members.counts[place] for place in self.places)
        own.columns = [own.requests if column is None else column[rows] for column in columns]
        return own

    def _explain(
        self, groups: Sequence[Sequence[CandidateRoute]], unfitted: Mask, index: Index, chosen: Chosen
    ) -> Mask:
        """Say what the candidate lacks that came nearest to fitting a cell, and where that is unsure."""
        nearest = np.full(self.size, LACKS.index("provider"), np.int8)
        unsure = np.zeros(self.size, bool)
        allowed = self.context.allowed
        for route in (route for group in groups for route in group):
            if allowed is not None and route.candidate.provider not in allowed:
                continue
            place, doubtful = _places(self.plan, route, self.cells)
            card = _card_at(route, place)
            ratios = self.ratios(route, np.maximum(place, 0)) if len(route.codes) else None
            lacks = np.full(self.size, LACKS.index("quality"), np.int8)
            unsure |= doubtful
            open_ = np.ones(self.size, bool)
            for name, answer in _tests(self.plan.prices.rates(), self.cells, card, ratios).items():
                unsure |= open_ & (answer == UNSURE)
                lacks = np.where(open_ & (answer == NO), LACKS.index(name), lacks)
                open_ &= answer == YES
            nearest = np.maximum(nearest, lacks).astype(np.int8)
        chosen.lacks[index] = np.where(unfitted, nearest, 0)
        return unsure & unfitted

    def _undominated(self, bids: Sequence[_Bid]) -> list[_Bid]:
        """The bids that can win some cell.

        One that an earlier bid of a used provider, or of one as little used, undercuts in every class, while
        it fits wherever the other does, cannot.
        """
        kept: list[_Bid] = []
        for bid in bids:
            if not any(self._dominates(one, bid) for one in kept):
                kept.append(bid)
        return kept

    @staticmethod
    def _dominates(first: _Bid, second: _Bid) -> bool:
        """Whether the first bid, which stands earlier, serves every request of the second for no more."""
        if second.used and not first.used:
            return False
        cheap = all((a <= b).all() for a, b in zip(first.rates, second.rates, strict=True))
        # Where it is not known whether the second fits, the first must.
        return cheap and bool((np.where(second.fits == NO, YES, first.fits) == YES).all())


def _write(chosen: Chosen, index: Index, same: _Side, any_: _Side) -> None:
    """Write down who won."""
    chosen.same[index], chosen.any[index] = same.offer, any_.offer
    routed = (same.offer != NO_ROUTE) | (any_.offer != NO_ROUTE)
    why_not = np.where(any_.fitted, KEPT.index("not_cheaper"), KEPT.index("no_adequate_candidate"))
    chosen.kept[index] = np.where(routed, KEPT.index("routed"), why_not)


class _Side:
    """The best candidate so far of every cell, among providers used or among all."""

    def __init__(self, contest: _Contest, *, strict: bool) -> None:
        self.contest, self.strict = contest, strict
        self.always, size = contest.treatment.always, contest.size
        self.today = [*(today * contest.scale for today in contest.today), np.zeros(1, np.int64)]
        self.rates: list[Ints] = self.today
        """Of the candidate that is ahead: see `_Bid`."""
        self.units = contest.units(self.rates)
        if self.always:
            above = _ABOVE_ALL if contest.single else np.inf
            self.units = np.full(size, above, dtype=object if contest.single else float)
        self.offer = np.full(size, NO_ROUTE, np.int32)
        self.taken = np.full(size, -1, np.int64)
        """Order of the bid that is ahead; -1 for the model of today."""
        self.open, self.fitted = np.ones(size, bool), np.zeros(size, bool)
        self.unsure = np.zeros(size, bool)
        """Cells of which it is not known which candidates fit or, if `strict`, who wins each request."""
        self.mixed = np.zeros(size, bool)
        """Cells of which candidates win that may not win each request."""

    def compete(self, bids: Sequence[_Bid]) -> None:
        """Let the bids of one group compete for the cells that no earlier group could serve."""
        if not bids or not self.open.any():
            return
        single = self.contest.single
        fits = np.zeros(1, np.int8)
        taken_fits = np.full(1, YES, np.int8)
        for bid in bids:
            units = self.contest.units(bid.rates)
            better = np.asarray((bid.fits != NO) & self.open & (units < self.units), bool)
            if units.dtype != self.units.dtype and single:
                self.units = self.units.astype(object)
            self.units = np.where(better, units, self.units)
            self.offer = np.where(better, bid.offer, self.offer).astype(np.int32)
            fits = np.maximum(fits, bid.fits)
            if not single:
                self.taken = np.where(better, bid.order, self.taken)
                self.rates = [np.where(better, b, r) for b, r in zip(bid.rates, self.rates, strict=True)]
                taken_fits = np.where(better, bid.fits, taken_fits)
        if not single:
            self._doubt(bids, fits, taken_fits)
        self.fitted |= self.open & (fits == YES)
        self.open &= fits != YES

    def _doubt(self, bids: Sequence[_Bid], fits: Answers, taken_fits: Answers) -> None:
        """Mark cells in which the candidate that is ahead may not be so for each request."""
        self.unsure |= self.open & ((taken_fits == UNSURE) | (fits == UNSURE))
        for bid in bids:
            rivals = self.open & ~self.unsure & (bid.fits != NO) & (self.taken != bid.order)
            beaten = self._beats(rivals, bid.rates, self.taken > bid.order)
            doubtful = rivals & ~beaten
            self.unsure |= doubtful & (bid.fits == UNSURE)
            self.mixed |= doubtful
        if not self.always:
            rivals = self.open & ~self.unsure & (self.taken != -1)
            self.mixed |= rivals & ~self._beats(rivals, self.today, np.ones(1, bool))
        if self.strict:
            self.unsure |= self.mixed

    def _beats(self, cells: Mask, rates: Sequence[Ints], strictly: Mask) -> Mask:
        """In which of some cells each request costs no more than by the rates of a rival, or less."""
        gaps = self._gaps(rates)
        never_dearer = np.all([gap <= 0 for gap in gaps], axis=0)
        ever_cheaper = np.any([gap < 0 for gap in gaps], axis=0)
        sure: Mask = never_dearer & (ever_cheaper | ~strictly)
        if self.strict:
            where = np.flatnonzero(cells & ~sure)
            most, _ = _signs(self.contest, where, [gap[where] for gap in gaps])
            strict = np.broadcast_to(strictly, sure.shape)[where]
            sure[where] = np.where(strict, most < 0, most <= 0)
        return sure

    def _gaps(self, rates: Sequence[Ints]) -> list[Ints]:
        """What a unit of each class that a cell has costs more here than by other rates, and a request."""
        contest = self.contest
        *each, fixed = [np.broadcast_to(a - b, contest.size) for a, b in zip(self.rates, rates, strict=True)]
        has = contest.cells.classes
        gaps = [np.where(has[:, p], gap, 0) for p, gap in zip(contest.places, each, strict=True)]
        return [*gaps, fixed]

    def settle(self, same: _Side) -> None:
        """Let what was chosen among providers used win where it is cheaper.

        A later class that opens for one provider must not leave the choice among all dearer.
        """
        if self.contest.single:
            cheaper = np.asarray(same.units < self.units, bool)
        else:
            gaps = same._gaps(self.rates)
            rises, falls = (np.any([test(gap) for gap in gaps], axis=0) for test in (_above, _below_0))
            differ = same.taken != self.taken
            cheaper = differ & falls & ~rises
            doubtful = np.flatnonzero(differ & falls & rises)
            if self.strict and len(doubtful):
                most, least = _signs(self.contest, doubtful, [gap[doubtful] for gap in gaps])
                cheaper[doubtful] = most < 0
                self.unsure[doubtful[(most >= 0) & (least < 0)]] = True
            self.mixed[doubtful] = True
        self.offer = np.where(cheaper, same.offer, self.offer)


def _signs(
    contest: _Contest, where: Index, gaps: Sequence[Ints]
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """Of some cells the signs of the most and of the least that a request may cost more, by class and fixed.

    Each request has one unit of each of its classes at least, so no other can have more than the rest.
    """
    requests = contest.requests[where]
    spares = [column[where] - requests for column in contest.columns]
    unit = np.asarray(np.sum(gaps, axis=0, dtype=np.int64))
    alone = requests == 1
    most, least = np.sign(unit).astype(np.int8), np.sign(unit).astype(np.int8)
    for row in range(len(where)):
        steps = [(int(gap[row]), int(spare[row])) for gap, spare in zip(gaps, spares, strict=False)]
        for signs, sign in ((most, 1), (least, -1)):
            exact = int(unit[row]) + sum(s * n for s, n in steps if alone[row] or s * sign > 0)
            signs[row] = (exact > 0) - (exact < 0)
    return most, least


def _above(gap: Ints) -> Mask:
    return gap > 0


def _below_0(gap: Ints) -> Mask:
    return gap < 0


def _choose_sessions(
    contest: _Contest,
    book: SessionBook,
    groups: Sequence[Sequence[CandidateRoute]],
    index: Index,
    chosen: Chosen,
) -> None:
    """Have candidates bid for the sessions of single requests or, once decided, follow the decision."""
    number, session = contest.context.number, contest.cells.session
    if session is None or not contest.single:
        raise AssertionError("sessions are routed by their single requests")
    taken: dict[int, Cards] = {}
    whole = 1 if contest.shares else SCALE
    today = [t * contest.scale for t in (*contest.today, np.zeros(1, np.int64))]
    if not book.decided:
        units = contest.units(today).astype(object) * whole
        book.today(number, session, units, always=contest.treatment.always)
    for order, group in enumerate(groups):
        for place, route in enumerate(group):
            bid, key = contest.bid(0, route), (number, order, place)
            if book.decided:
                if bid is not None:
                    taken[code_of(key)] = np.broadcast_to(bid.offer, session.shape)
                continue
            used = route.candidate.provider in contest.plan.providers_used
            if bid is None:
                nothing = np.zeros(len(session), np.int64)
                book.bid(key, session, nothing > 0, nothing, used=used)
                continue
            units = contest.units(bid.rates).astype(object) * whole
            book.bid(key, session, np.broadcast_to(bid.fits == YES, session.shape), units, used=used)
    if book.decided:
        _follow(contest, book, taken, session, index, chosen)


def _follow(
    contest: _Contest,
    book: SessionBook,
    taken: dict[int, Cards],
    session: npt.NDArray[np.uint64],
    index: Index,
    chosen: Chosen,
) -> None:
    same, any_, fitted = book.seat_of(contest.context.number, session)
    for seat, route in ((same, chosen.same), (any_, chosen.any)):
        offer = np.full(len(session), NO_ROUTE, np.int32)
        for code, offers in taken.items():
            offer = np.where(seat == code, offers, offer)
        route[index] = offer
    routed = (same != KEEPS) | (any_ != KEEPS)
    why_not = np.where(fitted, KEPT.index("not_cheaper"), KEPT.index("no_adequate_candidate"))
    chosen.kept[index] = np.where(routed, KEPT.index("routed"), why_not)
