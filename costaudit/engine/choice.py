"""The choice of a route: per request the adequate candidate of the lowest expected cost.

Once among the providers that the log uses, and once among all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from costaudit.engine.contexts import NOT_ACTED_ON, Context, contexts_of
from costaudit.engine.exact import LIMIT, largest
from costaudit.engine.fits import ABILITIES, LACKS, Needs, Priced, Ratios, Rows
from costaudit.engine.offers import NO_ROUTE, NONE, SCALE, OfferMatrix
from costaudit.engine.plan import PRICED, Plan, RateMatrix, Route
from costaudit.engine.sessions import KEEPS, SessionBook, code_of
from costaudit.engine.shares import outside_share, session_hashes
from costaudit.routing.policy import matches
from costaudit.routing.terms import WHOLE
from costaudit.schema import UNTAGGED, Status
from costaudit.tape.groups import group_rows

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

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
)
"""Codes of the ledger's `kept`: why a request keeps its model."""


@dataclass(slots=True)
class Chosen:
    """The routes of a batch."""

    same: npt.NDArray[np.int32]
    """Offer taken among providers used; NO_ROUTE where the model is kept."""
    any: npt.NDArray[np.int32]
    """Offer taken among all."""
    kept: npt.NDArray[np.int8]
    """Index into KEPT."""
    lacks: npt.NDArray[np.int8]
    """Index into LACKS: 0 unless no candidate is adequate."""
    number: npt.NDArray[np.int8]
    """Of the policy's treatment; NOT_ACTED_ON for requests that it leaves alone."""
    verify: npt.NDArray[np.int32]
    """Card of the model that verifies the request, moved or not; NONE without one."""


def choose_routes(plan: Plan, priced: Priced, tier: npt.NDArray[np.int8], chat: Mask) -> Chosen:
    """For every call the adequate candidate of the lowest expected cost, if that is below today's cost.

    `chat` marks calls of chat models: others (embeddings, images) are never routed.
    """
    rows, card = priced.calls.rows, priced.card
    none = np.full(rows, NO_ROUTE, np.int32)
    chosen = Chosen(
        none, none.copy(), np.zeros(rows, np.int8), np.zeros(rows, np.int8),
        np.full(rows, NOT_ACTED_ON, np.int8), np.full(rows, NONE, np.int32),
    )  # fmt: skip
    ok, has_price = priced.words["status"].among(Status.OK), card >= 0
    movable = ok & has_price & chat
    contexts = contexts_of(
        plan.policy, plan.reads, priced.words, tier, np.where(movable, card, -1), plan.cards,
        evals=plan.evals is not None, tasks=plan.evals is not None and plan.evals.speaks_of_tasks,
    )  # fmt: skip
    code = contexts.code
    never = contexts.never | _of_users(plan, priced, movable)
    code = np.where(never, NOT_ACTED_ON, code)
    for why, where in (
        ("not_chat", ~chat),
        ("untagged", (tier == UNTAGGED) & (code == NOT_ACTED_ON)),
        ("never", never),
        ("not_billed", ~ok),
        ("unpriced", ~has_price),
    ):
        chosen.kept[where] = KEPT.index(why)  # the last that holds
    needs = Needs(priced)
    for number, context in enumerate(contexts.known):
        index = np.flatnonzero(code == number)
        if len(index):
            _choose_context(plan, context, needs, index, chosen)
    if plan.sessions_kept is not None:
        stays = np.isin(session_hashes(priced.calls), plan.sessions_kept)
        stays &= chosen.kept == KEPT.index("routed")
        chosen.same[stays] = chosen.any[stays] = NO_ROUTE
        chosen.kept[stays] = KEPT.index("session_keeps")
    return chosen


def _of_users(plan: Plan, priced: Priced, movable: Mask) -> Mask:
    """Requests of users that are never moved."""
    patterns = plan.policy.never.users
    if not patterns:
        return np.zeros(len(movable), bool)
    users = priced.calls.words("user")
    named = np.array([matches(patterns, user) for user in users.values], bool)
    return np.asarray(movable & named[users.codes])


def _choose_context(plan: Plan, context: Context, needs: Needs, index: Ints, chosen: Chosen) -> None:
    """Choose for the requests of one context."""
    treatment = plan.policy.treatment(context.number)
    groups = plan.routes(context.number, context.service)
    if treatment is None or (not groups and treatment.keep is False):
        chosen.kept[index] = KEPT.index("tier_keeps")
        return
    chosen.number[index] = context.number
    checker = plan.checker(context.number)
    if treatment.keep:
        chosen.kept[index] = KEPT.index("tier_keeps")
        if checker is None:
            return
    fees = bool(plan.rates().rates[:, PRICED.index("request")].any())
    rows = Rows.cut(needs, index, fees=fees)
    check = np.full(len(index), NONE, np.int32)
    if checker is not None:
        check = checker.cards(rows.ts, rows.context + rows.output)
        if treatment.verification.on == "all":
            chosen.verify[index] = check
            check = np.full(len(index), NONE, np.int32)
    if treatment.keep:
        return
    for part in _parts(plan, context, needs, rows, check):
        dealer = _Dealer(plan, context, part.checker, part.fallback)
        if part.session is None or plan.sessions is None:
            _choose(dealer, groups, part.rows, chosen)
        else:
            _choose_sessions(dealer, plan.sessions, groups, part.rows, part.session, chosen)
    if treatment.share != 1:
        routed = index[chosen.kept[index] == KEPT.index("routed")]
        left = routed[outside_share(needs.priced.calls, routed, treatment.share)]
        chosen.same[left] = chosen.any[left] = NO_ROUTE
        chosen.kept[left] = KEPT.index("outside_share")


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one context with the same checker and fallback."""

    rows: Rows
    checker: int
    fallback: int
    session: npt.NDArray[np.uint64] | None
    """The session of every row; None where rows are routed one by one."""


def _parts(
    plan: Plan, context: Context, needs: Needs, rows: Rows, check: npt.NDArray[np.int32]
) -> Iterator[_Part]:
    """The rows of a context in parts; `check` is the card of the checker of each."""
    sessions = None if plan.sessions is None else session_hashes(needs.priced.calls)[rows.index]
    routes = plan.fallbacks(context.number, context.service)
    if sessions is None and not routes and (check == NONE).all():
        yield _Part(rows, NONE, NONE, None)
        return
    after = _fallbacks(plan, context, routes, rows)
    alone = np.zeros(len(check), bool) if sessions is None else sessions == 0
    keys: dict[str, tuple[npt.NDArray[np.integer], int, int]] = {
        "check": (check, NONE, int(check.max())),
        "after": (after, NONE, int(after.max())),
        "alone": (alone.astype(np.int64), 0, 1),
    }
    distinct, group, size = group_rows(keys)
    for number in range(size):
        here = np.flatnonzero(group == number)
        some = rows if size == 1 else Rows.cut(needs, rows.index[here], fees=rows.fees)
        together = sessions is not None and not distinct["alone"][number]
        yield _Part(
            some,
            int(distinct["check"][number]),
            int(distinct["after"][number]),
            sessions[here] if sessions is not None and together else None,
        )


def _fallbacks(plan: Plan, context: Context, routes: Sequence[Route], rows: Rows) -> npt.NDArray[np.int32]:
    """For every request the card of the first fallback model that can serve it; NONE for that of today."""
    found = np.full(len(rows.index), NONE, np.int32)
    for route in routes:
        if context.allowed is not None and route.candidate.provider not in context.allowed:
            continue
        card = route.lookup(rows.ts, rows.context)
        fits = np.broadcast_to(rows.fitted_by(plan.rates(), card), card.shape)
        found = np.where((found == NONE) & fits, card, found)
    return found


class _Dealer:
    """Makes offers to the requests of one context that have the same checker and fallback."""

    def __init__(self, plan: Plan, context: Context, checker: int, fallback: int) -> None:
        self.plan, self.context = plan, context
        self.checker, self.fallback = checker, fallback

    def offers(self, route: Route) -> npt.NDArray[np.int32]:
        """The offer for every card of a route's timeline; NONE where evals do not reach the floor."""
        return self.plan.offers_of(self.context, route, self.checker, self.fallback)

    def may_serve(self, route: Route) -> bool:
        """Whether the provider of a candidate is allowed."""
        return self.context.allowed is None or route.candidate.provider in self.context.allowed


class _Best:
    """The candidate of the lowest expected cost so far, for every row."""

    def __init__(self, units: npt.NDArray[Any]) -> None:
        self.units = units.copy()
        self.offer_taken = np.full(len(units), NO_ROUTE, np.int32)
        self.open: Mask = np.array(True)
        """Rows that no earlier group could serve."""
        self._found: Mask = np.array(False)

    def offer(self, fits: Mask, units: npt.NDArray[Any], offer: npt.NDArray[np.int32]) -> None:
        """Take the candidate where it fits and is cheaper."""
        self._found = self._found | fits
        better = fits & self.open & (units < self.units)
        if units.dtype != self.units.dtype:
            self.units = self.units.astype(object)
        np.copyto(self.units, units, where=better)
        np.copyto(self.offer_taken, offer, where=better)

    def close_group(self) -> None:
        """The rows that the group could serve are closed to the next."""
        self.open = self.open & ~self._found


def _choose(dealer: _Dealer, groups: tuple[tuple[Route, ...], ...], rows: Rows, chosen: Chosen) -> None:
    """Choose for some rows of one context, with the same checker and fallback."""
    plan, shares = dealer.plan, dealer.plan.may_pay_shares(dealer.context.number)
    today = _scaled(rows.list_units) if shares else rows.list_units
    treatment = plan.policy.treatment(dealer.context.number)
    always = treatment is not None and treatment.always
    start = np.full(len(today), _NO_COST, dtype=object) if always else today
    same, any_ = _Best(start), _Best(start)
    fitted: Mask = np.array(False)
    for group in groups:
        bids = [bid for route in group if (bid := _bid(dealer, route, rows)) is not None]
        offers, matrix = plan.offer_matrix(), plan.rates()
        # A model that serves some rows today costs these less than its offer: it must not be left out.
        for bid in bids if always else _undominated(bids, matrix, offers):
            fits = rows.fitted_by(matrix, bid.card, bid.ratios) & (bid.offer != NONE)
            units = rows.cost(offers, bid.offer)
            if shares:
                units = _with_share(
                    _scaled(units), rows.list_units, offers.own_share[np.maximum(bid.offer, 0)]
                )
            fitted = fitted | fits
            offer = bid.offer
            if always:  # whoever is served by the candidate already stays as it is
                here = matrix.model[np.maximum(bid.card, 0)] == matrix.model[rows.card]
                units, offer = np.where(here, today, units), np.where(here, NO_ROUTE, offer)
            if bid.provider in plan.providers_used:
                same.offer(fits, units, offer)
            any_.offer(fits, units, offer)
        same.close_group()
        any_.close_group()
        if not same.open.any() and not any_.open.any():
            break
    # A later class opened for one provider must not leave "any" dearer than "same".
    any_offer = np.where(same.units < any_.units, same.offer_taken, any_.offer_taken)
    chosen.same[rows.index] = same.offer_taken
    chosen.any[rows.index] = any_offer
    routed = (same.offer_taken != NO_ROUTE) | (any_.offer_taken != NO_ROUTE)
    why_not = np.where(fitted, KEPT.index("not_cheaper"), KEPT.index("no_adequate_candidate"))
    chosen.kept[rows.index] = np.where(routed, KEPT.index("routed"), why_not)
    if not fitted.all():
        _explain(dealer, groups, rows, np.broadcast_to(fitted, routed.shape), chosen)


def _choose_sessions(
    dealer: _Dealer,
    book: SessionBook,
    groups: tuple[tuple[Route, ...], ...],
    rows: Rows,
    session: npt.NDArray[np.uint64],
    chosen: Chosen,
) -> None:
    """Have candidates bid for the sessions of some requests or, once that is decided, follow the decision."""
    plan, number = dealer.plan, dealer.context.number
    taken: dict[int, npt.NDArray[np.int32]] = {}
    treatment = plan.policy.treatment(number)
    always, matrix = treatment is not None and treatment.always, plan.rates()
    if not book.decided:
        book.today(number, session, _scaled(rows.list_units), always=always)
    for order, group in enumerate(groups):
        for place, route in enumerate(group):
            bid, key = _bid(dealer, route, rows), (number, order, place)
            if book.decided:
                if bid is not None:
                    here = matrix.model[np.maximum(bid.card, 0)] == matrix.model[rows.card]
                    taken[code_of(key)] = (
                        np.where(here, NO_ROUTE, bid.offer)
                        if always
                        else np.broadcast_to(bid.offer, session.shape)
                    )
                continue
            used = route.candidate.provider in plan.providers_used
            if bid is None:
                nothing = np.zeros(len(session), np.int64)
                book.bid(key, session, nothing > 0, nothing, used=used)
                continue
            offers = plan.offer_matrix()
            fits = rows.fitted_by(plan.rates(), bid.card, bid.ratios) & (bid.offer != NONE)
            units = _with_share(
                _scaled(rows.cost(offers, bid.offer)),
                rows.list_units,
                offers.own_share[np.maximum(bid.offer, 0)],
            )
            fits = np.broadcast_to(fits, session.shape)
            if always:
                here = matrix.model[np.maximum(bid.card, 0)] == matrix.model[rows.card]
                units = np.where(here, _scaled(rows.list_units), units)
            book.bid(key, session, fits, units, used=used)
    if not book.decided:
        return
    same, any_, fitted = book.seat_of(number, session)
    for code, offer in taken.items():
        chosen.same[rows.index[same == code]] = offer[same == code]
        chosen.any[rows.index[any_ == code]] = offer[any_ == code]
    kept = np.where(fitted, KEPT.index("not_cheaper"), KEPT.index("no_adequate_candidate"))
    moved = (same != KEEPS) | (any_ != KEEPS)
    chosen.kept[rows.index] = np.where(moved, KEPT.index("routed"), kept)


_NO_COST: Final = 10**40
"""Above every cost: whatever is adequate is taken."""


def _scaled(units: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Units of 1e-15 USD in units of 1e-19 USD, exactly."""
    fits = units.dtype == object or int(units.max(initial=0)) < LIMIT // SCALE
    return np.asarray((units if fits else units.astype(object)) * SCALE)


def _with_share(units: npt.NDArray[Any], today: npt.NDArray[Any], share: Ints) -> npt.NDArray[Any]:
    """Expected cost with a share of today's, in 1e-19 USD, exactly."""
    if not share.any():
        return units
    small = today.dtype != object and int(today.max(initial=0)) < LIMIT // SCALE
    part = (today if small else today.astype(object)) * share
    small = small and units.dtype != object and int(units.max(initial=0)) < LIMIT
    return np.asarray(units + part if small else units.astype(object) + part.astype(object))


@dataclass(frozen=True, slots=True)
class _Bid:
    """A candidate for some rows: its offer and its card, per row or one for all."""

    provider: str
    offer: npt.NDArray[np.int32]
    card: npt.NDArray[np.int32]
    ratios: Ratios | None
    """None where it counts tokens as the model of today does."""


def _bid(dealer: _Dealer, route: Route, rows: Rows) -> _Bid | None:
    """What a candidate offers the rows; None where it has nothing to offer to any."""
    if not dealer.may_serve(route) or not len(route.codes):
        return None
    low, high, furthest = int(rows.ts.min()), int(rows.ts.max()), largest(rows.context)
    one = route.timeline.constant(low, high, furthest)
    if one is not None and one < 0:
        return None
    offers = dealer.offers(route)
    place = np.full(1, one, np.int32) if one is not None else route.timeline.lookup(rows.ts, rows.context)
    known, safe = place >= 0, np.maximum(place, 0)
    ratios = _ratios(dealer, route, safe)
    if ratios is None and one is not None:
        window = dealer.plan.rates().context_window[route.codes[one]]
        if window < rows.shortest:
            return None
    offer = np.where(known, offers[safe], NONE).astype(np.int32)
    if (offer == NONE).all():
        return None
    card = np.where(known, route.codes[safe], NONE).astype(np.int32)
    return _Bid(route.candidate.provider, offer, card, ratios)


def _ratios(dealer: _Dealer, route: Route, place: npt.NDArray[np.int32]) -> Ratios | None:
    """How a candidate counts tokens, for cards of its timeline."""
    read, written = dealer.plan.ratios_of(dealer.context, route)
    if (read == WHOLE).all() and (written == WHOLE).all():
        return None
    return read[place], written[place]


def _undominated(bids: Sequence[_Bid], matrix: RateMatrix, offers: OfferMatrix) -> list[_Bid]:
    """The bids that can win some row.

    One that an earlier bid of the same provider undercuts in every class, while able to do all that it can,
    cannot. Only bids that are one for all rows are compared.
    """
    kept: list[_Bid] = []
    for bid in bids:
        rivals = [k for k in kept if k.provider == bid.provider and len(k.offer) == len(bid.offer) == 1]
        if not any(_dominates(matrix, offers, k, bid) for k in rivals):
            kept.append(bid)
    return kept


def _dominates(matrix: RateMatrix, offers: OfferMatrix, first: _Bid, second: _Bid) -> bool:
    """Whether the first bid, which stands earlier, serves every request of the second for no more."""
    one, two = int(first.offer[0]), int(second.offer[0])
    card, other = int(first.card[0]), int(second.card[0])
    a, b = offers.rates[one], offers.rates[two]
    able = all(bool(getattr(matrix, name)[card]) >= bool(getattr(matrix, name)[other]) for name in ABILITIES)
    roomy = (
        first.ratios is second.ratios is None
        and matrix.context_window[card] >= matrix.context_window[other]
        and matrix.max_output[card] >= matrix.max_output[other]
    )
    extras = offers.fixed[one] <= offers.fixed[two] and offers.own_share[one] <= offers.own_share[two]
    return bool(able and roomy and extras and np.all((b < 0) | ((a >= 0) & (a <= b))))


def _explain(
    dealer: _Dealer, groups: tuple[tuple[Route, ...], ...], rows: Rows, fitted: Mask, chosen: Chosen
) -> None:
    """Say of the rows that no candidate fits what the one that came nearest lacks."""
    nearest = np.full(len(rows.index), LACKS.index("provider"), np.int8)
    for route in (route for group in groups for route in group if dealer.may_serve(route)):
        if not len(route.codes):
            nearest = np.maximum(nearest, LACKS.index("in_service"))
            continue
        place = route.timeline.lookup(rows.ts, rows.context)
        safe = np.maximum(place, 0)
        card = np.where(place >= 0, route.codes[safe], NONE).astype(np.int32)
        lacks = rows.lacks(dealer.plan.rates(), card, _ratios(dealer, route, safe))
        nearest = np.maximum(nearest, lacks)
    chosen.lacks[rows.index] = np.where(fitted, 0, nearest)
