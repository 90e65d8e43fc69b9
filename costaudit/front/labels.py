"""Labelled samples for commands: which file, its labels, and what they say of the logs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from costaudit.errors import InputError, shown
from costaudit.front import telling
from costaudit.front.book import project_settings
from costaudit.textfile import read_text

if TYPE_CHECKING:
    from costaudit.front.reading import ReadLogs
    from costaudit.questions.audit.measured import Labels
    from costaudit.questions.tagging.labelfile import Sample
    from costaudit.questions.tagging.labelled import Labelled


def load_sample(path: Path) -> Sample:
    """A sample from a file; raises InputError when it cannot be read."""
    from costaudit.questions.tagging.labelfile import parse_sample  # noqa: PLC0415 - start-up

    return parse_sample(read_text(path), shown(path))


_LEFT_OUT = {
    "not_a_tier": "the label is no tier",
    "repeated": "the label contradicts an earlier row",
    "not_a_row": "no row of a sample",
}


def labels_of(sample: Sample, *, quiet: bool) -> Labelled:
    """The labels of a sample, with a warning for each row that does not count."""
    from costaudit.questions.tagging.labelled import read_labels  # noqa: PLC0415 - start-up

    labelled = read_labels(sample)
    for line, reason in labelled.skipped[:5]:
        telling.warn(f"{sample.path}:{line}: {_LEFT_OUT[reason]}; left out", quiet=quiet)
    if len(labelled.skipped) > 5:
        telling.warn(f"{sample.path}: {len(labelled.skipped) - 5:,} more rows left out", quiet=quiet)
    return labelled


def chosen_labels(path: Path | None, *, quiet: bool) -> Labelled | None:
    """The labels that an option names, or else the project's settings; None without any."""
    settings = project_settings()
    path = path or (settings[1].labels if settings else None)
    return None if path is None else labels_of(load_sample(path), quiet=quiet)


def measure_labels(labelled: Labelled, logs: ReadLogs, *, required: bool) -> Labels | None:
    """What the labels say of the tags of some logs.

    None, with a warning, for labels of other logs; where they are `required`, that is an InputError.
    """
    from costaudit.questions.tagging.labelled import gather, measure  # noqa: PLC0415 - start-up

    try:
        return measure(gather(logs.requests(), logs.plan, labelled), labelled)
    except InputError as error:
        if required:
            raise
        telling.warn(f"labels not used: {error}", quiet=logs.reading.quiet)
        return None
