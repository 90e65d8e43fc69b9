"""What a saved ledger says of itself: what was read, with which book and policy, where its bands begin."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Final, Literal

import msgspec

from costaudit.engine.plan import Plan
from costaudit.ingest.guess.result import Guess

SCHEMA: Final = "costaudit/ledger@1"
KEY: Final = b"costaudit"
"""Under which the Parquet file keeps its `LedgerFacts`, as JSON."""


class LedgerOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """The book and the policy that decided the routes of a ledger."""

    book_version: str
    book_sha256: str
    maps_sha256: str
    """Digest of the names that the user mapped to models: they decide like the book."""
    policy: str
    policy_sha256: str
    evals_sha256: str | None = None
    """Of the evals that the choice went by, if it went by any."""


class SavedOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate at one price, on the terms of the policy: see `costaudit.engine.offers.Offer`."""

    id: str
    """What the columns route_same and route_any call it: its card, with a number where a card has several."""
    card: str
    fallback: str | None = None
    parts: dict[str, tuple[int, ...]]
    """Rates in 1e-15 USD by cause, in the order of the price classes; causes that are 0 are left out."""
    fixed_checks: int = 0
    own_share: int = 0


class InputFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, in numbers."""

    files: int
    bytes: int
    records: int
    requests: int
    duplicates: int
    ignored: int
    skipped: dict[str, int]
    formats: dict[str, int]
    guesses: tuple[Guess, ...] = ()
    """What logs of unknown format were taken for."""


class Edges(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bands of sizes and of confidence begin; each band holds its upper edge, not its lower one."""

    context: tuple[int, ...]
    length: tuple[int, ...]
    output: tuple[int, ...]
    confidence: tuple[int, ...]
    """Percent; here a band holds its lower edge."""


class LedgerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a ledger says of itself."""

    schema: str
    version: str
    """Of costaudit."""
    origin: LedgerOrigin
    resolution: Literal["hour", "day"]
    edges: Edges
    first_us: int | None
    """Instant of the first request, microseconds UTC."""
    last_us: int | None
    inputs: InputFacts
    providers: tuple[str, ...]
    """Providers of the book that the routes took for used."""
    estimate: bool
    """Token counts of calls without usage were estimated from their text."""
    sessions: bool
    """The log named sessions, which are not in the ledger: nothing can be replayed on it."""
    rates: dict[str, dict[str, Decimal]]
    """USD per 1M tokens, or per unit, by card and class: what the requests cost by list then."""
    offers: tuple[SavedOffer, ...]
    """The routes that the rows name."""


def origin_of(plan: Plan) -> LedgerOrigin:
    """What decides the routes of a plan."""
    maps = json.dumps(sorted(plan.prices.resolver.user_map.items()))
    return LedgerOrigin(
        book_version=plan.prices.book.version,
        book_sha256=plan.prices.book.sha256,
        maps_sha256=_digest(maps),
        policy=plan.policy.name,
        policy_sha256=plan.policy.digest,
        evals_sha256=None if plan.evals is None else _digest(repr(plan.evals.entries)),
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
