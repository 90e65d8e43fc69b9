"""What a gate measures, why, and how it is set, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from costaudit.questions.gates.registry import Gate
from costaudit.render.lines import in_full


def gates_text(gates: Sequence[Gate]) -> str:
    """Every gate on a line."""
    wide = max(len(gate.name) for gate in gates)
    return "".join(f"{g.code}  {g.name:<{wide}}  [gates] {g.setting}\n" for g in gates)


def gate_text(gate: Gate, width: int) -> str:
    """A gate in full."""
    parts = (("what", gate.what), ("why", gate.why), ("fix", gate.fix))
    lines = [f"{gate.code} {gate.name}", *in_full(parts, width)]
    if not gate.needs_log:
        lines.append("  note     Needs no log.")
    lines += ["  example", *(f"    {line}".rstrip() for line in gate.example.splitlines())]
    return "\n".join(lines) + "\n"
