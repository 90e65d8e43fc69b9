"""Policies: which models each tier may run on, and on what terms. Read from TOML.

A policy decides by number: 0 to 3 are the tiers, `RULES_FROM` + i is the i-th of `[[rules]]`, which are asked
first.
"""

from __future__ import annotations

import functools
import hashlib
import json
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from costaudit.errors import ConfigError, did_you_mean
from costaudit.textfile import is_there
from costaudit.toml.load import Toml, load_toml

_HERE = Path(__file__).parent

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
    read = load_toml(path, name)
    policy = (_shipped(read) if path.parent == SHIPPED_POLICIES else None) or _validated(read)
    roster_path = path.parent / policy.roster if policy.roster else _HERE / "roster.toml"
    roster = load_roster(roster_path, str(roster_path) if policy.roster else "roster.toml")
    groups = {number: _groups(t, roster) for number, t in policy.treatments() if not t.keep}
    return msgspec.structs.replace(policy, groups=groups)


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


def _shipped(read: Toml) -> Policy | None:
    """A policy that comes with costaudit; None where something is wrong with it, which others tell."""
    try:
        tables = {
            name: [_spelled_out(one) for one in read.table.get(name, ())] for name in ("tiers", "rules")
        }
        policy = msgspec.convert(read.table | tables, Policy)
    except (msgspec.ValidationError, AttributeError, TypeError):
        return None
    return policy if policy.sound() else None


def _spelled_out(treatment: Any) -> Any:
    told = treatment.get("verification")
    return treatment | {"verification": {"multiple": told}} if isinstance(told, str) else treatment


def _validated(read: Toml) -> Policy:
    from costaudit.routing.policy_file import policy_of  # noqa: PLC0415 - start-up

    return policy_of(read)
