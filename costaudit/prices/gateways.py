"""What gateways add to the provider's price: dated fees from gateways.toml."""

from __future__ import annotations

import decimal
import functools
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from costaudit.errors import TableError, did_you_mean
from costaudit.money import is_amount
from costaudit.prices.folders import Folder, open_folder
from costaudit.prices.rows import instant_us
from costaudit.prices.tables import load_toml

KINDS: Final = (
    "percent", "credit_purchase_percent", "per_request_usd", "subscription_usd_month", "byok_percent",
)  # fmt: skip
UNDISCLOSED: Final = "undisclosed"


class Fee(msgspec.Struct, frozen=True):
    """One dated fee of a gateway."""

    kind: str
    value: Decimal | None
    """Percent or USD; None when the gateway does not publish it."""
    valid_from: int
    """Microseconds UTC; in force until the next fee of the same kind."""
    source: str
    note: str
    minimum_usd: Decimal | None = None
    """Least fee of one purchase."""
    free_allowance_usd: Decimal | None = None
    """List spend of a month that is free of it."""
    free_requests_month: int | None = None
    """Requests of a month that are free of it."""


class Gateway(msgspec.Struct, frozen=True):
    """A gateway with its fees."""

    id: str
    name: str
    log_names: tuple[str, ...]
    fees: tuple[Fee, ...]

    def fee(self, kind: str, at: int) -> Fee | None:
        """The fee of a kind in force at an instant."""
        held = [f for f in self.fees if f.kind == kind and f.valid_from <= at]
        return max(held, key=lambda f: f.valid_from) if held else None

    def first_fee(self, kind: str) -> Fee | None:
        """The earliest fee of a kind that is recorded."""
        return min((f for f in self.fees if f.kind == kind), key=lambda f: f.valid_from, default=None)

    def percent(self, at: int) -> Decimal | None:
        """What is known to come on top of list, in percent: on tokens and on buying credits.

        None when the gateway does not publish it.
        """
        total = Decimal(0)
        for kind in ("percent", "credit_purchase_percent"):
            fee = self.fee(kind, at)
            if fee is not None and fee.value is None:
                return None
            total += fee.value if fee is not None and fee.value is not None else 0
        return total


class Gateways(msgspec.Struct, frozen=True):
    """All gateways by the names that logs use."""

    by_log_name: dict[str, Gateway]

    def named(self, name: str | None) -> Gateway | None:
        """The gateway of a logged name."""
        return self.by_log_name.get(name.strip().lower()) if name else None


def load_gateways(directory: Folder | str | None = None, overlays: Sequence[Path | str] = ()) -> Gateways:
    """Read gateways.toml of a directory of tables, and of overlays; raises TableError naming what is wrong.

    A gateway of an overlay takes the place of the one whose names it has.
    """
    listed = _shipped_gateways() if directory is None else _read(directory)
    if not overlays:
        return listed
    by_name = dict(listed.by_log_name)
    for overlay in overlays:
        for gateway in _by_id(_read_folder(Path(overlay), str(overlay))):
            same = [name for name, held in by_name.items() if held.id == gateway.id]
            by_name |= dict.fromkeys((*same, *gateway.log_names), gateway)
    return Gateways(by_name)


def _by_id(gateways: Gateways) -> Iterable[Gateway]:
    return {gateway.id: gateway for gateway in gateways.by_log_name.values()}.values()


@functools.lru_cache(maxsize=1)
def _shipped_gateways() -> Gateways:
    """Those that come with costaudit, read once."""
    return _read(None)


def _read(directory: Folder | str | None) -> Gateways:
    return _read_folder(*open_folder(directory))


def _read_folder(place: Folder, folder: str) -> Gateways:
    shown = f"{folder}/gateways.toml"
    if not (place / "gateways.toml").exists():
        return Gateways({})
    by_name: dict[str, Gateway] = {}
    for ident, table in load_toml(place / "gateways.toml", shown).items():
        _check_shape(ident, table, shown)
        fees = tuple(_fee(entry, f"[{ident}]", shown) for entry in table.get("fees", []))
        names = tuple(dict.fromkeys([ident, *(n.lower() for n in table.get("log_names", []))]))
        gateway = Gateway(ident, table.get("name", ident), names, fees)
        by_name.update(dict.fromkeys(names, gateway))
    return Gateways(by_name)


def _check_shape(ident: str, table: object, shown: str) -> None:
    """Raises TableError for what is no table of a gateway, with a list of fees."""
    if not isinstance(table, dict):
        raise TableError(f"{ident} is not a table of a gateway", path=shown, hint=f"write [{ident}]")
    for name, kind in (("fees", dict), ("log_names", str)):
        entries = table.get(name, [])
        if not isinstance(entries, list) or not all(isinstance(entry, kind) for entry in entries):
            what = "tables" if kind is dict else "texts"
            raise TableError(f"{name} of [{ident}] must be a list of {what}", path=shown)


_FEE_KEYS: Final = (
    "kind", "value", "valid_from", "source", "checked_on", "note", "minimum_usd", "free_allowance_usd",
    "free_requests_month",
)  # fmt: skip


def _fee(entry: dict[str, object], where: str, shown: str) -> Fee:
    kind, value = str(entry.get("kind")), str(entry.get("value"))
    for key in entry:
        if key not in _FEE_KEYS:
            raise TableError(
                f"unknown key {key!r} in a fee of {where}", path=shown, hint=did_you_mean(key, _FEE_KEYS)
            )
    if kind not in KINDS:
        raise TableError(
            f"unknown kind {kind!r} in a fee of {where}", path=shown, hint=did_you_mean(kind, KINDS)
        )
    try:
        amount = None if value == UNDISCLOSED else Decimal(value)
        start = instant_us(str(entry.get("valid_from")))
        minimum, allowance = (
            None if key not in entry else Decimal(str(entry[key]))
            for key in ("minimum_usd", "free_allowance_usd")
        )
        free = None if "free_requests_month" not in entry else int(str(entry["free_requests_month"]))
    except (decimal.InvalidOperation, ValueError) as error:
        raise TableError(f"a fee of {where} has an unreadable value or date", path=shown) from error
    if not all(is_amount(usd) for usd in (amount, minimum, allowance) if usd is not None):
        raise TableError(f"a fee of {where} is no amount", path=shown)
    source, note = str(entry.get("source", "")), str(entry.get("note", ""))
    return Fee(kind, amount, start, source, note, minimum, allowance, free)
