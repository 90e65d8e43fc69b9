"""`costaudit label`: draw a sample of requests, take labels, and say what they tell about the tags."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

import costaudit
from costaudit.cli import console, options
from costaudit.errors import InputError, UsageError, shown
from costaudit.front.labels import open_sample
from costaudit.outputs import unwatched

if TYPE_CHECKING:
    from costaudit.front.labels import SampleRows
    from costaudit.front.result import Result


@options.takes(
    "policy",
    "prices_at",
    "calibration",
    *options.BOOK,
    *options.READING,
    *options.TOLD,
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
        str,
        typer.Option(
            "--format", "-f", metavar="NAME", callback=options.one_of_two, help="Of --read: text or json."
        ),
    ] = "text",
) -> None:
    """Draw a sample to label by hand; read the labels back: how often tags are right here.

    \b
    costaudit label logs/ --n 200 --with-text -o sample.csv
    costaudit label logs/ --interactive --with-text -o sample.csv
    costaudit label logs/ --read sample.csv --save calibration.toml
    """
    if save is not None and read is None:
        raise UsageError("--save needs --read", hint="labels are what a calibration is fitted on")
    if read is not None:
        found = costaudit.read_labels(*paths, sample=read, fit=save is not None, **given)
        if found.calibration is not None:
            console.deliver(found.calibration, save)
        console.answer(found, format_, output)
        return
    asked = {"n": n, "seed": seed, "with_text": with_text, **given}
    if interactive:
        _ask(paths, output, asked)
    else:
        _draw(paths, output, asked)


def _draw(paths: Sequence[str], output: Path | None, asked: options.Given) -> None:
    _keep_labels(output)
    found, quiet = costaudit.draw_sample(*paths, **asked), asked["quiet"]
    console.deliver(found.text(), output)
    if not asked["with_text"]:
        console.warn("the sample holds no prompts: --with-text adds an excerpt of each", quiet=quiet)
    where = "the sample" if output is None else str(output)
    number = f"{len(found.report):,} requests drawn"
    console.say(f"{number}: write 0 to 3 into the column label of {where}", quiet=quiet)


def _keep_labels(output: Path | None) -> None:
    """Nobody's labels are written over."""
    if output is None or not output.is_file():
        return
    try:
        with unwatched():
            given = sum(1 for row in open_sample(output).report if row["label"].strip())
    except InputError:
        return  # no sample: replaced like any file that -o names
    if given:
        raise UsageError(
            f"holds {given:,} labels that a new sample would replace",
            path=str(output),
            hint="name another file, or go on with --interactive",
        )


def _ask(paths: Sequence[str], output: Path | None, asked: options.Given) -> None:
    if output is None:
        raise UsageError("--interactive needs -o FILE", hint="the labels are kept there")
    if "-" in paths:
        raise UsageError("--interactive reads answers from standard input", hint="name the log's file")
    if output.is_file():
        with unwatched():  # it is gone on with
            sample = open_sample(output)
    else:
        sample = costaudit.draw_sample(*paths, **asked)
        console.deliver(sample.text(), output)
    ask_labels(sample, output)


def ask_labels(sample: Result[SampleRows], output: Path) -> None:
    """Show one unlabelled request after the other, and keep every answer at once."""
    rows = sample.report
    open_ = [row for row in rows if not row["label"].strip()]
    done = 0
    for number, row in enumerate(open_, 1):
        console.show(_shown(row, number, len(open_)))
        answer = _answer()
        if answer == "q":
            break
        if answer != "s":
            row["label"] = answer
            console.deliver(sample.text(), output)
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
