"""The rules of price tables for the eye."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from costaudit.prices.answers import NEEDS
from costaudit.prices.rules.registry import FAMILIES
from costaudit.render.lines import in_full

if TYPE_CHECKING:
    from costaudit.prices.rules.rule import Rule


def rule_text(rules: Sequence[Rule], width: int) -> str:
    """A rule in full, or every one of several on a line."""
    return _in_full(rules[0], width) if len(rules) == 1 else _listed(rules)


def _listed(rules: Sequence[Rule]) -> str:
    """Every rule on a line, by family."""
    lines: list[str] = []
    for family, name in FAMILIES.items():
        ours = [rule for rule in rules if rule.code.startswith(family)]
        lines += [f"{family} {name}"] if ours else []
        lines += [f"  {rule.code}  {rule.severity:<7}  {rule.name}" for rule in ours]
    return "\n".join(lines) + "\n"


def _in_full(rule: Rule, width: int) -> str:
    """A rule in full."""
    needs = f"Judged with {NEEDS[rule.needs]}." if NEEDS[rule.needs] else ""
    parts = [("why", rule.why), ("fix", rule.fix), ("example", rule.example), ("note", needs)]
    return "\n".join([f"{rule.code} {rule.name} ({rule.severity})", *in_full(parts, width)]) + "\n"
