"""How commands that judge answer: in a format on stdout, in any others into files, and by their exit code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, Optional

import msgspec
import typer

from costaudit.cli import console
from costaudit.errors import UsageError
from costaudit.outputs import writes

if TYPE_CHECKING:
    from costaudit.front.result import JudgedResult

JudgedFormat = Annotated[
    str,
    typer.Option(
        "--format", "-f", metavar="NAME", help="text, json, markdown, github, gitlab, sarif or junit."
    ),
]
Reports = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option(
        "--report",
        metavar="FORMAT:PATH",
        help="Also write the answer in this format to a file, like sarif:out.sarif. Repeatable.",
    ),
]

FORGES: Final = frozenset({"github", "gitlab", "sarif"})
"""Formats whose readers look for files from the top of the repository."""
ROOTS: Final = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""Where CI systems say what the top of the repository is."""


class Answers(msgspec.Struct, frozen=True):
    """Where an answer goes, in which formats."""

    format: str
    output: Path | None
    reports: tuple[tuple[str, Path], ...]


def parse_answers(format_: str, output: Path | None, reports: Sequence[str] | None) -> Answers:
    """What `--format`, `--output` and `--report` say, before any work is done.

    Raises UsageError for an unknown format, and for two answers in one file.
    """
    from costaudit.render.checks import check_format, parse_report_option  # noqa: PLC0415 - start-up

    check_format(format_, "--format")
    wanted = tuple(parse_report_option(text) for text in reports or ())
    for _, path in wanted:
        if str(path) == "-":
            raise UsageError("--report writes to a file", hint="--format says what stdout gets")
        writes(path)
    return Answers(format_, output, wanted)


def answer(found: JudgedResult, answers: Answers) -> NoReturn:
    """Write every answer, files first, and end with the exit code of the report."""
    seen = found.renamed(from_top)
    for format_, path in answers.reports:
        console.answer(seen if format_ in FORGES else found, format_, path)
    console.answer(seen if answers.format in FORGES else found, answers.format, answers.output)
    raise typer.Exit(found.report.exit_code)


def from_top(file: str) -> str:
    """A file of the working directory as seen from the top of the repository that CI names.

    What is not there, such as a table of a revision of git, is named from the top already.
    """
    here = Path.cwd()
    top = next((Path(os.environ[name]) for name in ROOTS if os.environ.get(name)), here)
    path = Path(os.path.normpath(here / file))
    try:
        return path.relative_to(top.resolve()).as_posix() if path.exists() else file
    except ValueError:
        return file
