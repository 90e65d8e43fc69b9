"""What the price book says, and whether price tables hold together, as functions."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

from costaudit.errors import UsageError, did_you_mean, one_of
from costaudit.front import telling
from costaudit.front.asking import moment, noted, now
from costaudit.front.book import open_book
from costaudit.front.options import BookOptions, Day, File, choice_of, instant_of, path_of
from costaudit.front.result import JudgedResult, Result, drawn_by_lines

if TYPE_CHECKING:
    from costaudit.front.impact import ImpactTraffic
    from costaudit.prices.answers import RulesValue
    from costaudit.prices.book import PriceBook
    from costaudit.questions.prices.comparison import PriceComparison
    from costaudit.questions.prices.result import (
        ModelPrices,
        PricedCall,
        PriceDoubts,
        PriceHistory,
        PriceList,
        UnpricedCall,
    )


def price_list(
    provider: str | None = None,
    *,
    class_: str | None = None,
    at: Day | None = None,
    **options: Unpack[BookOptions],
) -> Result[PriceList]:
    """Every model with its standard prices at a time: `costaudit pricing list`.

    Of a `provider` only, or of a class of models (`flagship`, `mid`, `economy`, `embedding`, `other`).
    """
    from costaudit.prices.rows import MODEL_CLASSES  # noqa: PLC0415 - start-up
    from costaudit.questions.prices.text import list_text  # noqa: PLC0415
    from costaudit.questions.prices.told import list_models  # noqa: PLC0415

    if class_ is not None:
        one_of(class_, MODEL_CLASSES, "class")
    with noted(options) as notes:
        book, _ = open_book(choice_of(options))
    report = list_models(book, moment(at), _provider(book, provider), class_)
    return drawn_by_lines(report, notes.lines, lambda _: list_text(report, book.known_on))


def price_rows(model: str, *, at: Day | None = None, **options: Unpack[BookOptions]) -> Result[ModelPrices]:
    """Every price of a model, named as in logs, the oldest first: `costaudit pricing show`.

    Raises UsageError for a name that means no model at that time.
    """
    from costaudit.prices.history import name_prices  # noqa: PLC0415 - start-up
    from costaudit.prices.quote import split_name  # noqa: PLC0415
    from costaudit.questions.prices.result import ModelPrices  # noqa: PLC0415
    from costaudit.questions.prices.text import model_text  # noqa: PLC0415
    from costaudit.questions.prices.told import name_told, periods_told, resolved_model, rows_told  # noqa: PLC0415

    with noted(options) as notes:
        book, resolver = open_book(choice_of(options))
    resolved = resolved_model(book, resolver, model, moment(at))
    named = resolver.periods(*split_name(book, model))
    report = ModelPrices(
        model=model,
        resolved=name_told(resolved),
        periods=periods_told(named),
        rows=rows_told(book, (resolved.provider, resolved.model)),
    )
    steps = name_prices(book, named)
    return drawn_by_lines(report, notes.lines, lambda _: model_text(report, steps))


def price_history(
    name: str | None = None,
    *,
    since: Day | None = None,
    until: Day | None = None,
    **options: Unpack[BookOptions],
) -> Result[PriceHistory]:
    """Dated price changes, the newest last, scheduled ones too: `costaudit pricing history`.

    Of a model or provider only, `since` a day and before `until`. Raises UsageError for an unknown name.
    """
    from costaudit.prices.history import find_changes  # noqa: PLC0415 - start-up
    from costaudit.questions.prices.text import history_text  # noqa: PLC0415
    from costaudit.questions.prices.told import history_told, keys_named  # noqa: PLC0415

    start = None if since is None else instant_of(since, "--since")
    end = None if until is None else instant_of(until, "--until")
    with noted(options) as notes:
        book, resolver = open_book(choice_of(options))
    report = history_told(book, find_changes(book, keys_named(book, resolver, name, now()), start, end))
    return drawn_by_lines(report, notes.lines, lambda _: history_text(report))


def price_doubts(
    provider: str | None = None, *, at: Day | None = None, **options: Unpack[BookOptions]
) -> Result[PriceDoubts]:
    """Prices in force of low confidence, of a provider only or of all: `costaudit pricing doubts`."""
    from costaudit.prices.history import doubted  # noqa: PLC0415 - start-up
    from costaudit.questions.prices.text import doubts_text  # noqa: PLC0415
    from costaudit.questions.prices.told import doubts_told  # noqa: PLC0415

    with noted(options) as notes:
        book, _ = open_book(choice_of(options))
    report = doubts_told(book, doubted(book, moment(at), _provider(book, provider)))
    return drawn_by_lines(report, notes.lines, lambda _: doubts_text(report))


def _provider(book: PriceBook, name: str | None) -> str | None:
    """The id of a provider, by any of its names."""
    if name is None:
        return None
    return book.provider_by_log_name.get(name.lower()) or str(one_of(name, book.providers, "provider"))


def quote(
    model: str,
    *,
    at: Day | None = None,
    service_tier: str | None = None,
    region: str = "",
    speed: str = "",
    counts: Mapping[str, int] | None = None,
    **options: Unpack[BookOptions],
) -> Result[PricedCall | UnpricedCall]:
    """What one call of a model costs: `costaudit pricing quote`.

    `counts` are tokens and units by price class (`input`, `cache_read`, `output`, `web_search` …). The answer
    names the rows that say so; without a price `list_usd` is None, and `reason` says why.

    >>> quote("gpt-4o", at="2025-06-01", counts={"input": 1_000_000}).report.list_usd
    Decimal('2.5000000')
    """
    from costaudit.prices.quote import Quote  # noqa: PLC0415 - start-up
    from costaudit.prices.quote import quote as priced  # noqa: PLC0415
    from costaudit.questions.prices.text import call_text  # noqa: PLC0415
    from costaudit.questions.prices.told import call_told  # noqa: PLC0415

    tier, when = _tier(service_tier), moment(at)
    with noted(options) as notes:
        book, resolver = open_book(choice_of(options))
        found = priced(book, resolver, model, counts or {}, when, tier=tier, region=region, speed=speed)
        for condition, value in (("region", region), ("speed", speed)):
            if isinstance(found, Quote) and value and not found.is_priced_by(condition, value):
                name = f"{found.card.provider}/{found.card.model}"
                telling.warn(f"{name} has no price for {condition} {value!r}: priced without it")
    report = call_told(found, when)
    return drawn_by_lines(report, notes.lines, lambda _: call_text(report))


def _tier(name: str | None) -> str:
    """A service tier by any of its names; raises UsageError for a word that is none."""
    from costaudit.prices.conditions import STANDARD, TIER_NAMES, service_tier  # noqa: PLC0415 - start-up

    tier = service_tier(name)
    if name is not None and tier not in TIER_NAMES.values():
        known = sorted(n for n in TIER_NAMES if n)
        raise UsageError(
            f"unknown service tier {name!r}", hint=did_you_mean(name, known) or f"one of {', '.join(known)}"
        )
    return tier or STANDARD


class CheckOptions(BookOptions, total=False):
    """What price tables are held against. `prices`, `known_on` and `names` do not count."""

    select: Sequence[str]
    """Only rules whose codes begin so, like `CA3`."""
    ignore: Sequence[str]
    """No rules whose codes begin so."""
    at: Day
    """Judge as at this time; now by default."""
    max_age: int
    """Warn of prices that nobody has checked for so many days."""
    grace_days: int
    """How long ago a new price may have started without a word; 14 by default."""
    policies: Sequence[File]
    """Routing policies whose models must have prices."""
    against: str
    """A source of other prices: see `compare_prices`."""
    traffic: Sequence[File]
    """Logs or a ledger whose requests must all have a price."""


def check_prices(*tables: File, base: str | None = None, **options: Unpack[CheckOptions]) -> JudgedResult:
    """Whether price tables hold together: `costaudit pricing check`.

    Without a word it is about the tables that come with costaudit; `base` is what they were before.
    `report` has `violations`, `verdict` and `exit_code`. Raises UsageError or TableError for tables that
    cannot be read.
    """
    from costaudit.front.tables import CheckAsked, checked_tables  # noqa: PLC0415 - start-up

    asked = CheckAsked(
        base,
        [path_of(one) for one in options.get("overlays", ())],
        [os.fspath(one) for one in options.get("policies", ())],
        [os.fspath(one) for one in options.get("traffic", ())],
        options.get("select", ()),
        options.get("ignore", ()),
        moment(options.get("at")),
        options.get("max_age"),
        options.get("grace_days", 14),
        options.get("against"),
    )
    with noted(options, CheckOptions) as notes:
        report = checked_tables([os.fspath(table) for table in tables], asked)
    return JudgedResult(report, tuple(notes.lines), {})


def price_rules(rule: str | None = None) -> Result[RulesValue]:
    """What the rules of `check_prices` look for, why, and what to do: `costaudit pricing explain`.

    One `rule` by its code or name. Raises UsageError for an unknown one.
    """
    from costaudit.prices.answers import rules_value  # noqa: PLC0415 - start-up
    from costaudit.prices.rules.registry import RULES, rule_named  # noqa: PLC0415
    from costaudit.questions.prices.rules_text import rule_text  # noqa: PLC0415

    rules = RULES if rule is None else (rule_named(rule),)
    return drawn_by_lines(rules_value(rules), (), lambda width: rule_text(rules, width))


class TrafficOptions(BookOptions, total=False):
    """Whose bill two states of the tables are compared by. `prices` and `known_on` do not count."""

    logs: Sequence[str]
    """Request logs."""
    ledgers: Sequence[str]
    """Saved ledgers, instead of logs."""
    policy: str
    prices_at: Day
    """Price the traffic as on this date too; the day from which all changes hold by default."""
    cache: bool
    quiet: bool


def price_changes(
    base: str,
    head: str | None = None,
    *,
    fail_if: Sequence[str] = (),
    ignore_below: str | None = None,
    at: Day | None = None,
    grace_days: int = 14,
    **traffic: Unpack[TrafficOptions],
) -> JudgedResult:
    """What changes between two states of the price tables, and on a bill: `costaudit pricing diff`.

    A state is a directory, a table, `git:REV:PATH` or `git:REV`; `head` is the working tree, else the
    shipped tables. `fail_if` are conditions like `increase>5%`; changes below `ignore_below` do not count.
    Raises UsageError or TableError for what cannot be compared, InputError for traffic that cannot be read.
    """
    from costaudit.front.changes import ChangesAsked, changed_tables  # noqa: PLC0415 - start-up

    asked = ChangesAsked(base, head, fail_if, ignore_below, moment(at), grace_days, traffic.get("prices_at"))
    with noted(traffic, TrafficOptions) as notes:
        report, drawn, judged = changed_tables(asked, _traffic(traffic))
    return JudgedResult(report, tuple(notes.lines), drawn, None, judged)


def _traffic(options: TrafficOptions) -> ImpactTraffic:
    from costaudit.front.impact import ImpactTraffic  # noqa: PLC0415 - start-up

    return ImpactTraffic(
        options.get("logs", ()),
        options.get("ledgers", ()),
        options.get("policy"),
        [path_of(one) for one in options.get("overlays", ())],
        options.get("names", ()),
        options.get("quiet", False),
        options.get("cache"),
    )


def compare_prices(
    source: str,
    *,
    kind: str | None = None,
    provider: str | None = None,
    at: Day | None = None,
    propose: bool = False,
    prices: File | None = None,
) -> Result[PriceComparison]:
    """What another price table says that ours does not: `costaudit pricing import`.

    The `source` is an installed package (`genai-prices`, `litellm`), a file, or a URL. `propose` adds rows
    for our tables; nothing is written. Raises UsageError or InputError for a source that cannot be read.
    """
    from datetime import UTC, datetime  # noqa: PLC0415 - start-up

    from costaudit.prices.book import load_book, shipped_directory  # noqa: PLC0415
    from costaudit.prices.importers.compare import compare  # noqa: PLC0415
    from costaudit.prices.importers.load import load_source, load_source_ids  # noqa: PLC0415
    from costaudit.prices.importers.propose import propose_rows  # noqa: PLC0415
    from costaudit.questions.prices.comparison import comparison_text, comparison_told  # noqa: PLC0415

    own = None if prices is None else path_of(prices)
    book = load_book(own)
    if provider is not None:
        one_of(provider, book.providers, "provider")
    loaded, today = load_source(source, kind), now()
    start = None if at is None else instant_of(at, "--at")
    check = compare(book, loaded.observations(book.windows), today, start, provider)
    proposal = None
    if propose:
        day = datetime.fromtimestamp(today // 1_000_000, UTC).date()
        known = load_source_ids(own or shipped_directory())
        proposal = propose_rows(book, check, loaded.importer, loaded.id, day, known)
    report = comparison_told(loaded, check, proposal, book.directory)
    return drawn_by_lines(report, (), lambda _: comparison_text(loaded, check, proposal, book.directory))
