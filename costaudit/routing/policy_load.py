"""Policies and rosters from their files, and those that come with costaudit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from costaudit.errors import ConfigError, did_you_mean
from costaudit.routing.policy import CLASSES, Policy, Seat, Treatment
from costaudit.textfile import is_there
from costaudit.toml.load import Toml, load_toml

_HERE: Final = Path(__file__).parent

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
    groups = {number: groups_of(t, roster) for number, t in policy.treatments() if not t.keep}
    return msgspec.structs.replace(policy, groups=groups)


def groups_of(treatment: Treatment, roster: Mapping[str, tuple[Seat, ...]]) -> tuple[tuple[Seat, ...], ...]:
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
    from costaudit.routing.policy_file import policy_of  # noqa: PLC0415 - start-up: it needs pydantic

    return policy_of(read)
