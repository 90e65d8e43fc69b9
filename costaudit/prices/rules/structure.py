"""CA1: the tables can be read, and every row has its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from costaudit.prices.book import restated_facts
from costaudit.prices.proof import CORE
from costaudit.prices.rows import PriceRow
from costaudit.prices.rules.rule import ERROR, WARNING, BrokenAt, CheckedTables, Rule
from costaudit.prices.semantics import ANY
from costaudit.prices.tables import SUPPRESSIONS

_TABLES: Final = frozenset({"prices.csv", "models.csv", "aliases.csv"})
_TOP: Final = frozenset({
    "providers.toml", "gateways.toml", "windows.csv", "semantics.csv", "sources.csv", SUPPRESSIONS,
})  # fmt: skip


def _elsewhere(_case: CheckedTables) -> Iterator[BrokenAt]:
    """Found while the tables are read, or after everything else."""
    return iter(())


def _find_duplicates(case: CheckedTables) -> Iterator[BrokenAt]:
    for rows in case.book.rows.values():
        seen: dict[tuple[object, ...], PriceRow] = {}
        for row in rows:
            key = (row.overlay, row.klass, row.when, row.valid_from)
            first = seen.setdefault(key, row)
            if first is not row and row.status != "correction":
                told = f"{row.rate_id} stands already on line {first.line}"
                yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_unsorted(case: CheckedTables) -> Iterator[BrokenAt]:
    last: PriceRow | None = None
    for row in case.rows:
        if last is not None and last.path == row.path and _order(last) > _order(row):
            told = f"{row.model} {row.klass} stands after {last.model} {last.klass}: sort the rows"
            yield BrokenAt(row.path, row.line, row.rate_id, told)
        last = row


def _order(row: PriceRow) -> tuple[object, ...]:
    return row.model, row.klass, str(row.when), row.valid_from


def _find_unknown_models(case: CheckedTables) -> Iterator[BrokenAt]:
    for key, rows in case.book.rows.items():
        if key not in case.book.facts:
            told = f"{rows[0].model} has prices but no row in models.csv"
            yield BrokenAt(rows[0].path, rows[0].line, "/".join(key), told)


def _find_bad_aliases(case: CheckedTables) -> Iterator[BrokenAt]:
    book = case.book
    for provider, aliases in book.alias_keys.items():
        for name in aliases:
            rows = book.aliases_named(provider, name)
            for place, row in enumerate(rows):
                subject = f"{provider}/{row.alias}"
                if (provider, row.model) not in book.rows:
                    told = f"alias {row.alias!r} points at {row.model!r}, which has no prices"
                    yield BrokenAt(row.path, row.line, subject, told)
                if row.alias.lower() in book.model_by_name[provider]:
                    told = f"alias {row.alias!r} is also the name of a model"
                    yield BrokenAt(row.path, row.line, subject, told)
                end = rows[place - 1].valid_to if place else row.valid_from
                if place and (end is None or end != row.valid_from):
                    told = f"alias {row.alias!r} has a gap or an overlap at its change of target"
                    yield BrokenAt(row.path, row.line, subject, told)
                if None not in (row.valid_from, row.valid_to) and row.valid_to <= row.valid_from:  # type: ignore[operator]
                    told = f"alias {row.alias!r} ends before it starts"
                    yield BrokenAt(row.path, row.line, subject, told)


def _find_unknown_windows(case: CheckedTables) -> Iterator[BrokenAt]:
    for row in case.rows:
        if row.when.window and row.when.window not in case.book.windows:
            told = f"window {row.when.window!r} is not in windows.csv"
            yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_flaws(kind: str) -> Callable[[CheckedTables], Iterator[BrokenAt]]:
    def found(case: CheckedTables) -> Iterator[BrokenAt]:
        flaws = (f for f in case.flaws if f.kind == kind)
        return (BrokenAt(f.row.path, f.row.line, f.row.rate_id, f.message) for f in flaws)

    return found


def _find_strangers(case: CheckedTables) -> Iterator[BrokenAt]:
    known = case.book.providers
    for name in sorted({p for p, _ in case.semantics.rows} - {*known, ANY}):
        yield BrokenAt(case.shown("semantics.csv"), 0, name, f"no provider {name!r}")
    for provider in known.values():
        other = provider.same_list_as
        if other is not None and other not in known:
            told = f"[{provider.id}] has the list of {other!r}, which is no provider"
            yield BrokenAt(case.shown("providers.toml"), 0, provider.id, told)


def _find_stray_files(case: CheckedTables) -> Iterator[BrokenAt]:
    paths: list[Any] = sorted(p for p in case.place.rglob("*") if p.is_file())
    for path in paths:
        parts = path.relative_to(case.place).parts
        if path.suffix not in (".csv", ".toml") or any(part.startswith(".") for part in parts):
            continue
        fine = (
            parts[0] in _TOP
            if len(parts) == 1
            else len(parts) == 2 and parts[0] in case.book.providers and parts[1] in _TABLES
        )
        if not fine:
            name = "/".join(parts)
            told = f"{name} is no table of a provider in providers.toml: it would be ignored"
            yield BrokenAt(case.shown(name), 0, name, told)


def _find_impossible_facts(case: CheckedTables) -> Iterator[BrokenAt]:
    for first, second in restated_facts(case.book):
        told = f"{second['model']} stands already on line {first.line}"
        yield BrokenAt(second.path, second.line, second["model"], told)
    for key, facts in case.book.facts.items():
        subject = "/".join(key)
        if facts.released_on and facts.retired_on and facts.retired_on < facts.released_on:
            told = f"{facts.model} was retired on {facts.retired_on}, before its release"
            yield BrokenAt(facts.path, facts.line, subject, told)
        for size, what in ((facts.context_window, "context window"), (facts.max_output, "longest output")):
            if size is not None and not 0 < size <= 100_000_000:
                told = f"{facts.model} has a {what} of {size} tokens"
                yield BrokenAt(facts.path, facts.line, subject, told)


def _find_one_sided(case: CheckedTables) -> Iterator[BrokenAt]:
    """New models that answer with text, and have a price for one direction only."""
    known = case.base.book.rows if case.base is not None else case.book.rows
    for key, rows in case.book.in_force.items():
        facts = case.book.facts.get(key)
        if key in known or facts is None or facts.klass not in ("flagship", "mid", "economy"):
            continue
        missing = [klass for klass in CORE if all(row.klass != klass for row in rows)]
        if len(missing) == 1:
            row = rows[0]
            told = f"{'/'.join(key)} is new and has no {missing[0]} price"
            yield BrokenAt(row.path, row.line, "/".join(key), told)


RULES: Final = (
    Rule(
        "CA101", "unreadable-table", ERROR,
        "A table that cannot be read prices nothing, and nothing else can be judged (exit code 2).",
        "Mend the cell that the message names; docs/pricing.md has the columns.",
        "gpt-x,input,$2.50,mtok,2026-01-01,…",
        _elsewhere,
    ),
    Rule(
        "CA102", "duplicate-row", ERROR,
        "Two rows for one class, condition and instant: which of the two holds is an accident.",
        "Remove one, or give the later one status=correction and a note that says what was wrong.",
        "gpt-x,input,2,mtok,2026-01-01,…  twice",
        _find_duplicates,
    ),
    Rule(
        "CA103", "unsorted-row", ERROR,
        "Rows in one order make a diff of a table a list of price changes.",
        "Sort by model, class, when, valid_from.",
        "a row of gpt-a after a row of gpt-b",
        _find_unsorted,
    ),
    Rule(
        "CA104", "model-without-facts", ERROR,
        "Routing needs class, context window and dates of a model; a typing error in an id looks like a "
        "new model.",
        "Add a line to models.csv, or mend the id.",
        "gpt-4o-mni,input,… without gpt-4o-mni in models.csv",
        _find_unknown_models,
    ),
    Rule(
        "CA105", "bad-alias", ERROR,
        "An alias that points at nothing makes the requests under that name unpriced; one with a gap, "
        "some of them.",
        "Point it at a model of the same provider, and let each of its rows start where the one before ends.",
        "gpt-latest,gpt-5-9,,,…  where gpt-5-9 has no prices",
        _find_bad_aliases,
    ),
    Rule(
        "CA106", "unknown-window", ERROR,
        "A price in an unknown time window never holds.",
        "Add the window to windows.csv, or mend its name.",
        "deepseek-chat,input,0.2,mtok,2026-08-16,window=deepseek-peek,…",
        _find_unknown_windows,
    ),
    Rule(
        "CA107", "overlap", ERROR,
        "Two rows match one request and neither is the more specific: its price would be an accident.",
        "Add the row with the conditions of both.",
        "rows under context>200000 and under region=us, none under context>200000 region=us",
        _find_flaws("overlap"),
    ),
    Rule(
        "CA108", "gap", ERROR,
        "Some requests match no row: a class with prices only under conditions, or output without input.",
        "Add the missing row, or let all classes start and end together.",
        "gpt-x,input,1,mtok,2026-01-01,region=us,…  and no row without region",
        _find_flaws("gap"),
    ),
    Rule(
        "CA109", "partial-condition", ERROR,
        "A condition that changes the price of some token classes and says nothing of others is mostly a "
        "forgotten row.",
        "Give the condition to every token class of the model.",
        "input and output under context>272000, cache_read only without it",
        _find_flaws("partial"),
    ),
    Rule(
        "CA110", "unknown-provider", ERROR,
        "What is said of a provider that does not exist holds for nobody.",
        "Mend the id, or add the provider to providers.toml.",
        "opnai,chat,cache_read,reasoning,…  in semantics.csv",
        _find_strangers,
    ),
    Rule(
        "CA111", "flat-tier", WARNING,
        "Where the standard price rises with the context, batch and priority mostly do, too; a flat one "
        "is half the truth.",
        "Add the long-context rows of the tier.",
        "input under context>272000, but under tier=batch only one price",
        _find_flaws("flat"),
    ),
    Rule(
        "CA112", "stray-file", ERROR,
        "A table with a wrong name, or of a provider that is not in providers.toml, is never read.",
        "Rename it, or add its provider to providers.toml.",
        "pricing/openai/price.csv",
        _find_stray_files,
    ),
    Rule(
        "CA113", "impossible-facts", ERROR,
        "A model that stands twice, retires before its release, or has no room for a token: a slip of "
        "the pen.",
        "Mend the row in models.csv.",
        "gpt-x,…,2026-05-01,2025-05-01,…  (released_on, retired_on)",
        _find_impossible_facts,
    ),
    Rule(
        "CA114", "unused-suppression", WARNING,
        "A suppression that hides nothing will one day hide a mistake.",
        "Remove it from suppressions.toml.",
        'code = "CA303", for a row that was corrected since',
        _elsewhere,
    ),
    Rule(
        "CA115", "one-sided-model", ERROR,
        "A model that answers with text is billed for both directions; with one price its requests are "
        "unpriced.",
        "Add the other price. Where only one direction is billed, suppress it with that as the reason.",
        "a new model with input and without output",
        _find_one_sided,
        "base",
    ),
)  # fmt: skip
