"""The format that a record without one comes nearest to, and which of its fields the record lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from costaudit.ingest.adapters import ADAPTERS, flat
from costaudit.ingest.adapters.flat_fields import FLAT_FIELDS
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.paths import follow, parse_path

_FLAT: Final = flat.ADAPTER.needs

_ALSO: Final = {
    f.names[0]: f.paths for f in FLAT_FIELDS if f.target in ("prompt_tokens", "completion_tokens")
} | {
    "model": tuple(p for f in FLAT_FIELDS if f.target in ("model_requested", "model_served") for p in f.paths)
}
"""Where else a flat record may say what it needs."""

NEAR: Final = 0.5
"""Share of a format's fields that a record must have for the format to be called near."""


class Nearest(msgspec.Struct, frozen=True):
    """A format that a record does not have, but might have been meant to have."""

    name: str
    needs: tuple[str, ...]
    missing: tuple[str, ...]
    """Those of `needs` that the record lacks. Empty where it has all of them and still is of another kind."""

    def told(self) -> str:
        """In one clause, naming fields only."""
        if len(self.missing) == len(self.needs):
            return f"no known format comes near; a {self.name} record needs {', '.join(self.needs)}"
        lacks = f"lacks {', '.join(self.missing)}" if self.missing else "has its fields, but not its marks"
        return f"the nearest format is {self.name}: the record {lacks}"


def nearest_format(record: Record, adapters: Sequence[Adapter] = ADAPTERS) -> Nearest:
    """The format of which the record has the largest share of fields; of equals, flat.

    Flat with nothing but missing fields stands for none that is near.

    >>> nearest_format({"model": "gpt-4o", "prompt_tokens": 3}).missing
    ('output_tokens',)
    """
    best = (0.0, False, 0)
    found = Nearest("flat", _FLAT, _FLAT)
    for adapter in adapters:
        missing = tuple(need for need in adapter.needs if not _has(record, adapter.name, need))
        had = len(adapter.needs) - len(missing)
        share = had / len(adapter.needs) if adapter.needs else 0
        rank = (share, adapter.name == "flat", had)
        if (share >= NEAR or adapter.name == "flat") and had and rank > best:
            best, found = rank, Nearest(adapter.name, adapter.needs, missing)
    return found


def _has(record: Record, name: str, need: str) -> bool:
    if record.get(need) is not None:
        return True
    paths = [parse_path(need).steps]
    if name == "flat":
        paths += [tuple((key, None) for key in path) for path in _ALSO.get(need, ())]
    decoded: dict[str, Any] = {}
    return any(follow(record, steps, decoded) is not None for steps in paths)
