"""`costaudit pricing check` and `explain`: the rules of the price tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, Optional

import typer
from msgspec.structs import replace

from costaudit.cli import console, judged, options
from costaudit.cli import pricing_text as told
from costaudit.errors import UsageError, one_of
from costaudit.front.options import instant_of

if TYPE_CHECKING:
    from costaudit.prices.book import PriceBook
    from costaudit.prices.check import Checked, CheckTerms
    from costaudit.prices.folders import Folder
    from costaudit.prices.rules.rule import Base, UnpricedTraffic, Violation
    from costaudit.prices.targets import Target

_FORMATS = ("text", "json")

Moment = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option("--at", metavar="TIME", help="Judge as at this time, like 2026-12-01; now by default."),
]
Grace = Annotated[
    int,
    typer.Option(
        "--grace-days", min=0, metavar="N", help="How long ago a new price may have started without a word."
    ),
]


def moment(text: str | None) -> int:
    """The time that is judged by, microseconds UTC; now without one."""
    return instant_of(text, "--at") if text else int(datetime.now(UTC).timestamp()) * 1_000_000


def check(
    paths: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            metavar="[PATH...]",
            help="Price tables to check: directories, tables or git:REV:PATH; the shipped ones by default.",
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--base",
            metavar="BASE",
            help="What they were before: a directory, git:REV:PATH, or git:REV. Judges history.",
        ),
    ] = None,
    select: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--select", metavar="CODE", help="Only rules whose code begins so, like CA3. Repeatable."
        ),
    ] = None,
    ignore: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--ignore", metavar="CODE", help="No rules whose code begins so. Repeatable."),
    ] = None,
    at: Moment = None,
    max_age: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--max-age", min=0, metavar="DAYS", help="Warn of prices that nobody has checked for so long."
        ),
    ] = None,
    grace_days: Grace = 14,
    policy: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--policy", metavar="FILE", help="A routing policy whose models must have prices. Repeatable."
        ),
    ] = None,
    against: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--against",
            metavar="SOURCE",
            help="Warn where a source states another price (see pricing import).",
        ),
    ] = None,
    traffic: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--traffic",
            metavar="PATH",
            help="Logs or a ledger whose requests must all have a price. Repeatable.",
        ),
    ] = None,
    format_: judged.JudgedFormat = "text",
    output: options.Output = None,
    report: judged.Reports = None,
    overlay: options.Overlays = None,
) -> None:
    """Whether the price tables hold together. Exit 1 when a rule with severity error is broken.

    \b
    costaudit pricing check
    costaudit pricing check tables --base git:main:tables
    costaudit pricing check --select CA3 --ignore CA309
    """
    from costaudit.prices.check import CheckTerms  # noqa: PLC0415 - start-up
    from costaudit.prices.rules.registry import select_rules  # noqa: PLC0415
    from costaudit.prices.targets import join_checked  # noqa: PLC0415
    from costaudit.render.checks.tables import checked_report  # noqa: PLC0415

    answers = judged.parse_answers(format_, output, report)
    rules, now = select_rules(select or (), ignore or ()), moment(at)
    terms = CheckTerms(
        rules=rules,
        now=now,
        max_age_days=max_age,
        grace_days=grace_days,
        against=_observer(against, now),
    )
    with console.uncollected():
        targets = _targets(paths, base)
        asked = CheckAsked(base, overlay or (), policy or (), traffic or ())
        checked = [_judge(target, asked, terms) for target in targets]
    judged.answer(checked_report(join_checked(checked)), answers)


def _targets(paths: Sequence[str] | None, base: str | None) -> tuple[Target | None, ...]:
    """What is checked; None stands for the shipped tables.

    Without a word it is the working tree's copy of a base of git, else the shipped tables.
    """
    from costaudit.prices.targets import find_targets  # noqa: PLC0415 - start-up
    from costaudit.prices.trees import working_tables  # noqa: PLC0415

    words = list(paths or ())
    if not words and base is not None:
        found = working_tables(base, Path.cwd())
        words = [found] if found is not None and not (found == "pricing" and _is_shipped(found)) else []
    if not words:
        return (None,)
    targets = find_targets(words, Path.cwd())
    if base is not None and len(targets) > 1 and _names_tables(base):
        raise UsageError(
            f"--base {base} is of one directory, and {len(targets)} are checked",
            hint="git:REV alone compares each with itself in that revision",
        )
    return targets


def _names_tables(base: str) -> bool:
    """Whether a base names tables by itself, so that it can be that of one directory only."""
    return ":" in base.removeprefix("git:") or not base.startswith("git:")


class CheckAsked(NamedTuple):
    """What the tables are held against."""

    base: str | None
    overlays: Sequence[Path]
    policies: Sequence[str]
    traffic: Sequence[str]


def _judge(target: Target | None, asked: CheckAsked, terms: CheckTerms) -> Checked:
    from costaudit.front.routes import wanted_models  # noqa: PLC0415 - start-up
    from costaudit.prices.check import judge_tables  # noqa: PLC0415
    from costaudit.prices.targets import base_of, narrow_checked  # noqa: PLC0415

    folder = None if target is None else target.folder
    policies = [*asked.policies, *(("default",) if _is_shipped(folder) else ())]
    base = asked.base
    if base is not None and target is not None:
        base = base_of(target, base, Path.cwd())
    own = replace(terms, base=_base(base), wanted=wanted_models(policies), traffic=_traffic(folder, asked))
    checked = judge_tables(folder, asked.overlays, own)
    return checked if target is None else narrow_checked(checked, target)


def _traffic(folder: Folder | str | None, asked: CheckAsked) -> Callable[[], list[UnpricedTraffic]] | None:
    """What asks logs, when any are named."""
    if not asked.traffic:
        return None
    from costaudit.front.traffic import unpriced_traffic  # noqa: PLC0415 - start-up

    tables = Path(folder) if isinstance(folder, str) else folder
    return lambda: unpriced_traffic(asked.traffic, tables, asked.overlays)


def _is_shipped(tables: Folder | str | None) -> bool:
    from costaudit.prices.folders import shipped_directory  # noqa: PLC0415 - start-up

    return tables is None or (
        isinstance(tables, str) and Path(tables).resolve() == shipped_directory().resolve()
    )


def _base(spec: str | None) -> Base | None:
    from costaudit.prices.check import load_base  # noqa: PLC0415 - start-up
    from costaudit.prices.trees import open_tables  # noqa: PLC0415

    return None if spec is None else load_base(open_tables(spec, Path.cwd()).folder)


def _observer(source: str | None, now: int) -> Callable[[PriceBook], list[Violation]] | None:
    """What asks another source, when one is named."""
    if source is None:
        return None
    from costaudit.prices.importers.against import check_against  # noqa: PLC0415 - start-up

    return lambda book: check_against(book, source, now)


def explain(
    rule: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(
            metavar="[RULE]", help="A code like CA303, or a name; all by default.", show_default=False
        ),
    ] = None,
    format_: options.ListFormat = "text",
) -> None:
    """What a rule of `pricing check` looks for, why, and what to do."""
    from costaudit.prices.answers import rules_value  # noqa: PLC0415 - start-up
    from costaudit.prices.rules.registry import RULES, rule_named  # noqa: PLC0415

    one_of(format_, _FORMATS, "format")
    rules = RULES if rule is None else (rule_named(rule),)
    if format_ == "json":
        console.deliver(console.as_json(rules_value(rules)))
    elif rule is None:
        console.show(told.rules_text(rules))
    else:
        console.show(told.rule_text(rules[0], console.width()))
