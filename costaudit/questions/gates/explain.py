"""What a gate measures, why, and how it is set, for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from costaudit.questions.gates.registry import Gate


def gates_text(gates: Sequence[Gate]) -> str:
    """Every gate on a line."""
    wide = max(len(gate.name) for gate in gates)
    return "".join(f"{g.code}  {g.name:<{wide}}  [gates] {g.setting}\n" for g in gates)


def gate_text(gate: Gate, width: int) -> str:
    """A gate in full."""
    lines = [f"{gate.code} {gate.name}"]
    for name, text in (("what", gate.what), ("why", gate.why), ("fix", gate.fix)):
        lines += textwrap.wrap(
            text,
            min(width, 100),
            initial_indent=f"  {name:<9}",
            subsequent_indent=" " * 11,
            break_on_hyphens=False,
        )
    if not gate.needs_log:
        lines.append("  note     Needs no log.")
    lines += ["  example", *(f"    {line}".rstrip() for line in gate.example.splitlines())]
    return "\n".join(lines) + "\n"
