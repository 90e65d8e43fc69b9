"""Samples of requests: drawn to be labelled by hand, and what their labels say of the tags."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from costaudit.errors import InputError, UsageError, shown
from costaudit.front import telling
from costaudit.front.asking import Log, asked_logs
from costaudit.front.book import project_settings
from costaudit.front.options import File, LogOptions, path_of
from costaudit.front.reading import ReadLogs, opened_logs
from costaudit.front.result import Result
from costaudit.textfile import read_text

if TYPE_CHECKING:
    from costaudit.questions.audit.measured import Labels
    from costaudit.questions.tagging.labelfile import Sample
    from costaudit.questions.tagging.labelled import Gathered, Labelled
    from costaudit.tiers.calibration import Calibration

SampleRows = list[dict[str, str]]


def draw_sample(
    *logs: Log, n: int = 200, seed: int = 1, with_text: bool = False, **options: Unpack[LogOptions]
) -> Result[SampleRows]:
    """Requests to label by hand: `costaudit label`.

    `text()` is the CSV to write the labels into, `report` its rows; another `seed` draws another sample.
    Excerpts of the prompts are only there `with_text`. Raises InputError where nothing can be labelled.
    """
    from costaudit.questions.tagging.labelfile import sample_rows  # noqa: PLC0415 - start-up
    from costaudit.questions.tagging.labelled import draw_sample as draw  # noqa: PLC0415
    from costaudit.tape.record import Keeps  # noqa: PLC0415

    keeps = Keeps(ids=True)
    with (
        asked_logs(logs, options) as (paths, reading, notes, _),
        opened_logs(paths, reading, keeps=keeps) as read,
    ):
        drawn = draw(read.requests(), read.tape, read.plan, n, seed, with_text=with_text)
    return _sample(sample_rows(drawn, with_text=with_text), notes.lines)


def open_sample(path: Path) -> Result[SampleRows]:
    """A sample that was written before; raises InputError when it cannot be read."""
    return _sample([dict(row) for row in load_sample(path).rows])


def _sample(rows: SampleRows, notes: Sequence[str] = ()) -> Result[SampleRows]:
    from costaudit.questions.tagging.labelfile import render_sample  # noqa: PLC0415 - start-up

    return Result(rows, tuple(notes), {"text": lambda _width, _color: render_sample(rows)})


if TYPE_CHECKING:
    from costaudit.questions.audit.measured import LabelReport

    _OfLabels = Result[LabelReport]
else:
    _OfLabels = Result  # what it is of is imported when labels are read


class LabelResult(_OfLabels, frozen=True, eq=False):
    """What labels say of the tags."""

    calibration: str | None = None
    """The text of a calibration file that was fitted on them, if that was asked for."""


def read_labels(*logs: Log, sample: File, fit: bool = False, **options: Unpack[LogOptions]) -> LabelResult:
    """How often tags are right, by a labelled sample of these logs: `costaudit label --read`.

    `fit` fits a calibration of the text scores, too. Raises InputError for a sample of other logs, and for
    too few labels to fit.
    """
    from costaudit import __version__  # noqa: PLC0415 - start-up
    from costaudit.questions.audit.measured import LabelReport  # noqa: PLC0415
    from costaudit.questions.tagging.label_text import render_label_text  # noqa: PLC0415
    from costaudit.questions.tagging.labelled import fitted, gather, measure  # noqa: PLC0415
    from costaudit.tape.record import Keeps  # noqa: PLC0415

    keeps, loaded = Keeps(ids=True), load_sample(path_of(sample))
    with asked_logs(logs, options) as (paths, reading, notes, _):
        labelled = labels_of(loaded, quiet=reading.quiet)
        with opened_logs(paths, reading, keeps=keeps) as read:
            gathered = gather(read.requests(), read.plan, labelled)
            found = _fit(gathered, labelled, read) if fit else None
            report = LabelReport(
                version=__version__,
                policy=read.plan.policy.name,
                labels=measure(gathered, labelled),
                calibration=None if found is None else fitted(found),
            )
    drawn = {"text": lambda width, _: render_label_text(report, width)}
    return LabelResult(report, tuple(notes.lines), drawn, None, None if found is None else found.to_toml())


def _fit(gathered: Gathered, labelled: Labelled, read: ReadLogs) -> Calibration:
    from costaudit.questions.tagging.labelled import text_scores_of  # noqa: PLC0415 - start-up
    from costaudit.tiers.calibration import LEAST_LABELS, fit_calibration  # noqa: PLC0415

    if read.plan.tagger.calibration is not None:
        hint = "leave out --calibration, also in the settings"
        raise UsageError("--save fits scores that are not calibrated yet", hint=hint)
    fit = fit_calibration(*text_scores_of(gathered, labelled))
    if fit is None:
        raise InputError(
            f"too few labels to fit: it takes {LEAST_LABELS} of requests with a prompt that says something",
            path=labelled.sample.path,
        )
    return fit


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
