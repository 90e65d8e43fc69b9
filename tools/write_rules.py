"""Write the table of rules into docs/pricing-checks.md, between its markers; with --check only compare it."""

from __future__ import annotations

import sys
from pathlib import Path

from costaudit.prices.answers import NEEDS
from costaudit.prices.rules.registry import FAMILIES, RULES
from costaudit.writing import write_whole

PAGE = Path(__file__).resolve().parent.parent / "docs" / "pricing-checks.md"
START, END = "<!-- rules: written by tools/write_rules.py -->", "<!-- end of rules -->"


def rules_table() -> str:
    """Every rule on a row of a Markdown table, a table per family."""
    lines: list[str] = []
    for family, name in FAMILIES.items():
        ours = [rule for rule in RULES if rule.code.startswith(family)]
        if not ours:
            continue
        lines += ["", f"### {family} {name}", "", "| code | rule | why | what to do |", "|---|---|---|---|"]
        for rule in ours:
            marks = [
                mark
                for mark in (rule.severity if rule.severity != "error" else "", NEEDS[rule.needs])
                if mark
            ]
            note = f" ({', '.join(marks)})" if marks else ""
            lines.append(f"| {rule.code} | {rule.name}{note} | {_cell(rule.why)} | {_cell(rule.fix)} |")
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def written(text: str) -> str:
    """A page with the table of the code between its markers."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{rules_table()}\n{END}{after}"


def main(argv: list[str]) -> int:
    """Returns 1 when --check finds a table that is not the one of the code."""
    text = PAGE.read_text(encoding="utf-8")
    new = written(text)
    if new == text:
        return 0
    if "--check" in argv:
        sys.stdout.write(f"docs/{PAGE.name} does not list the rules as they are: run make docs-fix\n")
        return 1
    write_whole(PAGE, new.encode())
    sys.stdout.write(f"docs/{PAGE.name} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
