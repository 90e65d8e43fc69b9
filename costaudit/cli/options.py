"""Options that several commands share, each declared once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Optional, TypeVar, get_type_hints

import typer

from costaudit.errors import one_of
from costaudit.front.book import NEAREST
from costaudit.outputs import writes


def replaced(path: Path | None) -> Path | None:
    """The value of an option that names an output, refused at once where nothing may be written there."""
    if path is not None and str(path) != "-":
        writes(path)
    return path


Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH...",
        help="Log files, directories, quoted globs, or - for standard input.",
        show_default=False,
    ),
]
MaybePaths = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time
    typer.Argument(
        metavar="[PATH...]",
        help="Logs, as for analyze. Without one, a scenario is simulated.",
        show_default=False,
    ),
]
LogPaths = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Argument(
        metavar="[PATH...]",
        help="Log files, directories, quoted globs, or - for standard input. May be left out with --agents.",
        show_default=False,
    ),
]
Agents = Annotated[
    bool,
    typer.Option(
        "--agents",
        help="Read the logs of coding agents in your home (Claude Code, Codex, Gemini CLI, opencode, "
        "Cline …): cost by project and session.",
    ),
]
Agent = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--agent", metavar="NAME", help="The same of one agent, like claude-code. Repeatable."),
]


def _one_of(*formats: str) -> Callable[[str], str]:
    """What takes one of some formats, and refuses others before anything is read."""
    return lambda name: one_of(name, formats, "format")


one_of_two: Final = _one_of("text", "json")

Format = Annotated[
    str,
    typer.Option(
        "--format",
        "-f",
        metavar="NAME",
        callback=_one_of("text", "json", "csv", "markdown"),
        help="text, json, csv or markdown.",
    ),
]
ListFormat = Annotated[
    str,
    typer.Option("--format", "-f", metavar="NAME", callback=one_of_two, help="text or json."),
]
BlockFormat = Annotated[
    str,
    typer.Option(
        "--format",
        "-f",
        metavar="NAME",
        callback=_one_of("text", "json", "markdown"),
        help="text, json or markdown.",
    ),
]
Output = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        callback=replaced,
        help="Write there instead of to stdout; replaced only when whole.",
    ),
]
InputFormat = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--input-format", metavar="NAME", help="Read every record as this format (see costaudit formats)."
    ),
]
Prices = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--prices", metavar="DIR", help="Price tables to use instead of the shipped ones."),
]
Overlays = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Option("--overlay", metavar="DIR", help="Own prices, laid over the book. Repeatable."),
]
KnownOn = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--known-on", metavar="DATE", help="The price book as it stood that day: later rows are not seen."
    ),
]
PricesAt = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--prices-at",
        metavar="DATE",
        help="Price everything, before and after, as on this date instead of its own time.",
    ),
]
PriceChanges = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--price-change",
        metavar="CHANGE",
        help="Suppose another price, like 'google/gemini-2.0-flash input -40%' or "
        "'openai/* +5% from 2027-01-01'. Repeatable.",
    ),
]
TierRules = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--rules", metavar="FILE", help="Own rules for tiers, asked before the shipped ones."),
]
Risk = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(
        "--risk",
        metavar="SHARE",
        min=0,
        max=1,
        help="How probable it may be that a tag from text is too low; 0.30 if not given.",
    ),
]
Estimate = Annotated[
    bool,
    typer.Option("--estimate", help="Estimate the tokens of calls without usage from their text."),
]
CompareBill = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Option(
        "--compare-bill",
        metavar="FILE",
        help="A provider's bill or usage export to check the log against. Repeatable.",
    ),
]
CostSource = Annotated[
    str,
    typer.Option(
        "--cost-source",
        metavar="NAME",
        help="Bill by reported cost, by list, or auto: as reported, else list and known fees.",
    ),
]
PolicyFile = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--policy", metavar="FILE", help="Routing policy: a TOML file, or the name of a shipped one."
    ),
]
Policies = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--policy",
        metavar="FILE",
        help="Routing policy: a TOML file, or the name of a shipped one. Repeatable: all are compared.",
    ),
]
Evals = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--evals", metavar="FILE", help="How often models passed your own tests: CSV, JSON lines or TOML."
    ),
]
QualityFloor = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--quality-floor",
        metavar="RATE",
        help="The pass rate that a candidate must prove by --evals, like 0.9; instead of the policy's.",
    ),
]
Map = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--map",
        metavar="NAME=PROVIDER/MODEL",
        help="Read a name in the log as this model of the book. Repeatable.",
    ),
]
Markups = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--markup",
        metavar="FORM[,FORM...]",
        help="What comes on top of the projected bill: 5%,10% or 0%-15%, +0.0004/request, 5%+500/month, "
        "gateway:openrouter@2026-06-01. Repeatable.",
    ),
]
BreakEvens = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--break-even",
        metavar="[NAME=]FORM",
        help="A way to pay, to find the volume from which it is cheaper than the others: a form of --markup, "
        "also with N/mtok. Twice or more.",
    ),
]
Commits = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--commit",
        metavar="TERMS",
        help="A committed-use discount, before and after routing: percent=20,monthly=10000,months=12. "
        "Repeatable.",
    ),
]
Cache = Annotated[
    Optional[bool],  # noqa: UP045
    typer.Option(
        "--cache/--no-cache",
        help="Keep what the logs come to, without texts, so that the next question need not read them again "
        "(see costaudit cache).",
        show_default=False,
    ),
]
WithText = Annotated[
    bool,
    typer.Option("--with-text", help="Write prompts and system texts too: they are private, and left out."),
]
Calibration = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--calibration",
        metavar="FILE",
        help="Correct what the text says by this calibration (see costaudit label --save).",
    ),
]
Labels = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--labels", metavar="FILE", help="A labelled sample of these logs: say how often the tags are right."
    ),
]
Threads = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--threads", min=1, metavar="N", help="Threads to read with. The result never depends on it."
    ),
]
Limit = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--limit",
        metavar="NAME=SIZE",
        help="How much is read of one line, row, blank, window (.zst) or unpacked file: line=256MB.",
    ),
]
Dates = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--dates",
        metavar="ORDER",
        help="day-first, month-first or year-first: of dates like 11/4/2025 where the column does not tell.",
    ),
]
Decimals = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--decimals",
        metavar="MARK",
        help="comma or point: of amounts like 1,234 where the column does not tell.",
    ),
]
Guess = Annotated[
    bool,
    typer.Option(
        "--guess",
        help="Read a log of unknown format by what its keys are taken for: the report says which, and why.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no warnings.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say how each file was read.")]


_TABLE: Final[Mapping[str, tuple[Any, Any]]] = {
    "policy": (PolicyFile, None),
    "prices_at": (PricesAt, None),
    "cost_source": (CostSource, "auto"),
    "labels": (Labels, None),
    "evals": (Evals, None),
    "quality_floor": (QualityFloor, None),
    "calibration": (Calibration, None),
    "prices": (Prices, None),
    "overlays": (Overlays, None),
    "known_on": (KnownOn, None),
    "names": (Map, None),
    "input_format": (InputFormat, None),
    "rules": (TierRules, None),
    "risk": (Risk, None),
    "estimate": (Estimate, False),
    "threads": (Threads, None),
    "limits": (Limit, None),
    "dates": (Dates, None),
    "decimals": (Decimals, None),
    "guess": (Guess, False),
    "cache": (Cache, None),
    "quiet": (Quiet, False),
    "verbose": (Verbose, False),
}
"""Options that several commands have, by the names by which functions take them, with their defaults."""

BOOK: Final = ("prices", "overlays", "known_on", "names")
"""Which prices hold."""
READING: Final = (
    "input_format",
    "rules",
    "risk",
    "estimate",
    "threads",
    "limits",
    "dates",
    "decimals",
    "guess",
)
"""How logs are read and tagged."""
TOLD: Final = ("quiet", "verbose")
"""What is said beside the answer."""

Given = Any
"""The options of a command that were given, as `costaudit.front` takes them, under the nearest settings."""


def stated(**options: Any) -> Given:
    """The options that were given, among some; functions have their own defaults."""
    return {name: value for name, value in options.items() if value is not None}


T = TypeVar("T")


def takes(*names: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Give a command further options, behind its own: it gets them together, as its parameter `given`."""

    def decorated(command: Callable[..., T]) -> Callable[..., T]:
        hints = get_type_hints(command, include_extras=True)
        own = [
            one.replace(annotation=hints[one.name])
            for one in inspect.signature(command).parameters.values()
            if one.name != "given"
        ]
        more = [inspect.Parameter(n, _KIND, default=_TABLE[n][1], annotation=_TABLE[n][0]) for n in names]

        def with_options(**values: Any) -> T:
            given = {name: values.pop(name) for name in names}
            return command(**values, given={"settings": NEAREST} | stated(**given))

        with_options.__name__, with_options.__doc__ = command.__name__, command.__doc__
        with_options.__module__ = command.__module__
        with_options.__signature__ = inspect.Signature([*own, *more])  # type: ignore[attr-defined]
        with_options.__annotations__ = {one.name: one.annotation for one in (*own, *more)}
        return with_options

    return decorated


_KIND: Final = inspect.Parameter.KEYWORD_ONLY
