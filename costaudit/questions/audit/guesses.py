"""Findings on logs of unknown format: what their keys were taken for, or might be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from costaudit.ingest.guess.result import Guess
from costaudit.questions.audit import result as m
from costaudit.questions.audit.work import Audited

USED: Final = "CA-G1"
"""The code of a guess on which figures rest."""
ADVISED: Final = "CA-G2"
"""The code of one that nobody asked for, or that comes to nothing."""
MOST: Final = 5
"""Guesses that are told."""
_FILES: Final = 10
_LONGEST: Final = 400


def find_guesses(work: Audited) -> Iterator[m.Finding]:
    """CA-G1 and CA-G2: keys of a log of no known format, and what they were taken for or might be."""
    for guess in work.passed.found.guesses[:MOST]:
        yield m.Finding(
            code=USED if guess.is_used else ADVISED,
            title=_title(guess),
            usd=None,
            monthly_usd=None,
            evidence=_evidence(guess),
            next=_next(guess),
        )


def _title(guess: Guess) -> str:
    files = guess.files[0] + (f" and {len(guess.files) - 1:,} more" if len(guess.files) > 1 else "")
    told = guess.told if len(guess.told) <= _LONGEST else f"{guess.told[:_LONGEST]} …"
    if guess.is_used:
        return f"what {files} says is guessed: {told}"
    if guess.has_mapping:
        return f"{files} is not all read; by names and values it says {told}"
    return f"{files} is not all read, and what it says cannot be guessed: {guess.refused}"


def _evidence(guess: Guess) -> dict[str, Any]:
    return {
        "files": list(guess.files[:_FILES]),
        "further_files": max(len(guess.files) - _FILES, 0),
        "records": guess.records,
        "fields": [{"key": t.key, "field": t.field, "unit": t.unit, "why": t.why} for t in guess.taken],
        "left": [{"key": one.key, "why": one.why} for one in guess.left],
        "notes": list(guess.notes),
        "refused": guess.refused,
        "mapping": guess.mapping() if guess.has_mapping else None,
    }


def _next(guess: Guess) -> str:
    if guess.is_used:
        return "check every key, then put the mapping (costaudit formats test) into costaudit.toml"
    if guess.has_mapping:
        return "read it so with --guess, or put the mapping (costaudit formats test) into costaudit.toml"
    return "say which key is what in costaudit.toml (docs/formats.md)"
