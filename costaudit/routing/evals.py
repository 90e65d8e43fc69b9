"""Evaluation results: how often a model's answers passed, by tier or task. Measured by the user, not here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

import msgspec
from msgspec.structs import replace

from costaudit.errors import ConfigError, shown
from costaudit.prices.book import PriceBook
from costaudit.prices.quote import split_name
from costaudit.prices.resolver import Resolved, Resolver, Unresolved
from costaudit.prices.rows import instant_us
from costaudit.routing.eval_files import EvalEntry, load_entries
from costaudit.routing.pass_rate import PassRate

__all__ = ["EvalEntry", "Evals", "PassRate", "Unmatched", "load_evals", "named"]


class Unmatched(msgspec.Struct, frozen=True):
    """A model of an evals file that the price book does not have; its results count for nothing."""

    model: str
    """As the file names it."""
    line: int | None
    detail: str
    """Why, and what may have been meant."""


class Evals(msgspec.Struct, frozen=True, dict=True):
    """The results of a file."""

    path: str
    """As the user named it."""
    entries: tuple[EvalEntry, ...]
    unmatched: tuple[Unmatched, ...] = ()
    """Filled by `named`."""

    def rate(self, model: str, tier: int | None, feature: str | None) -> PassRate | None:
        """The results that hold for a request of a tier and feature, the most specific ones; None without.

        The feature as a task, then the task glob with the most letters of its own, then the tier, then
        what is stated for everything.
        """
        stated = self._by_model.get(model)
        return stated.rate(tier, feature) if stated else None

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Every model with results, in the order of the alphabet."""
        return tuple(sorted(self._by_model))

    @cached_property
    def speaks_of_tasks(self) -> bool:
        """Whether any result holds for single features only."""
        return any(entry.task is not None for entry in self.entries)

    @cached_property
    def _by_model(self) -> Mapping[str, _Stated]:
        sums: dict[str, dict[tuple[int | None, str | None], PassRate]] = defaultdict(dict)
        for entry in self.entries:
            held = sums[entry.model].get((entry.tier, entry.task), PassRate(0, 0))
            sums[entry.model][entry.tier, entry.task] = PassRate(
                held.passes + entry.passes, held.trials + entry.trials
            )
        return {model: _Stated.of(scopes) for model, scopes in sums.items()}


class _Stated(msgspec.Struct, frozen=True):
    """The results of one model by what they hold for."""

    tasks: Mapping[str, PassRate]
    globs: tuple[tuple[str, PassRate], ...]
    """Most specific first."""
    tiers: Mapping[int, PassRate]
    all: PassRate | None

    @classmethod
    def of(cls, scopes: Mapping[tuple[int | None, str | None], PassRate]) -> _Stated:
        tasks = {task: rate for (_, task), rate in scopes.items() if task is not None}
        globs = sorted((t for t in tasks if _is_glob(t)), key=lambda t: (-_letters(t), t))
        return cls(
            tasks={task: rate for task, rate in tasks.items() if not _is_glob(task)},
            globs=tuple((task, tasks[task]) for task in globs),
            tiers={tier: rate for (tier, _), rate in scopes.items() if tier is not None},
            all=scopes.get((None, None)),
        )

    def rate(self, tier: int | None, feature: str | None) -> PassRate | None:
        if feature is not None:
            if feature in self.tasks:
                return self.tasks[feature]
            for glob, rate in self.globs:
                if fnmatchcase(feature, glob):
                    return rate
        return self.all if tier is None else self.tiers.get(tier, self.all)


def load_evals(path: str | Path) -> Evals:
    """The results of a CSV, JSON lines or TOML file; raises ConfigError with its line when it is invalid.

    Results of the same model and scope add up, unless they are of the same date and source: those would
    be counted twice, and are refused.
    """
    entries = load_entries(path)
    _refuse_twice(entries, str(path))
    return Evals(shown(path), entries)


def named(evals: Evals, book: PriceBook, resolver: Resolver) -> Evals:
    """The same results under the names of the book, `provider/model`, so that aliases of a model meet.

    An alias is what it stood for on the date of the result; without a date, what it stands for last.
    Models that are not in the book are in `unmatched`. Raises ConfigError when aliases of one model state
    the same result twice.
    """
    entries, unmatched = [], []
    for entry in evals.entries:
        found = _model(entry, book, resolver)
        if isinstance(found, Resolved):
            entries.append(replace(entry, model=f"{found.provider}/{found.model}"))
        else:
            unmatched.append(Unmatched(entry.model, entry.line, found.detail or found.reason.value))
    _refuse_twice(entries, evals.path)
    return Evals(evals.path, tuple(entries), tuple(unmatched))


def _model(entry: EvalEntry, book: PriceBook, resolver: Resolver) -> Resolved | Unresolved:
    name = split_name(book, entry.model)
    if entry.date is not None:
        return resolver.resolve(*name, instant_us(entry.date))
    periods = resolver.periods(*name)
    return next((found for _, found in reversed(periods) if isinstance(found, Resolved)), periods[-1][1])


def _refuse_twice(entries: Iterable[EvalEntry], path: str) -> None:
    seen: dict[tuple[object, ...], EvalEntry] = {}
    for entry in entries:
        first = seen.setdefault((entry.model, entry.tier, entry.task, entry.date, entry.source), entry)
        if first is not entry:
            at = f" of line {first.line}" if first.line else ""
            scope = f"task {entry.task!r}" if entry.task else f"tier {entry.tier}"
            scope = "everything" if entry.task is None and entry.tier is None else scope
            raise ConfigError(
                f"states {entry.model!r} for {scope} again: the result{at} has the same date and source",
                path=path,
                line=entry.line,
                hint="results of different dates or sources add up: say them, or leave one out",
            )


def _is_glob(task: str) -> bool:
    return any(mark in task for mark in "*?[")


def _letters(glob: str) -> int:
    """Characters that stand for themselves; a set in brackets counts as none."""
    depth = count = 0
    for mark in glob:
        depth += (mark == "[") - (mark == "]" and depth > 0)
        count += depth == 0 and mark not in "*?]"
    return count
