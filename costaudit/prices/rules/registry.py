"""All rules, in the order of their codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from costaudit.errors import UsageError, did_you_mean
from costaudit.prices.rules import (
    coverage,
    history,
    impact,
    plausibility,
    provenance,
    ratios,
    rewritten,
    structure,
)
from costaudit.prices.rules.rule import Rule

RULES: Final[tuple[Rule, ...]] = tuple(
    sorted(
        (
            *structure.RULES, *history.RULES, *rewritten.RULES, *plausibility.RULES, *ratios.RULES,
            *provenance.RULES, *coverage.RULES, *impact.RULES,
        ),
        key=lambda rule: rule.code,
    )
)  # fmt: skip
BY_CODE: Final = {rule.code: rule for rule in RULES}
BY_NAME: Final = {rule.name: rule for rule in RULES}

FAMILIES: Final = {
    "CA1": "structure",
    "CA2": "history",
    "CA3": "plausibility",
    "CA4": "provenance",
    "CA5": "coverage",
    "CA6": "impact",
}
"""What the first digit says."""

UNREADABLE: Final = BY_CODE["CA101"]
UNUSED: Final = BY_CODE["CA114"]
OBSERVED: Final = BY_CODE["CA410"]


def rule_named(text: str) -> Rule:
    """A rule by its code or name, in any case; raises UsageError with the closest one."""
    found = BY_CODE.get(text.upper()) or BY_NAME.get(text.lower())
    if found is None:
        hint = did_you_mean(text.upper(), BY_CODE) or did_you_mean(text.lower(), BY_NAME)
        raise UsageError(f"no rule {text!r}", hint=hint or "costaudit pricing explain lists them")
    return found


def select_rules(select: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Rule, ...]:
    """The rules whose code begins with a word of `select` (all without one) and with none of `ignore`.

    Words may be joined by commas. Raises UsageError for a word that no code begins with.
    """
    wanted, unwanted = _prefixes(select, "--select"), _prefixes(ignore, "--ignore")
    return tuple(
        rule
        for rule in RULES
        if (not wanted or rule.code.startswith(wanted)) and not (unwanted and rule.code.startswith(unwanted))
    )


def _prefixes(words: Iterable[str], option: str) -> tuple[str, ...]:
    found = tuple(part.strip().upper() for word in words for part in word.split(",") if part.strip())
    for prefix in found:
        if not any(rule.code.startswith(prefix) for rule in RULES):
            hint = did_you_mean(prefix, [*BY_CODE, *FAMILIES]) or "a code or its beginning, like CA3 or CA303"
            raise UsageError(f"{option} {prefix!r}: no rule begins so", hint=hint)
    return found
