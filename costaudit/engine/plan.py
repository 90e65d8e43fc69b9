"""What is asked of the requests of a log: a book, tags, a policy, and how finely the answer is told.

A plan is frozen: another question is another plan, which shares the prices and offers of the first where it
can. Those only grow in numbers of what was met (see `costaudit.prices.numbered`); what a plan says of a
request never depends on the requests that came before.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from costaudit.engine.bands import Bands
from costaudit.engine.sessions import SessionBook
from costaudit.ingest.estimate import with_estimates
from costaudit.prices.book import PriceBook
from costaudit.prices.conditions import STANDARD
from costaudit.prices.numbered import NumberedPrices
from costaudit.prices.resolver import Resolver
from costaudit.routing.contexts import Reads
from costaudit.routing.evals import Evals
from costaudit.routing.offering import Offering
from costaudit.routing.policy import Policy
from costaudit.tape.segment import FLAGS, Segment
from costaudit.tiers.tagger import Tagger
from costaudit.tiers.votes import Votes

IMPLAUSIBLE_TIMES: Final = 20
"""A reported cost this many times the list cost is set aside. Double counting makes 2, a fully cached
prompt billed as new 10-40 at a tenth of the price only on its input part; nothing honest reaches 20."""

IMPLAUSIBLE_USD_PER_MTOK: Final = 10_000
"""Without a list price, so many dollars per 1M tokens are set aside: over ten times the dearest model."""

IMPLAUSIBLE_FROM_PICOUSD: Final = 10**12
"""Only reported costs of a dollar and more are judged: below, a minimum charge can be the reason."""


class Plan(msgspec.Struct, frozen=True, eq=False, dict=True):
    """Everything that decides what a request comes to."""

    prices: NumberedPrices
    offering: Offering
    tagger: Tagger
    providers_used: frozenset[str] = frozenset()
    """Providers that the log already uses: routing among them is overspecification, the rest lock-in."""
    prices_at: int | None = None
    """Price every request as if made at this instant (microseconds UTC); None for its own time."""
    resolution: Literal["hour", "day"] = "day"
    detail: bool = False
    """Keep the further keys by which a saved ledger is priced again (see `costaudit.engine.detail`)."""
    estimate: bool = False
    """Estimate the tokens of calls without usage from their text."""
    sessions: SessionBook | None = None
    """Whose sessions go where, if they are routed as a whole."""
    sessions_kept: npt.NDArray[np.uint64] | None = None
    """Hashes of sessions that keep their models whatever they would save."""

    def __reduce__(self) -> tuple[object, ...]:
        """What is asked, without what was met: numbers of cards, reasons and offers are of one process."""
        asked = {name: getattr(self, name) for name in self.__struct_fields__[3:]}
        parts = (self.prices.book, self.prices.resolver, self.tagger, self.policy, self.evals)
        return _again, (parts, asked)

    @classmethod
    def of(  # noqa: PLR0913 - the parts of a question
        cls,
        book: PriceBook,
        resolver: Resolver,
        tagger: Tagger,
        policy: Policy,
        evals: Evals | None = None,
        *,
        providers_used: frozenset[str] = frozenset(),
        prices_at: int | None = None,
        estimate: bool = False,
    ) -> Plan:
        """A plan that shares nothing with another."""
        prices = NumberedPrices(book, resolver)
        offering = Offering(prices, policy, evals)
        return cls(prices, offering, tagger, providers_used, prices_at, estimate=estimate)

    @property
    def policy(self) -> Policy:
        """What may move where."""
        return self.offering.policy

    @property
    def evals(self) -> Evals | None:
        """How often models did well on tasks like those of the log."""
        return self.offering.evals

    def with_providers(self, used: frozenset[str]) -> Plan:
        """The same plan for another set of providers."""
        return replace(self, providers_used=used)

    def with_votes(self, votes: Votes) -> Plan:
        """The same plan with a tagger that knows how fingerprints voted."""
        return replace(self, tagger=self.tagger.with_votes(votes))

    def priced_at(self, prices_at: int | None) -> Plan:
        """The same plan with every request priced as at an instant, or None for its own time."""
        return replace(self, prices_at=prices_at)

    def under(self, policy: Policy) -> Plan:
        """A plan for another policy at the same prices."""
        offering = Offering(self.prices, policy, self.evals)
        return replace(self, offering=offering, sessions=None, sessions_kept=None)

    def with_sessions(self, sessions: SessionBook) -> Plan:
        """The same plan with sessions that are routed as a whole."""
        return replace(self, sessions=sessions)

    def keeping(self, sessions: npt.NDArray[np.uint64]) -> Plan:
        """The same plan, under which these sessions keep their models too."""
        kept = sessions if self.sessions_kept is None else np.union1d(self.sessions_kept, sessions)
        return replace(self, sessions_kept=kept)

    def at_prices(self, book: PriceBook, prices_at: int | None) -> Plan:
        """The same plan for another book or date, without a card yet; codes of reasons stay what they are."""
        prices = self.prices.of_book(book)
        return replace(
            self, prices=prices, offering=Offering(prices, self.policy, self.evals), prices_at=prices_at,
            detail=False, sessions=None, sessions_kept=None,
        )  # fmt: skip

    def seen(self, segment: Segment) -> Segment:
        """Requests as this plan takes them: with estimated counts, if it has any."""
        return Segment.of(with_estimates(segment.batch())) if self.estimate else segment

    @functools.cached_property
    def shares(self) -> tuple[Decimal, ...]:
        """The shares of the traffic that the policy moves, but for nothing and all, from the smallest on."""
        return tuple(sorted({t.share for _, t in self.policy.treatments() if 0 < t.share < 1}))

    @functools.cached_property
    def bands(self) -> Mapping[str, Bands]:
        """Where sizes of requests are cut: at the edges of prices, rules, windows and answers.

        Prices are those of the names that were asked for before. A cut that is missing costs time only:
        requests on both sides of an edge are looked at one by one.
        """
        facts, numbers = self.tagger.number_edges, [number for number, _ in self.policy.treatments()]
        routes = [
            route
            for number in numbers
            for group in (*self.offering.routes(number, STANDARD), self.offering.fallbacks(number, STANDARD))
            for route in group
        ]
        codes = np.unique(np.concatenate([np.zeros(0, np.int32), *(route.codes for route in routes)]))
        matrix = self.prices.rates()
        timelines = [*self.prices.timelines(), *(route.timeline for route in routes)]
        overs = {over for timeline in timelines for over in timeline.context_edges}
        return {
            "context": Bands((*overs, *facts.get("input_side", ()))),
            "length": Bands(matrix.context_window[codes].tolist()),
            "output": Bands((*matrix.max_output[codes].tolist(), *facts.get("output", ()))),
        }

    @functools.cached_property
    def fact_bands(self) -> Mapping[str, Bands]:
        """Where the other numbers are cut that rules of tiers look at."""
        apart = {"input_side", "output", *FLAGS}
        return {n: Bands(edges) for n, edges in self.tagger.number_edges.items() if n not in apart}

    @functools.cached_property
    def reads(self) -> Reads:
        """What of a request the policy looks at."""
        return Reads.of(self.policy, task_evals=self.evals is not None and self.evals.speaks_of_tasks)


def _again(parts: tuple[PriceBook, Resolver, Tagger, Policy, Evals | None], asked: Mapping[str, Any]) -> Plan:
    return replace(Plan.of(*parts), **asked)
