"""Violations that are known and right: `suppressions.toml` in a directory of tables, each with its reason.

    [[suppressions]]
    code = "CA302"
    subject = "acme/guard-3-8b/output@*"
    reason = "A classifier: its output is one word; the page has 0.03."

`subject` is what the violation is about (a rate id, provider/model, provider/alias); `*` stands for anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from costaudit.errors import TableError, did_you_mean
from costaudit.prices.folders import Folder, table_text
from costaudit.prices.rules.registry import BY_CODE
from costaudit.prices.rules.rule import Violation
from costaudit.prices.tables import SUPPRESSIONS, load_toml

_KEYS: Final = ("code", "subject", "reason")


class Suppression(msgspec.Struct, frozen=True):
    """One entry."""

    code: str
    subject: str
    reason: str
    path: str
    line: int

    def hides(self, violation: Violation) -> bool:
        """Whether it is meant for a violation."""
        if violation.code != self.code:
            return False
        pattern = self.subject.replace("[", "[[]").replace("?", "[?]")
        return fnmatchcase(violation.subject, pattern)


def load_suppressions(place: Folder, shown: str) -> tuple[Suppression, ...]:
    """The suppressions of a directory; raises TableError for an entry without code, subject or reason."""
    path = place / SUPPRESSIONS
    if not path.exists():
        return ()
    shown = f"{shown}/{SUPPRESSIONS}"
    table = load_toml(path, shown)
    lines = [
        number
        for number, line in enumerate(table_text(path, shown).splitlines(), 1)
        if line.strip().startswith("[[suppressions]]")
    ]
    entries = table.get("suppressions", [])
    odd = next((key for key in table if key != "suppressions"), None)
    if odd is not None or not isinstance(entries, list):
        raise TableError(f"{odd or 'suppressions'!r} is not a list [[suppressions]]", path=shown)
    return tuple(_entry(entry, shown, lines[n] if n < len(lines) else 0) for n, entry in enumerate(entries))


def _entry(entry: Any, shown: str, line: int) -> Suppression:
    if not isinstance(entry, dict):
        raise TableError("a suppression is a table of code, subject, reason", path=shown, line=line)
    for key in entry:
        if key not in _KEYS:
            raise TableError(f"unknown key {key!r}", path=shown, line=line, hint=did_you_mean(key, _KEYS))
    for key in _KEYS:
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise TableError(f"a suppression without {key}", path=shown, line=line)
    if entry["code"] not in BY_CODE:
        hint = did_you_mean(entry["code"], BY_CODE)
        raise TableError(f"no rule {entry['code']!r}", path=shown, line=line, hint=hint)
    return Suppression(entry["code"], entry["subject"], entry["reason"], shown, line)


class Suppressed(msgspec.Struct, frozen=True):
    """A violation that is hidden, and why."""

    violation: Violation
    suppression: Suppression


def split_suppressed(
    found: Iterable[Violation], suppressions: Sequence[Suppression]
) -> tuple[list[Violation], list[Suppressed], list[Suppression]]:
    """What stays, what is hidden by the first suppression meant for it, and suppressions without use."""
    by_code: dict[str, list[Suppression]] = {}
    for entry in suppressions:
        by_code.setdefault(entry.code, []).append(entry)
    stays: list[Violation] = []
    hidden: list[Suppressed] = []
    for item in found:
        meant = next((s for s in by_code.get(item.code, ()) if s.hides(item)), None)
        if meant is None:
            stays.append(item)
        else:
            hidden.append(Suppressed(item, meant))
    used = {item.suppression for item in hidden}
    return stays, hidden, [entry for entry in suppressions if entry not in used]
