"""Policies: which models each tier may run on, and on what terms. Read from TOML.

A policy decides by number: 0 to 3 are the tiers, `RULES_FROM` + i is the i-th of `[[rules]]`, which are asked
first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from costaudit.errors import ConfigError, did_you_mean
from costaudit.textfile import is_there
from costaudit.toml.load import Toml, load_toml

_HERE = Path(__file__).parent
_STRICT = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

Seat = tuple[str, ...]
"""Successive models of one provider, oldest first; the newest in service at a request's time counts."""

CLASSES: Final = ("economy", "mid", "flagship")
"""Classes of the roster, from the least capable."""

RULES_FROM: Final = 4
"""The number of the first of `[[rules]]`; the numbers below are tiers."""


def _no_float(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError('write numbers with a point as strings, like "0.5"')  # noqa: TRY004 - pydantic wants it
    return value


ExactDecimal = Annotated[Decimal, BeforeValidator(_no_float), PlainSerializer(str)]
Share = Annotated[ExactDecimal, Field(ge=0, le=1, decimal_places=4)]
"""A part of a whole, to a ten-thousandth."""


class Verification(BaseModel):
    """A second look at an answer."""

    model_config = _STRICT

    multiple: Annotated[ExactDecimal, Field(decimal_places=6)] = Decimal(0)
    """What it costs as a multiple of the request's own cost."""
    model: str | None = None
    """Or the model (provider/model) that reads prompt and answer as new input …"""
    output_tokens: int = Field(default=0, ge=0, le=10**6)
    """… and writes so many tokens."""
    on: Literal["all", "routed"] = "all"
    """Every request that the policy acts on, or only those that it moves."""

    @model_validator(mode="after")
    def _one_way(self) -> Verification:
        if not 0 <= self.multiple <= 10:
            raise ValueError("verification must be between 0 and 10")
        if self.multiple and self.model is not None:
            raise ValueError("verification is either a multiple or a model")
        if self.output_tokens and self.model is None:
            raise ValueError("output_tokens needs the model that writes them")
        return self


def _verification(value: Any) -> Any:
    return {"multiple": value} if isinstance(value, (str, int, Decimal)) else _no_float(value)


class Treatment(BaseModel):
    """Where some requests may go, and on what terms."""

    model_config = _STRICT

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
    verification: Annotated[
        Verification, BeforeValidator(_verification, json_schema_input_type=Verification | ExactDecimal)
    ] = Verification()
    share: Share = Decimal(1)
    """The part of the traffic that is moved: whole sessions where the log names them."""
    success_rate: Share = Decimal(1)
    """How often the answer is good enough, where no evals say it; the others are asked again."""
    retry_rate: Annotated[ExactDecimal, Field(ge=0, le=Decimal("0.95"), decimal_places=4)] = Decimal(0)
    """How often an answer cannot be parsed, so that the same model is asked again."""
    max_attempts: int = Field(default=3, ge=1, le=10)
    """How often it is asked at most."""
    quality_floor: Share | None = None
    """That of the policy, unless it is given here."""

    @model_validator(mode="after")
    def _one_destination(self) -> Treatment:
        if sum((self.keep, self.any, bool(self.classes), bool(self.candidates))) != 1:
            raise ValueError(
                "exactly one of keep = true, any = true, classes = […], candidates = […] is needed"
            )
        if self.keep and (self.choice or self.always or self.fallbacks or self.share != 1):
            raise ValueError("keep = true moves nothing: choice, always, fallbacks and share have no meaning")
        return self


class TierPolicy(Treatment):
    """What one tier may run on."""

    tier: Literal[0, 1, 2, 3]


Patterns = tuple[str, ...]
"""Names, or patterns with * and ?."""


class RulePolicy(Treatment):
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

    @model_validator(mode="after")
    def _says_when(self) -> RulePolicy:
        if not any(
            (self.features, self.models, self.providers, self.gateways, self.service_tiers, self.tiers)
        ):
            raise ValueError("a rule needs features, models, providers, gateways, service_tiers or tiers")
        return self


class Never(BaseModel):
    """Requests that keep their model whatever the policy says."""

    model_config = _STRICT

    features: Patterns = ()
    models: Patterns = ()
    users: Patterns = ()


class Residency(BaseModel):
    """Requests that only some providers may serve."""

    model_config = _STRICT

    regions: Patterns = ()
    """Regions as logged."""
    features: Patterns = ()
    providers: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _says_when(self) -> Residency:
        if not self.regions and not self.features:
            raise ValueError("residency needs regions or features")
        return self


Ratio = Annotated[ExactDecimal, Field(gt=0, le=10, decimal_places=4)]


class Pair(BaseModel):
    """How token counts change when one model takes over from another."""

    model_config = _STRICT

    from_: str = Field(alias="from")
    """Pattern of provider/model that serves today."""
    to: str
    """Pattern of the candidate."""
    input_ratio: Ratio = Decimal(1)
    """Tokens of the same prompt with the candidate's tokenizer, per token today."""
    output_ratio: Ratio = Decimal(1)
    """Tokens of the candidate's answer per token today: its tokenizer and its verbosity."""


class Policy(BaseModel):
    """A routing policy. A tier that is not named keeps its models."""

    model_config = _STRICT

    schema_: Literal["costaudit/policy@1"] = Field(alias="schema")
    name: str
    title: str = ""
    min_confidence: int = Field(default=50, ge=1, le=100)
    strong_confidence: int = Field(default=80, ge=1, le=100)
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
    cache_ttl_seconds: int = Field(default=300, ge=0, le=86_400)
    """How long a prompt cache is taken to last where a session has moved to another model."""
    router_usd_per_request: Annotated[ExactDecimal, Field(ge=0, le=1, decimal_places=12)] = Decimal(0)
    """What deciding costs, for every request that the policy acts on."""
    never: Never = Never()
    residency: tuple[Residency, ...] = ()
    rules: tuple[RulePolicy, ...] = ()
    tiers: tuple[TierPolicy, ...] = ()
    pairs: tuple[Pair, ...] = ()
    groups: dict[int, tuple[tuple[Seat, ...], ...]] = Field(default_factory=dict, exclude=True)
    """Seats by number: groups are tried in order, the seats of a group compete by cost. Derived."""

    @model_validator(mode="after")
    def _each_tier_once(self) -> Policy:
        named = [rule.tier for rule in self.tiers]
        if len(set(named)) < len(named):
            raise ValueError("a tier is described twice")
        return self

    @model_validator(mode="after")
    def _bands(self) -> Policy:
        if self.strong_confidence < self.min_confidence:
            raise ValueError("strong_confidence must not be below min_confidence")
        return self

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
        told = self.model_dump_json(by_alias=True, exclude={"name", "title", "roster"})
        groups = sorted(self.groups.items())
        return hashlib.sha256(f"{told}\n{groups}".encode()).hexdigest()


def matches(patterns: Patterns, *names: str | None) -> bool:
    """Whether one of the names fits one of the patterns, whatever the case.

    >>> matches(("legal*",), "Legal/review"), matches(("legal*",), None), matches((), "x")
    (True, False, False)
    """
    known = [name.lower() for name in names if name is not None]
    return any(fnmatchcase(name, pattern.lower()) for pattern in patterns for name in known)


SHIPPED_POLICIES: Final = _HERE / "policies"


def shipped_policies() -> dict[str, Path]:
    """The policies that come with costaudit, by name."""
    return {path.stem: path for path in sorted(SHIPPED_POLICIES.glob("*.toml"))}


def load_policy(source: str | Path | None = None) -> Policy:
    """The policy of a file or of a shipped name ('default'); raises ConfigError when it is invalid."""
    name = str(source or "default")
    path = Path(name)
    if not is_there(path):
        shipped = shipped_policies()
        if name not in shipped:
            raise ConfigError(
                "no such policy file, and no shipped policy of that name",
                path=name,
                hint=did_you_mean(name, shipped) or "shipped: " + ", ".join(sorted(shipped)),
            )
        path = shipped[name]
    policy = _validated(load_toml(path, name))
    roster_path = path.parent / policy.roster if policy.roster else _HERE / "roster.toml"
    roster = load_roster(roster_path, str(roster_path) if policy.roster else "roster.toml")
    groups = {number: _groups(t, roster) for number, t in policy.treatments() if not t.keep}
    return policy.model_copy(update={"groups": groups})


def _groups(treatment: Treatment, roster: Mapping[str, tuple[Seat, ...]]) -> tuple[tuple[Seat, ...], ...]:
    """Seats in groups that are tried one after the other."""
    if treatment.candidates:
        groups: tuple[tuple[Seat, ...], ...] = (tuple((name,) for name in treatment.candidates),)
    else:
        groups = tuple(roster[c] for c in (CLASSES if treatment.any else treatment.classes))
    seats = tuple(dict.fromkeys(seat for group in groups for seat in group))
    if treatment.choice == "ordered":
        return tuple((seat,) for seat in seats)
    return (seats,) if treatment.choice == "cheapest" or treatment.any else groups


def policy_roster(source: str | Path | None = None) -> dict[str, tuple[Seat, ...]]:
    """Seats by class, of the roster that a policy (as for `load_policy`) goes by."""
    name = str(source or "default")
    path = Path(name) if is_there(Path(name)) else shipped_policies()[name]
    own = load_policy(source).roster
    return load_roster(path.parent / own if own else _HERE / "roster.toml", own or "roster.toml")


def load_roster(path: Path, shown: str) -> dict[str, tuple[Seat, ...]]:
    """Seats by class; raises ConfigError for an unknown class, or a seat that is not one provider's."""
    table = load_toml(path, shown).table
    for klass, seats in table.items():
        if klass not in CLASSES:
            raise ConfigError(f"unknown class {klass!r}", path=shown, hint=did_you_mean(klass, CLASSES))
        if not isinstance(seats, list) or not all(isinstance(seat, list) and seat for seat in seats):
            raise ConfigError(
                f"{klass} must be a list of seats, each a list of provider/model names", path=shown
            )
        for seat in seats:
            if not all(isinstance(name, str) and "/" in name for name in seat):
                raise ConfigError(f"{klass}: {seat} must hold provider/model names", path=shown)
            if len({name.partition("/")[0] for name in seat}) > 1:
                raise ConfigError(f"{klass}: the seat {seat} mixes providers", path=shown)
    return {klass: tuple(tuple(seat) for seat in table.get(klass, ())) for klass in CLASSES}


_TABLES: Final = (Policy, TierPolicy, RulePolicy, Verification, Never, Residency, Pair)


def _validated(read: Toml) -> Policy:
    try:
        return Policy.model_validate(read.table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        hint = None
        if first["type"] == "extra_forbidden":
            known = {f.alias or name: None for t in _TABLES for name, f in t.model_fields.items()}
            hint = did_you_mean(str(first["loc"][-1]), known)
        message, line = f"{where}: {first['msg']}".lstrip(": "), read.line(*first["loc"])
        raise ConfigError(message, path=read.shown, line=line, hint=hint) from error
