"""What a check came to, whichever command ran it: the one object that every format renders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final, Literal

import msgspec

from costaudit.prices.rules.rule import ERROR, WARNING, Violation
from costaudit.prices.rules.suppressions import Suppressed

NOTE: Final = "note"
"""The severity of what is only told: a change that no condition objects to."""
SEVERITIES: Final = (ERROR, WARNING, NOTE)
"""The gravest first."""

ExitCode = Literal[0, 1, 2]
Verdict = Literal["ok", "failed", "invalid"]
_VERDICTS: Final[Mapping[int, Verdict]] = {0: "ok", 1: "failed", 2: "invalid"}


class CheckReport(msgspec.Struct, frozen=True):
    """The outcome of a command that judges."""

    title: str
    """The command without the program: pricing check, pricing diff, check."""
    violations: tuple[Violation, ...]
    """In the order in which they are told; severity error, warning or note."""
    suppressed: tuple[Suppressed, ...] = ()
    exit_code: ExitCode = 0
    notes: tuple[str, ...] = ()
    """Further lines under the verdict: what was counted and not listed, what to do next."""
    green: str = "nothing to object to"
    """What is said where nothing was found: a green result is a result."""

    @property
    def verdict(self) -> Verdict:
        """What the exit code says: invalid is what could not be judged."""
        return _VERDICTS[self.exit_code]

    @property
    def marker(self) -> str:
        """The first line of a comment, hidden, by which a bot finds it again."""
        return f"<!-- costaudit:{self.title.replace(' ', '-')} -->"

    def count(self, severity: str) -> int:
        """How many violations are of a severity."""
        return sum(v.severity == severity for v in self.violations)

    @property
    def summary(self) -> str:
        """The outcome in a line: `1 error, 2 warnings, 45 suppressed with a reason`."""
        counts = [(self.count(severity), severity) for severity in SEVERITIES]
        said = [f"{n:,} {word}{'s' if n != 1 else ''}" for n, word in counts if n] or [self.green]
        if self.suppressed:
            said.append(f"{len(self.suppressed):,} suppressed with a reason")
        return ", ".join(said)

    def renamed(self, name: Callable[[str], str]) -> CheckReport:
        """The same with every file named as another reader names it, such as a forge from the top folder."""
        names: dict[str, str] = {}
        for v in self.violations:
            if v.file and v.file not in names:
                names[v.file] = name(v.file)
        moved = (msgspec.structs.replace(v, file=names[v.file]) if v.file else v for v in self.violations)
        return msgspec.structs.replace(self, violations=tuple(moved))


def fingerprints(report: CheckReport) -> list[str]:
    """A name for each violation, in their order, that is the same in the next run though its line has moved.

    It is made of the command, the code, the file and what the violation is about; its message only counts
    where it is about nothing in particular, and its place among its like where there are several.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    names = []
    for v in report.violations:
        about = (report.title, v.code, v.file, v.subject or v.message)
        seen[about] += 1
        whole = "\0".join((*about, str(seen[about])))
        names.append(sha256(whole.encode("utf-8", "replace")).hexdigest()[:40])
    return names


def named(violation: Violation) -> str:
    """The rule as people say it: CA204 edited-in-place."""
    return f"{violation.code} {violation.name}".strip()


def place(violation: Violation) -> str:
    """File and line; the file alone where the violation is about all of it."""
    return f"{violation.file}:{violation.line}" if violation.line else violation.file
