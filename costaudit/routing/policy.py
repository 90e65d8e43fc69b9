"""Policies: which models each tier may run on, and what verification it gets. Read from TOML."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError, model_validator

from costaudit.errors import ConfigError, did_you_mean

_HERE = Path(__file__).parent
_STRICT = ConfigDict(extra="forbid", frozen=True)

Seat = tuple[str, ...]
"""Successive models of one provider, oldest first; the newest in service at a request's time counts."""

ExactDecimal = Annotated[Decimal, PlainSerializer(str)]


class TierPolicy(BaseModel):
    """What one tier may run on."""

    model_config = _STRICT

    tier: Literal[0, 1, 2, 3]
    keep: bool = False
    """Never moved: the request stays on the model that served it."""
    classes: tuple[Literal["economy", "mid", "flagship"], ...] = ()
    """Classes of the roster; a later class is tried only where no model of the earlier ones fits."""
    candidates: tuple[str, ...] = ()
    """Models by name (provider/model), instead of classes: a seat each."""
    verification: ExactDecimal = Decimal(0)
    """Cost of the verification pass as a multiple of the request's own."""

    @model_validator(mode="after")
    def _one_way(self) -> TierPolicy:
        if sum((self.keep, bool(self.classes), bool(self.candidates))) != 1:
            raise ValueError("a tier needs exactly one of keep = true, classes = […], candidates = […]")
        if not 0 <= self.verification <= 10:
            raise ValueError("verification must be between 0 and 10")
        return self


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
    tiers: tuple[TierPolicy, ...] = ()
    groups: dict[int, tuple[tuple[Seat, ...], ...]] = Field(default_factory=dict, exclude=True)
    """Seats by tier: groups are tried in order, the seats of a group compete by price. Derived."""

    def tier(self, tier: int) -> TierPolicy | None:
        """The rule of a tier."""
        return next((t for t in self.tiers if t.tier == tier), None)


SHIPPED_POLICIES: Final = _HERE / "policies"


def load_policy(source: str | Path | None = None) -> Policy:
    """The policy of a file or of a shipped name ('default'); raises ConfigError when it is invalid."""
    name = str(source or "default")
    path = Path(name)
    shipped = {p.stem: p for p in SHIPPED_POLICIES.glob("*.toml")}
    if not path.is_file():
        if name not in shipped:
            raise ConfigError(
                "no such policy file, and no shipped policy of that name",
                path=name,
                hint=did_you_mean(name, shipped) or "shipped: " + ", ".join(sorted(shipped)),
            )
        path = shipped[name]
    table = _toml(path, name)
    policy = _validated(Policy, table, name)
    roster_path = path.parent / policy.roster if policy.roster else _HERE / "roster.toml"
    roster = load_roster(roster_path, str(roster_path) if policy.roster else "roster.toml")
    groups = {
        rule.tier: (tuple((name,) for name in rule.candidates),)
        if rule.candidates
        else tuple(roster[c] for c in rule.classes)
        for rule in policy.tiers
        if not rule.keep
    }
    return policy.model_copy(update={"groups": groups})


def load_roster(path: Path, shown: str) -> dict[str, tuple[Seat, ...]]:
    """Seats by class; raises ConfigError for an unknown class, or a seat that is not one provider's."""
    table = _toml(path, shown)
    known = ("economy", "mid", "flagship")
    for klass, seats in table.items():
        if klass not in known:
            raise ConfigError(f"unknown class {klass!r}", path=shown, hint=did_you_mean(klass, known))
        if not isinstance(seats, list) or not all(isinstance(seat, list) and seat for seat in seats):
            raise ConfigError(
                f"{klass} must be a list of seats, each a list of provider/model names", path=shown
            )
        for seat in seats:
            if not all(isinstance(name, str) and "/" in name for name in seat):
                raise ConfigError(f"{klass}: {seat} must hold provider/model names", path=shown)
            if len({name.partition("/")[0] for name in seat}) > 1:
                raise ConfigError(f"{klass}: the seat {seat} mixes providers", path=shown)
    return {klass: tuple(tuple(seat) for seat in table.get(klass, ())) for klass in known}


def _toml(path: Path, shown: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=shown) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not valid TOML: {error}", path=shown) from error


def _validated(model: type[Policy], table: dict[str, Any], shown: str) -> Policy:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        hint = None
        if first["type"] == "extra_forbidden":
            hint = did_you_mean(str(first["loc"][-1]), [*Policy.model_fields, *TierPolicy.model_fields])
        raise ConfigError(f"{where}: {first['msg']}", path=shown, hint=hint) from error
