"""Policies: which models each tier may run on, and on what terms. Read from TOML.

A policy decides by number: 0 to 3 are the tiers, `RULES_FROM` + i is the i-th of `[[rules]]`, which are asked
first.
"""

from __future__ import annotations

import functools
import hashlib
import json
import typing
from collections.abc import Iterator
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, Literal

import msgspec

Seat = tuple[str, ...]
"""Successive models of one provider, oldest first; the newest in service at a request's time counts."""

CLASSES: Final = ("economy", "mid", "flagship")
"""Classes of the roster, from the least capable."""

RULES_FROM: Final = 4
"""The number of the first of `[[rules]]`; the numbers below are tiers."""


class Bounds(msgspec.Struct, frozen=True):
    """What a number or a list of a policy may be."""

    ge: int | Decimal | None = None
    gt: int | None = None
    le: int | Decimal | None = None
    decimal_places: int | None = None
    min_length: int | None = None

    def hold(self, value: Any) -> bool:
        """Whether a value is within."""
        if self.min_length is not None:
            return len(value) >= self.min_length
        if isinstance(value, Decimal) and not value.is_finite():
            return False
        places = -int(value.normalize().as_tuple().exponent) if isinstance(value, Decimal) else 0
        return (self.decimal_places is None or places <= self.decimal_places) and (
            (self.ge is None or value >= self.ge)
            and (self.gt is None or value > self.gt)
            and (self.le is None or value <= self.le)
        )


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a policy. `costaudit.routing.policy_file` says what is wrong with what people write."""

    @staticmethod
    def check(said: Any) -> None:
        """Raises ValueError where what is said does not make sense together."""

    def sound(self) -> bool:
        """Whether all that it says, and the tables in it say, is within bounds and makes sense together."""
        bounds = _bounds(type(self))
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None and name in bounds and not bounds[name].hold(value):
                return False
            inner = value if isinstance(value, tuple) else (value,)
            if not all(one.sound() for one in inner if isinstance(one, Said)):
                return False
        try:
            self.check(self)
        except ValueError:
            return False
        return True


@functools.cache
def _bounds(kind: type[Said]) -> dict[str, Bounds]:
    """The bounds of the fields that have some."""
    found = {}
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        for part in (hint, *typing.get_args(hint)):
            for one in getattr(part, "__metadata__", ()):
                found[name] = one
    return found


Share = Annotated[Decimal, Bounds(ge=0, le=1, decimal_places=4)]
"""A part of a whole, to a ten-thousandth."""


class Verification(Said, frozen=True, kw_only=True):
    """A second look at an answer."""

    multiple: Annotated[Decimal, Bounds(decimal_places=6)] = Decimal(0)
    """What it costs as a multiple of the request's own cost."""
    model: str | None = None
    """Or the model (provider/model) that reads prompt and answer as new input …"""
    output_tokens: Annotated[int, Bounds(ge=0, le=10**6)] = 0
    """… and writes so many tokens."""
    on: Literal["all", "routed"] = "all"
    """Every request that the policy acts on, or only those that it moves."""

    @staticmethod
    def check(said: Any) -> None:
        """It is a multiple of the cost, or a model."""
        if not 0 <= said.multiple <= 10:
            raise ValueError("verification must be between 0 and 10")
        if said.multiple and said.model is not None:
            raise ValueError("verification is either a multiple or a model")
        if said.output_tokens and said.model is None:
            raise ValueError("output_tokens needs the model that writes them")


class Treatment(Said, frozen=True, kw_only=True):
    """Where some requests may go, and on what terms."""

    keep: bool = False
    """Never moved: the request stays on the model that served it."""
    classes: tuple[Literal["economy", "mid", "flagship"], ...] = ()
    """Classes of the roster; a later class is tried only where no model of the earlier ones fits."""
    candidates: tuple[str, ...] = ()
    """Models by name (provider/model), instead of classes: a seat each."""
    any: bool = False
    """The whole roster, whatever the class: the cheapest model that is adequate."""
    choice: Literal["cheapest", "ordered"] | None = None
    """cheapest: all compete by expected cost. ordered: the first that is adequate. Without it candidates
    compete, and classes are tried in their order."""
    always: bool = False
    """Moved also where that costs more than today: the router goes by tier or rule alone."""
    fallbacks: tuple[str, ...] = ()
    """Models that serve when the chosen one fails, in this order; the model of today without any."""
    verification: Verification = Verification()
    share: Share = Decimal(1)
    """The part of the traffic that is moved: whole sessions where the log names them."""
    success_rate: Share = Decimal(1)
    """How often the answer is good enough, where no evals say it; the others are asked again."""
    retry_rate: Annotated[Decimal, Bounds(ge=0, le=Decimal("0.95"), decimal_places=4)] = Decimal(0)
    """How often an answer cannot be parsed, so that the same model is asked again."""
    max_attempts: Annotated[int, Bounds(ge=1, le=10)] = 3
    """How often it is asked at most."""
    quality_floor: Share | None = None
    """That of the policy, unless it is given here."""

    @staticmethod
    def check(said: Any) -> None:
        """There is one destination."""
        if sum((said.keep, said.any, bool(said.classes), bool(said.candidates))) != 1:
            raise ValueError(
                "exactly one of keep = true, any = true, classes = […], candidates = […] is needed"
            )
        if said.keep and (said.choice or said.always or said.fallbacks or said.share != 1):
            raise ValueError("keep = true moves nothing: choice, always, fallbacks and share have no meaning")


class TierPolicy(Treatment, frozen=True, kw_only=True):
    """What one tier may run on."""

    tier: Literal[0, 1, 2, 3]


Patterns = tuple[str, ...]
"""Names, or patterns with * and ?."""


class RulePolicy(Treatment, frozen=True, kw_only=True):
    """What requests of some features, models … may run on, before their tier is asked."""

    name: str = ""
    features: Patterns = ()
    models: Patterns = ()
    """As logged, or as provider/model of the book."""
    providers: Patterns = ()
    """Who serves today, by the book's name."""
    gateways: Patterns = ()
    service_tiers: Patterns = ()
    tiers: tuple[Literal[0, 1, 2, 3], ...] = ()

    @staticmethod
    def check(said: Any) -> None:
        """It says when it holds, besides one destination."""
        Treatment.check(said)
        if not any(
            (said.features, said.models, said.providers, said.gateways, said.service_tiers, said.tiers)
        ):
            raise ValueError("a rule needs features, models, providers, gateways, service_tiers or tiers")


class Never(Said, frozen=True, kw_only=True):
    """Requests that keep their model whatever the policy says."""

    features: Patterns = ()
    models: Patterns = ()
    users: Patterns = ()


class Residency(Said, frozen=True, kw_only=True):
    """Requests that only some providers may serve."""

    regions: Patterns = ()
    """Regions as logged."""
    features: Patterns = ()
    providers: Annotated[tuple[str, ...], Bounds(min_length=1)]

    @staticmethod
    def check(said: Any) -> None:
        """It says when it holds."""
        if not said.regions and not said.features:
            raise ValueError("residency needs regions or features")


Ratio = Annotated[Decimal, Bounds(gt=0, le=10, decimal_places=4)]


class Pair(Said, frozen=True, kw_only=True, rename={"from_": "from"}):
    """How token counts change when one model takes over from another."""

    from_: str
    """Pattern of provider/model that serves today."""
    to: str
    """Pattern of the candidate."""
    input_ratio: Ratio = Decimal(1)
    """Tokens of the same prompt with the candidate's tokenizer, per token today."""
    output_ratio: Ratio = Decimal(1)
    """Tokens of the candidate's answer per token today: its tokenizer and its verbosity."""


class Policy(Said, frozen=True, kw_only=True, rename={"schema_": "schema"}):
    """A routing policy. A tier that is not named keeps its models."""

    schema_: Literal["costaudit/policy@1"]
    name: str
    title: str = ""
    min_confidence: Annotated[int, Bounds(ge=1, le=100)] = 50
    strong_confidence: Annotated[int, Bounds(ge=1, le=100)] = 80
    roster: str | None = None
    """A roster file beside the policy; the shipped one by default."""
    providers: tuple[str, ...] = ()
    """If given, only these may serve."""
    same_provider: bool = False
    """A request may only go to another model of the provider that serves it today."""
    quality_floor: Share | None = None
    """The pass rate that a candidate must reach, by the lower bound of its evals."""
    sessions: Literal["apart", "together"] = "apart"
    """apart: each request for itself. together: one model and one tier, the highest, for a whole session."""
    cache_ttl_seconds: Annotated[int, Bounds(ge=0, le=86_400)] = 300
    """How long a prompt cache is taken to last where a session has moved to another model."""
    router_usd_per_request: Annotated[Decimal, Bounds(ge=0, le=1, decimal_places=12)] = Decimal(0)
    """What deciding costs, for every request that the policy acts on."""
    never: Never = Never()
    residency: tuple[Residency, ...] = ()
    rules: tuple[RulePolicy, ...] = ()
    tiers: tuple[TierPolicy, ...] = ()
    pairs: tuple[Pair, ...] = ()
    groups: dict[int, tuple[tuple[Seat, ...], ...]] = msgspec.field(default_factory=dict)
    """Seats by number: groups are tried in order, the seats of a group compete by cost. Derived."""

    @staticmethod
    def check(said: Any) -> None:
        """Each tier is described once, and the bands of confidence are in order."""
        named = [rule.tier for rule in said.tiers]
        if len(set(named)) < len(named):
            raise ValueError("a tier is described twice")
        if said.strong_confidence < said.min_confidence:
            raise ValueError("strong_confidence must not be below min_confidence")

    def tier(self, tier: int) -> TierPolicy | None:
        """The rule of a tier."""
        return next((t for t in self.tiers if t.tier == tier), None)

    def treatment(self, number: int) -> Treatment | None:
        """What a number stands for; None for a tier that is not named."""
        return self.rules[number - RULES_FROM] if number >= RULES_FROM else self.tier(number)

    def treatments(self) -> Iterator[tuple[int, Treatment]]:
        """Every number with its treatment."""
        yield from ((rule.tier, rule) for rule in self.tiers)
        yield from enumerate(self.rules, RULES_FROM)

    def floor(self, number: int) -> Decimal | None:
        """The pass rate that candidates of a number must reach; None where anything will do."""
        treatment = self.treatment(number)
        own = None if treatment is None else treatment.quality_floor
        return self.quality_floor if own is None else own

    @property
    def digest(self) -> str:
        """sha256 of everything that the policy decides by, its roster included."""
        plain = _plain(self)
        told = json.dumps(
            {key: value for key, value in plain.items() if key not in _NOT_DECIDING},
            separators=(",", ":"),
            ensure_ascii=False,
        )
        groups = sorted(self.groups.items())
        return hashlib.sha256(f"{told}\n{groups}".encode()).hexdigest()


_NOT_DECIDING: Final = ("name", "title", "roster", "groups")


def _plain(value: Any) -> Any:
    """A policy as JSON has it."""
    if isinstance(value, Said):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        return {key: _plain(getattr(value, name)) for key, name in names}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Decimal) else value


def matches(patterns: Patterns, *names: str | None) -> bool:
    """Whether one of the names fits one of the patterns, whatever the case.

    >>> matches(("legal*",), "Legal/review"), matches(("legal*",), None), matches((), "x")
    (True, False, False)
    """
    known = [name.lower() for name in names if name is not None]
    return any(fnmatchcase(name, pattern.lower()) for pattern in patterns for name in known)
