"""The rules of the price tables, on what a program or a command line names."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from costaudit.errors import TableError, UsageError

if TYPE_CHECKING:
    from costaudit.prices.book import PriceBook
    from costaudit.prices.check import Checked, CheckTerms
    from costaudit.prices.folders import Folder
    from costaudit.prices.rules.rule import Base, UnpricedTraffic, Violation
    from costaudit.prices.targets import Target
    from costaudit.render.checks import CheckReport


class CheckAsked(NamedTuple):
    """What the tables are held against."""

    base: str | None
    overlays: Sequence[Path]
    policies: Sequence[str]
    traffic: Sequence[str]
    select: Sequence[str]
    ignore: Sequence[str]
    now: int
    """Microseconds UTC."""
    max_age: int | None
    """Days after which a price that nobody has checked is warned of."""
    grace_days: int
    against: str | None
    """A source of other prices."""


def checked_tables(words: Sequence[str], asked: CheckAsked) -> CheckReport:
    """The report on the tables that words name; raises UsageError or TableError."""
    from costaudit.prices.check import CheckTerms  # noqa: PLC0415 - start-up
    from costaudit.prices.rules.registry import select_rules  # noqa: PLC0415
    from costaudit.prices.targets import join_checked  # noqa: PLC0415
    from costaudit.render.checks.tables import checked_report  # noqa: PLC0415

    terms = CheckTerms(
        rules=select_rules(asked.select, asked.ignore),
        now=asked.now,
        max_age_days=asked.max_age,
        grace_days=asked.grace_days,
        against=_observer(asked.against, asked.now),
    )
    checked = [_judge(target, asked, terms) for target in _targets(words, asked.base)]
    return checked_report(join_checked(checked))


def _targets(paths: Sequence[str], base: str | None) -> tuple[Target | None, ...]:
    """What is checked; None stands for the shipped tables.

    Without a word it is the working tree's copy of a base of git, else the shipped tables.
    """
    from costaudit.prices.targets import find_targets  # noqa: PLC0415 - start-up
    from costaudit.prices.trees import working_tables  # noqa: PLC0415

    words = list(paths)
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


def _judge(target: Target | None, asked: CheckAsked, terms: CheckTerms) -> Checked:
    from costaudit.front.routes import wanted_models  # noqa: PLC0415 - start-up
    from costaudit.prices.check import judge_tables  # noqa: PLC0415
    from costaudit.prices.targets import base_of, narrow_checked  # noqa: PLC0415

    folder = None if target is None else target.folder
    policies = [*asked.policies, *(("default",) if _is_shipped(folder) else ())]
    base = asked.base or (None if asked.overlays else _fork(target))
    if base is not None and target is not None:
        base = base_of(target, base, Path.cwd())
    own = replace(terms, wanted=wanted_models(policies), traffic=_traffic(folder, asked))
    if asked.base is None and base is not None:
        checked = _judged_since(base, folder, asked, own)
    else:
        checked = judge_tables(folder, asked.overlays, replace(own, base=_base(base)))
    return checked if target is None else narrow_checked(checked, target)


def _fork(target: Target | None) -> str | None:
    """Where the branch of tables in a working tree began, which is what they are held against unasked."""
    from costaudit.prices.folders import shipped_directory  # noqa: PLC0415 - start-up
    from costaudit.prices.trees import GIT, fork_of  # noqa: PLC0415

    spec = str(shipped_directory()) if target is None else target.spec
    if spec.startswith(GIT):
        return None
    path = Path(os.path.relpath(spec))
    fork = None if ".." in path.parts else fork_of(path.as_posix(), Path.cwd())
    return f"{fork}:./{path.as_posix()}" if fork else None


def _judged_since(base: str, folder: Folder | str | None, asked: CheckAsked, terms: CheckTerms) -> Checked:
    """Tables held against a base that nobody named: where that cannot be read, they are judged without."""
    from costaudit.prices.check import judge_tables  # noqa: PLC0415 - start-up

    try:
        since = judge_tables(folder, asked.overlays, replace(terms, base=_base(base)))
    except (TableError, UsageError):
        since = None
    if since is None or since.unreadable:
        return judge_tables(folder, asked.overlays, terms)
    return since


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
