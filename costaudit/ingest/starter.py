"""A first mapping for a log of unknown format, with what is left out of it and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from costaudit.ingest.format import Record
from costaudit.ingest.guess.count_names import INPUT, OUTPUT
from costaudit.ingest.guess.decide import guess_of
from costaudit.ingest.guess.prices import KnownPrices
from costaudit.ingest.guess.result import Guess
from costaudit.ingest.guess.survey import Survey, survey_of


def starter_mapping(
    records: Record | Iterable[Record] | Survey, prices: KnownPrices | None = None
) -> str | None:
    """A `[formats.NAME]` table for costaudit.toml; None where no key looks like a model or a token count.

    Holds names of keys, numbers, and names of models of the price book, and no other value of a record.
    """
    if isinstance(records, Survey):
        survey = records
    else:
        survey = survey_of([records] if isinstance(records, Mapping) else records)
    guess = guess_of(survey, prices)
    if not any(one.field == "model" or one.field.endswith("_tokens") for one in guess.taken):
        return None
    return "\n".join(_lines(guess))


def _lines(guess: Guess) -> Iterator[str]:
    yield guess.mapping()
    taken = {one.field for one in guess.taken}
    if guess.refused is not None:
        yield f"# {guess.refused}"
    for field in ("model", INPUT, OUTPUT):
        if field not in taken:
            yield f'# {field} = "…"  # no key is certain to be it'
    for one in guess.left:
        yield f"# not taken: {one.key}: {one.why}"
    for note in guess.notes:
        yield f"# {note}"
