"""What is said of a guess beside a report: in errors, in warnings, and under findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from costaudit.errors import InputError
from costaudit.ingest.guess.result import Guess

_MOST: Final = 3
"""Guesses that an error tells."""


def advise(error: InputError, guesses: Sequence[Guess]) -> None:
    """Say in an error what the log might be taken for: a clause in its hint, and notes with the rest."""
    if not guesses:
        return
    first = guesses[0]
    if first.has_mapping:
        clause = f"--guess reads it: {first.told}"
    else:
        clause = f"nothing can be guessed: {first.refused}"
    error.hint = f"{error.hint}; {clause}" if error.hint else clause
    for guess in [guess for guess in guesses if guess.has_mapping or guess.left][:_MOST]:
        error.add_note("\n".join(lines_of(guess)))


def lines_of(guess: Guess) -> Iterator[str]:
    """A guess in full: the mapping for costaudit.toml, what is left out, and what is not certain."""
    files = ", ".join(guess.files[:_MOST]) + (" …" if len(guess.files) > _MOST else "")
    if guess.has_mapping:
        yield f"{files}: a mapping for costaudit.toml, guessed from {guess.records:,} records:"
        yield from (f"  {line}" for line in guess.mapping().splitlines())
    else:
        yield f"{files}: no mapping is guessed: {guess.refused}"
        yield from (f"  {one.key} would be {one.field}: {one.why}" for one in guess.taken)
    yield from (f"  not taken: {one.key}: {one.why}" for one in guess.left)
    yield from (f"  {note}" for note in guess.notes)


def warning_of(guess: Guess) -> str:
    """One line for a run that goes by a guess, or that might."""
    files = guess.files[0] + (f" and {len(guess.files) - 1:,} more" if len(guess.files) > 1 else "")
    if guess.is_used:
        return f"{files}: read by a guess: {guess.told}"
    if guess.has_mapping:
        return f"{files}: not all is read; --guess would take {guess.told}"
    return f"{files}: nothing can be guessed: {guess.refused}"
