"""`costaudit label`: draw a sample of requests, take labels, and say what they tell about the tags."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from costaudit.cli import console, options
from costaudit.errors import InputError, UsageError, one_of, shown
from costaudit.front.labels import labels_of, load_sample
from costaudit.front.options import reading_of
from costaudit.front.reading import LogReading, ReadLogs, opened_logs
from costaudit.outputs import unwatched

if TYPE_CHECKING:
    from costaudit.questions.tagging.labelfile import Sample
    from costaudit.questions.tagging.labelled import Labelled
    from costaudit.tiers.calibration import Calibration


@options.takes(
    "policy",
    "prices_at",
    "calibration",
    *options.BOOK,
    "input_format",
    "rules",
    "risk",
    "estimate",
    "threads",
    "limits",
    "dates",
    "decimals",
    "guess",
    "quiet",
    "verbose",
)
def label(
    given: options.Given,
    paths: options.Paths,
    n: Annotated[int, typer.Option("--n", min=1, metavar="N", help="Requests to draw.")] = 200,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Another seed draws another sample.")] = 1,
    output: options.Output = None,
    with_text: Annotated[
        bool,
        typer.Option("--with-text", help="Put an excerpt of each private prompt in the sample."),
    ] = False,
    interactive: Annotated[
        bool,
        typer.Option("--interactive", help="Ask for the labels here, and keep each in the sample at once."),
    ] = False,
    read: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option("--read", metavar="FILE", help="A labelled sample: say how often the tags are right."),
    ] = None,
    save: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--save",
            metavar="FILE",
            callback=options.replaced,
            help="With --read: fit a calibration of the text scores.",
        ),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", "-f", metavar="NAME", help="Of --read: text or json.")
    ] = "text",
) -> None:
    """Draw a sample to label by hand; read the labels back: how often tags are right here.

    \b
    costaudit label logs/ --n 200 --with-text -o sample.csv
    costaudit label logs/ --interactive --with-text -o sample.csv
    costaudit label logs/ --read sample.csv --save calibration.toml
    """
    reading = reading_of(given)
    one_of(format_, ("text", "json"), "format")
    if save is not None and read is None:
        raise UsageError("--save needs --read", hint="labels are what a calibration is fitted on")
    if read is not None:
        _read(paths, reading, load_sample(read), save, format_, output)
    elif interactive:
        _ask(paths, reading, n, seed, output, with_text=with_text)
    else:
        _draw(paths, reading, n, seed, output, with_text=with_text)


# Reading back


def _read(
    paths: Sequence[str],
    reading: LogReading,
    sample: Sample,
    save: Path | None,
    format_: str,
    output: Path | None,
) -> None:
    from costaudit import __version__  # noqa: PLC0415 - start-up
    from costaudit.questions.audit.measured import LabelReport  # noqa: PLC0415
    from costaudit.questions.tagging.label_text import render_label_text  # noqa: PLC0415
    from costaudit.questions.tagging.labelled import fitted, gather, measure  # noqa: PLC0415
    from costaudit.render.jsonout import render_json  # noqa: PLC0415
    from costaudit.tape.record import Keeps  # noqa: PLC0415

    labelled = labels_of(sample, quiet=reading.quiet)
    with opened_logs(paths, reading, keeps=Keeps(ids=True)) as logs:
        gathered = gather(logs.requests(), logs.plan, labelled)
        fit = _fit(gathered, labelled, logs) if save is not None else None
        report = LabelReport(
            version=__version__,
            policy=logs.plan.policy.name,
            labels=measure(gathered, labelled),
            calibration=None if fit is None else fitted(fit),
        )
    if fit is not None:
        console.deliver(fit.to_toml(), save)
    if format_ == "json":
        console.deliver(render_json(report), output)
    else:
        console.show(render_label_text(report, console.width()), output)


def _fit(gathered: Any, labelled: Labelled, logs: ReadLogs) -> Calibration:
    from costaudit.questions.tagging.labelled import text_scores_of  # noqa: PLC0415 - start-up
    from costaudit.tiers.calibration import LEAST_LABELS, fit_calibration  # noqa: PLC0415

    if logs.plan.tagger.calibration is not None:
        hint = "leave out --calibration, also in the settings"
        raise UsageError("--save fits scores that are not calibrated yet", hint=hint)
    fit = fit_calibration(*text_scores_of(gathered, labelled))
    if fit is None:
        raise InputError(
            f"too few labels to fit: it takes {LEAST_LABELS} of requests with a prompt that says something",
            path=labelled.sample.path,
        )
    return fit


# Drawing and asking


def _draw(
    paths: Sequence[str], reading: LogReading, n: int, seed: int, output: Path | None, *, with_text: bool
) -> None:
    from costaudit.questions.tagging.labelfile import render_sample  # noqa: PLC0415 - start-up

    _keep_labels(output)
    rows = _drawn(paths, reading, n, seed, with_text=with_text)
    console.deliver(render_sample(rows), output)
    if not with_text:
        console.warn("the sample holds no prompts: --with-text adds an excerpt of each", quiet=reading.quiet)
    where = "the sample" if output is None else str(output)
    console.say(
        f"{len(rows):,} requests drawn: write 0 to 3 into the column label of {where}", quiet=reading.quiet
    )


def _drawn(
    paths: Sequence[str], reading: LogReading, n: int, seed: int, *, with_text: bool
) -> list[dict[str, str]]:
    from costaudit.questions.tagging.labelfile import sample_rows  # noqa: PLC0415 - start-up
    from costaudit.questions.tagging.labelled import draw_sample  # noqa: PLC0415
    from costaudit.tape.record import Keeps  # noqa: PLC0415

    with opened_logs(paths, reading, keeps=Keeps(ids=True)) as logs:
        drawn = draw_sample(logs.requests(), logs.tape, logs.plan, n, seed, with_text=with_text)
    return sample_rows(drawn, with_text=with_text)


def _keep_labels(output: Path | None) -> None:
    """Nobody's labels are written over."""
    if output is None or not output.is_file():
        return
    try:
        with unwatched():
            given = sum(1 for row in load_sample(output).rows if row["label"].strip())
    except InputError:
        return  # no sample: replaced like any file that -o names
    if given:
        raise UsageError(
            f"holds {given:,} labels that a new sample would replace",
            path=str(output),
            hint="name another file, or go on with --interactive",
        )


def _ask(
    paths: Sequence[str], reading: LogReading, n: int, seed: int, output: Path | None, *, with_text: bool
) -> None:
    from costaudit.questions.tagging.labelfile import render_sample  # noqa: PLC0415 - start-up

    if output is None:
        raise UsageError("--interactive needs -o FILE", hint="the labels are kept there")
    if "-" in paths:
        raise UsageError("--interactive reads answers from standard input", hint="name the log's file")
    if output.is_file():
        with unwatched():  # it is gone on with
            rows = [dict(row) for row in load_sample(output).rows]
    else:
        rows = _drawn(paths, reading, n, seed, with_text=with_text)
        console.deliver(render_sample(rows), output)
    ask_labels(rows, output, render_sample)


def ask_labels(rows: list[dict[str, str]], output: Path, render: Any) -> None:
    """Show one unlabelled request after the other, and keep every answer at once."""
    open_ = [row for row in rows if not row["label"].strip()]
    done = 0
    for number, row in enumerate(open_, 1):
        console.show(_shown(row, number, len(open_)))
        answer = _answer()
        if answer == "q":
            break
        if answer != "s":
            row["label"] = answer
            console.deliver(render(rows), output)
            done += 1
    left = sum(1 for row in rows if not row["label"].strip())
    console.show(f"\n{done:,} labelled now, {left:,} left in {shown(output)}\n")


_ASKED = ("ts", "provider", "model", "feature", "user_tier", "tags", "system_characters", "prompt_characters",
          "input", "output", "list_usd")  # fmt: skip


def _shown(row: dict[str, str], number: int, total: int) -> str:
    """One request without its predicted tier, which would suggest itself."""
    from costaudit.render.safe import pad, wrap  # noqa: PLC0415 - start-up

    width = console.width()
    lines = ["", f"{number:,} of {total:,}  {row['id']}"]
    lines += [f"  {pad(name, 17)}  {row[name]}" for name in _ASKED if row.get(name)]
    prompt = row.get("prompt", "")
    lines += ["", *("  " + line for line in wrap(prompt, width - 2))] if prompt else []
    return "\n".join(lines) + "\n"


def _answer() -> str:
    """0 to 3, s or q; the end of the input is q."""
    while True:
        console.show("tier 0 trivial, 1 standard, 2 complex, 3 high-stakes; s skips, q quits: ")
        line = sys.stdin.readline() if sys.stdin is not None else ""
        answer = line.strip().lower()
        if not line or answer == "q":
            return "q"
        if answer in ("0", "1", "2", "3", "s"):
            return answer
