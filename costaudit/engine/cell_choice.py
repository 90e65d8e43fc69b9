"""Routes for the cells of a saved ledger, chosen anew: exactly, or not at all.

A cell holds requests of one kind whose single tokens are not known: which classes they have, bands of their
sizes, and sums. A candidate is taken for all of them where it would be taken for each, whatever the tokens of
each were. Cells of which that cannot be said are counted as unsure, and the question is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from costaudit.engine.choice import KEPT, Chosen
from costaudit.engine.contexts import NOT_ACTED_ON, Context, contexts_of
from costaudit.engine.detail import AUDIO, IMAGES, JSON_MODE, TOOLS
from costaudit.engine.fits import LACKS
from costaudit.engine.ledger import WORD_KEYS, Cells
from costaudit.engine.offers import NO_ROUTE, NONE, SCALE
from costaudit.engine.plan import MEASURE, PRICED, Plan, Route, SubjectPrices
from costaudit.engine.reprice import Span, price_span, times_of, used_classes
from costaudit.engine.rows import distinct_subjects
from costaudit.engine.saved import SavedLedger
from costaudit.errors import InputError
from costaudit.routing.terms import WHOLE
from costaudit.schema import Status
from costaudit.tape.columns import Words

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Cards = npt.NDArray[np.int32]

NO_EDGE: Final = 2**62
YES, NO, UNSURE = 1, 0, -1
"""Whether something holds for every request of a cell, for none, or for nobody knows which."""

Answers = npt.NDArray[np.int8]
"""YES, NO or UNSURE per cell."""

_NEEDS: Final = ((IMAGES, "images", "image"), (AUDIO, "audio", "audio"), (TOOLS, "tools", "tools"),
                 (JSON_MODE, "json_mode", "json_mode"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Kinds:
    """What is known of the requests of some cells; one entry per cell in every array."""

    span: Span
    length: tuple[Ints, Ints]
    """Input side and output together are above the first and at most the second."""
    output: tuple[Ints, Ints]
    needs: npt.NDArray[np.int32]
    classes: Mask
    """By place in PRICED: whether each request has any of it."""
    card: Cards
    """What serves today."""
    requests: Ints
    sums: npt.NDArray[Any]
    """By place in PRICED."""

    def take(self, rows: Ints) -> _Kinds:
        """Some of the cells."""
        span = Span(*(getattr(self.span, n)[rows] for n in ("low", "high", "over", "most", "classes")))
        return _Kinds(
            span=span,
            length=(self.length[0][rows], self.length[1][rows]),
            output=(self.output[0][rows], self.output[1][rows]),
            needs=self.needs[rows],
            classes=self.classes[rows],
            card=self.card[rows],
            requests=self.requests[rows],
            sums=self.sums[rows],
        )


def choose_cells(cells: Cells, ledger: SavedLedger, plan: Plan) -> Chosen:
    """Routes of a ledger's cells under a plan.

    `cells` has NUMBER_KEYS but for the routes, WORD_KEYS, DETAIL_KEYS; `card` is of the plan. Raises
    InputError where the policy asks for what no ledger holds, or the choice depends on single requests.
    """
    _refuse_single_requests(ledger, plan)
    words = {n: Words(cells.keys[n].astype(np.int64), cells.values[n]) for n in WORD_KEYS}
    rows, card = cells.rows, cells.keys["card"]
    chosen = Chosen(
        same=np.full(rows, NO_ROUTE, np.int32), any=np.full(rows, NO_ROUTE, np.int32),
        kept=np.zeros(rows, np.int8), lacks=np.zeros(rows, np.int8),
        number=np.full(rows, NOT_ACTED_ON, np.int8), verify=np.full(rows, NONE, np.int32),
    )  # fmt: skip
    tier = cells.keys["tier"].astype(np.int8)
    ok, has_price, chat = words["status"].among(Status.OK), card >= 0, _chat(words, plan)
    tasks = plan.evals is not None and plan.evals.speaks_of_tasks
    contexts = contexts_of(
        plan.policy, plan.reads, words, tier, np.where(ok & has_price & chat, card, -1), plan.cards,
        evals=plan.evals is not None, tasks=tasks,
    )  # fmt: skip
    for why, where in (
        ("not_chat", ~chat),
        ("untagged", (tier < 0) & (contexts.code == NOT_ACTED_ON)),
        ("never", contexts.never),
        ("not_billed", ~ok),
        ("unpriced", ~has_price),
    ):
        chosen.kept[where] = KEPT.index(why)
    kinds, unsure = _kinds(cells, ledger, plan), np.zeros(rows, bool)
    for number, context in enumerate(contexts.known):
        index = np.flatnonzero(contexts.code == number)
        if len(index):
            unsure[index] = _Choice(plan, context, kinds.take(index)).all(index, chosen)
    if unsure.any():
        raise _needs_logs(
            ledger, plan, int(cells.measures["requests"][unsure].sum()), int(kinds.requests.sum())
        )
    return chosen


def _refuse_single_requests(ledger: SavedLedger, plan: Plan) -> None:
    """Raise InputError for a policy that asks for users, single requests or sessions."""
    policy = plan.policy
    asks = {
        "for users": bool(policy.never.users),
        "for a share of the requests": any(t.share not in (0, 1) for _, t in policy.treatments()),
        "for whole sessions": policy.sessions == "together" and ledger.facts.sessions,
    }
    for what, asked in asks.items():
        if asked:
            raise InputError(
                f"policy {policy.name} asks {what}, which no ledger holds",
                path=ledger.file, hint="read the logs instead",
            )  # fmt: skip


def _needs_logs(ledger: SavedLedger, plan: Plan, unsure: int, requests: int) -> InputError:
    return InputError(
        f"where {unsure:,} of {requests:,} requests go under policy {plan.policy.name} depends on the tokens "
        "of each, of which the ledger holds sums",
        path=ledger.file,
        hint="read the logs, or make the ledger again with this --policy and these prices: costaudit ledger",
    )


def _chat(words: dict[str, Words], plan: Plan) -> Mask:
    subjects, codes = distinct_subjects(words)
    return np.array([plan.subject(s).chat for s in subjects], bool)[codes]


def _kinds(cells: Cells, ledger: SavedLedger, plan: Plan) -> _Kinds:
    keys, edges = cells.keys, ledger.facts.edges
    low, high = times_of(ledger, plan)

    def band(key: str, limits: Sequence[int]) -> tuple[Ints, Ints]:
        whole = np.array((-1, *limits, NO_EDGE), np.int64)
        return whole[keys[key]], whole[keys[key] + 1]

    over, most = band("context", edges.context)
    sums = [cells.measures[MEASURE[name]] for name in PRICED]
    return _Kinds(
        span=Span(low, high, over, most, keys["classes"]),
        length=band("length", edges.length),
        output=band("output_band", edges.output),
        needs=keys["needs"],
        classes=used_classes(keys["classes"]),
        card=keys["card"],
        requests=cells.measures["requests"],
        sums=np.stack(sums, axis=1),
    )


@dataclass(frozen=True, slots=True)
class _Bid:
    """A candidate for some cells."""

    order: int
    group: int
    used: bool
    """Whether its provider is in use."""
    fits: Answers
    offer: Cards
    lacks: npt.NDArray[np.int8]
    """What it lacks where it does not fit."""


class _Choice:
    """The choice for the cells of one context."""

    def __init__(self, plan: Plan, context: Context, kinds: _Kinds) -> None:
        self.plan, self.context, self.kinds = plan, context, kinds
        self.size = len(kinds.card)
        self.always = False
        """Whether requests move also where that costs more."""

    def all(self, index: Ints, chosen: Chosen) -> Mask:
        """Choose, and say of which cells that cannot be said."""
        plan, context = self.plan, self.context
        treatment = plan.policy.treatment(context.number)
        groups = plan.routes(context.number, context.service)
        if treatment is None or (not groups and not treatment.keep):
            chosen.kept[index] = KEPT.index("tier_keeps")
            return np.zeros(self.size, bool)
        chosen.number[index] = context.number
        check, unsure = self._checker()
        if treatment.verification.on == "all":
            chosen.verify[index] = check
            check = np.full(self.size, NONE, np.int32)
        if treatment.keep:
            chosen.kept[index] = KEPT.index("tier_keeps")
            return unsure
        after, doubtful = self._fallback()
        unsure |= doubtful
        self.always = treatment.always
        bids = self._bids(groups, check, after)
        same, _, open_same = self._best([bid for bid in bids if bid.used])
        any_, fitted, open_any = self._best(bids)
        unsure |= open_same | open_any
        unsure |= self._settle(bids, same, any_)
        if treatment.share == 0:
            same, any_ = np.full(self.size, -1), np.full(self.size, -1)
        self._write(index, chosen, bids, same, any_, fitted)
        if treatment.share == 0:
            routed = index[chosen.kept[index] == KEPT.index("routed")]
            chosen.kept[routed] = KEPT.index("outside_share")
        return unsure

    def _cards(self, route: Route) -> tuple[Cards, Mask]:
        """The card of a candidate for each cell, and where its requests may have another one."""
        if not len(route.codes):
            return np.full(self.size, NONE, np.int32), np.zeros(self.size, bool)
        reasons = np.array([self.plan.reason_code(r) for r in route.timeline.reasons], np.int32)
        prices = SubjectPrices(route.timeline, route.codes, reasons, None, frozenset(), "", chat=True)
        card, unsure = price_span(self.plan, prices, self.kinds.span)
        return np.where(card >= 0, card, NONE).astype(np.int32), unsure

    def _checker(self) -> tuple[Cards, Mask]:
        checker = self.plan.checker(self.context.number)
        if checker is None:
            return np.full(self.size, NONE, np.int32), np.zeros(self.size, bool)
        low, high = (np.minimum(edge, NO_EDGE - 1) for edge in self.kinds.length)
        span = self.kinds.span
        ends = [checker.cards(ts, tokens) for ts in (span.low, span.high) for tokens in (low + 1, high)]
        card, timeline = ends[0], checker.route.timeline
        alike = np.all([end == card for end in ends], axis=0) & (len(timeline.windows) == 0)
        return card, ~alike

    def _fallback(self) -> tuple[Cards, Mask]:
        found, unsure = np.full(self.size, NONE, np.int32), np.zeros(self.size, bool)
        open_ = np.ones(self.size, bool)
        allowed = self.context.allowed
        for route in self.plan.fallbacks(self.context.number, self.context.service):
            if allowed is not None and route.candidate.provider not in allowed:
                continue
            card, doubtful = self._cards(route)
            fits, _ = self._fits(card, np.full((self.size, 2), WHOLE, np.int64))
            fits = np.where(doubtful, UNSURE, fits)
            unsure |= open_ & (fits == UNSURE)
            found = np.where(open_ & (fits == YES), card, found)
            open_ &= fits == NO
        return found.astype(np.int32), unsure

    def _bids(self, groups: Sequence[Sequence[Route]], check: Cards, after: Cards) -> list[_Bid]:
        bids: list[_Bid] = []
        for place, group in enumerate(groups):
            for route in group:
                allowed = self.context.allowed
                if allowed is None or route.candidate.provider in allowed:
                    bids.append(self._bid(len(bids), place, route, check, after))
        return bids

    def _bid(self, order: int, group: int, route: Route, check: Cards, after: Cards) -> _Bid:
        card, doubtful = self._cards(route)
        ratios = np.full((self.size, 2), WHOLE, np.int64)
        offer = np.full(self.size, NONE, np.int32)
        if len(route.codes):
            where = {int(code): i for i, code in enumerate(route.codes.tolist())}
            place = np.array([where.get(int(code), -1) for code in card])
            read, written = self.plan.ratios_of(self.context, route)
            ratios = np.stack([read[place], written[place]], axis=1)
            for checker, fallback in {(int(a), int(b)) for a, b in zip(check, after, strict=True)}:
                here = (check == checker) & (after == fallback) & (place >= 0)
                offer[here] = self.plan.offers_of(self.context, route, checker, fallback)[place[here]]
        fits, lacks = self._fits(card, ratios)
        no_evals = (fits != NO) & (offer == NONE)
        fits = np.where(no_evals, NO, np.where(doubtful & (fits != NO), UNSURE, fits)).astype(np.int8)
        lacks = np.where(no_evals, LACKS.index("quality"), lacks).astype(np.int8)
        if self.always:  # whoever is served by the candidate already stays as it is
            models = self.plan.rates().model
            offer = np.where(models[np.maximum(card, 0)] == models[self.kinds.card], NO_ROUTE, offer)
        used = route.candidate.provider in self.plan.providers_used
        return _Bid(order, group, used, fits, offer.astype(np.int32), lacks)

    def _fits(self, card: Cards, ratios: Ints) -> tuple[Answers, npt.NDArray[np.int8]]:
        """Whether a card can serve the requests of each cell, and what it lacks first where it cannot."""
        matrix, kinds, safe = self.plan.rates(), self.kinds, np.maximum(card, 0)
        tests: dict[str, Answers] = {"in_service": (card >= 0).astype(np.int8)}
        for bit, column, name in _NEEDS:
            able = np.asarray(getattr(matrix, column)[safe] | (kinds.needs & bit == 0), bool)
            tests[name] = np.asarray(able, np.int8)
        tests["context_window"] = _below(
            kinds.length, matrix.context_window[safe], ratios.min(1), ratios.max(1)
        )
        tests["max_output"] = _below(kinds.output, matrix.max_output[safe], ratios[:, 1], ratios[:, 1])
        missing = ((matrix.rates[safe] < 0) & kinds.classes).any(axis=1)
        tests["price"] = np.where(missing, np.int8(NO), np.int8(YES))
        fits = np.min([np.where(t == UNSURE, 0.5, t) for t in tests.values()], axis=0)
        lacks = np.zeros(self.size, np.int8)
        for name in reversed([n for n in LACKS if n in tests]):
            lacks = np.where(tests[name] == NO, LACKS.index(name), lacks).astype(np.int8)
        return np.where(fits == 0.5, UNSURE, fits).astype(np.int8), lacks

    def _rates(self, bid: _Bid | None) -> tuple[Ints, Ints]:
        """What a unit of each class costs with a bid, and what each request costs beside, in 1e-19 USD."""
        today = np.maximum(self.plan.rates().rates[self.kinds.card], 0)
        offers = self.plan.offer_matrix()
        if bid is None or not offers.size:
            return today * SCALE, np.zeros(self.size, np.int64)
        safe = np.maximum(bid.offer, 0)
        rates = np.maximum(offers.rates[safe], 0) * SCALE + today * offers.own_share[safe][:, None]
        stays = bid.offer == NO_ROUTE
        return np.where(stays[:, None], today * SCALE, rates), np.where(stays, 0, offers.fixed[safe] * SCALE)

    def _less(self, one: _Bid | None, other: _Bid | None) -> tuple[Answers, Answers]:
        """Whether one is cheaper than the other for each request of a cell, and whether it is not dearer."""
        (a, a_fixed), (b, b_fixed) = self._rates(one), self._rates(other)
        gap = np.where(self.kinds.classes, a - b, 0)
        fixed = a_fixed - b_fixed
        least = gap.sum(axis=1) + fixed  # each request has at least one unit of each of its classes
        low = np.where((gap >= 0).all(axis=1), least, -NO_EDGE)
        high = np.where((gap <= 0).all(axis=1), least, NO_EDGE)
        open_ = np.flatnonzero((low == -NO_EDGE) & (high == NO_EDGE) | (low < 0) & (high >= 0))
        if len(open_):
            bounds = _bounds(self.kinds.take(open_), gap[open_], fixed[open_])
            low, high = low.astype(object), high.astype(object)
            low[open_], high[open_] = bounds
        cheaper = np.where(high < 0, YES, np.where(low >= 0, NO, UNSURE))
        at_most = np.where(high <= 0, YES, np.where(low > 0, NO, UNSURE))
        return cheaper.astype(np.int8), at_most.astype(np.int8)

    def _best(self, bids: Sequence[_Bid]) -> tuple[Ints, Mask, Mask]:
        """The place of the bid taken (-1 for none), where any fits, and where that cannot be said."""
        taken, unsure = np.full(self.size, -1, np.int64), np.zeros(self.size, bool)
        open_, fitted = np.ones(self.size, bool), np.zeros(self.size, bool)
        for group in sorted({bid.group for bid in bids}):
            of_group = [bid for bid in bids if bid.group == group]
            found, doubtful = self._best_of(of_group)
            unsure |= open_ & doubtful
            taken = np.where(open_ & (found >= 0), found, taken)
            any_fits = np.any([bid.fits == YES for bid in of_group], axis=0)
            fitted |= open_ & any_fits
            open_ &= ~any_fits
        return taken, fitted, unsure

    def _best_of(self, bids: Sequence[_Bid]) -> tuple[Ints, Mask]:
        """Of bids that compete, the one that wins every request of a cell; -1 where today's model does."""
        taken, decided = np.full(self.size, -1, np.int64), np.zeros(self.size, bool)
        if self.always:
            decided = np.all([bid.fits == NO for bid in bids], axis=0) if bids else ~decided
        for bid in bids if self.always else (None, *bids):
            wins = np.ones(self.size, bool) if bid is None else bid.fits == YES
            for rival in bids if self.always else (None, *bids):
                if rival is bid:
                    continue
                cheaper, at_most = self._less(bid, rival)
                first = rival is None or (bid is not None and rival.order < bid.order)
                beats = cheaper == YES if first and bid is not None else at_most == YES
                wins &= beats if rival is None else beats | (rival.fits == NO)
            taken = np.where(wins & ~decided, -1 if bid is None else bid.order, taken)
            decided |= wins
        return taken, ~decided

    def _settle(self, bids: Sequence[_Bid], same: Ints, any_: Ints) -> Mask:
        """Let no choice among all be dearer than that among providers used; where that is unsure."""
        unsure = np.zeros(self.size, bool)
        by_order: dict[int, _Bid | None] = {-1: None, **{bid.order: bid for bid in bids}}
        for mine, other in {(int(a), int(b)) for a, b in zip(same, any_, strict=True) if a != b}:
            here = (same == mine) & (any_ == other)
            cheaper, _ = self._less(by_order[mine], by_order[other])
            any_[here & (cheaper == YES)] = mine
            unsure |= here & (cheaper == UNSURE)
        return unsure

    def _write(
        self, index: Ints, chosen: Chosen, bids: Sequence[_Bid], same: Ints, any_: Ints, fitted: Mask
    ) -> None:
        for bid in bids:
            chosen.same[index[same == bid.order]] = bid.offer[same == bid.order]
            chosen.any[index[any_ == bid.order]] = bid.offer[any_ == bid.order]
        routed = (chosen.same[index] != NO_ROUTE) | (chosen.any[index] != NO_ROUTE)
        stays = np.where(fitted, KEPT.index("not_cheaper"), KEPT.index("no_adequate_candidate"))
        chosen.kept[index] = np.where(routed, KEPT.index("routed"), stays)
        nearest = np.full(self.size, LACKS.index("provider"), np.int8)
        for bid in bids:
            nearest = np.maximum(nearest, bid.lacks)
        chosen.lacks[index] = np.where(fitted, 0, nearest)


def _below(band: tuple[Ints, Ints], limit: Ints, least: Ints, most: Ints) -> Answers:
    """Whether sizes of a band, times a ratio in ten-thousandths, stay within a limit."""
    over, upto = band
    room = np.where(limit < NO_EDGE // WHOLE, limit, NO_EDGE // WHOLE) * WHOLE
    fits = np.minimum(upto, NO_EDGE // (4 * WHOLE)) * most <= room
    never = (over + 1) * least > room
    return np.where(fits | (limit >= NO_EDGE), YES, np.where(never, NO, UNSURE)).astype(np.int8)


def _bounds(kinds: _Kinds, gap: Ints, fixed: Ints) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Between which limits a difference of cost lies for every request, by the sums of its cell.

    Each request has one unit of each of its classes at least, so no other can have more than the rest.
    """
    most = np.where(kinds.classes, kinds.sums - kinds.requests[:, None] + 1, 0).astype(object)
    least = np.where((kinds.requests == 1)[:, None], most, kinds.classes.astype(object))
    steps = gap.astype(object)
    low = np.where(steps > 0, steps * least, steps * most).sum(axis=1) + fixed
    high = np.where(steps > 0, steps * most, steps * least).sum(axis=1) + fixed
    return low, high
