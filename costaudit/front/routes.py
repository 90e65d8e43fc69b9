"""Which models the policies of a command line need, with the places that name them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from costaudit.errors import shown
from costaudit.textfile import is_there

if TYPE_CHECKING:
    from costaudit.prices.rules.rule import Wanted


def wanted_models(policies: Sequence[str]) -> tuple[Wanted, ...]:
    """Every seat, fallback and verification model of some policies, once.

    Raises ConfigError for a policy that cannot be read.
    """
    from costaudit.prices.rules.rule import Wanted  # noqa: PLC0415 - start-up
    from costaudit.routing.policy_load import SHIPPED_POLICIES, load_policy, load_roster  # noqa: PLC0415

    found: dict[tuple[str, ...], Wanted] = {}
    common = SHIPPED_POLICIES.parent / "roster.toml"
    shipped = {seat for seats in load_roster(common, common.name).values() for seat in seats}
    for source in policies:
        policy = load_policy(source)
        own = Path(source) if is_there(Path(source)) else SHIPPED_POLICIES / f"{source}.toml"
        roster = own.parent / policy.roster if policy.roster else common
        for groups in policy.groups.values():
            for seat in (seat for group in groups for seat in group):
                place = _place(seat[-1], (own, roster))
                found.setdefault(seat, Wanted(seat, *place, shipped=not policy.roster and seat in shipped))
        for _, treatment in policy.treatments():
            checker = treatment.verification.model
            for name in (*treatment.fallbacks, *(() if checker is None else (checker,))):
                found.setdefault((name,), Wanted((name,), *_place(name, (own,))))
    return tuple(found.values())


def _place(name: str, files: Sequence[Path]) -> tuple[str, int]:
    """The first file and line that has a name in quotes."""
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if f'"{name}"' in line:
                return _shown(file), number
    return _shown(files[0]), 0


def _shown(file: Path) -> str:
    try:
        near = file.resolve().relative_to(Path.cwd())
    except (ValueError, OSError):
        near = Path(file.name) if file.is_absolute() else file
    return shown(near.as_posix())
